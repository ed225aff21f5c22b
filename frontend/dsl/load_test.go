package dsl

import (
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
