package mlxc_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// A drawnModel is a model of testdata/models that is too large to keep weights of: small, and
// with weights that are drawn as scripts/oracles/draw.py draws them.
type drawnModel struct {
	name  string
	set   map[string]string
	dims  []int // of the session
	calls func(t *testing.T) []call
}

var drawnModels = []drawnModel{
	{"unet", map[string]string{"ch": "[16, 32, 48]", "heads": "[2, 4, 6]", "layers": "1", "context": "24", "groups": "8"}, nil, unetCalls},
	{"vit", map[string]string{"D": "48", "depth": "3", "heads": "4", "patch": "8", "size": "32", "classes": "10"}, nil, vitCalls},
	{"whisper", map[string]string{
		"D": "32", "mels": "20", "A": "24", "P": "12", "vocab": "50",
		"listeners": "2", "ears": "2", "writers": "2", "heads": "4",
	}, []int{2}, whisperCalls},
	{"llama", map[string]string{
		"vocab": "50", "D": "32", "F": "48", "L": "2", "H": "4", "KV": "2", "theta": "10000.0",
		"factor": "8.0", "context": "64", "tied": "false",
	}, []int{2, 9}, llamaCalls},
}

// Compiled for the CPU, they give what PyTorch 2.15.0 gave in float64.
func TestDrawnModels(t *testing.T) {
	for _, d := range drawnModels {
		t.Run(d.name, func(t *testing.T) {
			if testing.Short() && d.name == "unet" {
				t.Skip("compiles a large model")
			}
			calls := d.calls(t)
			b := buildModel(t, d.name, d.set, calls...)
			d.compare(t, calls, b.run(t, drawnWeights(t, b.module), d.dims, calls))
		})
	}
}

// compare holds results to 1e-4 of the largest element that is wanted: they come of some dozens
// of layers, each of which rounds sums of some hundred products.
func (d drawnModel) compare(t *testing.T, calls []call, results [][]*runtime.Array) {
	t.Helper()
	for i, c := range calls {
		for j, name := range c.want {
			if name == "" {
				continue
			}
			want, largest := recordedResult(t, d.name, name), 0.0
			for _, x := range want {
				largest = max(largest, math.Abs(float64(x)))
			}
			within(t, name, asFloats(t, results[i][j]), want, 1e-4*largest)
		}
	}
}

func unetCalls(t *testing.T) []call {
	number := func(x float32) *runtime.Array { return arrayOf(t, runtime.F32, []float32{x}) }
	z, text := draw(t, "z", 1, 8, 16, 4), draw(t, "text", 2, 7, 24)
	return []call{{"step", nil, []*runtime.Array{z, number(601), text, number(7.5), number(2.5), number(2)}, []string{"z"}}}
}

func vitCalls(t *testing.T) []call {
	return []call{{"classify", nil, []*runtime.Array{draw(t, "x", 2, 32, 32, 3)}, []string{"logits", ""}}}
}

// The text is written behind a prompt of five tokens, and then once more, token by token.
func whisperCalls(t *testing.T) []call {
	const half = 160 * 24
	sound := draw(t, "sound", 2, 2*half)
	for i, x := 0, data[float32](t, sound); i < 2; i++ { // what is heard of silence depends on the rest
		clear(x[(2*i+1)*half : (2*i+2)*half])
	}
	text := drawTokens(t, "text", 50, 2, 7)
	step := func(from, to int, want string) call {
		return call{"step", []int{from}, []*runtime.Array{columns(t, text, from, to)}, []string{want, ""}}
	}
	calls := []call{
		{"hear", nil, []*runtime.Array{sound}, []string{"mel"}},
		{"encode", nil, []*runtime.Array{draw(t, "mel", 2, 48, 20)}, []string{"audio"}},
		step(0, 5, "prompt"), step(5, 6, "fifth"), step(6, 7, "sixth"),
	}
	for i, want := range []string{"", "", "", "", "prompt", "fifth", "sixth"} {
		calls = append(calls, step(i, i+1, want))
	}
	return calls
}

// A kernel has room for 31 buffers on Metal: what is joined of more values, by the model or
// of the weights of products of one value, is joined in parts.
func TestManyJoined(t *testing.T) {
	path := filepath.Join(t.TempDir(), "many.mlx")
	text := `import nn
dim 1 <= B <= 4
layers = [nn.Linear(8, 8, bias=false) for i in 0..40]
entry joined(x: f32[B, 8]) -> (y: f32[320, B]) { return concat([layer(x).T for layer in layers], 0) }
entry apart(x: f32[B, 8]) -> (y: f32[8, 40 * B]) { return concat([layer(relu(x)).T for layer in layers], 1) }
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := mlxc.Load(path, mlxc.Source{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := mlxc.Compile(m, mlxc.Options{Package: "many", Source: "many.mlx", Targets: []ir.Target{ir.Metal, ir.CPU}}); err != nil {
		t.Error(err)
	}
}

// draw is an array of numbers in [-1, 1).
func draw(t *testing.T, name string, shape ...int) *runtime.Array {
	return drawn(t, name, shape, func(u float64) float64 { return u })
}

// llamaCalls read a prompt in two pieces, and a token, and write one.
func llamaCalls(t *testing.T) []call {
	text := drawTokens(t, "text", 50, 2, 7)
	read := func(from, to int, want string) call {
		return call{"read", []int{from}, []*runtime.Array{columns(t, text, from, to)}, []string{want}}
	}
	last, err := columns(t, text, 6, 7).Reshape(2)
	if err != nil {
		t.Fatal(err)
	}
	cold, key := arrayOf(t, runtime.F32, []float32{0}), arrayOf(t, runtime.U32, []uint32{1, 2}, 2)
	return []call{
		read(0, 3, ""), read(3, 5, "prompt"), read(5, 6, "fifth"),
		{"write", []int{6}, []*runtime.Array{last, cold, key}, []string{"next"}},
	}
}

// drawTokens is an array of numbers from 0 to n-1.
func drawTokens(t *testing.T, name string, n int, shape ...int) *runtime.Array {
	t.Helper()
	var ids []int32
	for _, u := range data[float32](t, draw(t, name, shape...)) {
		ids = append(ids, int32((float64(u)+1)*float64(n)/2))
	}
	return arrayOf(t, runtime.I32, ids, shape...)
}

// columns are those of rows of tokens.
func columns(t *testing.T, rows *runtime.Array, from, to int) *runtime.Array {
	t.Helper()
	n, width := rows.Shape()[0], rows.Shape()[1]
	var ids []int32
	for i, x := 0, data[int32](t, rows); i < n; i++ {
		ids = append(ids, x[i*width+from:i*width+to]...)
	}
	return arrayOf(t, runtime.I32, ids, n, to-from)
}

// asFloats are an array's elements, of f32 or i32.
func asFloats(t *testing.T, a *runtime.Array) []float32 {
	t.Helper()
	if a.DType() == runtime.F32 {
		return floats(t, a)
	}
	var out []float32
	for _, n := range data[int32](t, a) {
		out = append(out, float32(n))
	}
	return out
}

// recordedResult is an array of what PyTorch computed for a model.
func recordedResult(t *testing.T, model, name string) []float32 {
	t.Helper()
	return floats(t, readNPY(t, filepath.Join("testdata", "models", model+"-"+name+".npy")))
}

// drawnWeights writes a checkpoint with drawn weights, in PyTorch's layouts: a matrix or
// kernel times sqrt(3/fan), a bias divided by 4, a gain from 3/4 to 5/4.
func drawnWeights(t *testing.T, m *ir.Module) string {
	t.Helper()
	var names []string
	var arrays []*runtime.Array
	for _, p := range m.Weights() {
		var shape []int
		fan := 1.0
		for i, s := range p.Type.Shape {
			n, _ := s.Int()
			if shape = append(shape, int(n)); i > 0 {
				fan *= float64(n)
			}
		}
		scale := func(u float64) float64 { return u * math.Sqrt(3/fan) }
		switch {
		case strings.HasSuffix(p.Path, "bias"):
			scale = func(u float64) float64 { return u / 4 }
		case len(shape) == 1:
			scale = func(u float64) float64 { return 1 + u/4 }
		}
		names, arrays = append(names, p.Path), append(arrays, drawn(t, p.Path, shape, scale))
	}
	return checkpoint(t, names, arrays)
}
