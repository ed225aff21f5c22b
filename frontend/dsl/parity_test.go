package dsl

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sameInGo is how models in Go say what functions of the language do whose names they lack: a
// function or method of the builder, or Go itself.
var sameInGo = map[string]string{
	"bit_and": "And", "bit_or": "Or", "bit_xor": "Xor", "bit_not": "Not",
	"shape": "Type", "dtype": "Type", "numel": "Elems", "ceil_div": "CeilDiv",
	"len": "", "zip": "", "enumerate": "",
	"close": "", // of tests, which are Go's there
}

// sameInLanguage is how the language says what functions of the builder do whose names it
// lacks.
var sameInLanguage = map[string]string{
	"MatMul": "@", "T": ".T", "At": "x[i]", "SetAt": "x[i] = y", "Window": "x[i:i + 16]", "PickAt": "x[i]",
	"RoPEAt": "rope", "DequantOf": "dequant", "Size": "a dim as a value", "Number": "a number",
	"Label": "a variable", "Ok": "x == none", "Get": "a state", "Poison": "", "Poisoned": "", "Op": "", "Param": "param", "ParamOf": "param",
	"In": "a parameter", "InOf": "a parameter", "Loop": "loop", "While": "while", "Kernel": "kernel",
}

// squeezed is a name without what snake_case and MixedCaps differ in.
func squeezed(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

// What the language calls a function, the builder calls so too, and the other way.
func TestParity(t *testing.T) {
	inGo := map[string]bool{"elems": true, "ceildiv": true} // of types and sizes
	values := map[string]string{}                           // functions whose first result is a value
	for _, pattern := range []string{"../mlx/*.go", "../mlx/prelude/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || !fn.Name.IsExported() {
					continue
				}
				inGo[squeezed(fn.Name.Name)] = true
				if givesValue(fn) {
					values[fn.Name.Name] = file
				}
			}
		}
	}
	words := map[string]bool{}
	for _, name := range slices.Concat(builtinNames(), preludeFns()) {
		words[squeezed(name)] = true
		other, listed := sameInGo[name]
		switch {
		case slices.Contains(notYet, name), strings.HasPrefix(name, "init."), listed && other == "":
		case listed && !inGo[squeezed(other)]:
			t.Errorf("%s: the builder has no %s", name, other)
		case !listed && !inGo[squeezed(name)]:
			t.Errorf("the builder has no %s", name)
		}
	}
	for name, file := range values {
		_, listed := sameInLanguage[name]
		ofNumber := strings.HasSuffix(name, "N") && values[strings.TrimSuffix(name, "N")] != ""
		if !listed && !ofNumber && !words[squeezed(name)] {
			t.Errorf("%s: the language has no %s", file, name)
		}
	}
}

// givesValue reports whether the first result of a function is a Value, or a list of them.
func givesValue(fn *ast.FuncDecl) bool {
	if fn.Type.Results == nil {
		return false
	}
	typ := fn.Type.Results.List[0].Type
	if l, ok := typ.(*ast.ArrayType); ok {
		typ = l.Elt
	}
	if s, ok := typ.(*ast.SelectorExpr); ok {
		typ = s.Sel
	}
	id, ok := typ.(*ast.Ident)
	return ok && id.Name == "Value"
}
