package initial

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mlxc/mlxc/frontend/dsl"
	"github.com/mlxc/mlxc/internal/repack"
	"github.com/mlxc/mlxc/ir"
)

// drawn is a distribution and its number.
type drawn struct {
	Name   string
	Number float64
}

func (d *drawn) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&d.Name, &d.Number})
}

func (d drawn) is(init *ir.Init) bool {
	return init != nil && init.Name == d.Name && len(init.Args) == 1 && math.Abs(init.Args[0]-d.Number) <= 1e-15*math.Abs(d.Number)
}

// oracle is what scripts/oracles/init.py has recorded of PyTorch.
func oracle(t *testing.T) (o struct {
	Fans []struct {
		Init  string
		Gain  float64
		Shape []int
		Drawn drawn
	}
	Layers     map[string]map[string]drawn
	Orthogonal []struct {
		Rows, Cols int
		From, To   []float64
	}
}) {
	t.Helper()
	text, err := os.ReadFile("testdata/torch.json")
	if err == nil {
		err = json.Unmarshal(text, &o)
	}
	if err != nil || len(o.Fans) == 0 || len(o.Layers) == 0 || len(o.Orthogonal) == 0 {
		t.Fatal(len(o.Fans), len(o.Layers), len(o.Orthogonal), err)
	}
	return o
}

func load(t *testing.T, text string) *ir.Module {
	t.Helper()
	opts := dsl.Options{ReadFile: func(name string) ([]byte, error) {
		if name != "m.mlx" {
			return nil, os.ErrNotExist
		}
		return []byte(text), nil
	}}
	p, err := dsl.Load("m.mlx", opts)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return p.Module()
}

// The fans are those of the axes in the model, whatever order they have in the checkpoint.
func TestFansArePyTorchs(t *testing.T) {
	for _, c := range oracle(t).Fans {
		names := strings.Fields("o i x y z")[:len(c.Shape)]
		last := slices.Concat(c.Shape[:1], c.Shape[2:], c.Shape[1:2])
		lastNames := slices.Concat(names[:1], names[2:], names[1:2])
		sizes := strings.ReplaceAll(fmt.Sprint(last), " ", ", ")
		for _, turned := range []string{"", fmt.Sprintf(" load rearrange(_, %q)", strings.Join(names, " ")+" -> "+strings.Join(lastNames, " "))} {
			m := load(t, fmt.Sprintf("param w: f32%s%s = init.%s(%v)\nentry f(x: f32) -> (y: f32) { return x + sum(w) }\n", sizes, turned, c.Init, c.Gain))
			if got := m.Params[0].Init; !c.Drawn.is(got) {
				t.Errorf("%s of %v%s: %v, want %v", c.Init, last, turned, got, c.Drawn)
			}
		}
	}
}

// Layers of the library begin as PyTorch's, but for some biases: most of the library's are 0, so
// that a checkpoint may lack them.
func TestLayersArePyTorchs(t *testing.T) {
	var others []string
	for call, params := range oracle(t).Layers {
		m := load(t, "import nn\nlayer = "+call+"\nentry f(x: f32) -> (x: f32) { return x }\n")
		if len(m.Params) != len(params) {
			t.Errorf("%s has %d params, PyTorch's %d", call, len(m.Params), len(params))
		}
		for _, p := range m.Params {
			name := strings.TrimPrefix(p.Path, "layer.")
			if want, ok := params[name]; !ok {
				t.Errorf("%s: PyTorch's has no %s", call, name)
			} else if !want.is(p.Init) {
				others = append(others, fmt.Sprint(strings.TrimPrefix(call[:strings.Index(call, "(")], "nn."), " ", name, " ", p.Init.Name))
			}
		}
		if _, err := Tensors(m, 0); err != nil {
			t.Errorf("%s: %v", call, err)
		}
	}
	slices.Sort(others)
	if diff := cmp.Diff([]string{
		"Conv1d bias constant", "Conv2d bias constant", "ConvTranspose1d bias constant", "ConvTranspose2d bias constant",
		"GRU bias_hh_l0 constant", "GRU bias_ih_l0 constant", "LSTM bias_hh_l0 constant", "LSTM bias_ih_l0 constant",
		"MultiHeadAttention out_proj.bias uniform",
	}, others); diff != "" {
		t.Error(diff)
	}
}

// All blocks of the library are among those layers.
func TestAllLayersAreRecorded(t *testing.T) {
	text, err := os.ReadFile("../../frontend/dsl/std/nn.mlx")
	if err != nil {
		t.Fatal(err)
	}
	layers := oracle(t).Layers
	blocks := 0
	for line := range strings.Lines(string(text)) {
		name, ok := strings.CutPrefix(line, "block ")
		if !ok {
			continue
		}
		blocks++
		name, _, _ = strings.Cut(name, "(")
		found := false
		for call := range layers {
			found = found || strings.HasPrefix(call, "nn."+name+"(")
		}
		if !found {
			t.Errorf("nothing is recorded of %s", name)
		}
	}
	if blocks < len(layers) {
		t.Errorf("%d blocks", blocks)
	}
}

// elementsOf are the numbers of a tensor.
func elementsOf(t *testing.T, m repack.Made) []float64 {
	t.Helper()
	fill, err := m.Begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	n, _ := m.Type.Elems().Int()
	x := make([]float64, n)
	fill(0, x)
	return x
}

func tensors(t *testing.T, m *ir.Module, seed uint64) map[string][]float64 {
	t.Helper()
	list, err := Tensors(m, seed)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]float64{}
	for _, m := range list {
		all[m.Name+" "+m.Type.String()] = elementsOf(t, m)
	}
	return all
}

// A checkpoint has the tensors that the model wants, by their names there.
func TestTensors(t *testing.T) {
	const text = `config { more: bool = false }
param w: f16[2, 3] = init.normal(2.0)
param table: q4g32[4, 32] = init.uniform(0.5)
param numbers: i32[3] = [1, -2, 3]
param half: f32[2] at "renamed" = 0.5
state count: f32[2] = 0
entry step(x: f32) -> (y: f32) {
  count = count + x
  return x + sum(w.to(f32)) + sum(dequant(table)) + sum(numbers).to(f32) + sum(half)
}
weights "m.safetensors" { "w" -> "other.w" }
`
	got := tensors(t, load(t, text), 7)
	if diff := cmp.Diff([]float64{1, -2, 3}, got["numbers i32[3]"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float64{0.5, 0.5}, got["renamed f32[2]"]); diff != "" {
		t.Error(diff)
	}
	if len(got) != 4 || len(got["other.w f16[2, 3]"]) != 6 || len(got["table q4g32[4, 32]"]) != 128 {
		t.Errorf("%v", got)
	}
	for i, x := range got["other.w f16[2, 3]"] {
		if want := 2 * keyOf(7, "other.w").normal(i, 6); x != want {
			t.Errorf("element %d is %v, want %v", i, x, want)
		}
	}
	more := tensors(t, load(t, "param first: f32[2, 3] = init.normal(2.0)\n"+strings.Replace(text, "return x", "return x + sum(first)", 1)), 7)
	for name, x := range got {
		if diff := cmp.Diff(x, more[name]); diff != "" {
			t.Errorf("%s is another where there is one more param:\n%s", name, diff)
		}
	}
	if cmp.Equal(more["first f32[2, 3]"], more["other.w f16[2, 3]"]) {
		t.Error("two tensors have the same numbers")
	}
	if cmp.Equal(tensors(t, load(t, text), 8)["other.w f16[2, 3]"], got["other.w f16[2, 3]"]) {
		t.Error("two seeds give the same numbers")
	}
}

// One tensor that is two params begins as the first that has an init.
func TestSharedTensor(t *testing.T) {
	got := tensors(t, load(t, `param a: f32[2]
param b: f32[2] = 3
param c: f32[2] = 4
entry f(x: f32) -> (y: f32) { return x + sum(a + b + c) }
weights "m.safetensors" {
  "a" -> "w"
  "b" -> "w"
  "c" -> "w"
}
`), 0)
	if diff := cmp.Diff(map[string][]float64{"w f32[2]": {3, 3}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestTensorsAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"param a: f32[2]\nparam b: f32[2] = 0\nparam c: q8_0[2, 32]\nentry f(x: f32) -> (y: f32) { return x + sum(a + b) + sum(dequant(c)) }\n": "these parameters have no init, such as `= init.normal(0.02)` or `= 0`:\n  m.mlx:1:7: a f32[2]\n  m.mlx:3:7: c q8_0[2, 32]",
		"param a: f32[65536, 65536] = init.normal(1.0)\nentry f(x: f32) -> (y: f32) { return x + sum(a) }\n":                                    "m.mlx:1:7: a: f32[65536, 65536] has more elements than one key has counters, 2^32 - 1",
	} {
		if _, err := Tensors(load(t, text), 0); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// Every distribution of the table is drawn.
func TestAllDistributions(t *testing.T) {
	shape := []ir.Size{ir.N(2), ir.N(3)}
	for _, d := range ir.Distributions {
		in := ir.Init{Name: d.Name, Args: []float64{1}}
		x := elementsOf(t, repack.Made{Type: ir.Type{DType: ir.F32, Shape: shape}, Begin: func(ctx context.Context) (func(int, []float64), error) {
			return begin(ctx, in.Of(shape), keyOf(0, "w"), shape)
		}})
		if slices.Sort(x); len(slices.Compact(x)) < 6 {
			t.Errorf("%s: %v", d.Name, x)
		}
	}
}
