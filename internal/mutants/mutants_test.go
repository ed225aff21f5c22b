//go:build linux && mlxc_metal

package mutants_test

import (
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/internal/mutants"
	"github.com/mlxc/mlxc/internal/required"
	"github.com/mlxc/mlxc/internal/softmetal"
	"github.com/mlxc/mlxc/ir"
)

// No mutant survives without a proof that it means the same. Of those that the
// command scripts/mutants makes these are some.
func TestNoMutantSurvives(t *testing.T) {
	if err := softmetal.Available(); err != nil {
		required.Skip(t, err)
	}
	kernels, launches := 160, 100
	if testing.Short() {
		kernels, launches = 30, 20
	}
	load := func(path string) *ir.Module {
		m, err := mlxc.Load(path, mlxc.Source{})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	check := func(all []mutants.Mutant, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		survivors, _ := mutants.Unproved(all)
		for _, m := range survivors {
			t.Errorf("survives: %s", m)
		}
		by := map[string]int{}
		for _, m := range all {
			by[m.Killer]++
		}
		t.Logf("%d mutants, by what killed them: %v", len(all), by)
	}
	check(mutants.Kernels(load("../../codegen/metal/testdata/forms.mlxir"), mutants.Sizes, kernels, 1, nil))
	check(mutants.Launches(load("../../testdata/digits/digits.mlx"), "../../testdata/digits/digits.safetensors", mutants.LaunchSizes, launches, 1, nil))
}
