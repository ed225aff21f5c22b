//go:build darwin || (linux && mlxc_metal)

package mlxc_test

import (
	"context"
	"slices"
	"testing"

	"github.com/mlxc/mlxc/internal/program"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
	"github.com/mlxc/mlxc/runtime"
)

// On the GPU, too, they give what PyTorch gave.
func TestMetalDrawnModels(t *testing.T) {
	notShort(t)
	needMetal(t)
	for _, d := range drawnModels {
		t.Run(d.name, func(t *testing.T) {
			calls := d.calls(t)
			m := sampleModel(t, d.name, d.set, calls)
			weights := drawnWeights(t, m)
			if err := passes.Run(m, ir.Metal, nil); err != nil {
				t.Fatal(err)
			}
			p, err := program.Metal(m)
			if err != nil {
				t.Fatal(err)
			}
			loaded, err := runtime.Load(p, weights)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { closed(t, loaded) })
			s, err := loaded.NewSession(d.dims...)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { closed(t, s) })
			results := make([][]*runtime.Array, len(calls))
			for i, c := range calls {
				entry := slices.IndexFunc(p.Entries, func(e runtime.Entry) bool { return e.Name == c.entry })
				out, err := s.CallAt(context.Background(), entry, c.given, c.inputs...)
				if err != nil {
					t.Fatal(err)
				}
				for _, a := range out {
					kept, err := a.Clone()
					if err != nil {
						t.Fatal(err)
					}
					results[i] = append(results[i], kept)
				}
			}
			d.compare(t, calls, results)
		})
	}
}
