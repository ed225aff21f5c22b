package onnx_test

import (
	"cmp"
	"os"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/frontend/onnx"
)

// The page lists the operators that there are. MLXC_UPDATE=1 rewrites the list.
func TestPage(t *testing.T) {
	const file, from, to = "../../docs/onnx.md", "<!-- operators -->\n", "<!-- /operators -->\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), from)
	_, after, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the operators", file)
	}
	var b strings.Builder
	for _, domain := range onnx.Domains() {
		name := cmp.Or(domain, "ai.onnx")
		b.WriteString("`" + name + "`: " + wrapped(onnx.Operators(domain), len(name)+4) + ".\n\n")
	}
	want := before + from + b.String() + to + after
	if os.Getenv("MLXC_UPDATE") == "1" {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Errorf("%s does not list the operators that there are; MLXC_UPDATE=1 rewrites it", file)
	}
}

// wrapped is words in lines of 96 columns, of which the first has column taken already.
func wrapped(words []string, column int) string {
	var b strings.Builder
	for i, w := range words {
		switch {
		case i == 0:
		case column+1+len(w) > 96:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(w)
		column += len(w)
	}
	return b.String()
}
