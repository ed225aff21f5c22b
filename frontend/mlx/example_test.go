package mlx_test

import (
	"fmt"

	"github.com/mlxc/mlxc/frontend/mlx"
)

// A Linear is a layer. Layers are plain structs: parameters are declared in a
// block of names, and used by any entry.
type Linear struct{ w, b mlx.Value }

func NewLinear(k *mlx.Block, in, out int) *Linear {
	return &Linear{
		w: k.Param("weight", fmt.Sprintf("f32[%d, %d]", out, in)),
		b: k.Param("bias", fmt.Sprintf("f32[%d]", out), mlx.Fill(0)),
	}
}

func (l *Linear) Forward(x mlx.Value) mlx.Value { return x.MatMul(l.w.T()).Add(l.b) }

func Example() {
	b := mlx.New("mlp")
	b.Dim("B", 1024)
	fc1 := NewLinear(b.Sub("net").Sub("fc1"), 784, 128)
	fc2 := NewLinear(b.Sub("net").Sub("fc2"), 128, 10)
	b.Entry("predict", func(e *mlx.Entry) {
		x := e.In("x", "f32[B, 784]")
		logits := fc2.Forward(mlx.ReLU(fc1.Forward(x)))
		e.Out("probs", mlx.Softmax(logits, -1))
		e.Out("label", mlx.ArgMax(logits, -1))
	})
	b.Weights("safetensors", "mlp.safetensors")
	p, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range p.Module().Func("predict").Results {
		fmt.Println(r.Name, r.Type)
	}
	// Output:
	// probs f32[B, 10]
	// label i32[B]
}
