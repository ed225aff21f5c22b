//go:build linux && mlxc_metal

package mutants_test

import (
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/internal/mutants"
)

func TestY(t *testing.T) {
	m, err := mlxc.Load("../../testdata/digits/digits.mlx", mlxc.Source{})
	if err != nil {
		t.Fatal(err)
	}
	all, err := mutants.Launches(m, "../../testdata/digits/digits.safetensors", 2, 1<<30, 1, func(i, n int) { println(i, n) })
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]int{}
	for _, m := range all {
		by[m.Killer[:min(60, len(m.Killer))]]++
		if m.Killer == "" {
			t.Log(m)
		}
	}
	for k, n := range by {
		t.Log(n, k)
	}
	t.Log(len(all))
}
