package msl

import "slices"

// undeclared finds names in a function that nothing declares: neither the text, the
// function's parameters nor a statement of it. It does not ask where in the function a name
// is declared, which the compiler does.
func (l *linter) undeclared(fn *function) {
	known := map[string]bool{}
	for _, p := range fn.params {
		known[p.name.text] = true
	}
	for i := fn.body.from; i < fn.body.to; i++ {
		if l.isType(l.tokens[i]) || l.is(i, ">") && matrices[l.tokens[max(i-7, 0)].text] {
			l.declarators(i+1, known)
		}
	}
	for i := fn.body.from; i < fn.body.to; i++ {
		t := l.tokens[i]
		switch {
		case t.kind != ident || known[t.text] || l.constants[t.text] || alone[t.text] || l.isType(t):
		case l.is(i-1, ".") || l.is(i+1, "(") || l.is(i-1, "::") || l.is(i+1, "::") || l.is(i+1, "<") && templates[t.text]:
		case banned[t.text] != "":
		default:
			l.add(t, "%s is not declared%s", t.text, nearest(t.text, known))
		}
	}
}

// declarators notes the names that a declaration gives, which begin at i, behind its type.
func (l *linter) declarators(i int, known map[string]bool) {
	for l.is(i, "*") || l.is(i, "&") || l.is(i, "const") {
		i++
	}
	if !l.isIdent(i) || l.is(i+1, "(") {
		return
	}
	known[l.tokens[i].text] = true
	for end := l.until(i); i < end; i++ {
		if _, opens := closing[l.tokens[i].text]; opens && l.match(i) > i {
			i = l.match(i)
			continue
		}
		if l.is(i, ")") || l.is(i, "}") {
			return
		}
		if l.is(i, ",") && l.isIdent(i+1) {
			known[l.tokens[i+1].text] = true
		}
	}
}

// alone is the words of the language that stand alone.
var alone = set("if", "else", "for", "while", "return", "break", "continue", "const", "constexpr", "true", "false",
	"device", "constant", "threadgroup", "thread", "INFINITY", "NAN", "HUGE_VALF", "FLT_MAX", "FLT_MIN", "INT_MAX", "INT_MIN", "UINT_MAX")

// nearest suggests a name that differs in a letter or two.
func nearest(name string, known map[string]bool) string {
	best, found := 3, ""
	for _, k := range sorted(known) {
		if d := distance(name, k); d < best && d < len(name) {
			best, found = d, k
		}
	}
	if found == "" {
		return ""
	}
	return ": did you mean " + found + "?"
}

// distance is how many letters must be put in, taken out or changed.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := slices.Clone(row)
		row[0] = i + 1
		for j := range len(b) {
			change := 1
			if a[i] == b[j] {
				change = 0
			}
			row[j+1] = min(before[j]+change, before[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
