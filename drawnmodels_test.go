package mlxc_test

import (
	"math"
	"os"
	"path/filepath"
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
	{"mlp", map[string]string{"hidden": "32"}, nil, mlpCalls},
	{"lenet", nil, nil, lenetCalls},
	{"resnet18", map[string]string{"size": "32"}, nil, resnet18Calls},
	{"kernels", nil, nil, kernelsCalls},
	{"rnn", map[string]string{"words": "30", "D": "24"}, []int{2}, rnnCalls("lstm", 27)},
	{"rnn", map[string]string{"words": "30", "D": "24", "cell": "GRU"}, []int{2}, rnnCalls("gru", 23)},
	{"vit", map[string]string{"D": "48", "depth": "3", "heads": "4", "patch": "8", "size": "32", "classes": "10"}, nil, vitCalls},
	{"whisper", map[string]string{
		"D": "32", "mels": "20", "A": "24", "P": "12", "vocab": "50",
		"listeners": "2", "ears": "2", "writers": "2", "heads": "4",
	}, []int{2}, whisperCalls},
	{"llama", map[string]string{
		"vocab": "50", "D": "32", "F": "48", "L": "2", "H": "4", "KV": "2", "theta": "10000.0",
		"factor": "8.0", "context": "64", "tied": "false",
	}, []int{2, 9}, llamaCalls},
	{"bert", map[string]string{"vocab": "60", "P": "16", "D": "32", "F": "48", "L": "2", "H": "4"}, nil, bertCalls},
	{"clip", map[string]string{"vocab": "60", "P": "16", "D": "32", "F": "48", "L": "2", "H": "4"}, nil, clipCalls("gelu")},
	{"clip", map[string]string{"vocab": "60", "P": "16", "D": "32", "F": "48", "L": "2", "H": "4", "act": "quick_gelu"}, nil, clipCalls("quick")},
	{"vae", map[string]string{"ch": "[16, 24, 32]", "layers": "1", "groups": "8"}, nil, vaeCalls},
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
