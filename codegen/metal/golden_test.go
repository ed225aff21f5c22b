package metal_test

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mlxc/mlxc/codegen/metal"
	"github.com/mlxc/mlxc/internal/msl"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
)

var update = flag.Bool("update", os.Getenv("MLXC_UPDATE") == "1", "rewrite the texts under testdata")

// One text has a kernel of every form, for people to read and for Apple's compiler to
// certify.
func TestTextOfForms(t *testing.T) {
	const source, golden = "testdata/forms.mlxir", "testdata/forms.metal"
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	m, err := ir.Parse(source, text)
	if err != nil {
		t.Fatal(err)
	}
	if err := passes.Run(m, ir.Metal, nil); err != nil {
		t.Fatal(err)
	}
	got, err := metal.Print(m)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
	forms := map[ir.Form]bool{}
	for _, k := range m.Kernels {
		forms[k.Schedule.Form] = true
	}
	for _, f := range []ir.Form{ir.FormPoints, ir.FormSimd, ir.FormGroup, ir.FormTile, ir.FormStream} {
		if !forms[f] {
			t.Errorf("no kernel of form %s", f)
		}
	}
	if problems := msl.Lint(got); len(problems) > 0 {
		t.Error(problems)
	}
}
