package dsl

import "testing"

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
