package models

import (
	"bytes"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// Code of many layers is that of few: what grows with depth is tables, and an example that
// names all inputs. What all layers of a llama read alike, such as the angles of its
// positions, is stored once there are enough of them, so that they are compared from there.
func TestCodeDoesNotGrowWithDepth(t *testing.T) {
	small := LlamaConfig{Width: 128, Hidden: 256, Heads: 4, KV: 2, Theta: 10000, Eps: 1e-5, Context: 256}
	for _, c := range []struct {
		name      string
		few, many int
		build     func(layers int) (*mlx.Program, error)
	}{
		{"transformer", 2, 24, Transformer},
		{"llama", 12, 24, func(layers int) (*mlx.Program, error) { return LlamaLayers(small, 0, layers) }},
		{"llama of a single token", 24, 32, func(layers int) (*mlx.Program, error) { return LlamaLayers(small, 1, layers) }},
	} {
		tables := map[string]bool{"model.go": true, "model_metal.go": true, "example_test.go": true}
		few, many := filesOf(t, c.build, c.few), filesOf(t, c.build, c.many)
		if len(few) != len(many) || len(few) <= len(tables) {
			t.Errorf("%s: %d files for %d layers, %d for %d", c.name, len(few), c.few, len(many), c.many)
		}
		for name, text := range few {
			if !tables[name] && !bytes.Equal(text, many[name]) {
				t.Errorf("%s: %s has %d bytes for %d layers and %d for %d", c.name, name, len(text), c.few, len(many[name]), c.many)
			}
		}
	}
}

func filesOf(t *testing.T, build func(layers int) (*mlx.Program, error), layers int) map[string][]byte {
	m := module(t, Model{"model", func() (*mlx.Program, error) { return build(layers) }})
	p, err := mlxc.Compile(m, mlxc.Options{Package: "model", Source: "model.go", Targets: []ir.Target{ir.CPU, ir.Metal}})
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range p.Files {
		files[f.Name] = f.Data
	}
	return files
}
