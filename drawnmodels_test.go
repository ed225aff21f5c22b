package mlxc_test

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// The models of testdata/models that are too large to keep weights of, each small and with
// weights that are drawn as scripts/oracles/draw.py draws them, give what PyTorch 2.15.0 gave
// in float64, to 1e-4 of the largest element: some dozens of layers, each of which rounds
// sums of some hundred products.
func TestDrawnModels(t *testing.T) {
	for _, test := range drawnModels {
		t.Run(test.model+"/"+test.entry, func(t *testing.T) {
			if testing.Short() && test.model == "unet" {
				t.Skip("compiles a large model")
			}
			m, err := mlxc.Load(filepath.Join("testdata", "models", test.model+".mlx"), mlxc.Source{Set: test.set})
			if err != nil {
				t.Fatal(err)
			}
			runner, err := mlxc.BuildRunner(context.Background(), m, test.model+".mlx", ir.CPU, nil)
			if err != nil {
				t.Fatal(err)
			}
			var in, out bytes.Buffer
			for _, a := range test.inputs(t) {
				if err := runtime.WriteNPY(&in, a); err != nil {
					t.Fatal(err)
				}
			}
			if err := runner.Run(context.Background(), test.entry, drawnWeights(t, m), 0, &in, &out); err != nil {
				t.Fatal(err)
			}
			result, err := runtime.ReadNPY(&out, math.MaxInt64)
			if err != nil {
				t.Fatal(err)
			}
			want := recordedResult(t, test.model, test.result)
			largest := 0.0
			for _, x := range want {
				largest = max(largest, math.Abs(float64(x)))
			}
			within(t, test.result, floats(t, result), want, 1e-4*largest)
		})
	}
}

var unetSmall = map[string]string{
	"ch": "[16, 32, 48]", "heads": "[2, 4, 6]", "layers": "1", "context": "24", "groups": "8",
}

var drawnModels = []struct {
	model, entry, result string
	set                  map[string]string
	inputs               func(t *testing.T) []*runtime.Array
}{
	{"unet", "step", "z", unetSmall, func(t *testing.T) []*runtime.Array {
		number := func(x float32) *runtime.Array { return arrayOf(t, runtime.F32, []float32{x}) }
		return []*runtime.Array{draw(t, "z", 1, 8, 16, 4), number(601), draw(t, "text", 2, 7, 24), number(7.5), number(2.5), number(2)}
	}},
	{"unet", "noise", "noise", unetSmall, func(t *testing.T) []*runtime.Array {
		z := data[float32](t, draw(t, "z", 1, 8, 16, 4))
		both := append(append([]float32{}, z...), z...)
		return []*runtime.Array{arrayOf(t, runtime.F32, both, 2, 8, 16, 4), arrayOf(t, runtime.F32, []float32{601, 601}, 2), draw(t, "text", 2, 7, 24)}
	}},
	{"vit", "classify", "logits", map[string]string{
		"D": "48", "depth": "3", "heads": "4", "patch": "8", "size": "32", "classes": "10",
	}, func(t *testing.T) []*runtime.Array {
		return []*runtime.Array{draw(t, "x", 2, 32, 32, 3)}
	}},
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
	for _, p := range m.Params {
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
