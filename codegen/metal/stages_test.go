package metal_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
)

// Kernels of several stages, and products with more around the sum: what fusion
// makes, from text. Each must have the form, and give what the interpreter gives.
func TestStages(t *testing.T) {
	t.Parallel()
	rows := []map[string]int64{{"M": 0, "N": 5}, {"M": 1, "N": 1}, {"M": 3, "N": 33}, {"M": 5, "N": 100}, {"M": 2, "N": 64}}
	tests := []struct {
		name string
		form ir.Form
		most int64 // of dim N
		dims []map[string]int64
		text string
	}{
		{"softmax", ir.FormSimd, 100, rows, `
			arg %x: f32[M*N] read
			arg %out: f32[M*N] write
			dims M, N
			axes i0 < M, i1 < N
			par i0
			inner i1
			v0 = load %x[N*i0 + i1] : f32
			v1 = reduce max v0 over i1 : f32
			v2 = sub v0, v1 : f32
			v3 = exp v2 : f32
			v4 = reduce add v3 over i1 : f32
			v5 = div v3, v4 : f32
			store %out[N*i0 + i1] = v5`},
		{"softmax_long", ir.FormGroup, 3000, append(rows, map[string]int64{"M": 2, "N": 3000}), `
			arg %x: f16[M*N] read
			arg %out: f16[M*N] write
			dims M, N
			axes i0 < M, i1 < N
			par i0
			inner i1
			v0 = load %x[N*i0 + i1] : f32
			v1 = reduce max v0 over i1 : f32
			v2 = sub v0, v1 : f32
			v3 = exp v2 : f32
			v4 = reduce add v3 over i1 : f32
			v5 = div v3, v4 : f32
			store %out[N*i0 + i1] = v5`},
		{"norm", ir.FormGroup, 3000, rows, `
			arg %x: bf16[M*N] read
			arg %w: f32[N] read
			arg %out: bf16[M*N] write
			arg %mean: f32[M] write
			dims M, N
			axes i0 < M, i1 < N
			par i0
			inner i1
			v0 = load %x[N*i0 + i1] : f32
			v1 = reduce add v0 over i1 : f32
			v2 = size N : f32
			v3 = div v1, v2 : f32
			v4 = sub v0, v3 : f32
			v5 = mul v4, v4 : f32
			v6 = reduce add v5 over i1 : f32
			v7 = div v6, v2 : f32
			v8 = const 1 : f32
			v9 = add v7, v8 : f32
			v10 = rsqrt v9 : f32
			v11 = mul v4, v10 : f32
			v12 = load %w[i1] : f32
			v13 = mul v11, v12 : f32
			store %out[N*i0 + i1] = v13
			store %mean[i0] = v3`},
		{"groups", ir.FormGroup, 3000, rows, `
			arg %x: f32[3*M*N] read
			arg %out: f32[3*M*N] write
			dims M, N
			axes i0 < M, i1 < 3, i2 < N
			par i0
			outer i1
			inner i2
			v0 = load %x[M*N*i1 + N*i0 + i2] : f32
			v1 = reduce max v0 over i1, i2 : f32
			v2 = sub v0, v1 : f32
			v3 = exp v2 : f32
			v4 = reduce add v3 over i1, i2 : f32
			v5 = div v3, v4 : f32
			store %out[M*N*i1 + N*i0 + i2] = v5`},
		{"extremes", ir.FormGroup, 3000, rows[1:], `
			arg %x: f32[M*N] read
			arg %most: f32[M] write
			arg %where: i32[M] write
			arg %least: i64[M] write
			dims M, N
			axes i0 < M, r0 < N
			par i0
			v0 = load %x[N*i0 + r0] : f32
			v1 = reduce max v0 over r0 : f32
			v2 = reduce argmin v0 over r0 : i32
			v3 = cast v0 : i64
			v4 = reduce min v3 over r0 : i64
			store %most[i0] = v1
			store %where[i0] = v2
			store %least[i0] = v4`},
		{"nested", ir.FormSimd, 100, rows, `
			arg %x: f32[M*N] read
			arg %w: f32[5*N] read
			arg %out: f32[M*N] write
			dims M, N
			axes i0 < M, i1 < N, r0 < 5
			par i0
			inner i1
			v0 = load %w[5*i1 + r0] : f32
			v1 = reduce max v0 over r0 : f32
			v2 = load %x[N*i0 + i1] : f32
			v3 = mul v1, v2 : f32
			v4 = reduce add v3 over i1 : f32
			v5 = add v3, v4 : f32
			store %out[N*i0 + i1] = v5`},
		{"two_axes", ir.FormGroup, 3000, rows, `
			arg %x: f32[3*M*N] read
			arg %out: f32[M] write
			dims M, N
			axes i0 < M, r0 < 3, r1 < N
			par i0
			v0 = load %x[M*N*r0 + N*i0 + r1] : f32
			v1 = size r1 : f32
			v2 = mul v0, v1 : f32
			v3 = reduce add v2 over r0, r1 : f32
			store %out[i0] = v3`},
		{"epilogue", ir.FormTile, 100, rows, `
			arg %x: f16[M*N] read
			arg %w: f16[40*N] read
			arg %scale: f32[M] read
			arg %bias: f16[40] read
			arg %rest: f32[40*M] read
			arg %out: f32[40*M] write
			arg %plain: f16[40*M] write
			dims M, N
			axes i0 < M, i1 < 40, r0 < N
			par i0, i1
			v0 = load %x[N*i0 + r0] : f32
			v1 = exp v0 : f32
			v2 = load %scale[i0] : f32
			v3 = mul v1, v2 : f32
			v4 = load %w[N*i1 + r0] : f32
			v5 = mul v3, v4 : f32
			v6 = reduce add v5 over r0 : f32
			v7 = load %bias[i1] : f32
			v8 = add v6, v7 : f32
			v9 = const 0 : f32
			v10 = max v8, v9 : f32
			v11 = load %rest[40*i0 + i1] : f32
			v12 = add v10, v11 : f32
			store %out[40*i0 + i1] = v12
			store %plain[40*i0 + i1] = v6
			contract m i0 n i1 a v3 b v4 sum v6`},
		{"guarded", ir.FormTile, 100, rows, `
			arg %x: bf16[M*N] read
			arg %w: bf16[40*N] read
			arg %out: f32[40*M] write
			dims M, N
			axes i0 < M, i1 < 40, r0 < N
			par i0, i1
			v0 = load %x[N*i0 + r0 - 2] if 0 <= r0 - 2 < N : f32
			v1 = load %w[40*r0 + i1] : f32
			v2 = mul v0, v1 : f32
			v3 = reduce add v2 over r0 : f32
			store %out[40*i0 + i1] = v3 if 0 <= i1 - 3 < 30
			contract m i0 n i1 a v0 b v1 sum v3`},
		{"gated", ir.FormTile, 100, rows, `
			arg %acc2: f32[M*N] read
			arg %tileB2: f32[40*N] read
			arg %fragB2: f16[40*N] read
			arg %sums2: f32[40*M] read
			arg %out: f32[40*M] write
			arg %both: f32[40*M] write
			dims M, N
			axes i0 < M, i1 < 40, r0 < N
			par i0, i1
			v0 = load %acc2[N*i0 + r0] : f32
			v1 = load %tileB2[40*r0 + i1] : f32
			v2 = mul v0, v1 : f32
			v3 = reduce add v2 over r0 : f32
			v4 = load %fragB2[N*i1 + r0] : f32
			v5 = tanh v4 : f32
			v6 = mul v0, v5 : f32
			v7 = reduce add v6 over r0 : f32
			v8 = load %sums2[40*i0 + i1] : f32
			v9 = add v7, v8 : f32
			v10 = mul v3, v9 : f32
			v11 = sub v10, v9 : f32
			store %out[40*i0 + i1] = v10
			store %both[40*i0 + i1] = v11
			contract m i0 n i1 a v0 b v1 sum v3 b v5 sum v7`},
		{"partly", ir.FormPoints, 100, rows, `
			arg %x: f32[M*N] read
			arg %out: f32[M*N] write
			dims M, N
			axes i0 < M*N
			inner i0
			v0 = load %x[i0 - 1] if 0 <= i0 - 1 < M*N : f32
			store %out[i0] = v0 if 0 <= i0 - 2 < 7`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := kernelSuite(t, test.text, test.most)
			var types []ir.Type
			for _, v := range s.module.Funcs[0].Inputs {
				types = append(types, v.Type)
			}
			b := newBuilder(t, "")
			for _, dims := range test.dims {
				p := &program{entry: "run"}
				for _, typ := range types {
					x := ir.NewTensor(typ.DType, sizes(t, typ.Shape, dims)...)
					ir.SampleNormal.Fill(b.r, x)
					p.inputs = append(p.inputs, x)
				}
				s.programs = append(s.programs, p)
			}
			s.run(t)
			if got := s.module.Kernels[0].Schedule.Form; got != test.form {
				t.Errorf("the kernel has form %s, want %s", got, test.form)
			}
		})
	}
}

// kernelSuite is a module of one entry that runs a kernel of the given lines, of
// dims M and N, on one input for each argument that it reads. What it is
// compared with are the kernel's own interpreted results.
func kernelSuite(t *testing.T, lines string, most int64) *suite {
	t.Helper()
	text := fmt.Sprintf("mlxir 1\nmodule \"kernels\" target metal {\ndim M 0..8\ndim N 0..%d\nkernel @k {%s\n}\n}\n", most, lines)
	m, err := ir.Parse("kernels.mlxir", []byte(strings.TrimSpace(text)))
	if err != nil {
		t.Fatal(err)
	}
	k := m.Kernels[0]
	f, v := &ir.Func{Name: "run"}, &ir.Variant{}
	step := &ir.Step{Kernel: k, Device: ir.OnGPU}
	for _, d := range k.Dims {
		step.Sizes = append(step.Sizes, d.Size())
		typ := ir.Type{DType: ir.Bool, Shape: []ir.Size{d.Size()}} // says what the dim is
		v.Buffers = append(v.Buffers, &ir.Buffer{Name: d.Name, Place: ir.InInput, Index: len(f.Inputs), Type: typ})
		f.Inputs = append(f.Inputs, &ir.Value{Name: d.Name, Type: typ})
	}
	for _, a := range k.Args {
		b := &ir.Buffer{Name: a.Name, Place: ir.InInput, Index: len(f.Inputs), Type: ir.Type{DType: a.DType, Shape: []ir.Size{a.Len}}}
		if a.Write {
			b.Place, b.Index = ir.InOutput, len(f.Results)
			f.Results = append(f.Results, ir.Result{Name: a.Name, Type: b.Type})
		} else {
			f.Inputs = append(f.Inputs, &ir.Value{Name: a.Name, Type: b.Type})
		}
		v.Buffers, step.Args = append(v.Buffers, b), append(step.Args, b)
	}
	v.Steps = []*ir.Step{step}
	f.Variants = []*ir.Variant{v}
	m.Funcs = []*ir.Func{f}
	if err := ir.Verify(m); err != nil {
		t.Fatal(err)
	}
	if err := passes.Apply(m, ir.Metal, []string{"tile", "schedule", "plan"}); err != nil {
		t.Fatal(err)
	}
	return &suite{module: m, stepwise: true}
}
