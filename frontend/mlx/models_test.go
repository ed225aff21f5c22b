package mlx_test

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mlxc/mlxc/frontend/dsl"
	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// conv is Conv2d of the library nn, with kernels of 3 x 3 and a border of 1.
func conv(k *mlx.Block, in, out int) func(x Value) Value {
	bound := 1 / math.Sqrt(float64(9*in))
	w := k.Param("weight", fmt.Sprintf("f32[%d, 3, 3, %d]", out, in), mlx.Load("o i y x -> o y x i", nil), uniform(bound))
	b := k.Param("bias", fmt.Sprintf("f32[%d]", out), mlx.Fill(0))
	return func(x Value) Value { return mlx.Conv(x, w, mlx.ConvOptions{Pad: []int{1}}).Add(b) }
}

func uniform(bound float64) mlx.ParamOption {
	return mlx.Init(ir.Init{Name: "uniform", Args: []float64{bound}})
}

// norm is BatchNorm of the library nn.
func norm(k *mlx.Block, c int) func(x Value) Value {
	typ := fmt.Sprintf("f32[%d]", c)
	constant := func(x float64) ir.Init { return ir.Init{Name: "constant", Args: []float64{x}} }
	w, b := k.Param("weight", typ, mlx.Fill(1)), k.Param("bias", typ, mlx.Fill(0))
	mean, variance := k.State("running_mean", typ, constant(0)), k.State("running_var", typ, constant(1))
	return func(x Value) Value { return mlx.BatchNorm(x, w, b, mean.Get(), variance.Get(), 1e-5) }
}

// digits is testdata/digits/digits.mlx, in Go.
func digits() (*mlx.Program, error) {
	b := mlx.New("digits")
	b.Dim("B", 256)
	net := b.Sub("net")
	var layers []func(x Value) Value
	in := 1
	for i, out := range []int{16, 32, 64} {
		c, n := conv(net.Sub(fmt.Sprint("conv", i+1)), in, out), norm(net.Sub(fmt.Sprint("bn", i+1)), out)
		layers = append(layers, func(x Value) Value {
			return mlx.MaxPool(mlx.ReLU(n(c(x))), mlx.PoolOptions{Size: []int{2}})
		})
		in = out
	}
	bound := 1 / math.Sqrt(576)
	w := net.Sub("fc").Param("weight", "f32[10, 576]", uniform(bound))
	bias := net.Sub("fc").Param("bias", "f32[10]", uniform(bound))
	b.Entry("read", func(e Entry) {
		x := e.In("image", "f32[B, 28, 28, 1]").DivN(255)
		for _, layer := range layers {
			x = layer(x)
		}
		logits := x.Rearrange("b y x c -> b (y x c)", nil).MatMul(w.T()).Add(bias)
		e.Out("label", mlx.ArgMax(logits, -1))
		e.Out("probs", mlx.Softmax(logits, -1))
	})
	b.Weights("safetensors", "digits.safetensors")
	return b.Build()
}

// plain is the IR text without positions and without the names of values.
func plain(m *ir.Module) string {
	for _, d := range m.Dims {
		d.Pos = nil
	}
	for _, p := range m.Params {
		p.Pos = nil
	}
	for _, f := range m.Funcs {
		f.Pos = nil
		for _, in := range f.Body {
			in.Pos = nil
			for _, r := range in.Results {
				r.Name = ""
			}
		}
	}
	return ir.Print(m)
}

// Both front ends make the same IR of the same model.
func TestSameAsLanguage(t *testing.T) {
	inGo, err := digits()
	if err != nil {
		t.Fatal(err)
	}
	inLanguage, err := dsl.Load(filepath.Join("..", "..", "testdata", "digits", "digits.mlx"), dsl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(plain(inLanguage.Module()), plain(inGo.Module())); d != "" {
		t.Error(d)
	}
}
