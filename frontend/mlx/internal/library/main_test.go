package main

import (
	"os"
	"path/filepath"
	"testing"
)

// The committed packages are those of the present library.
func TestUpToDate(t *testing.T) {
	for _, name := range []string{"nn", "loss", "optim"} {
		want, err := generate(name, "../../../dsl/std")
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("../..", name, name+"_gen.go"))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("package %s is out of date: run go generate ./frontend/mlx/...", name)
		}
	}
}
