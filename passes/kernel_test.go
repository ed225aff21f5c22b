package passes

import (
	"strings"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

// kernelOf reads a kernel of the given lines, of arguments x, y, z and w, read, and
// out and out2, written.
func kernelOf(t *testing.T, lines string) *ir.Kernel {
	t.Helper()
	text := `mlxir 1
module "test" {
  kernel @k {
    arg %x: f32[12] read
    arg %y: f32[12] read
    arg %z: f32[12] read
    arg %out: f32[12] write
    arg %out2: f32[12] write
` + lines + `
  }
}`
	m := parse(t, text)
	return m.Kernels[0]
}

// The steps on kernels, where no single op of today makes what they must look at.
func TestKernelSteps(t *testing.T) {
	tests := []struct {
		name     string
		step     func(k *ir.Kernel)
		in       string
		has, not []string
	}{
		{"folds over different axes keep theirs", mergeAxes, `
			axes r0 < 3, r1 < 4
			v0 = load %x[4*r0 + r1] : f32
			v1 = reduce add v0 over r0, r1 : f32
			v2 = const 1 : f32
			v3 = reduce add v2 over r0 : f32
			v4 = add v1, v3 : f32
			store %out[0] = v4`, []string{"over r0, r1", "over r0 :"}, nil},
		{"folds over the same axes walk them as one", mergeAxes, `
			axes r0 < 3, r1 < 4
			v0 = load %x[4*r0 + r1] : f32
			v1 = reduce add v0 over r0, r1 : f32
			v2 = load %y[4*r0 + r1] : f32
			v3 = reduce max v2 over r0, r1 : f32
			v4 = add v1, v3 : f32
			store %out[0] = v4`, []string{"< 12", "over r0r1"}, []string{"over r0, r1"}},
		{"rows of a stream that are walked as one become one", mergeAxes, `
			axes i0 < 2, i1 < 2, i2 < 3, r0 < 2, r1 < 3, r2 < 4
			par i0, i1, i2
			v0 = load %x[12*i0 + 6*i1 + 3*r0 + r1] : f32
			v1 = load %y[3*r0 + r1 + 6*r2] : f32
			v2 = mul v0, v1 : f32
			v3 = reduce add v2 over r0, r1 : f32
			v4 = reduce max v3 over r2 : f32
			v5 = sub v3, v4 : f32
			v6 = exp v5 : f32
			v7 = load %z[i2 + 3*r2] : f32
			v8 = mul v6, v7 : f32
			v9 = reduce add v8 over r2 : f32
			v10 = reduce add v6 over r2 : f32
			v11 = div v9, v10 : f32
			store %out[6*i0 + 3*i1 + i2] = v11
			stream keys r2 m i0, i1 n i2 query v0 key v1 dot v3 score v3 max v4 exp v6 sum v10 value v7 weighted v9`,
			[]string{"stream keys r2 m i0i1 n i2", "over r0r1"}, nil},
		{"the left factor is the one that varies with m", recogniseContract, `
			axes i0 < 3, i1 < 4, r0 < 2
			par i0, i1
			v0 = load %x[2*i1 + r0] : f32
			v1 = load %y[2*i0 + r0] : f32
			v2 = mul v0, v1 : f32
			v3 = reduce add v2 over r0 : f32
			store %out[4*i0 + i1] = v3`, []string{"contract m i0 n i1 a v1 b v0 sum v3"}, nil},
		{"a sum that is stored for each of its terms is none", recogniseContract, `
			axes i0 < 3, i1 < 4, i2 < 2
			par i0, i1
			inner i2
			v0 = load %x[2*i1 + i2] : f32
			v1 = load %y[2*i0 + i2] : f32
			v2 = mul v0, v1 : f32
			v3 = reduce add v2 over i2 : f32
			store %out[8*i0 + 2*i1 + i2] = v3`, nil, []string{"contract"}},
		{"a product with a factor of both axes is none", recogniseContract, `
			axes i0 < 3, i1 < 4, r0 < 1
			par i0, i1
			v0 = load %x[4*i0 + i1 + r0] : f32
			v1 = load %y[i0 + r0] : f32
			v2 = mul v0, v1 : f32
			v3 = reduce add v2 over r0 : f32
			store %out[4*i0 + i1] = v3`, nil, []string{"contract"}},
		{"the right factor is the one that varies with the last axis", recogniseContract, `
			axes i0 < 3, i1 < 2, i2 < 2, r0 < 2
			par i0, i1, i2
			v0 = load %x[4*i1 + 2*i2 + r0] : f32
			v1 = load %y[2*i0 + r0] : f32
			v2 = mul v0, v1 : f32
			v3 = reduce add v2 over r0 : f32
			store %out[4*i0 + 2*i1 + i2] = v3`, []string{"contract m i0 n i1, i2 a v1 b v0 sum v3"}, nil},
		{"an axis of both factors is a batch", recogniseContract, `
			axes i0 < 2, i1 < 2, i2 < 3, r0 < 2
			par i0, i1, i2
			v0 = load %x[4*i0 + 2*i1 + r0] : f32
			v1 = load %y[6*i0 + 2*i2 + r0] : f32
			v2 = mul v0, v1 : f32
			v3 = reduce add v2 over r0 : f32
			store %out[6*i0 + 3*i1 + i2] = v3`, []string{"contract m i1 n i2 a v0 b v1 sum v3"}, nil},
		{"products of one left factor are one contraction", recogniseContract, `
			axes i0 < 3, i1 < 4, r0 < 2
			par i0, i1
			v0 = load %x[2*i0 + r0] : f32
			v1 = load %y[4*r0 + i1] : f32
			v2 = mul v0, v1 : f32
			v3 = reduce add v2 over r0 : f32
			v4 = load %z[4*r0 + i1] : f32
			v5 = mul v0, v4 : f32
			v6 = reduce add v5 over r0 : f32
			v7 = mul v3, v6 : f32
			store %out[4*i0 + i1] = v7`,
			[]string{"contract m i0 n i1 a v0 b v1 sum v3 b v4 sum v6"}, nil},
		{"one of another left factor is none of it", recogniseContract, `
			axes i0 < 3, i1 < 4, r0 < 2
			par i0, i1
			v0 = load %x[2*i0 + r0] : f32
			v1 = load %y[4*r0 + i1] : f32
			v2 = mul v0, v1 : f32
			v3 = reduce add v2 over r0 : f32
			v4 = load %z[4*r0 + i1] : f32
			v5 = neg v0 : f32
			v6 = mul v5, v4 : f32
			v7 = reduce add v6 over r0 : f32
			v8 = mul v3, v7 : f32
			store %out[4*i0 + i1] = v8`,
			[]string{"contract m i0 n i1 a v0 b v1 sum v3\n"}, nil},
		{"a row that is read along the inner axis may be overwritten", func(k *ir.Kernel) { k.Schedule = metalSchedule(k) }, `
			axes i0 < 1, i1 < 40
			par i0
			inner i1
			v0 = load %x[40*i0 + i1] : f32
			v1 = reduce max v0 over i1 : f32
			v2 = sub v0, v1 : f32
			store %out[40*i0 + i1] = v2`, []string{"over [[3, 0]", "as simd"}, nil},
		{"what all threads of a point read, one must not overwrite", func(k *ir.Kernel) { k.Schedule = metalSchedule(k) }, `
			axes i0 < 12, r0 < 40
			par i0
			v0 = load %x[i0] : f32
			v1 = load %y[40*i0 + r0] : f32
			v2 = reduce add v1 over r0 : f32
			v3 = add v0, v2 : f32
			store %out[i0] = v3`, []string{"over []", "as simd"}, nil},
		{"nor what is read in another order", func(k *ir.Kernel) { k.Schedule = metalSchedule(k) }, `
			axes i0 < 1, i1 < 40, r0 < 3
			par i0
			inner i1
			v0 = load %x[40*i0 + i1] : f32
			v1 = load %y[r0] : f32
			v2 = mul v0, v1 : f32
			v3 = reduce max v2 over r0, i1 : f32
			v4 = sub v0, v3 : f32
			store %out[40*i0 + i1] = v4`, []string{"as simd"}, []string{"[3, 0]"}},
		{"a vector needs multiples of four", func(k *ir.Kernel) { k.Schedule = metalSchedule(k) }, `
			axes i0 < 2, i1 < 6
			par i0
			inner i1
			v0 = load %x[6*i0 + i1] : f32
			store %out[6*i0 + i1] = v0`, []string{"vec 1 align 4"}, nil},
		{"x*y + z, x*y - z and z - x*y are one step", contractFMA, `
			v0 = load %x[0] : f32
			v1 = load %y[0] : f32
			v2 = load %z[0] : f32
			v3 = mul v0, v1 : f32
			v4 = add v2, v3 : f32
			v5 = mul v0, v2 : f32
			v6 = sub v5, v4 : f32
			v7 = mul v1, v2 : f32
			v8 = sub v6, v7 : f32
			store %out[0] = v8`, []string{"fma v0, v1, v2", "neg v3", "fma v0, v2, v4", "neg v1", "fma v6, v2, v5"}, []string{"mul", "add", "sub"}},
		{"a product that is needed elsewhere stays", contractFMA, `
			v0 = load %x[0] : f32
			v1 = mul v0, v0 : f32
			v2 = add v1, v0 : f32
			store %out[0] = v1
			store %out2[0] = v2`, []string{"mul v0, v0", "add v1, v0"}, []string{"fma"}},
		{"integers have no fma", contractFMA, `
			v0 = load %x[0] : f32
			v1 = cast v0 : i32
			v2 = mul v1, v1 : i32
			v3 = add v2, v1 : i32
			v4 = cast v3 : f32
			store %out[0] = v4`, nil, []string{"fma"}},
		{"a store that another one waits for is no place to write", func(k *ir.Kernel) {
			k.Schedule = &ir.Schedule{Over: overwrites(k)}
		}, `
			axes i0 < 12
			par i0
			v0 = load %x[i0] : f32
			v1 = exp v0 : f32
			v2 = load %y[i0] : f32
			v3 = neg v2 : f32
			v4 = add v1, v3 : f32
			store %out[i0] = v1
			store %out2[i0] = v4`, []string{"[4, 1]"}, []string{"[3, 0]", "[4, 0]"}},
		{"nor where that one stores another part of the same", func(k *ir.Kernel) {
			k.Schedule = &ir.Schedule{Over: overwrites(k)}
		}, `
			axes i0 < 6
			par i0
			v0 = load %x[i0] : f32
			v1 = exp v0 : f32
			v2 = neg v0 : f32
			store %out[i0] = v1
			store %out[i0 + 6] = v2`, []string{"[3, 1]"}, []string{"[3, 0]"}},
		{"nor is one that not every point does", func(k *ir.Kernel) {
			k.Schedule = &ir.Schedule{Over: overwrites(k)}
		}, `
			axes i0 < 12
			par i0
			v0 = load %x[i0] : f32
			store %out[i0] = v0 if 0 <= i0 < 6`, []string{"over []"}, nil},
	}
	for _, test := range tests {
		k := kernelOf(t, test.in)
		test.step(k)
		got := ir.PrintKernel(k)
		for _, want := range test.has {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q in\n%s", test.name, want, got)
			}
		}
		for _, wrong := range test.not {
			if strings.Contains(got, wrong) {
				t.Errorf("%s: %q in\n%s", test.name, wrong, got)
			}
		}
	}
}
