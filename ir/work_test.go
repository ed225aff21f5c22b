package ir

import (
	"slices"
	"testing"
)

// Work of kernels whose operations and bytes one can count by hand.
func TestWorkByHand(t *testing.T) {
	const (
		b, n, m, k = 3, 5, 7, 11 // of the product; n is the length of a row too
		f32        = 4
	)
	for _, c := range []struct {
		name, kernel string
		want         Work
	}{
		{"matmul + bias", `
    arg %x: f32[11*B] read
    arg %w: f32[77] read
    arg %bias: f32[7] read
    arg %y: f32[7*B] write
    dims B
    axes i0 < B, i1 < 7, r0 < 11
    par i0, i1
    v0 = load %x[11*i0 + r0] : f32
    v1 = load %w[11*i1 + r0] : f32
    v2 = mul v0, v1 : f32
    v3 = reduce add v2 over r0 : f32
    v4 = load %bias[i1] : f32
    v5 = add v3, v4 : f32
    store %y[7*i0 + i1] = v5`,
			Work{FLOPs: 2*b*m*k + b*m, Read: f32 * (b*k + m*k + m), Written: f32 * b * m}},
		{"conv 3x3 with padding 1, 9x9x2 to 4", `
    arg %x: f32[162] read
    arg %w: f32[72] read
    arg %y: f32[324] write
    axes i0 < 9, i1 < 9, i2 < 4, r0 < 3, r1 < 3, r2 < 2
    par i0, i1, i2
    v0 = load %x[18*i0 + 2*i1 + 18*r0 + 2*r1 + r2 - 20] if 0 <= i0 + r0 - 1 < 9, 0 <= i1 + r1 - 1 < 9 : f32
    v1 = load %w[18*i2 + 6*r0 + 2*r1 + r2] : f32
    v2 = mul v0, v1 : f32
    v3 = reduce add v2 over r0, r1, r2 : f32
    store %y[36*i0 + 4*i1 + i2] = v3`,
			Work{FLOPs: 2 * 9 * 9 * 4 * 3 * 3 * 2, Read: f32 * (9*9*2 + 4*3*3*2), Written: f32 * 9 * 9 * 4}},
		{"conv 1x1 with stride 2 reads a quarter", `
    arg %x: f32[128] read
    arg %w: f32[6] read
    arg %y: f32[48] write
    axes i0 < 4, i1 < 4, i2 < 3, r0 < 2
    par i0, i1, i2
    v0 = load %x[32*i0 + 4*i1 + r0] : f32
    v1 = load %w[2*i2 + r0] : f32
    v2 = mul v0, v1 : f32
    v3 = reduce add v2 over r0 : f32
    store %y[12*i0 + 3*i1 + i2] = v3`,
			Work{FLOPs: 2 * 4 * 4 * 3 * 2, Read: f32 * (4*4*2 + 3*2), Written: f32 * 4 * 4 * 3}},
		{"softmax in one kernel", `
    arg %x: f32[5*B] read
    arg %y: f32[5*B] write
    dims B
    axes i0 < B, i1 < 5
    par i0
    inner i1
    v0 = load %x[5*i0 + i1] : f32
    v1 = reduce max v0 over i1 : f32
    v2 = sub v0, v1 : f32
    v3 = exp v2 : f32
    v4 = reduce add v3 over i1 : f32
    v5 = div v3, v4 : f32
    store %y[5*i0 + i1] = v5`,
			Work{FLOPs: b * n * (1 + 1 + functionFLOPs + 1 + 1), Read: f32 * b * n, Written: f32 * b * n}},
		{"attention has its products, and its scores once a query and key", `
    arg %q: f32[3*B] read
    arg %k: f32[33] read
    arg %v: f32[77] read
    arg %y: f32[7*B] write
    dims B
    axes i0 < B, i1 < 7, r0 < 3, r1 < 11
    par i0, i1
    v0 = load %q[3*i0 + r0] : f32
    v1 = load %k[r0 + 3*r1] : f32
    v2 = mul v0, v1 : f32
    v3 = reduce add v2 over r0 : f32
    v4 = reduce max v3 over r1 : f32
    v5 = sub v3, v4 : f32
    v6 = exp v5 : f32
    v7 = load %v[i1 + 7*r1] : f32
    v8 = mul v6, v7 : f32
    v9 = reduce add v8 over r1 : f32
    v10 = reduce add v6 over r1 : f32
    v11 = div v9, v10 : f32
    store %y[7*i0 + i1] = v11
    stream keys r1 m i0 n i1 query v0 key v1 dot v3 score v3 max v4 exp v6 sum v10 value v7 weighted v9`,
			Work{FLOPs: 2*b*11*(3+7) + b*11*(1+1+functionFLOPs+1) + b*7, Read: f32 * (3*b + 33 + 77), Written: f32 * 7 * b}},
		{"two loads of a row overlap; f16 in memory; fma is two, a selection none", `
    arg %x: f16[6] read
    arg %y: f16[5] write
    axes i0 < 5
    inner i0
    v0 = load %x[i0] : f32
    v1 = load %x[i0 + 1] : f32
    v2 = fma v0, v1, v1 : f32
    v3 = const 0 : f32
    v4 = lt v2, v3 : bool
    v5 = select v4, v3, v2 : f32
    store %y[i0] = v5`,
			Work{FLOPs: 5 * 2, Read: 2 * 6, Written: 2 * 5}},
		{"taken rows; integers are no FLOPs", `
    arg %i: i32[2] read
    arg %table: f32[500] read
    arg %y: f32[10] write
    axes i0 < 2, i1 < 5, t0 < 100
    par i0
    inner i1
    v0 = load %i[i0] : i32
    v1 = const 1 : i32
    v2 = add v0, v1 : i32
    v3 = load %table[i1 + 5*t0] bind t0 = v2 : f32
    store %y[5*i0 + i1] = v3`,
			Work{FLOPs: 0, Read: 4*2 + f32*2*5, Written: f32 * 10}},
	} {
		m, err := Parse(c.name, []byte("mlxir 1\nmodule \"m\" target cpu {\n  dim B 0..9\n  kernel @k {"+c.kernel+"\n  }\n}\n"))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got, ok := m.Kernels[0].Work(map[string]int64{"B": b})
		if !ok || got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
		if _, ok := m.Kernels[0].Work(nil); ok && len(m.Kernels[0].Dims) > 0 {
			t.Errorf("%s: known without B", c.name)
		}
	}
}

// What counts nothing is listed here, so that a new function is not forgotten.
func TestFLOPsOfEveryFunction(t *testing.T) {
	free := []Fn{Eq, Ne, Lt, Le, IsNaN, IsInf, Neg, Abs, Sign, Floor, Ceil, Round, Trunc, Ldexp, CopySign, RoundF16, RoundBF16}
	for fn := NoFn + 1; int(fn) < len(fnTable); fn++ {
		if fnTable[fn].float != nil && (flopsOf[fn] == 0) != slices.Contains(free, fn) {
			t.Errorf("%s of floats counts %g", fn, flopsOf[fn])
		}
	}
}
