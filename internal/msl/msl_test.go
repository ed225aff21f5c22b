package msl

import (
	"os"
	"testing"
)

func TestTmp(t *testing.T) {
	for _, name := range []string{"digits", "mnist"} {
		data, err := os.ReadFile("../../testdata/metal/" + name + ".metal")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range Lint(string(data)) {
			t.Error(p)
		}
		if err := Strict(string(data)); err != nil {
			t.Error(err)
		}
		for _, m := range []Mode{Flat, Checked} {
			for _, a := range []string{"amd64", "arm64"} {
				o, err := Compile(string(data), m, a)
				t.Log(o, err)
			}
		}
	}
}
