package mlx_test

import (
	"strings"
	"testing"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// A kernel that is written by hand has the types of its reference, and its values wherever
// Metal does not run; two uses have one source.
func TestKernel(t *testing.T) {
	b := mlx.New("m")
	n := b.Dim("N", 8)
	twice := mlx.Kernel{Name: "twice", In: []string{"x"}, Out: []string{"y"}, DTypes: map[string]mlx.DType{"E": mlx.F32},
		Grid: []mlx.Dim{n.Mul(mlx.N(32))}, Group: []int{32}, Metal: "uint i = thread_position_in_grid.x; y[i] = E(2) * x[i];"}
	ref := func(x []mlx.Value) []mlx.Value { return []mlx.Value{x[0].Add(x[0])} }
	b.Entry("f", func(e *mlx.Entry) {
		x := e.In("x", "f32[N, 32]")
		e.Out("y", b.Kernel(twice, ref, b.Kernel(twice, ref, x)...)[0])
	})
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	if got := len(p.Module().Sources); got != 1 {
		t.Errorf("%d sources", got)
	}
	x := ir.NewTensor(ir.F32, 1, 32)
	x.F[7] = 1.5
	out, err := p.Eval("f", nil, x)
	if err != nil || out[0].F[7] != 6 {
		t.Errorf("%v, %v", out, err)
	}
}

func TestKernelErrors(t *testing.T) {
	ref := func(x []mlx.Value) []mlx.Value { return x }
	for want, k := range map[string]mlx.Kernel{
		"kernel k: 1 operands for 2 buffers":                         {In: []string{"x", "z"}, Out: []string{"y"}, Group: []int{32}},
		"kernel k: its reference gives 1 results, and it has 2":      {In: []string{"x"}, Out: []string{"y", "z"}, Group: []int{32}},
		"kernel k: kernel: threadgroups of 48 threads":               {In: []string{"x"}, Out: []string{"y"}, Group: []int{48}},
		"kernel k: kernel: a grid of 1 dimension, with threadgroups": {In: []string{"x"}, Out: []string{"y"}},
	} {
		b := mlx.New("m")
		b.Entry("f", func(e *mlx.Entry) {
			k.Name, k.Grid = "k", []mlx.Dim{mlx.N(32)}
			e.Out("y", b.Kernel(k, ref, e.In("x", "f32[32]"))[0])
		})
		if _, err := b.Build(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
