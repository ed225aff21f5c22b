package dsl

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

// The grammars for editors, docs/editors/vscode/syntaxes, are in the form of TextMate.
// Their lists of words come from the language; the tests below compare them, and
// MLXC_UPDATE=1 rewrites them.

const syntaxes = "../../docs/editors/vscode/syntaxes/"

// A rule of a grammar: a place in a text and its scope.
type rule struct {
	Name          string             `json:"name,omitempty"`
	Match         string             `json:"match,omitempty"`
	Begin         string             `json:"begin,omitempty"`
	End           string             `json:"end,omitempty"`
	ContentName   string             `json:"contentName,omitempty"`
	Captures      map[string]capture `json:"captures,omitempty"`
	BeginCaptures map[string]capture `json:"beginCaptures,omitempty"`
	Patterns      []rule             `json:"patterns,omitempty"`
	Include       string             `json:"include,omitempty"`
}

type capture struct {
	Name string `json:"name"`
}

type textMate struct {
	Comment   string `json:"comment"`
	Name      string `json:"name"`
	ScopeName string `json:"scopeName"`
	Patterns  []rule `json:"patterns"`
}

// words matches one of some words, alone.
func words(list ...string) string {
	list = slices.Clone(list)
	slices.Sort(list)
	return `\b(` + strings.Join(slices.Compact(list), "|") + `)\b`
}

func named(scopes ...string) map[string]capture {
	out := map[string]capture{}
	for i, s := range scopes {
		out[string(rune('1'+i))] = capture{s}
	}
	return out
}

var (
	commentRule = rule{Name: "comment.line.number-sign", Match: `#.*$`}
	stringRule  = rule{Name: "string.quoted.double", Begin: `"`, End: `"`, Patterns: []rule{{Name: "constant.character.escape", Match: `\\.`}}}
	numberRule  = rule{Name: "constant.numeric", Match: `\b(0x[0-9a-fA-F_]+|[0-9][0-9_]*(\.[0-9][0-9_]*)?([eE][-+]?[0-9]+)?)\b`}
)

func dtypeWords() []string {
	var out []string
	for _, d := range slices.Concat(ir.DTypes(), ir.QuantisedDTypes()) {
		out = append(out, d.String())
	}
	return out
}

// modelGrammar is that of .mlx.
func modelGrammar(prelude []string) textMate {
	literals := append([]string{"true", "false", "none"}, keys(constants)...)
	declaring := []string{"fn", "entry", "block", "kernel", "const", "config", "dim", "default", "weights", "import", "test", "param", "state"}
	control := slices.DeleteFunc(slices.Clone(keywords), func(w string) bool {
		return slices.Contains(literals, w) || slices.Contains(declaring, w)
	})
	types := slices.DeleteFunc(typeNames(), func(w string) bool { return slices.Contains(keywords, w) })
	literals = slices.DeleteFunc(literals, func(w string) bool { return slices.Contains(types, w) })
	functions := slices.DeleteFunc(append(builtinNames(), prelude...), func(w string) bool { return strings.Contains(w, ".") })
	return textMate{"Made by frontend/dsl/editors_test.go: MLXC_UPDATE=1 go test ./frontend/dsl -run Editors", "mlx", "source.mlx", []rule{
		commentRule, stringRule,
		{Begin: "`", End: "`", ContentName: "meta.embedded.metal", Patterns: []rule{{Include: "source.cpp"}}},
		numberRule,
		{Match: `(^|[\s(])(@[A-Za-z_]\w*)`, Captures: map[string]capture{"2": {"entity.name.function.decorator"}}},
		{Match: `\b(fn|entry|block|kernel)\s+([A-Za-z_]\w*)`, Captures: named("keyword.declaration", "entity.name.function")},
		{Name: "constant.language", Match: words(literals...)},
		{Name: "keyword.declaration", Match: words(declaring...)},
		{Name: "keyword.control", Match: words(control...)},
		{Match: words(functions...) + `\s*\(`, Captures: named("support.function.builtin")},
		{Match: `\b([A-Za-z_]\w*)\s*\(`, Captures: named("entity.name.function.call")},
		{Name: "storage.type", Match: words(types...)},
		{Name: "keyword.other", Match: words(append(slices.Clone(clauses), "metal", "ref", "vjp")...)},
		{Name: "keyword.operator", Match: `\*\*|->|==|!=|<=|>=|\.\.\.|\.\.|[-+*/%@=<>]`},
	}}
}

// irGrammar is that of .mlxir. Its words are those that its parser asks for.
func irGrammar(t *testing.T) textMate {
	return textMate{"Made by frontend/dsl/editors_test.go: MLXC_UPDATE=1 go test ./frontend/dsl -run Editors", "mlxir", "source.mlxir", []rule{
		commentRule, stringRule,
		{Name: "variable.other", Match: `%[\w.]+`},
		{Name: "entity.name.function", Match: `@[\w.]+`},
		numberRule,
		{Name: "constant.language", Match: words("true", "false", "invalid")},
		{Name: "storage.type", Match: words(dtypeWords()...)},
		{Match: words(opNames()...) + `\s*\(`, Captures: named("support.function")},
		{Name: "keyword.control", Match: words(irWords(t)...)},
		{Name: "keyword.operator", Match: `->|==|<=|<|[-+*=]`},
	}}
}

func opNames() (names []string) {
	for _, op := range ir.Ops() {
		names = append(names, op.Name)
	}
	return names
}

// irWords are the words in the parser of IR text.
func irWords(t *testing.T) (list []string) {
	files, err := filepath.Glob("../../ir/parse*.go")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	asked := regexp.MustCompile(`(?m)(?:accept\(|expect\(|tok [!=]= |case |^\t+|\{)"([a-z]{3,})"(?:\)|:| \{|,? )`)
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range asked.FindAllStringSubmatch(string(src), -1) {
			list = append(list, m[1])
		}
	}
	return append(list, "in", "on", "as", "if")
}

func TestEditors(t *testing.T) {
	prelude, err := std.ReadFile("std/" + preludeFile)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse(preludeFile, prelude)
	if err != nil {
		t.Fatal(err)
	}
	names := &nameScope{names: map[string]*declared{}}
	for _, d := range f.Decls {
		(&nameCheck{}).declare(d, names)
	}
	for file, g := range map[string]textMate{"mlx": modelGrammar(keys(names.names)), "mlxir": irGrammar(t)} {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(g); err != nil {
			t.Fatal(err)
		}
		golden(t, syntaxes+file+".tmLanguage.json", b.String())
	}
}

// scopeAt is the scope that a grammar gives to the start of a text.
func scopeAt(t *testing.T, g textMate, text string) string {
	for _, r := range g.Patterns {
		expr := r.Match + r.Begin
		at := regexp.MustCompile(expr).FindStringSubmatchIndex(text)
		if at == nil || at[0] != 0 {
			continue
		}
		for group, c := range r.Captures {
			if i := int(group[0] - '0'); at[2*i] == 0 {
				return c.Name
			}
		}
		return r.Name + r.ContentName
	}
	return ""
}

// TestEditorScopes reads the grammars back: no rule hides the words of another.
func TestEditorScopes(t *testing.T) {
	load := func(file string) (g textMate) {
		text, err := os.ReadFile(syntaxes + file + ".tmLanguage.json")
		if err == nil {
			err = json.Unmarshal(text, &g)
		}
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	check := func(g textMate, text string, want ...string) {
		t.Helper()
		if got := scopeAt(t, g, text); !slices.ContainsFunc(want, func(w string) bool { return strings.HasPrefix(got, w) }) {
			t.Errorf("%s: %q is %q, want %s", g.Name, text, got, want)
		}
	}
	model := load("mlx")
	for _, w := range keywords {
		check(model, w+" x", "keyword.", "constant.language")
	}
	for _, w := range clauses {
		check(model, w+" x", "keyword.other")
	}
	for _, w := range dtypeWords() {
		check(model, w+"[4]", "storage.type")
	}
	for _, w := range builtinNames() {
		if w, _, _ = strings.Cut(w, "."); w != "init" {
			if !slices.Contains(keywords, w) {
				check(model, w+"(x)", "support.function.builtin")
			}
		}
	}
	check(model, "entry run(x)", "keyword.declaration")
	check(model, "formula x", "")
	check(model, "1e-5", "constant.numeric")
	check(model, `"text"`, "string")
	check(model, "# text", "comment")
	check(model, "`metal`", "meta.embedded.metal")
	text := load("mlxir")
	for _, w := range opNames() {
		check(text, w+"(%x)", "support.function")
	}
	for _, w := range dtypeWords() {
		check(text, w+"[4]", "storage.type")
	}
	for _, w := range []string{"module", "func", "kernel", "variant", "buffer", "step", "loc", "reduce", "contract", "grain", "arena"} {
		check(text, w+" x", "keyword.control")
	}
	check(text, "%x.weight", "variable")
	check(text, "@run", "entity.name.function")
}
