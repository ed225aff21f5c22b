// Package models builds models that tests, benchmarks and counts of kernels share.
// Each has one entry, called run.
package models

import (
	"fmt"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// A Model is one that can be built.
type Model struct {
	Name  string
	Build func() (*mlx.Program, error)
}

// Small are models that an expert writes as one kernel each.
var Small = []Model{
	{"softmax", row(func(x value, w weights) value { return mlx.Softmax(x, -1) })},
	{"log_softmax", row(func(x value, w weights) value { return mlx.LogSoftmax(x, -1) })},
	{"layer_norm", row(func(x value, w weights) value { return mlx.LayerNorm(x, w("weight", 768), w("bias", 768), 1e-5) })},
	{"rms_norm", row(func(x value, w weights) value { return mlx.RMSNorm(x, w("weight", 768), 1e-5) })},
	{"gelu", row(func(x value, w weights) value { return mlx.GELU(x) })},
	{"linear_gelu_residual", row(func(x value, w weights) value {
		return x.Add(mlx.GELU(x.MatMul(w("weight", 768, 768).T()).Add(w("bias", 768))))
	})},
	{"group_norm_silu", image(func(x value, w weights) value {
		return mlx.SiLU(mlx.GroupNorm(x, 32, w("weight", 64), w("bias", 64), 1e-5))
	})},
	{"conv_bias_relu", image(func(x value, w weights) value {
		return mlx.ReLU(mlx.Conv(x, w("weight", 64, 3, 3, 64), mlx.ConvOptions{Pad: []int{1}}).Add(w("bias", 64)))
	})},
	{"cross_entropy", CrossEntropy},
	{"attention", func() (*mlx.Program, error) { return Attention(8, 8, 64, false) }},
	{"causal_attention", func() (*mlx.Program, error) { return Attention(8, 2, 64, true) }},
}

type value = mlx.Value

// weights declares a param of f32.
type weights func(name string, shape ...int) value

func declare(k *mlx.Block) weights {
	return func(name string, shape ...int) value {
		t := ir.Type{DType: mlx.F32}
		for _, n := range shape {
			t.Shape = append(t.Shape, mlx.N(n))
		}
		return k.ParamOf(name, t)
	}
}

// row is y = f(x) of x [N, 768].
func row(f func(x value, w weights) value) func() (*mlx.Program, error) { return of("f32[N, 768]", f) }

// image is y = f(x) of x [N, 28, 28, 64].
func image(f func(x value, w weights) value) func() (*mlx.Program, error) {
	return of("f32[N, 28, 28, 64]", f)
}

func of(typ string, f func(x value, w weights) value) func() (*mlx.Program, error) {
	return func() (*mlx.Program, error) {
		b := mlx.New("small")
		b.Dim("N", 4096)
		b.Entry("run", func(e *mlx.Entry) { e.Out("y", f(e.In("x", typ), declare(b.Block))) })
		return b.Build()
	}
}

// CrossEntropy is the loss of each of N rows of 1000 classes.
func CrossEntropy() (*mlx.Program, error) {
	b := mlx.New("cross_entropy")
	b.Dim("N", 4096)
	b.Entry("run", func(e *mlx.Entry) {
		e.Out("loss", mlx.CrossEntropy(e.In("logits", "f32[N, 1000]"), e.In("labels", "i32[N]")))
	})
	return b.Build()
}

// Attention is that of T queries of some heads, and S keys of as many or fewer.
func Attention(heads, groups, size int, causal bool) (*mlx.Program, error) {
	b := mlx.New("attention")
	b.Dim("B", 8)
	b.DimRange("T", 1, 4096)
	b.DimRange("S", 1, 4096)
	b.Entry("run", func(e *mlx.Entry) {
		q := e.In("q", fmt.Sprintf("f32[B, %d, T, %d]", heads, size))
		kv := fmt.Sprintf("f32[B, %d, S, %d]", groups, size)
		e.Out("y", mlx.Attention(q, e.In("k", kv), e.In("v", kv), mlx.AttentionOptions{Causal: causal}))
	})
	return b.Build()
}

// Transformer is an encoder of layers that are normalised first, with 4 heads of 32.
func Transformer(layers int) (*mlx.Program, error) {
	const width, heads = 128, 4
	b := mlx.New("transformer")
	b.Dim("B", 8)
	b.DimRange("T", 1, 512)
	b.Entry("run", func(e *mlx.Entry) {
		x := e.In("x", fmt.Sprintf("f32[B, T, %d]", width))
		for i := range layers {
			x = encoderLayer(b.Sub("layers").At(i), x, width, heads)
		}
		e.Out("y", x)
	})
	return b.Build()
}

func encoderLayer(k *mlx.Block, x value, width, heads int) value {
	norm := func(name string, x value) value {
		w := declare(k.Sub(name))
		return mlx.LayerNorm(x, w("weight", width), w("bias", width), 1e-5)
	}
	linear := func(name string, in, out int, x value) value {
		w := declare(k.Sub(name))
		return x.MatMul(w("weight", out, in).T()).Add(w("bias", out))
	}
	split := func(x value) value {
		return x.Rearrange("b t (h d) -> b h t d", mlx.Axes{"h": mlx.N(heads)})
	}
	h := norm("norm1", x)
	q, key, v := split(linear("q", width, width, h)), split(linear("k", width, width, h)), split(linear("v", width, width, h))
	y := mlx.Attention(q, key, v, mlx.AttentionOptions{}).Rearrange("b h t d -> b t (h d)", nil)
	x = x.Add(linear("out", width, width, y))
	return x.Add(linear("down", 4*width, width, mlx.GELU(linear("up", width, 4*width, norm("norm2", x)))))
}
