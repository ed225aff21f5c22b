package dsl

import (
	"errors"
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mlxc/mlxc/ir"
)

// Every example of the page about the language compiles, with its tests, or gives the
// message that stands below it.
func TestLanguagePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/language.md")
	if err != nil {
		t.Fatal(err)
	}
	fence := regexp.MustCompile("(?ms)^```mlx( error)?\n(.*?)^```\n(?:```\n(.*?)^```\n)?")
	examples := fence.FindAllStringSubmatch(string(page), -1)
	wrong := 0
	for _, e := range examples {
		opts := Options{ReadFile: file(e[2])}
		_, err := Load("model.mlx", opts)
		if err == nil {
			_, _, err = LoadTests("model.mlx", opts, arrays)
		}
		var found ir.Diagnostics
		switch errors.As(err, &found); {
		case e[1] == "" && err != nil:
			t.Errorf("%s\n%s", e[2], found.Render(opts.Source))
		case e[1] != "":
			wrong++
			if diff := cmp.Diff(e[3], found.Render(opts.Source)); diff != "" {
				t.Errorf("%s\n%s", e[2], diff)
			}
		}
	}
	if len(examples) < 7 || wrong < 2 {
		t.Errorf("the page has %d examples, %d of them wrong", len(examples), wrong)
	}
}

// The page has every distribution, with what the table of them says.
func TestDistributionsPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/language.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range ir.Distributions {
		row := regexp.MustCompile(`\| .init\.` + d.Name + `\(` + d.Arg + `.*\). \| ` + regexp.QuoteMeta(d.Doc) + ` \|\n`)
		if !row.Match(page) {
			t.Errorf("the page lacks %s(%s): %s", d.Name, d.Arg, d.Doc)
		}
	}
}
