package msl

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What the table does not list is refused: each function is called with all arguments
// of one type, for every type that no row has, and with each argument of a row changed.
func TestTableRefuses(t *testing.T) {
	needClang(t)
	rows, _ := library()
	listed := map[string]bool{}
	for _, r := range rows {
		listed[r.name+"("+strings.Join(r.arguments, ", ")+")"] = true
	}
	types := []string{"bool", "char", "uchar", "short", "ushort", "int", "uint", "long", "ulong", "half", "bfloat", "float", "float2", "float4", "half4", "bfloat4", "int4", "uint2", "uint4"}
	var text strings.Builder
	text.WriteString(head)
	calls := map[int]string{} // by line
	line := 3
	add := func(name string, arguments []string) {
		call := name + "(" + strings.Join(arguments, ", ") + ")"
		if listed[call] {
			return
		}
		listed[call] = true // once
		var params, args []string
		for i, a := range arguments {
			params, args = append(params, fmt.Sprintf("%s a%d", a, i)), append(args, fmt.Sprintf("a%d", i))
		}
		calls[line] = call
		fmt.Fprintf(&text, "void f%d(%s) { %s(%s); }\n", line, strings.Join(params, ", "), name, strings.Join(args, ", "))
		line++
	}
	for _, r := range rows {
		if r.base() == "simdgroup_load" || r.base() == "simdgroup_store" || r.base() == "simdgroup_multiply_accumulate" || strings.HasSuffix(r.name, "barrier") {
			continue // their arguments are matrices, pointers and flags
		}
		for _, typ := range types {
			add(r.name, slices.Repeat([]string{typ}, len(r.arguments)))
			for i := range r.arguments {
				changed := slices.Clone(r.arguments)
				changed[i] = typ
				add(r.name, changed)
			}
		}
	}
	f, err := accepted(text.String())
	if err != nil {
		t.Fatal(err)
	}
	args := append(append([]string{}, targets["amd64"]...), language...)
	err = compile(t.TempDir(), transform(text.String(), f, true), append(args, "-DMSL_STRICT", "-fsyntax-only", "-ferror-limit=0"))
	if err == nil {
		t.Fatal("nothing is refused")
	}
	for message := range strings.Lines(err.Error()) {
		n, _, _ := strings.Cut(message, ":")
		if n, err := strconv.Atoi(n); err == nil && strings.Contains(message, "call to deleted function") {
			delete(calls, n)
		}
	}
	for _, call := range calls {
		t.Errorf("%s is accepted", call)
	}
}

// The library is in the table: every function that the backend prints for the
// committed models, and every row has its evidence.
func TestTable(t *testing.T) {
	rows, _ := library()
	seen := map[string]bool{}
	for _, r := range rows {
		key := r.name + "(" + strings.Join(r.arguments, ", ") + ")"
		if seen[key] {
			t.Errorf("%s is there twice", key)
		}
		seen[key] = true
		if !slices.Contains([]string{"A", "B", "spec"}, r.evidence) {
			t.Errorf("%s: evidence %q", key, r.evidence)
		}
	}
}

// The committed texts of the models pass every pass on both architectures.
func TestModelTexts(t *testing.T) {
	needClang(t)
	texts, err := filepath.Glob("../../testdata/gen/*/model.metal")
	if err != nil || len(texts) < 2 {
		t.Fatal(texts, err)
	}
	for _, path := range texts {
		t.Run(filepath.Base(filepath.Dir(path)), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := Strict(string(data)); err != nil {
				t.Error(err)
			}
			for _, mode := range []Mode{Flat, Checked} {
				for arch := range targets {
					if o, err := Compile(string(data), mode, arch); err != nil {
						t.Errorf("%v %s: %v", mode, arch, err)
					} else if len(o.Kernels) != strings.Count(string(data), "\nkernel void") {
						t.Errorf("%v %s: %d kernels", mode, arch, len(o.Kernels))
					}
				}
			}
		})
	}
}
