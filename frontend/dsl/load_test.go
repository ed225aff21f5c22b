package dsl

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

// The sample models have nothing wrong at their full sizes.
func TestModels(t *testing.T) {
	names, err := filepath.Glob("../../testdata/*/*.mlx")
	if err != nil || len(names) < 20 {
		t.Fatalf("%d models, %v", len(names), err)
	}
	for _, name := range names {
		opts := Options{}
		if _, err := Load(name, opts); err != nil {
			t.Error(err.(ir.Diagnostics).Render(opts.Source))
		}
	}
}

// What is wrong with training steps is that they wait for parts of the language.
func TestTraining(t *testing.T) {
	names, err := filepath.Glob("testdata/training/*.mlx")
	if err != nil || len(names) < 2 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	for _, name := range names {
		opts := Options{}
		_, err := Load(name, opts)
		var found ir.Diagnostics
		if !errors.As(err, &found) {
			t.Fatalf("%s: %v", name, err)
		}
		for _, d := range found {
			if !strings.Contains(d.Msg, "not supported yet") {
				t.Error(ir.Diagnostics{d}.Render(opts.Source))
			}
		}
	}
}

// TestIR compares the IR of the models of testdata/ir.
func TestIR(t *testing.T) {
	names, err := filepath.Glob("testdata/ir/*.mlx")
	if err != nil || len(names) < 2 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	for _, name := range names {
		opts := Options{}
		p, err := Load(name, opts)
		if err != nil {
			t.Error(err.(ir.Diagnostics).Render(opts.Source))
			continue
		}
		golden(t, name+"ir", ir.Print(p.Module()))
	}
}

// TestRender compares whole messages.
func TestRender(t *testing.T) {
	names, err := filepath.Glob("testdata/render/*.mlx")
	if err != nil || len(names) < 2 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	var all strings.Builder
	for _, name := range names {
		opts := Options{ReadFile: func(file string) ([]byte, error) { return os.ReadFile("testdata/render/" + file) }}
		_, err := Load(filepath.Base(name), opts)
		var found ir.Diagnostics
		if !errors.As(err, &found) {
			t.Fatalf("%s: %v", name, err)
		}
		all.WriteString(found.Render(opts.Source))
	}
	golden(t, "testdata/render/want.txt", all.String())
}

func file(text string) func(string) ([]byte, error) {
	return func(string) ([]byte, error) { return []byte(text), nil }
}

func TestConfig(t *testing.T) {
	const model = `config {
  n: int = 1 from "model.n"
  rate: float = 0.5
  name: string = "a"
  W: dtype = f32
  list: [int] = [1]
  on: bool = false
}
param w: W[n, len(list), list[0]] = rate
param s: f32[1] at "{name}" = 0
if on { param o: f32[1] = 0 }
entry e(x: f32[1]) -> (y: f32[1]) { return x }
`
	for _, c := range []struct {
		set    map[string]string
		config map[string]any
		want   string
	}{
		{nil, nil, "w f32[1, 1, 1], a f32[1]"},
		{map[string]string{"n": "2", "name": "b c", "W": "f16", "list": "[7, 8]", "on": "true"}, nil, "w f16[2, 2, 7], b c f32[1], o f32[1]"},
		{nil, map[string]any{"model": map[string]any{"n": 3.0}, "W": "bf16", "list": []any{4.0}, "name": "x", "unrelated": nil}, "w bf16[3, 1, 4], x f32[1]"},
		{nil, map[string]any{"W": "bfloat16", "model": nil, "rate": 1.0, "list": nil}, "w bf16[1, 1, 1], a f32[1]"},
		{map[string]string{"n": "5"}, map[string]any{"model": map[string]any{"n": 3.0}}, "w f32[5, 1, 1], a f32[1]"},
	} {
		p, err := Load("m.mlx", Options{ReadFile: file(model), Set: c.set, Config: c.config})
		if err != nil {
			t.Error(err)
			continue
		}
		var got []string
		for _, q := range p.Module().Params {
			got = append(got, q.Path+" "+q.Type.String())
		}
		if g := strings.Join(got, ", "); g != c.want {
			t.Errorf("%s, want %s", g, c.want)
		}
	}
	for set, want := range map[string]string{
		"n=two":    "--set n",
		"n=1.5":    "config `n`: the float 1.5 is no int",
		"n=1 +":    `"1 +" is not a value`,
		"rat=0.1":  "did you mean `rate`?",
		"list=[a]": "--set list",
		"W=f33":    "--set W",
	} {
		k, v, _ := strings.Cut(set, "=")
		_, err := Load("m.mlx", Options{ReadFile: file(model), Set: map[string]string{k: v}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--set %s: %v, want %s", set, err, want)
		}
	}
	for text, want := range map[string]string{
		`{"model": 3}`:               "m.mlx:2:3: error: config `n`: \"model\" of the config file is no object that could have \"n\"",
		`{"model": {"n": {"k": 1}}}`: "config `n`: \"model.n\" of the config file is an object",
		`{"model": {"n": true}}`:     "config `n`: the bool true is no int",
		`{"rate": "1"}`:              "config `rate`: the string \"1\" is no float",
		`{"W": "float31"}`:           "config `W`: the string \"float31\" is no dtype",
		`{"W": 16}`:                  "config `W`: the int 16 is no dtype",
		`{"list": [1, null]}`:        "config `list`: none is no int",
		`{"list": 1}`:                "config `list`: the int 1 is no list",
		`{"name": 1}`:                "config `name`: the int 1 is no string",
	} {
		var object map[string]any
		if err := json.Unmarshal([]byte(text), &object); err != nil {
			t.Fatal(err)
		}
		_, err := Load("m.mlx", Options{ReadFile: file(model), Config: object})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	_, err := Load("m.mlx", Options{ReadFile: file("entry e(x: f32[1]) -> (y: f32[1]) { return x }\n"), Set: map[string]string{"n": "1"}})
	if err == nil || err.Error() != "--set n: error: the model has no such config" {
		t.Errorf("a config that is none: %v", err)
	}
}

// TestBounds: hostile models end with a message.
func TestBounds(t *testing.T) {
	entry := "entry e(x: f32[4]) -> (y: f32[4]) { return x }\n"
	for name, c := range map[string]struct{ text, want string }{
		"size":      {strings.Repeat("#", maxSource+1), "bytes, more than"},
		"brackets":  {"const x = " + strings.Repeat("(", 5000), "brackets are open"},
		"unary":     {"const x = " + strings.Repeat("-", 20000) + "1", "more than"},
		"sum":       {"const x = 1" + strings.Repeat(" + 1", 20000), "more than"},
		"power":     {"const x = 1" + strings.Repeat(" ** 1", 20000), "more than"},
		"ternary":   {"const x = 1" + strings.Repeat(" if true else 1", 10000), "nested too deep"},
		"else":      {"fn f(n: int) { if n == 0 { return 1 }" + strings.Repeat(" else if n == 1 { return 2 }", 20000) + " }", "no entry"},
		"doubling":  {"const a = [1]\nfn f(xs: [int]) { for i in 0..60 { xs = xs + xs }\n return xs }\nconst b = f(a)\n", "a list of more than"},
		"text":      {"fn f(x: string) { for i in 0..60 { x = x + x }\n return x }\nconst b = f(\"ab\")\n", "a string of more than"},
		"loops":     {"fn f(n: int) { for i in 0..60000 { for j in 0..60000 { n = n + 1 } }\n return n }\nconst b = f(1)\n" + entry, "steps to compile"},
		"recursion": {"block A() { a = A() }\na = A()\n" + entry, "blocks inside one another"},
		"wide":      {"block A(n: int) { a = [A(n + 1) for i in 0..1000] }\na = A(0)\n" + entry, "blocks inside one another"},
		"errors":    {"fn f(n: int) { for i in 0..50000 { n = n[0] } \n return 1 }\nconst b = f(1)\nblock A() { a = [\"a\" - 1 for i in 0..60000] }\na = [A() for i in 0..60000]\n" + entry, "does not apply"},
		"power int": {"const a = 2 ** 100\n" + entry, "beyond the range of i64"},
		"huge":      {"param w: f32[9223372036854775807, 9223372036854775807]\n" + entry, ""},
		"nul":       {"const a = \x001\n" + entry, "not part of the language"},
	} {
		_, err := Load("m.mlx", Options{ReadFile: file(c.text)})
		if c.want == "" && err == nil {
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "internal") {
			t.Errorf("%s: %.300v, want %s", name, err, c.want)
		}
	}
}

// Paths follow members, lists and what `at` says of either.
func TestPaths(t *testing.T) {
	const text = `block One() { param w: f32[1] }
block Pair(n: int) {
  seq = [One() at "0", One() at "ff.net.2", One()]
  more = [One() at "layer{i}" for i in n..n + 2] at ""
  deep = [[One() at "{j}x{i}" for i in 0..2] at "s{j}" for j in 1..3]
  top = [One() at ""] at ""
  bare = One() at "a.b"
}
p = Pair(3) at "model.p"
entry e(x: f32[1]) -> (y: f32[1]) { return x + p.seq[1].w + p.deep[1][0].w }
`
	p, err := Load("m.mlx", Options{ReadFile: file(text)})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range p.Module().Params {
		got = append(got, strings.TrimSuffix(strings.TrimPrefix(w.Path, "model.p."), ".w"))
	}
	const want = "seq.0 seq.ff.net.2 seq.2 layer3 layer4 deep.s1.1x0 deep.s1.1x1 deep.s2.2x0 deep.s2.2x1 w a.b"
	if g := strings.Join(got, " "); g != want {
		t.Errorf("got  %s\nwant %s", g, want)
	}
}
