package mlx_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/frontend/mlx/nn"
	"github.com/mlxc/mlxc/ir"
)

// quantised is testdata/quantised.mlx, in Go.
func quantised() (*mlx.Program, error) {
	b := mlx.New("quantised")
	b.DimRange("T", 1, 8)
	head := nn.NewLinear(b.Sub("head"), 64, 10, nn.LinearOptions{NoBias: true, W: mlx.Q8_0})
	embed := nn.NewEmbedding(b.Sub("embed"), 10, 64, nn.EmbeddingOptions{W: mlx.Q4G32})
	mix := b.Param("mix", "q8g64[64, 64]")
	b.Entry("run", func(e Entry) {
		x, ids := e.In("x", "f16[T, 64]"), e.In("ids", "i32[T]")
		e.Out("y", head.Forward(x))
		e.Out("z", embed.Forward(ids).Add(mlx.Take(mix, ids, 0)))
		e.Out("w", mix.T().Dequant())
	})
	return b.Build()
}

// A quantised param is the params of its planes, in the checkpoint under the names of mlx-lm.
func TestQuantisedParams(t *testing.T) {
	p, err := quantised()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range p.Module().Params {
		got = append(got, w.Path+" "+w.Type.String()+" "+w.Of.String())
	}
	want := []string{
		"head.weight u8[10, 68] plane 0 of q8_0[10, 64]",
		"embed.weight u32[10, 8] plane 0 of q4g32[10, 64]", "embed.scales f16[10, 2] plane 1 of q4g32[10, 64]", "embed.biases f16[10, 2] plane 2 of q4g32[10, 64]",
		"mix u32[64, 16] plane 0 of q8g64[64, 64]", "mix_scales f16[64, 1] plane 1 of q8g64[64, 64]", "mix_biases f16[64, 1] plane 2 of q8g64[64, 64]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("params are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A load moves the rows of a quantised param: in each of its planes.
func TestQuantisedRowsAreLoaded(t *testing.T) {
	b := mlx.New("rows")
	w := b.Param("w", "q8_0[6, 64]", mlx.Load("(h two) i -> (two h) i", mlx.Axes{"two": N(2)}))
	b.Entry("f", func(e Entry) { e.Out("y", w.Dequant()) })
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	file := ir.NewTensor(ir.U8, 6, 68)
	for i := range file.I {
		if file.I[i] = int64(i / 68); i%34 < 2 {
			file.I[i] = []int64{0, 0x3c}[i%34] // a scale of 1
		}
	}
	out, err := p.Eval("f", map[string]*ir.Tensor{"w": file})
	if err != nil {
		t.Fatal(err)
	}
	for row, from := range []float64{0, 2, 4, 1, 3, 5} {
		if got := out[0].F[64*row+row]; got != from {
			t.Errorf("row %d is row %v of the file, want %v", row, got, from)
		}
	}
}

// What is quantised in an entry is what the language makes of it.
func TestQuantize(t *testing.T) {
	b := mlx.New("cache")
	b.Entry("f", func(e Entry) {
		words, scales, biases := mlx.Quantize(e.In("x", "f16[3, 128]"), mlx.Q8G64)
		e.Out("words", words)
		e.Out("scales", scales)
		e.Out("biases", biases)
		e.Out("y", mlx.DequantOf(mlx.Q8G64, words, scales, biases))
	})
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	x := ir.NewTensor(ir.F16, 3, 128)
	for i := range x.F {
		x.F[i] = float64(i%64) - 20
	}
	out, err := p.Eval("f", nil, x)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range out[3].F {
		if d := v - x.F[i]; d > 63.0/255/2+0x1p-5 || -d > 63.0/255/2+0x1p-5 { // half a level, and the roundings of f16
			t.Errorf("element %d is %v, was %v", i, v, x.F[i])
		}
	}
}

// Wrong uses of quantised dtypes, and what is said of them. The language says the same, in
// frontend/dsl/testdata/mistakes.txt.
func TestQuantisedErrors(t *testing.T) {
	for want, wrong := range map[string]func(b Builder, x Value){
		"add: w is quantised: q4g64[8, 64]":                                                     func(b Builder, x Value) { x.Add(b.Param("w", "q4g64[8, 64]")) },
		"transpose: w is quantised: q4g64[8, 64]":                                               func(b Builder, x Value) { mlx.Einsum("t k, n k -> t n", x, b.Param("w", "q4g64[8, 64]")) },
		"param w: q4_k has groups of 256 elements along the last axis, of which 64 is no multi": func(b Builder, x Value) { b.Param("w", "q4_k[8, 64]") },
		"state s: only params are q4g64":                                                        func(b Builder, x Value) { b.State("s", "q4g64[8, 64]", ir.Init{Name: "constant", Args: []float64{0}}) },
		"cast: only params are q4g64":                                                           func(b Builder, x Value) { x.To(mlx.Q4G64) },
		"dequant: f32[8, 64] is not quantised":                                                  func(b Builder, x Value) { x.Dequant() },
		"quantize: w is quantised: q4g64[8, 64]":                                                func(b Builder, x Value) { mlx.Quantize(b.Param("w", "q4g64[8, 64]"), mlx.Q4G64) },
		"quantize: q8_0 is no format with scales and biases":                                    func(b Builder, x Value) { mlx.Quantize(x, mlx.Q8_0) },
		"dequant: q4g64 has 3 planes, got 1 operand":                                            func(b Builder, x Value) { mlx.DequantOf(mlx.Q4G64, x) },
		"matmul: needs equal inner sizes":                                                       func(b Builder, x Value) { x.MatMul(b.Param("w", "q4g64[8, 64]")) },
		"param w: q4g64[8, 64] cannot be filled with a number":                                  func(b Builder, x Value) { b.Param("w", "q4g64[8, 64]", mlx.Fill(1)) },
	} {
		b := mlx.New("wrong")
		b.Entry("f", func(e Entry) {
			x := e.In("x", "f32[8, 64]")
			wrong(b, x)
			e.Out("y", x)
		})
		if _, err := b.Build(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
