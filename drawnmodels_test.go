package mlxc_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
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
	{name: "mlp", set: map[string]string{"hidden": "32"}, calls: mlpCalls},
	{name: "lenet", calls: lenetCalls},
	{name: "resnet18", set: map[string]string{"size": "64", "width": "16"}, calls: resnet18Calls},
	{name: "kernels", calls: kernelsCalls},
	{name: "rnn", set: map[string]string{"words": "30", "D": "24"}, dims: []int{2}, calls: rnnCalls("lstm", 27)},
	{name: "rnn", set: map[string]string{"words": "30", "D": "24", "cell": "GRU"}, dims: []int{2}, calls: rnnCalls("gru", 23)},
	{name: "vit", set: map[string]string{"D": "48", "depth": "3", "heads": "4", "patch": "8", "size": "32", "classes": "10"}, calls: vitCalls},
	{name: "bert", set: map[string]string{"vocab": "60", "P": "16", "D": "32", "F": "48", "L": "2", "H": "4"}, calls: bertCalls},
	{name: "clip", set: map[string]string{"vocab": "60", "P": "16", "D": "32", "F": "48", "L": "2", "H": "4"}, calls: clipCalls("gelu")},
	{name: "clip", set: map[string]string{
		"vocab": "60", "P": "16", "D": "32", "F": "48", "L": "2", "H": "4", "act": "quick_gelu",
	}, calls: clipCalls("quick")},
	{name: "llama", set: map[string]string{
		"vocab": "50", "D": "64", "F": "128", "L": "2", "H": "4", "KV": "2", "theta": "10000.0",
		"factor": "8.0", "context": "64", "tied": "false",
	}, dims: []int{2, 9}, calls: llamaCalls("")},
	{name: "llama", set: map[string]string{
		"vocab": "50", "D": "64", "F": "128", "L": "2", "H": "4", "KV": "2", "theta": "10000.0",
		"factor": "8.0", "context": "64", "tied": "false", "W": "q4g64",
	}, dims: []int{2, 9}, calls: llamaCalls("q4-")},
	{name: "whisper", set: map[string]string{
		"D": "32", "mels": "20", "A": "24", "P": "12", "vocab": "50",
		"listeners": "2", "ears": "2", "writers": "2", "heads": "4",
	}, dims: []int{2}, calls: whisperCalls},
	{name: "unet", set: map[string]string{
		"ch": "[16, 32, 48]", "heads": "[2, 4, 6]", "layers": "1", "context": "24", "groups": "8",
	}, calls: unetCalls},
	{name: "vae", set: map[string]string{"ch": "[16, 24, 32]", "layers": "1", "groups": "8"}, calls: vaeCalls},
}

// Compiled for the CPU, they give what PyTorch 2.15.0 gave in float64.
func TestDrawnModels(t *testing.T) {
	notShort(t)
	for _, d := range drawnModels {
		t.Run(d.name, func(t *testing.T) {
			calls := d.calls(t)
			b := buildModel(t, d.name, d.set, calls...)
			d.compare(t, calls, b.run(t, drawnWeights(t, b.module), d.dims, calls))
		})
	}
}

// notShort skips what compiles all models.
func notShort(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles all models")
	}
}

// Every model of testdata/models compiles for both targets.
func TestSampleModels(t *testing.T) {
	notShort(t)
	paths, err := filepath.Glob("testdata/models/*.mlx")
	if err != nil || len(paths) < 18 {
		t.Fatal(len(paths), "models", err)
	}
	for _, path := range paths {
		d := drawnModel{name: strings.TrimSuffix(filepath.Base(path), ".mlx")}
		if i := slices.IndexFunc(drawnModels, func(o drawnModel) bool { return o.name == d.name }); i >= 0 {
			d = drawnModels[i]
		}
		t.Run(d.name, func(t *testing.T) {
			m := sampleModel(t, d.name, d.set, nil)
			if _, err := mlxc.Compile(m, mlxc.Options{Package: d.name, Source: path, Targets: targets}); err != nil {
				t.Error(err)
			}
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
			want, got := recordedResult(t, d.name, name), asFloats(t, results[i][j])
			if len(got) != len(want) {
				t.Fatalf("%s: %d numbers, want %d", name, len(got), len(want))
			}
			largest, worst := 0.0, 0.0
			for i, x := range want {
				largest, worst = max(largest, math.Abs(float64(x))), max(worst, math.Abs(float64(got[i])-float64(x)))
			}
			if t.Logf("%s: off by %.1e of the largest", name, worst/largest); !(worst <= 1e-4*largest) {
				t.Errorf("%s: off by %g of %g", name, worst, largest)
			}
		}
	}
}

// A kernel has room for 31 buffers on Metal: what is joined of more values, by the model, of
// the weights of products of one value or of what becomes of states, is joined in parts.
func TestManyJoined(t *testing.T) {
	path := filepath.Join(t.TempDir(), "many.mlx")
	text := `import nn
dim 1 <= B <= 4
layers = [nn.Linear(8, 8, bias=false) for i in 0..40]
entry joined(x: f32[B, 8]) -> (y: f32[320, B]) { return concat([layer(x).T for layer in layers], 0) }
block Cache() { state k: f32[B, 8, 8] = 0 }
caches = [Cache() for i in 0..40]
entry fill(x: f32[B, 8, 8]) { for c in caches { c.k = x } }
entry reorder(from: i32[B]) { for c in caches { c.k = take(c.k, from) } }
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
