package dsl

import (
	"testing"

	"github.com/mlxc/mlxc/ir"
)

// The format is what the clause says, or else what the name ends with.
func TestWeightsClause(t *testing.T) {
	for clause, want := range map[string]string{
		`weights "m.npz"`:                          "npz m.npz",
		`weights "m.gguf"`:                         "gguf m.gguf",
		`weights gguf "*.gguf"`:                    "gguf *.gguf",
		`weights "m.safetensors"`:                  "safetensors m.safetensors",
		`weights "model.safetensors.index.json"`:   "safetensors model.safetensors.index.json",
		`weights safetensors "model*.safetensors"`: "safetensors model*.safetensors",
	} {
		text := "param w: f32[2]\nentry f(x: f32[2]) -> (y: f32[2]) { return x * w }\n" + clause + "\n"
		p, err := Load("m.mlx", Options{ReadFile: file(text)})
		if err != nil {
			t.Errorf("%s: %v", clause, err)
			continue
		}
		if c := p.Module().Checkpoint; c == nil || c.Format+" "+c.File != want {
			t.Errorf("%s: the checkpoint is %+v", clause, c)
		}
	}
}

// Of several clauses the checkpoint's name picks one: its own, or that of its format, or the
// first.
func TestWeightsChoice(t *testing.T) {
	const text = `param w: f32[2]
entry f(x: f32[2]) -> (y: f32[2]) { return x * w }
weights "model*.safetensors" { "w" -> "weight" }
weights safetensors "meta-*" { "w" -> "tok.weight" }
weights gguf "*.gguf" { "w" -> "blk.weight" }
`
	for name, want := range map[string]string{
		"":                             "weight",
		"a/model-1.safetensors":        "weight",
		"a/meta-7b":                    "tok.weight",
		"a/other.safetensors":          "weight",
		"model.safetensors.index.json": "weight",
		"q8.gguf":                      "blk.weight",
		"w.npz":                        "weight",
	} {
		p, err := Load("m.mlx", Options{ReadFile: file(text), Weights: name})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Module().Params[0].Path; got != want {
			t.Errorf("%q: the param is %s, want %s", name, got, want)
		}
	}
}

// A rename that is for no param is worth a warning.
func TestIdleRename(t *testing.T) {
	var warnings ir.Diagnostics
	const text = `param w: f32[2]
entry f(x: f32[2]) -> (y: f32[2]) { return x * w }
weights "m.npz" {
  "w" -> "weight"
  "ww" -> "weight"
}
`
	if _, err := Load("m.mlx", Options{ReadFile: file(text), Warnings: &warnings}); err != nil {
		t.Fatal(err)
	}
	if len(warnings) != 1 || warnings[0].Pos.Line != 5 || warnings[0].Msg != `no param is called "ww"` {
		t.Errorf("warned of %v", warnings)
	}
}
