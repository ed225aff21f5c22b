package dsl

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

// sayEnough are mistakes whose messages say enough without a hint.
var sayEnough = map[string]bool{"float32": true, "float": true, "not closed": true, "brace not closed": true, "twice": true,
	"string for a tensor": true, "too many values": true, "result not a tuple": true, "tabs and quotes": true}

// TestMistakes compares what is said of the programs in testdata/mistakes.txt, each a
// mistake that people make: the right place, what is wrong, and what to do.
func TestMistakes(t *testing.T) {
	const name = "testdata/mistakes.txt"
	src, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	head, cases, _ := strings.Cut(string(src), "\n== ")
	all := head
	n := 0
	for c := range strings.SplitSeq(cases, "\n== ") {
		title, rest, _ := strings.Cut(c, "\n")
		program, _, ok := strings.Cut(rest, "--\n")
		if !ok {
			t.Fatalf("%s: no line --", title)
		}
		opts := Options{ReadFile: file(program)}
		_, err := Load("m.mlx", opts)
		var found ir.Diagnostics
		if !errors.As(err, &found) {
			t.Errorf("%s: it loads: %v", title, err)
		}
		text := found.Render(opts.Source)
		if !sayEnough[title] && !strings.Contains(text, "= hint: ") {
			t.Errorf("%s: no hint:\n%s", title, text)
		}
		all += "\n== " + title + "\n" + program + "--\n" + text
		n++
	}
	if n < 100 {
		t.Errorf("%d mistakes", n)
	}
	golden(t, name, all)
}
