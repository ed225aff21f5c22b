package dsl

import (
	"slices"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

// Reads at a computed place give the nearest elements where they are out of range, and
// writes there are dropped.
func TestWindows(t *testing.T) {
	p, err := Load("m.mlx", Options{ReadFile: file(`dim 1 <= N <= 8
entry parts(x: f32[N, 4], v: f32[2, 4], i: i32, j: i32)
    -> (row: f32[4], two: f32[2, 4], at: f32, last: f32[N, 2], set: f32[N, 4], one: f32[N, 4], both: f32[N, 4], size: i32, half: f32) {
  set, one, both = x, x, x
  set[i:i + 2] = v
  one[i, 1:3] = 9
  both[i:i + 2, j] = v[:, 0]
  return x[i], x[i:i + 2], x[i, j], x[..., j:j + 2], set, one, both, N, 0.5 * N.to(f32)
}
`)})
	if err != nil {
		t.Fatal(err)
	}
	const n = 3
	x, v := ir.NewTensor(ir.F32, n, 4), ir.NewTensor(ir.F32, 2, 4)
	for i := range x.F {
		x.F[i] = float64(i)
	}
	for i := range v.F {
		v.F[i] = float64(100 + i)
	}
	starts := []int{0, 1, 2, 3, 7, -1, -2, -9, 1<<31 - 1, -1 << 31}
	for _, i := range starts {
		for _, j := range starts {
			within := func(k, size int) int { return min(max(k, 0), size-1) }
			var row, two, last []float64
			set, one, both := slices.Clone(x.F), slices.Clone(x.F), slices.Clone(x.F)
			for c := range 4 {
				row = append(row, x.F[4*within(i, n)+c])
			}
			for r := range 2 {
				for c := range 4 {
					two = append(two, x.F[4*within(i+r, n)+c])
					if k := i + r; k >= 0 && k < n {
						set[4*k+c] = v.F[4*r+c]
						if c == j {
							both[4*k+c] = v.F[4*r]
						}
						if r == 0 && (c == 1 || c == 2) {
							one[4*k+c] = 9
						}
					}
				}
			}
			for r := range n {
				last = append(last, x.F[4*r+within(j, 4)], x.F[4*r+within(j+1, 4)])
			}
			start := func(i int) *ir.Tensor {
				s := ir.NewTensor(ir.I32)
				s.I[0] = int64(i)
				return s
			}
			got, err := p.Eval("parts", nil, x, v, start(i), start(j))
			if err != nil {
				t.Fatal(err)
			}
			for k, want := range [][]float64{row, two, {x.F[4*within(i, n)+within(j, 4)]}, last, set, one, both} {
				if !slices.Equal(got[k].F, want) {
					t.Errorf("i = %d, j = %d: result %d is %v, want %v", i, j, k, got[k].F, want)
				}
			}
			if got[7].I[0] != n || got[8].F[0] != n/2.0 {
				t.Errorf("N is %d, and half of it %g", got[7].I[0], got[8].F[0])
			}
		}
	}
}
