package ir

import (
	"slices"
	"strings"
	"testing"
)

const givenText = `mlxir 1
module "cache" {
  dim S 0..16
  dim T 1..4
  dim pos 0..15
  func @step(%cache: f32[S], %x: f32[T], pos: dim) -> (cache: f32[S], seen: f32[T + pos]) where T + pos <= S {
    %0 = update(%cache, %x, axis=0, start=pos) : f32[S]
    %1 = slice(%0, start=[0], step=[1], size=[T + pos]) : f32[T + pos]
    ret(%0, %1)
  }
}
`

// A dim that is given is printed and read, and a fact proves that a part lies within
// the axis.
func TestGivenDims(t *testing.T) {
	m, err := Parse("given.mlxir", []byte(givenText))
	if err != nil {
		t.Fatal(err)
	}
	if err := Verify(m); err != nil {
		t.Fatal(err)
	}
	if again, err := Parse("given.mlxir", []byte(Print(m))); err != nil || Print(again) != Print(m) || len(again.Funcs[0].Dims) != 1 {
		t.Errorf("%v\n%s", err, Print(m))
	}
	cache, x := NewTensor(F32, 5), NewTensor(F32, 2)
	copy(x.F, []float64{7, 8})
	out, err := m.Eval(m.Funcs[0], nil, []*Tensor{cache, x}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(out[0].F, []float64{0, 0, 7, 8, 0}) || !slices.Equal(out[1].F, []float64{0, 0, 7, 8}) {
		t.Errorf("%v", out)
	}
	for _, c := range []struct {
		given []int64
		want  string
	}{
		{[]int64{4}, "T + pos <= S does not hold"},
		{[]int64{16}, "pos = 16, but 0 <= pos <= 15"},
		{[]int64{-1}, "pos = -1"},
		{nil, "step takes 1 dim, got 0"},
	} {
		if _, err := m.Eval(m.Funcs[0], nil, []*Tensor{cache, x}, c.given...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("pos = %v: %v, want %s", c.given, err, c.want)
		}
	}
}

// Without the fact, or with a weaker one, the part may lie outside.
func TestGivenDimsNeedFacts(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{" where T + pos <= S", "", "update/range"},
		{"T + pos <= S", "pos <= S", "update/range"},
		{"pos: dim) ->", "%p: f32[pos], pos: dim) ->", "func/dim"},
		{"pos: dim) ->", "pos: dim, pos: dim) ->", "func/dim"},
	} {
		m, err := Parse("given.mlxir", []byte(strings.Replace(givenText, c.old, c.new, 1)))
		if err == nil {
			err = Verify(m)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.new, err, c.want)
		}
	}
	if _, err := Parse("given.mlxir", []byte(strings.Replace(givenText, "pos: dim", "poss: dim", 1))); err == nil || !strings.Contains(err.Error(), "dim poss is not declared") {
		t.Error(err)
	}
}
