package dsl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mlxc/mlxc/ir"
)

// TestSyntaxErrors compares the messages for all files of testdata/syntax.
func TestSyntaxErrors(t *testing.T) {
	names, err := filepath.Glob("testdata/syntax/*.mlx")
	if err != nil || len(names) < 10 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	var all strings.Builder
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = Parse(filepath.Base(name), src); err == nil {
			t.Errorf("%s parses", name)
			continue
		}
		all.WriteString(err.(ir.Diagnostics).Render(func(string) ([]byte, bool) { return src, true }))
	}
	golden(t, "testdata/syntax/want.txt", all.String())
}

// golden compares text with a file, and writes the file if MLXC_UPDATE is set.
func golden(t *testing.T, file, text string) {
	t.Helper()
	if os.Getenv("MLXC_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), text); d != "" {
		t.Errorf("%s (MLXC_UPDATE=1 rewrites it):\n%s", file, d)
	}
}
