package mlx_test

import (
	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/frontend/mlx/nn"
	"github.com/mlxc/mlxc/frontend/mlx/prelude"
	"github.com/mlxc/mlxc/ir"
)

// features is testdata/features.mlx, in Go.
func features() (*mlx.Program, error) {
	b := mlx.New("features")
	B, T := b.DimRange("B", 1, 4), b.DimRange("T", 1, 8)
	b.Precision(mlx.F16, mlx.F32)
	b.Weights("npz", "net*.npz")
	b.Rename("model.net.{i}.weight", "w.{i}")
	b.Rename("model.net.table", "t", mlx.Load("(a b) c -> (b a) c", mlx.Axes{"a": N(2)}))

	net := b.Sub("model.net")
	var steps []*nn.Linear
	for _, name := range []string{"0", "2"} {
		steps = append(steps, nn.NewLinear(net.Sub("steps").Sub(name), 4, 4, nn.LinearOptions{}))
	}
	table := net.Param("table", "f16[4, 8]", mlx.Load("a b -> b a", nil), mlx.Init(ir.Init{Name: "normal", Args: []float64{0.02}}))
	key := b.State("key", "u32[2]", mlx.KeyOf(7))
	total := b.State("total", "f32[4]", ir.Constant(0.5, 0, 0, 0))

	b.Entry("run", func(e Entry) {
		x := e.In("x", "f16[B, 4]")
		for _, step := range steps {
			x = mlx.ReLU(step.Forward(x))
		}
		e.Out("y", x.MatMul(table))
		e.Out("eye", b.Eye(mlx.F32, N(2), N(3)))
		e.Out("n", b.Arange(mlx.I32, B))
	})
	b.Entry("add", func(e Entry) {
		x := e.In("x", "f32[B, T, 4]")
		keys := mlx.SplitKey(key.Get(), 2)
		key.Set(keys[0])
		h := prelude.Dropout(x.At(mlx.Every, mlx.Pick(N(0))), 0.5, keys[1])
		h = e.Loop("t", T, []Value{h}, func(t mlx.Dim, carry []Value) []Value {
			return []Value{mlx.Tanh(carry[0].Add(x.At(mlx.Every, mlx.Pick(t))))}
		})[0]
		h = e.While(N(5), []Value{h}, func(carry []Value) Value {
			return mlx.Any(carry[0].GtN(0.1))
		}, func(carry []Value) []Value {
			return []Value{carry[0].MulN(0.5)}
		})[0]
		total.Set(total.Get().Add(mlx.Sum(h, 0)))
	})
	return b.Build()
}
