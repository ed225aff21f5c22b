package mlx_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// In the case of a dim that is a number, shapes may rely on it; what is known is not
// asked.
func TestIf(t *testing.T) {
	b := mlx.New("cases")
	n, s := b.Dim("T", 8), b.Dim("S", 16)
	var cases []string
	b.Entry("f", func(e *mlx.Entry) {
		x := e.In("x", "f32[S, T]")
		switch {
		case e.If(s, ir.LE, mlx.N(16)) && e.If(n, ir.EQ, mlx.N(1)):
			cases = append(cases, "one")
			if !e.If(n, ir.LT, mlx.N(3)) || e.If(n, ir.EQ, mlx.N(2)) {
				t.Error("a dim of 1 is 2, or not below 3")
			}
			x = x.Reshape(s)
		case e.If(n, ir.LE, mlx.N(4)):
			cases = append(cases, "few")
			x = mlx.Sum(x, 1)
		default:
			cases = append(cases, "many")
			x = mlx.Max(x, 1)
		}
		e.Out("y", x)
	})
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	var heads []string
	for _, f := range p.Module().Funcs {
		heads = append(heads, fmt.Sprintf("%v %s", f.Guard, f.Inputs[0].Type))
	}
	if want := []string{"[T == 1] f32[S, 1]", "[T <= 4] f32[S, T]", "[] f32[S, T]"}; !slices.Equal(heads, want) {
		t.Errorf("functions for %q, want %q", heads, want)
	}
	for _, name := range []string{"one", "few", "many"} {
		if !strings.Contains(strings.Join(cases, " "), name) {
			t.Errorf("the case of %s was not built: %v", name, cases)
		}
	}
	x := ir.NewTensor(ir.F32, 2, 3)
	copy(x.F, []float64{1, 2, 3, 4, 5, 6})
	for width, want := range map[int]float64{1: 1, 3: 6, 6: 6} {
		y, err := p.Eval("f", nil, &ir.Tensor{DType: ir.F32, Shape: []int{6 / width, width}, F: x.F})
		if err != nil || y[0].F[0] != want {
			t.Errorf("T = %d: %v, %v, want %v first", width, y, err, want)
		}
	}
}

func TestCasesThatAreRefused(t *testing.T) {
	tests := []struct {
		body func(e *mlx.Entry, n mlx.Dim)
		want string
	}{
		{func(e *mlx.Entry, n mlx.Dim) {
			for k := range 8 {
				e.If(n, ir.EQ, mlx.N(k))
			}
			e.Out("y", e.In("x", "f32[T]"))
		}, "entry f has more than 8 cases"},
		{func(e *mlx.Entry, n mlx.Dim) {
			x := e.In("x", "f32[T]")
			if e.If(n, ir.EQ, mlx.N(1)) {
				x = x.To(ir.F16)
			}
			e.Out("y", x)
		}, "entry f: its cases have different results"},
		{func(e *mlx.Entry, n mlx.Dim) { e.If(n, "!=", mlx.N(1)) }, `if: there is no relation "!="; use ==, <= or <`},
	}
	for _, test := range tests {
		b := mlx.New("cases")
		n := b.Dim("T", 9)
		b.Entry("f", func(e *mlx.Entry) { test.body(e, n) })
		if _, err := b.Build(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, want %s", err, test.want)
		}
	}
}
