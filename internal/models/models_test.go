package models

import (
	"testing"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
)

func module(t *testing.T, m Model) *ir.Module {
	t.Helper()
	p, err := m.Build()
	if err != nil {
		t.Fatalf("%s: %v", m.Name, err)
	}
	return p.Module()
}

// Every model goes through all passes for both targets, and is one launch on Metal.
func TestModelsCompile(t *testing.T) {
	for _, m := range Small {
		for _, target := range []ir.Target{ir.CPU, ir.Metal} {
			w := module(t, m)
			if err := passes.Run(w, target, nil); err != nil {
				t.Errorf("%s for %s: %v", m.Name, target, err)
				continue
			}
			launches := len(w.Funcs[0].Variants[0].Steps)
			t.Logf("%s for %s: %d kernels, %d launches", m.Name, target, len(w.Kernels), launches)
			if target == ir.Metal && launches != 1 {
				t.Errorf("%s is %d launches on Metal", m.Name, launches)
			}
		}
	}
}

// Code does not grow with depth: layers of one shape share their kernels.
func TestLayersShareKernels(t *testing.T) {
	count := func(layers int) int {
		m := module(t, Model{"transformer", func() (*mlx.Program, error) { return Transformer(layers) }})
		if err := passes.Run(m, ir.CPU, nil); err != nil {
			t.Fatal(err)
		}
		return len(m.Kernels)
	}
	if two, four := count(2), count(4); two != four {
		t.Errorf("%d kernels for 2 layers, %d for 4", two, four)
	}
}

// Launches of blocks of Llama 3.2 1B, but for those at load. On the GPU gates are computed
// within products, a single token's norms too; what turns keys and queries is computed where
// these are, but in many blocks, which read one table. On the CPU three more launches lay out
// what attention reads, its queries as rows, and its keys and values as panels.
func TestLaunchesOfLlama(t *testing.T) {
	for _, c := range []struct {
		target ir.Target
		tokens int
		blocks int
		want   int
	}{{ir.Metal, 1, 1, 6}, {ir.Metal, 128, 1, 8}, {ir.Metal, 128, 4, 1 + 4*8}, {ir.CPU, 1, 1, 10}, {ir.CPU, 128, 1, 13}} {
		m := module(t, Model{"llama", func() (*mlx.Program, error) { return LlamaLayers(Llama1B, c.tokens, c.blocks) }})
		if err := passes.Run(m, c.target, nil); err != nil {
			t.Fatal(err)
		}
		if n := len(m.Funcs[0].Variants[0].Steps); n != c.want {
			t.Errorf("%d launches of %d blocks for %d tokens on %s, want %d", n, c.blocks, c.tokens, c.target, c.want)
		}
	}
}
