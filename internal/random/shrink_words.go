package random

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// word is one of a module's text: a number, a dtype, a dim, or else a name or a string.
var word = regexp.MustCompile(`"[^"]*"|[%@]?[A-Za-z0-9_.]+`)

func words(text string) [][]int { return word.FindAllStringIndex(text, -1) }

func number(word string) (int, bool) {
	n, err := strconv.Atoi(word)
	return n, err == nil
}

// costOf is how much more a word says than 0 and f32.
func costOf(word string) int {
	switch d, ok := ir.ParseDType(word); {
	case word == "true":
		return 1
	case !ok || d == ir.F32:
		return 0
	case d == ir.I32:
		return 1
	}
	return 2
}

// simplerWords puts smaller numbers and simpler dtypes in the place of others, and numbers in
// the place of dims: of one word, or of all that are the same.
func simplerWords(m *ir.Module) []func() {
	return rewordings(m, word, func(w string) []string { return simpler(m, w) })
}

// shape is what stands in brackets.
var shape = regexp.MustCompile(`\[[^][]*\]`)

// simplerShapes leaves out sizes, and other numbers that attributes have lists of.
func simplerShapes(m *ir.Module) []func() {
	return rewordings(m, shape, func(w string) (all []string) {
		sizes := strings.Split(w[1:len(w)-1], ", ")
		for i := range sizes {
			all = append(all, "["+strings.Join(slices.Delete(slices.Clone(sizes), i, i+1), ", ")+"]")
		}
		return all
	})
}

// rewordings put something else in the place of one part of a module's text that matches, or
// of all that are the same.
func rewordings(m *ir.Module, part *regexp.Regexp, other func(string) []string) (edits []func()) {
	text := ir.Print(m)
	edit := func(at [][]int, by string) {
		edits = append(edits, func() {
			var b strings.Builder
			end := 0
			for _, w := range at {
				b.WriteString(text[end:w[0]] + by)
				end = w[1]
			}
			if c := reparsed(b.String() + text[end:]); c != nil {
				*m = *c
			} else {
				m.Funcs = nil
			}
		})
	}
	same := map[string][][]int{}
	var order []string
	for _, at := range part.FindAllStringIndex(text, -1) {
		w := text[at[0]:at[1]]
		if line := text[strings.LastIndexByte(text[:at[0]], '\n')+1:]; strings.HasPrefix(line, "  dim ") {
			continue // which tidy takes away
		}
		if same[w] == nil {
			order = append(order, w)
		}
		same[w] = append(same[w], at)
	}
	for _, w := range order {
		for _, by := range other(w) {
			edit(same[w], by)
			for i := range same[w] {
				if len(same[w]) > 1 {
					edit(same[w][i:i+1], by)
				}
			}
		}
	}
	return edits
}

func simpler(m *ir.Module, word string) []string {
	if d := m.Dim(word); d != nil && !d.Counter {
		return []string{"1", "2", "3"}
	}
	if n, ok := number(word); ok && n > 0 {
		return slices.Compact([]string{strconv.Itoa(n / 2), strconv.Itoa(n - 1)})
	}
	switch costOf(word) {
	case 1:
		return map[string][]string{"true": {"false"}, "i32": {"f32"}}[word]
	case 2:
		return []string{"f32", "i32"}
	}
	return nil
}

// tidy infers all types anew and takes away what is not needed. It reports whether what
// remains holds together.
func tidy(m *ir.Module) bool {
	if len(m.Funcs) == 0 {
		return false
	}
	for _, f := range m.Funcs {
		if !defined(f) || !retyped(f) || len(f.Kept()) == 0 {
			return false
		}
	}
	for _, f := range m.Bodies() { // inner ones first, which may need less then
		for _, in := range f.Body {
			withoutUnused(in)
		}
		removeDead(f)
	}
	named := map[string]bool{}
	text := ir.Print(&ir.Module{Funcs: m.Funcs})
	for _, at := range words(text) {
		named[text[at[0]:at[1]]] = true
	}
	m.Params = slices.DeleteFunc(m.Params, func(p *ir.Param) bool { return !named["@"+p.Name] })
	text = ir.Print(&ir.Module{Params: m.Params})
	for _, at := range words(text) {
		named[text[at[0]:at[1]]] = true
	}
	m.Dims = slices.DeleteFunc(m.Dims, func(d *ir.Dim) bool { return !named[d.Name] })
	return ir.Verify(m) == nil && solved(m)
}

// defined reports whether each value comes before what uses it.
func defined(f *ir.Func) bool {
	known := map[*ir.Value]bool{}
	for _, v := range f.Inputs {
		known[v] = true
	}
	unknown := func(v *ir.Value) bool { return !known[v] }
	for _, in := range f.Body {
		if slices.ContainsFunc(in.Args, unknown) || in.Body != nil && !defined(in.Body) {
			return false
		}
		for _, v := range in.Results {
			known[v] = true
		}
	}
	return !slices.ContainsFunc(f.Kept(), unknown)
}

// retyped gives all values of a function the types that follow from those of its inputs.
func retyped(f *ir.Func) bool {
	for _, in := range f.Body {
		if in.Body != nil {
			for i, a := range in.Args {
				in.Body.Inputs[i].Type = a.Type
			}
			if !retyped(in.Body) {
				return false
			}
		}
		types, err := in.Infer()
		if err != nil || len(types) != len(in.Results) {
			return false
		}
		for i, v := range in.Results {
			v.Type = types[i]
		}
	}
	for i, r := range f.Results {
		f.Results[i].Type = r.Value.Type
	}
	return true
}

func removeDead(f *ir.Func) {
	need := map[*ir.Value]bool{}
	for _, v := range f.Kept() {
		need[v] = true
	}
	dead := func(in *ir.Instr) bool {
		return !slices.ContainsFunc(in.Results, func(v *ir.Value) bool { return need[v] })
	}
	for _, in := range slices.Backward(f.Body) {
		for _, a := range in.Args {
			need[a] = need[a] || !dead(in)
		}
	}
	f.Body = slices.DeleteFunc(f.Body, dead)
}

// withoutUnused takes from a loop the operands that its body does not use.
func withoutUnused(in *ir.Instr) {
	a, ok := in.Attrs.(ir.LoopAttrs)
	for i := len(in.Args) - 1; ok && i >= a.Carried; i-- {
		b, v := in.Body, in.Body.Inputs[i]
		uses := func(x *ir.Instr) bool { return slices.Contains(x.Args, v) }
		if !slices.ContainsFunc(b.Body, uses) && !slices.Contains(b.Kept(), v) {
			in.Args, b.Inputs = slices.Delete(in.Args, i, i+1), slices.Delete(b.Inputs, i, i+1)
		}
	}
}

// solved reports whether the inputs and the states of each function give its dims.
func solved(m *ir.Module) bool {
	for _, f := range m.Funcs {
		one := *m
		one.Funcs = []*ir.Func{f}
		params, inputs, ok := Inputs(&one, 1, false)
		if !ok {
			return false
		}
		dims, err := m.SolveDims(f, params, inputs, nil)
		if err != nil {
			return false
		}
		text := ir.Print(&ir.Module{Funcs: one.Funcs})
		for _, at := range words(text) {
			d := m.Dim(text[at[0]:at[1]])
			if _, known := dims[text[at[0]:at[1]]]; d != nil && !d.Counter && !known {
				return false
			}
		}
	}
	return true
}
