package nn_test

import (
	"fmt"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/frontend/mlx/loss"
	"github.com/mlxc/mlxc/frontend/mlx/nn"
)

// A layer is made at a place in the tree of names, which gives its parameters their names in
// the checkpoint, and is used by any entry.
func Example() {
	b := mlx.New("classifier")
	b.DimRange("B", 1, 64)
	net := b.Sub("net")
	conv := nn.NewConv2d(net.Sub("conv"), 1, 8, 3, nn.Conv2dOptions{Pad: 1})
	fc := nn.NewLinear(net.Sub("fc"), 8*28*28, 10, nn.LinearOptions{NoBias: true})
	b.Entry("evaluate", func(e *mlx.Entry) {
		x, labels := e.In("x", "f32[B, 28, 28, 1]"), e.In("labels", "i32[B]")
		x = mlx.ReLU(conv.Forward(x)).Rearrange("b y x c -> b (y x c)", nil)
		e.Out("loss", loss.CrossEntropy(fc.Forward(x), labels, loss.CrossEntropyOptions{Smooth: 0.1}))
	})
	p, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, w := range p.Module().Params {
		fmt.Println(w.Path, w.Type)
	}
	// Output:
	// net.conv.weight f32[8, 1, 3, 3]
	// net.conv.bias f32[8]
	// net.fc.weight f32[10, 6272]
}
