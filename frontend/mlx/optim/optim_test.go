package optim_test

import (
	"math"
	"testing"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/frontend/mlx/optim"
	"github.com/mlxc/mlxc/ir"
)

// A list goes in and comes out as one; no list is none.
func TestClipNorm(t *testing.T) {
	b := mlx.New("m")
	b.Entry("clip", func(e *mlx.Entry) {
		got := optim.ClipNorm([]mlx.Value{e.In("x", "f64[2]"), e.In("y", "f64")}, 6.5)
		e.Out("x", got[0])
		e.Out("y", got[1])
	})
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	x, y := ir.NewTensor(ir.F64, 2), ir.NewTensor(ir.F64)
	x.F[0], x.F[1], y.F[0] = 3, 4, 12 // of norm 13
	got, err := p.Eval("clip", nil, x, y)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{1.5, 2, 6} {
		if v := append(got[0].F, got[1].F...)[i]; math.Abs(v-want) > 1e-6 { // the 1e-6 beside the norm, and f32
			t.Errorf("element %d is %g, want %g", i, v, want)
		}
	}
	if xs := optim.ClipNorm(nil, 1); len(xs) > 0 {
		t.Errorf("no gradients are clipped to %v", xs)
	}
}
