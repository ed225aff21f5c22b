//go:build darwin || (linux && mlxc_metal)

package mlxc_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime/bench"
)

// A model that measures itself on the GPU: its launches one by one, by the GPU's clock.
func TestMetalBench(t *testing.T) {
	needMetal(t)
	emptyCache(t)
	file := filepath.Join(t.TempDir(), "small.mlx")
	text := "entry f(x: f32[8, 40]) -> (y: f32[8], z: f32[8]) {\n  y = sum(x, -1)\n  return y, exp(y * 2)\n}\n"
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	m, err := mlxc.Load(file, mlxc.Source{})
	if err != nil {
		t.Fatal(err)
	}
	planned, err := mlxc.Plan(m, ir.Metal, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := mlxc.BuildBench(t.Context(), m, file, ir.Metal, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []bench.Sample
	err = b.Run(context.Background(), bench.Config{Entries: []string{"f"}, Threads: []int{1}, Count: 1, Kernels: true}, nil, func(s bench.Sample) { got = append(got, s) })
	if err != nil {
		t.Fatal(err)
	}
	launches := 0
	for _, s := range got {
		if s.What == bench.Launch {
			if s.Launch != launches || s.Seconds <= 0 {
				t.Errorf("launch %d: %+v", launches, s)
			}
			launches++
		}
	}
	if want := len(planned.Funcs[0].Variants[0].Steps); launches != want || !slices.ContainsFunc(got, func(s bench.Sample) bool { return s.What == bench.Entry && s.Seconds > 0 }) {
		t.Errorf("%d launches, want %d: %+v", launches, want, got)
	}
}
