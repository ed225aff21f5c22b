package models

import (
	"bytes"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// Code of 24 layers is that of 2: what grows with depth is tables.
func TestCodeDoesNotGrowWithDepth(t *testing.T) {
	compile := func(layers int) map[string][]byte {
		m := module(t, Model{"transformer", func() (*mlx.Program, error) { return Transformer(layers) }})
		p, err := mlxc.Compile(m, mlxc.Options{Package: "transformer", Source: "transformer.go", Targets: []ir.Target{ir.CPU, ir.Metal}})
		if err != nil {
			t.Fatal(err)
		}
		files := map[string][]byte{}
		for _, f := range p.Files {
			files[f.Name] = f.Data
		}
		return files
	}
	tables := map[string]bool{"model.go": true, "model_metal.go": true}
	few, many := compile(2), compile(24)
	if len(few) != len(many) || len(few) <= len(tables) {
		t.Errorf("%d files for 2 layers, %d for 24", len(few), len(many))
	}
	for name, text := range few {
		if !tables[name] && !bytes.Equal(text, many[name]) {
			t.Errorf("%s has %d bytes for 2 layers and %d for 24", name, len(text), len(many[name]))
		}
	}
}
