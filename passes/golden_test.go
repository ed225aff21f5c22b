package passes

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mlxc/mlxc/internal/random"
	"github.com/mlxc/mlxc/ir"
)

var update = flag.Bool("update", os.Getenv("MLXC_UPDATE") == "1", "rewrite the texts under testdata")

// before names the passes without which a pass cannot take a graph. Texts for
// lower and what follows hold graphs, as is easier to read and to write.
var before = map[string][]string{
	"lower":    {"fuse"},
	"legalise": {"fuse", "lower"},
	"tile":     {"fuse", "lower"},
	"pack":     {"fuse", "lower", "tile"},
	"schedule": {"fuse", "lower", "tile"},
	"plan":     {"fuse", "lower", "tile", "schedule"},
}

// Text in, text out: testdata/PASS/NAME.mlxir through the pass is NAME.want.mlxir,
// and means the same.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.mlxir")
	if err != nil {
		t.Fatal(err)
	}
	tested := map[string]bool{}
	for _, file := range files {
		pass := filepath.Base(filepath.Dir(file))
		wanted, isWant := strings.CutSuffix(file, ".want.mlxir")
		if isWant {
			if _, err := os.Stat(wanted + ".mlxir"); err != nil {
				t.Errorf("%s belongs to no text", file)
			}
			continue
		}
		tested[pass] = true
		t.Run(strings.TrimSuffix(file, ".mlxir"), func(t *testing.T) { golden(t, file, pass) })
	}
	for _, p := range List() {
		if !tested[p.Name] {
			t.Errorf("pass %s has no text", p.Name)
		}
	}
}

func golden(t *testing.T, file, pass string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parse := func() *ir.Module {
		m, err := ir.Parse(file, text)
		if err != nil {
			t.Fatal(err)
		}
		if err := ir.Verify(m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := parse()
	names := append(slices.Clone(before[pass]), pass)
	if len(storedTogether(m.Funcs[0])) > 0 { // the text says which kernels it wants
		names = names[1:]
	}
	if err := Apply(m, "", names); err != nil {
		t.Fatal(err)
	}
	same := bitwise
	if pass == "legalise" {
		same = legal
	}
	if !testing.Short() { // the evaluator takes most of the time
		ref := parse()
		if slices.Contains(names, "fuse") {
			if err := Apply(ref, "", []string{"fuse"}); err != nil {
				t.Fatal(err)
			}
		}
		sameMeaning(t, ref, m, same)
	}

	want := strings.TrimSuffix(file, ".mlxir") + ".want.mlxir"
	got := ir.Print(m)
	if *update {
		if err := os.WriteFile(want, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile(want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(old), got); diff != "" {
		t.Errorf("%s:\n%s", want, diff)
	}
	again, err := ir.Parse(want, []byte(got))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, ir.Print(again)); diff != "" {
		t.Errorf("printed and parsed, the text is another:\n%s", diff)
	}
}

// sameMeaning runs all entries of two modules on random inputs, some of them NaN,
// infinities and zeros of both signs.
func sameMeaning(t *testing.T, a, b *ir.Module, same func(x, y float64) bool) {
	t.Helper()
	for i, f := range a.Funcs {
		one, two := *a, *b
		one.Funcs = a.Funcs[i : i+1]
		two.Funcs = slices.DeleteFunc(slices.Clone(b.Funcs), func(g *ir.Func) bool { return g.Name != f.Name })
		special, same := true, same
		if slices.ContainsFunc(f.Body, func(in *ir.Instr) bool { return in.Op.Kind == ir.KindContract }) {
			special, same = false, equal // an infinity times the zeros of a padding is NaN in kernels
		}
		for seed := range uint64(4) {
			params, inputs, ok := random.Inputs(&one, seed, special)
			if !ok {
				t.Fatal("there are no inputs")
			}
			want, _, err := evalRounded(&one, params, inputs)
			if err != nil {
				t.Fatal(err)
			}
			got, err := evalServing(&two, params, inputs)
			if err != nil {
				t.Fatal(err)
			}
			for n, w := range want {
				if diff := difference(got[n], w, same); diff != "" {
					t.Errorf("%s: result %s: %s", f.Name, f.Results[n].Name, diff)
				}
			}
		}
	}
}
