package dsl

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

// TestBadModels loads each file of testdata/bad: every line with comments
// `# ERROR pattern` must have just those errors, and no other line one. Errors
// in the library stand where the model uses it. `# SET name=value` is an option.
func TestBadModels(t *testing.T) {
	names, err := filepath.Glob("testdata/bad/*.mlx")
	if err != nil || len(names) < 9 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	cases := 0
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) { cases += checkBad(t, name) })
	}
	if cases < 100 {
		t.Errorf("only %d errors", cases)
	}
}

func checkBad(t *testing.T, name string) int {
	src, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	opts := Options{Set: map[string]string{}}
	want := map[int][]string{}
	cases := 0
	for i, line := range strings.Split(string(src), "\n") {
		if set, ok := strings.CutPrefix(line, "# SET "); ok {
			k, v, _ := strings.Cut(set, "=")
			opts.Set[k] = v
		}
		for _, rx := range strings.Split(line, "# ERROR ")[1:] {
			want[i+1] = append(want[i+1], strings.TrimSpace(rx))
			cases++
		}
	}
	if strings.HasSuffix(name, "imported.mlx") {
		opts.ReadFile = importing(name)
		name = "main.mlx"
	}
	_, err = Load(name, opts)
	var found ir.Diagnostics
	if !errors.As(err, &found) {
		t.Fatalf("it loads: %v", err)
	}
	for _, d := range found.Sorted() {
		pos := d.Pos
		for pos.From != nil && pos.File == "nn.mlx" {
			pos = pos.From
		}
		if strings.HasPrefix(pos.File, "--set") {
			continue
		}
		text := d.Msg + " " + d.Hint
		for _, n := range d.Notes {
			text += " " + n.Text
		}
		i := 0
		for i < len(want[pos.Line]) && !regexp.MustCompile(want[pos.Line][i]).MatchString(text) {
			i++
		}
		if i == len(want[pos.Line]) {
			t.Errorf("unexpected: %s\n%s", text, ir.Diagnostics{d}.Render(opts.Source))
			continue
		}
		want[pos.Line] = append(want[pos.Line][:i:i], want[pos.Line][i+1:]...)
	}
	for line, rest := range want {
		for _, rx := range rest {
			t.Errorf("%s:%d: no error matches %s", name, line, rx)
		}
	}
	return cases
}

// importing makes a model that imports the file called name.
func importing(name string) func(string) ([]byte, error) {
	return func(file string) ([]byte, error) {
		if file == "main.mlx" {
			return []byte("import \"./imported.mlx\" as i\nentry e(x: f32[4]) -> (y: f32[4]) { return i.f(x) }\n"), nil
		}
		return os.ReadFile(name)
	}
}
