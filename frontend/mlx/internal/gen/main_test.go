package main

import (
	"os"
	"testing"
)

// The committed file is that of the present op table.
func TestUpToDate(t *testing.T) {
	want, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../ops_gen.go")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("ops_gen.go is out of date: run go generate ./frontend/mlx")
	}
}
