package mlx_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// Tensors of numbers that the model says have them row by row.
func TestSources(t *testing.T) {
	b := mlx.New("sources")
	b.Entry("f", func(e Entry) {
		e.Out("eye", b.Eye(mlx.F32, N(2), N(3)))
		e.Out("tall", b.Eye(mlx.F16, N(3), N(2)))
		e.Out("array", b.Array(mlx.F32, 3, -1, 0.5))
		e.Out("range", b.Arange(mlx.F32, N(4)))
		e.Out("full", b.Full(mlx.F32, 7, N(1), N(2)))
		e.Out("ones", mlx.Concat(0, b.Ones(mlx.F32, N(1)), b.Zeros(mlx.F32, N(2))))
	})
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Eval("f", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]float64{{1, 0, 0, 0, 1, 0}, {1, 0, 0, 1, 0, 0}, {3, -1, 0.5}, {0, 1, 2, 3}, {7, 7}, {1, 0, 0}} {
		if !slices.Equal(out[i].F, want) {
			t.Errorf("%s: %v, want %v", p.Module().Funcs[0].Results[i].Name, out[i].F, want)
		}
	}
}

// A precision is of what follows, until it is taken back.
func TestPrecision(t *testing.T) {
	b := mlx.New("precision")
	b.Entry("f", func(e Entry) {
		x := e.In("x", "f16[4, 4]")
		restore := b.Precision(mlx.F32, mlx.F16)
		y := mlx.Einsum("a b, b c -> a c", x, x)
		n := e.In("n", "i32[4, 4]")
		e.Out("n", n.MatMul(n))
		restore()
		e.Out("y", y.MatMul(x))
	})
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	var accs []mlx.DType
	for _, in := range p.Module().Funcs[0].Body {
		if a, ok := in.Attrs.(ir.MatmulAttrs); ok {
			accs = append(accs, a.Acc)
		}
	}
	if want := []mlx.DType{mlx.F16, 0, 0}; !slices.Equal(accs, want) {
		t.Errorf("products add up in %v, want %v", accs, want)
	}
	b = mlx.New("wrong")
	b.Precision(mlx.F32, mlx.I32)
	if _, err := b.Build(); err == nil || !strings.Contains(err.Error(), "a precision is a float dtype, not i32") {
		t.Error(err)
	}
}
