package mutants_test

import (
	"os"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/internal/msl"
	"github.com/mlxc/mlxc/internal/mutants"
)

func TestX(t *testing.T) {
	if err := msl.Available(); err != nil {
		t.Skip(err)
	}
	for _, path := range []string{"testdata/forms.mlxir"} {
		m, err := mlxc.Load(path, mlxc.Source{})
		if err != nil {
			t.Fatal(err)
		}
		all, err := mutants.Kernels(m, []int64{3, 33}, 1<<30, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		by := map[string]int{}
		for _, m := range all {
			by[m.Killer]++
			if m.Killer == "" {
				t.Log(m)
			}
		}
		t.Log(len(all), by)
	}
	_ = os.Stdout
}
