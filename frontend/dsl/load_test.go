package dsl

import (
	"errors"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

func TestLoadMNIST(t *testing.T) {
	opts := Options{}
	p, err := Load("../../testdata/mnist/mnist.mlx", opts)
	if err != nil {
		t.Fatal(err.(ir.Diagnostics).Render(opts.Source))
	}
	t.Log(ir.Print(p.Module()))
}

// TestModels loads larger models: what is wrong with them is that parts of the
// language are not supported yet.
func TestModels(t *testing.T) {
	for _, name := range models(t) {
		opts := Options{}
		_, err := Load(name, opts)
		t.Logf("%s: %v", name, err)
		var found ir.Diagnostics
		errors.As(err, &found)
		for _, d := range found {
			if !strings.Contains(d.Msg, "not supported yet") {
				t.Error(ir.Diagnostics{d}.Render(opts.Source))
			}
		}
	}
}
