package dsl

import (
	"slices"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

// What the prelude and the builder make of other ops, on small tensors.
func TestPrelude(t *testing.T) {
	p, err := Load("model.mlx", Options{ReadFile: file(`
entry f(x: f64[2, 3], ids: i32[2]) -> (a: f64[2, 4], b: f64[2, 3], c: f64[2, 3], d: f64[2, 3], e: f64[2, 6], g: f64[3, 2]) {
  return one_hot(ids, 4, f64), tril(x), triu(x, 1), flip(x, -1), repeat(x, 2, axis=1), einsum([x, x], "i j, i k -> k i")
}
`)})
	if err != nil {
		t.Fatal(err)
	}
	x, ids := ir.NewTensor(ir.F64, 2, 3), ir.NewTensor(ir.I32, 2)
	copy(x.F, []float64{1, 2, 3, 4, 5, 6})
	copy(ids.I, []int64{2, 0})
	got, err := p.Eval("f", nil, x, ids)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]float64{
		{0, 0, 1, 0, 1, 0, 0, 0},
		{1, 0, 0, 4, 5, 0},
		{0, 2, 3, 0, 0, 6},
		{3, 2, 1, 6, 5, 4},
		{1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6},
		{6, 60, 12, 75, 18, 90},
	} {
		if !slices.Equal(got[i].F, want) {
			t.Errorf("result %d is %v, want %v", i, got[i].F, want)
		}
	}
}
