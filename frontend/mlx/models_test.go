package mlx_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mlxc/mlxc/frontend/dsl"
	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/frontend/mlx/loss"
	"github.com/mlxc/mlxc/frontend/mlx/nn"
	"github.com/mlxc/mlxc/ir"
)

// digits is testdata/digits/digits.mlx, in Go.
func digits() (*mlx.Program, error) {
	b := mlx.New("digits")
	b.Dim("B", 256)
	net := b.Sub("net")
	var layers []func(x Value) Value
	in := 1
	for i, out := range []int{16, 32, 64} {
		c := nn.NewConv2d(net.Sub(fmt.Sprint("conv", i+1)), in, out, 3, nn.Conv2dOptions{Pad: 1})
		n := nn.NewBatchNorm(net.Sub(fmt.Sprint("bn", i+1)), out, nn.BatchNormOptions{})
		layers = append(layers, func(x Value) Value {
			return mlx.MaxPool(mlx.ReLU(n.Forward(c.Forward(x), nn.BatchNormForwardOptions{})), mlx.PoolOptions{Size: []int{2}})
		})
		in = out
	}
	fc := nn.NewLinear(net.Sub("fc"), 576, 10, nn.LinearOptions{})
	b.Entry("read", func(e Entry) {
		x := e.In("image", "f32[B, 28, 28, 1]").DivN(255)
		for _, layer := range layers {
			x = layer(x)
		}
		logits := fc.Forward(x.Rearrange("b y x c -> b (y x c)", nil))
		e.Out("label", mlx.ArgMax(logits, -1))
		e.Out("probs", mlx.Softmax(logits, -1))
	})
	b.Weights("safetensors", "digits.safetensors")
	return b.Build()
}

// perceptron is testdata/perceptron.mlx, in Go.
func perceptron() (*mlx.Program, error) {
	b := mlx.New("perceptron")
	b.DimRange("B", 1, 64)
	net := b.Sub("net")
	fc1 := nn.NewLinear(net.Sub("fc1"), 784, 128, nn.LinearOptions{})
	fc2 := nn.NewLinear(net.Sub("fc2"), 128, 10, nn.LinearOptions{NoBias: true})
	forward := func(x Value) Value { return fc2.Forward(mlx.GELU(fc1.Forward(x))) }
	b.Entry("predict", func(e Entry) {
		e.Out("probs", mlx.Softmax(forward(e.In("x", "f32[B, 784]")), -1))
	})
	b.Entry("evaluate", func(e Entry) {
		x, labels := e.In("x", "f32[B, 784]"), e.In("labels", "i32[B]")
		e.Out("loss", loss.CrossEntropy(forward(x), labels, loss.CrossEntropyOptions{Smooth: 0.1}))
	})
	b.Weights("safetensors", "perceptron.safetensors")
	return b.Build()
}

// A llamaLayer is a layer of testdata/llama.mlx, in Go.
type llamaLayer struct {
	q, k, v, o, gate, up, down *nn.Linear
	norm1, norm2               *nn.RMSNorm
	keys, values               *mlx.State
}

func newLlamaLayer(k *mlx.Block) *llamaLayer {
	linear := func(k *mlx.Block, in, out int) *nn.Linear {
		return nn.NewLinear(k, in, out, nn.LinearOptions{NoBias: true})
	}
	attn, mlp := k.Sub("self_attn"), k.Sub("mlp")
	zero := ir.Constant(0)
	return &llamaLayer{
		q:      linear(attn.Sub("q_proj"), 64, 64),
		k:      linear(attn.Sub("k_proj"), 64, 32),
		v:      linear(attn.Sub("v_proj"), 64, 32),
		o:      linear(attn.Sub("o_proj"), 64, 64),
		keys:   attn.State("keys", "f32[B, 2, S, 16]", zero),
		values: attn.State("values", "f32[B, 2, S, 16]", zero),
		gate:   linear(mlp.Sub("gate_proj"), 64, 96),
		up:     linear(mlp.Sub("up_proj"), 64, 96),
		down:   linear(mlp.Sub("down_proj"), 96, 64),
		norm1:  nn.NewRMSNorm(k.Sub("input_layernorm"), 64, nn.RMSNormOptions{}),
		norm2:  nn.NewRMSNorm(k.Sub("post_attention_layernorm"), 64, nn.RMSNormOptions{}),
	}
}

func (l *llamaLayer) forward(x Value, pos, end mlx.Dim) Value {
	heads := func(v Value) Value {
		return v.Rearrange("b t (h d) -> b h t d", mlx.Axes{"d": mlx.N(16)})
	}
	z := l.norm1.Forward(x)
	q, k, v := heads(l.q.Forward(z)), heads(l.k.Forward(z)), heads(l.v.Forward(z))
	l.keys.SetAt(mlx.RoPE(k, pos, mlx.RoPEOptions{}), mlx.Every, mlx.Every, mlx.Range(pos, end))
	l.values.SetAt(v, mlx.Every, mlx.Every, mlx.Range(pos, end))
	y := mlx.Attention(mlx.RoPE(q, pos, mlx.RoPEOptions{}),
		l.keys.Get().At(mlx.Every, mlx.Every, mlx.To(end)),
		l.values.Get().At(mlx.Every, mlx.Every, mlx.To(end)), mlx.AttentionOptions{Causal: true})
	x = x.Add(l.o.Forward(y.Rearrange("b h t d -> b t (h d)", nil)))
	z = l.norm2.Forward(x)
	return x.Add(l.down.Forward(mlx.SiLU(l.gate.Forward(z)).Mul(l.up.Forward(z))))
}

// llama is testdata/llama.mlx, in Go.
func llama() (*mlx.Program, error) {
	b := mlx.New("llama")
	b.DimRange("B", 1, 4)
	S := b.Dim("S", 512)
	T := b.DimRange("T", 1, 128)
	model := b.Sub("model")
	embed := nn.NewEmbedding(model.Sub("embed_tokens"), 256, 64, nn.EmbeddingOptions{})
	var layers []*llamaLayer
	for i := range 2 {
		layers = append(layers, newLlamaLayer(model.Sub("layers").At(i)))
	}
	norm := nn.NewRMSNorm(model.Sub("norm"), 64, nn.RMSNormOptions{})
	b.Entry("step", func(e Entry) {
		tokens, pos := e.In("tokens", "i32[B, T]"), e.DimIn("pos")
		e.Where(pos.Add(T), ir.LE, S)
		x := embed.Forward(tokens)
		for _, l := range layers {
			x = l.forward(x, pos, pos.Add(T))
		}
		logits := embed.Logits(norm.Forward(x.At(mlx.Every, mlx.Pick(mlx.N(-1)))))
		e.Out("logits", logits)
		e.Out("next", mlx.ArgMax(logits, -1))
	})
	b.Weights("safetensors", "model.safetensors")
	return b.Build()
}

// windows is testdata/windows.mlx, in Go.
func windows() (*mlx.Program, error) {
	b := mlx.New("windows")
	n := b.DimRange("N", 1, 8)
	b.Entry("parts", func(e Entry) {
		x, v, i := e.In("x", "f32[N, 4]"), e.In("v", "f32[2, 4]"), e.In("i", "i32")
		set := x.SetAt(v, mlx.Window(i, mlx.N(2)))
		columns := mlx.Range(mlx.N(1), mlx.N(3))
		one := x.SetAt(v.At(mlx.Pick(mlx.N(0)), columns), mlx.PickAt(i), columns)
		row := x.At(mlx.PickAt(i))
		e.Out("row", row)
		e.Out("set", set)
		e.Out("one", one)
		e.Out("size", b.Size(n))
	})
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
	for _, f := range m.Bodies() {
		f.Pos = nil
		if len(f.Results) > 0 && f.Results[0].Name == "next0" { // of a loop
			for i, v := range f.Inputs {
				v.Name = fmt.Sprint("in", i)
			}
		}
		for i := range f.Where {
			f.Where[i].Pos = nil
		}
		for _, in := range f.Body {
			in.Pos = nil
			for _, r := range in.Results {
				r.Name = ""
			}
		}
	}
	return ir.Print(m)
}

// places is testdata/places.mlx, in Go.
func places() (*mlx.Program, error) {
	b := mlx.New("places")
	b.Dim("B", 8)
	norm := nn.NewLayerNorm(b.Sub("norm"), 4, nn.LayerNormOptions{})
	var fc *nn.Linear
	b.On(mlx.CPU, func() { fc = nn.NewLinear(b.Sub("fc"), 4, 2, nn.LinearOptions{}) })
	b.Entry("run", func(e Entry) {
		x := e.In("x", "f32[B, 4]")
		b.On(mlx.CPU, func() {
			var h Value
			b.On(mlx.GPU, func() { h = norm.Forward(x) })
			e.Out("y", fc.Forward(h))
			e.Out("z", mlx.Exp(h.To(mlx.F64)))
		})
	})
	b.Weights("safetensors", "places.safetensors")
	return b.Build()
}

// Both front ends make the same IR of the same model.
func TestSameAsLanguage(t *testing.T) {
	for file, build := range map[string]func() (*mlx.Program, error){
		"../../testdata/digits/digits.mlx": digits,
		"testdata/perceptron.mlx":          perceptron,
		"testdata/llama.mlx":               llama,
		"testdata/windows.mlx":             windows,
		"testdata/places.mlx":              places,
		"testdata/features.mlx":            features,
		"testdata/quantised.mlx":           quantised,
	} {
		t.Run(filepath.Base(file), func(t *testing.T) {
			inGo, err := build()
			if err != nil {
				t.Fatal(err)
			}
			inLanguage, err := dsl.Load(file, dsl.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(plain(inLanguage.Module()), plain(inGo.Module())); d != "" {
				t.Error(d)
			}
		})
	}
}

// What is wrong in a use of the library is said with the line in Go that uses it.
func TestLibraryErrors(t *testing.T) {
	b := mlx.New("wrong")
	fc := nn.NewLinear(b.Sub("fc"), 4, 2, nn.LinearOptions{})
	attn := nn.NewMultiHeadAttention(b.Sub("attn"), 6, 4, nn.MultiHeadAttentionOptions{})
	b.Entry("run", func(e Entry) {
		x := e.In("x", "f32[3, 5]")
		y := attn.Forward(fc.Forward(x), nn.MultiHeadAttentionForwardOptions{})
		e.Out("loss", loss.MSE(y, x))
	})
	_, err := b.Build()
	var wrong ir.Diagnostics
	errors.As(err, &wrong)
	want := []string{"the heads must divide the width", "argument `x` of `forward`: axis 1 is 5, not 4"}
	for i, d := range wrong {
		pos := d.Pos
		for pos.From != nil {
			pos = pos.From
		}
		if i >= len(want) || d.Msg != want[i] || pos.File != "models_test.go" || pos.Line == 0 {
			t.Errorf("%s: %s", pos, d.Msg)
		}
	}
	if len(wrong) != len(want) {
		t.Errorf("%d errors, want %d", len(wrong), len(want))
	}
	if x := loss.MSE(Value{}, Value{}); x.Ok() {
		t.Error("a loss of nothing is there")
	}
}
