package cpu

import (
	"github.com/mlxc/mlxc/ir"
)

// attention is causal, and of two heads of queries for one of keys.
func attention() *ir.Kernel {
	m, err := ir.Parse("attention.mlxir", []byte(`mlxir 1
module "attention" {
  dim T 1..9
  dim S 1..300
  kernel @attention {
    arg %q: f16[10*T] read
    arg %k: f16[5*S] read
    arg %v: f32[7*S] read
    arg %out: f32[14*T] write
    dims T, S
    axes i0 < 2, i1 < T, i2 < 7, r0 < 5, r1 < S
    par i0, i1, i2
    v0 = load %q[5*T*i0 + 5*i1 + r0] : f32
    v1 = load %k[r0 + 5*r1] : f32
    v2 = mul v0, v1 : f32
    v3 = reduce add v2 over r0 : f32
    v4 = size T + r1 : i32
    v5 = size S + i1 : i32
    v6 = le v4, v5 : bool
    v7 = const -inf : f32
    v8 = select v6, v3, v7 : f32
    v9 = reduce max v8 over r1 : f32
    v10 = eq v9, v7 : bool
    v11 = const 0 : f32
    v12 = select v10, v11, v9 : f32
    v13 = sub v8, v12 : f32
    v14 = exp v13 : f32
    v15 = load %v[i2 + 7*r1] : f32
    v16 = mul v14, v15 : f32
    v17 = reduce add v16 over r1 : f32
    v18 = reduce add v14 over r1 : f32
    v19 = const 1 : f32
    v20 = max v18, v19 : f32
    v21 = div v17, v20 : f32
    store %out[7*T*i0 + 7*i1 + i2] = v21
    stream keys r1 seen S - T + i1 + 1 m i0, i1 n i2 query v0 key v1 dot v3 score v8 max v9 exp v14 sum v18 value v15 weighted v17
    schedule grain 1 threads 0 vec 1 align 256 over [] scratch 0 as stream m 4 n 7 k 128
  }
}`))
	if err != nil {
		panic(err)
	}
	return m.Kernels[0]
}
