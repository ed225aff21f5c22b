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
	"string for a tensor": true, "too many values": true, "result not a tuple": true, "init of the wrong dtype": true, "init of a vector by its fans": true, "tabs and quotes": true,
	"quantised input": true, "quantised state": true, "dequant of a float": true, "quantised with a number": true, "quantised to blocks": true, "planes of another format": true, "compute in a quantised dtype": true}

// TestMistakes compares what is said of the programs in testdata/mistakes.txt, each a
// mistake that people make: the right place, what is wrong, and what to do.
func TestMistakes(t *testing.T) {
	all := "# Programs with mistakes that people make, and what the compiler says of each.\n"
	cases := mistakes(t)
	for _, m := range cases {
		opts := Options{ReadFile: file(m.program)}
		_, err := Load("m.mlx", opts)
		var found ir.Diagnostics
		if !errors.As(err, &found) {
			t.Errorf("%s: it loads: %v", m.title, err)
		}
		text := found.Render(opts.Source)
		if !sayEnough[m.title] && !strings.Contains(text, "= hint: ") {
			t.Errorf("%s: no hint:\n%s", m.title, text)
		}
		all += "\n== " + m.title + "\n" + m.program + "--\n" + text
	}
	if len(cases) < 100 {
		t.Errorf("%d mistakes", len(cases))
	}
	golden(t, mistakesFile, all)
}

const mistakesFile = "testdata/mistakes.txt"

// A mistake is a program of testdata/mistakes.txt.
type mistake struct{ title, program string }

func mistakes(t testing.TB) (out []mistake) {
	src, err := os.ReadFile(mistakesFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range strings.Split(string(src), "\n== ")[1:] {
		title, rest, _ := strings.Cut(c, "\n")
		program, _, ok := strings.Cut(rest, "--\n")
		if !ok {
			t.Fatalf("%s: no line --", title)
		}
		out = append(out, mistake{title, program})
	}
	return out
}
