package msl

import (
	"slices"
	"strconv"
)

// function checks a kernel, or a function that kernels call.
func (l *linter) function(fn *function) {
	for _, p := range fn.params {
		switch {
		case p.name.text == "" || l.isType(p.name):
			l.add(fn.name, "a parameter of %s has no name", fn.name.text)
		case !fn.kernel && p.attribute != nil:
			l.add(p.name, "only kernels have attributes")
		}
	}
	if fn.kernel {
		if words(fn.result) != "void" {
			l.add(fn.name, "kernel %s does not return void", fn.name.text)
		}
		l.kernel(fn)
	}
	l.threadgroup(fn)
	l.casts(fn)
	l.vectors(fn)
	l.undeclared(fn)
}

// casts: a pointer that is cast stays in its address space, which clang does not ask
// for. It goes by the pointers and arrays that the function declares; only their names
// are cast.
func (l *linter) casts(fn *function) {
	space := map[string]string{}
	for i := fn.paramTexts.from; i < fn.body.to; i++ {
		if !spaces[l.tokens[i].text] {
			continue
		}
		at := i + 1
		for at < fn.body.to && (l.is(at, "const") || l.isType(l.tokens[at])) {
			at++
		}
		if !l.is(at, "*") {
			if l.isIdent(at) && l.is(at+1, "[") {
				space[l.tokens[at].text] = l.tokens[i].text // an array
			}
			continue
		}
		switch {
		case l.isIdent(at + 1):
			space[l.tokens[at+1].text] = l.tokens[i].text
		case !l.is(at+1, ")") || !l.is(i-1, "("):
		case !l.isIdent(at + 2):
			l.add(l.tokens[i], "a cast is of the name of a pointer")
		case space[l.tokens[at+2].text] != l.tokens[i].text:
			l.add(l.tokens[i], "%s is no pointer to %s memory", l.tokens[at+2].text, l.tokens[i].text)
		}
	}
}

// kernel checks the parameters of a kernel.
func (l *linter) kernel(fn *function) {
	buffers := map[int]bool{}
	var grid, element string // types of positions; of the first
	var indices []param
	for _, p := range fn.params {
		if p.name.text == "" {
			continue
		}
		a := p.argument()
		several, known := attributes[a.Attribute]
		switch {
		case len(p.attribute) == 0:
			l.add(p.name, "%s has no attribute", a.Name)
		case a.Attribute == "buffer":
			l.buffer(p, a, buffers)
		case !known || len(p.attribute) != 1:
			l.add(p.attribute[0], "[[%s]] is not in the language", words(p.attribute))
		case a.Space != "" || a.Indirect != "":
			l.add(p.name, "%s is passed by value", a.Name)
		case several && !slices.Contains([]string{"uint", "uint2", "uint3", "ushort", "ushort2", "ushort3"}, a.Type),
			!several && a.Type != "uint" && a.Type != "ushort":
			l.add(p.name, "%s [[%s]] is not %s", a.Name, a.Attribute, a.Type)
		case several && grid == "":
			grid, element = a.Type, scalarOf(a.Type)
		case several && a.Type != grid:
			l.add(p.name, "positions and sizes of a kernel have one type: %s, not %s", grid, a.Type)
		case a.Attribute == "thread_index_in_threadgroup":
			indices = append(indices, p)
		}
	}
	for _, p := range indices {
		if a := p.argument(); element != "" && a.Type != element {
			l.add(p.name, "%s is %s, the positions are %s", a.Name, a.Type, grid)
		}
	}
}

func (l *linter) buffer(p param, a Argument, taken map[int]bool) {
	if len(p.attribute) != 4 {
		l.add(p.name, "[[%s]] is not [[buffer(n)]]", words(p.attribute))
		return
	}
	text := p.attribute[2].text
	n, err := strconv.Atoi(text)
	switch {
	case err != nil || n < 0 || n > maxBuffer || strconv.Itoa(n) != text:
		l.add(p.attribute[2], "buffers are numbered 0 to %d, not %s", maxBuffer, text)
	case taken[n]:
		l.add(p.attribute[2], "buffer %d is taken", n)
	}
	taken[n] = true
	switch {
	case a.Space != "device" && a.Space != "constant" || a.Indirect != "*" && a.Indirect != "&":
		l.add(p.name, "%s is no pointer or reference to device or constant memory", a.Name)
	case !scalars[a.Type] && !vectors[a.Type] && !l.types[a.Type] || a.Type == "bool":
		l.add(p.name, "a buffer of %s", a.Type)
	}
}

func scalarOf(t string) string {
	for len(t) > 0 && digit(t[len(t)-1]) {
		t = t[:len(t)-1]
	}
	return t
}

// threadgroup variables belong to the outermost block of a kernel, without a value.
func (l *linter) threadgroup(fn *function) {
	depth := 0
	for i := fn.body.from; i < fn.body.to; i++ {
		switch {
		case l.is(i, "{"):
			depth++
		case l.is(i, "}"):
			depth--
		case l.is(i, "threadgroup") && l.starts(i):
			end := l.until(i)
			if end < 0 || slices.ContainsFunc(l.tokens[i:end], func(t token) bool { return t.text == "*" || t.text == "&" }) {
				continue // a pointer to threadgroup memory
			}
			v, ok := l.variable(i)
			switch {
			case !fn.kernel || depth != 1:
				l.add(l.tokens[i], "threadgroup variables are declared in the outermost block of a kernel")
			case !ok:
				l.add(l.tokens[i], "a threadgroup variable is: threadgroup TYPE NAME[SIZE]...;")
			case !scalars[v.typ] && !vectors[v.typ] || v.typ == "bool":
				l.add(l.tokens[i], "a threadgroup variable of %s", v.typ)
			}
		}
	}
}

// starts: does a statement start at i?
func (l *linter) starts(i int) bool {
	return l.is(i-1, ";") || l.is(i-1, "{") || l.is(i-1, "}") || l.is(i-1, ")")
}

// A variable is a declaration threadgroup TYPE NAME[SIZE]...;
type variable struct {
	typ, name string
	sizes     string // with their brackets
	end       int    // index of the ;
}

// variable reads the declaration at i.
func (f *file) variable(i int) (variable, bool) {
	if !f.isIdent(i+1) || !f.isIdent(i+2) {
		return variable{}, false
	}
	v := variable{typ: f.tokens[i+1].text, name: f.tokens[i+2].text}
	at := i + 3
	for f.is(at, "[") {
		end := f.match(at)
		if end < 0 {
			return variable{}, false
		}
		v.sizes += words(f.tokens[at : end+1])
		at = end + 1
	}
	v.end = at
	return v, f.is(at, ";")
}

// vectors refuses comparisons of whole vectors and vectors as conditions: their result
// is a boolN in Metal and an intN in clang. It goes by the names that are declared as
// vectors or pointers to them, at the ends of the operands.
func (l *linter) vectors(fn *function) {
	whole, pointed := map[string]bool{}, map[string]bool{}
	for i := fn.paramTexts.from; i < fn.body.to; i++ {
		if !vectors[l.tokens[i].text] {
			continue
		}
		switch {
		case l.isIdent(i+1) && l.is(i+2, "["):
			pointed[l.tokens[i+1].text] = true // an array
		case l.isIdent(i + 1):
			whole[l.tokens[i+1].text] = true
		case (l.is(i+1, "*") || l.is(i+1, "&")) && l.isIdent(i+2):
			if l.is(i+1, "*") {
				pointed[l.tokens[i+2].text] = true
			} else {
				whole[l.tokens[i+2].text] = true
			}
		}
	}
	// vectorFrom: does an operand that begins at i go on as a vector?
	vectorFrom := func(i int) bool {
		name, after := l.tokens[i].text, i+1
		switch {
		case vectors[name] && l.is(after, "("):
			after = l.match(after) + 1
		case whole[name]:
		case pointed[name] && l.is(after, "["):
			after = l.match(after) + 1
		default:
			return false
		}
		return !l.is(after, "[") && !l.is(after, ".")
	}
	// vectorTo: does one that ends at i?
	vectorTo := func(i int) bool {
		open := l.match(i)
		switch {
		case l.is(i, ")") && open > 0 && l.isIdent(open-1):
			return vectors[l.tokens[open-1].text]
		case l.is(i, ")") && open > 0:
			for ; open < i; open++ {
				if vectorFrom(open) {
					return true
				}
			}
		case l.is(i, "]") && open > 0:
			return pointed[l.tokens[open-1].text]
		}
		return whole[l.tokens[i].text] && !l.is(i-1, ".")
	}
	for i := fn.body.from + 1; i+1 < fn.body.to; i++ {
		t := l.tokens[i]
		if end := l.angle(i); l.is(i, "<") && templates[l.tokens[i-1].text] && end > 0 {
			i = end
			continue
		}
		if t.kind != punct || !conditional[t.text] {
			continue
		}
		next := i + 1
		for next < fn.body.to && (l.is(next, "(") || l.is(next, "-") || l.is(next, "!")) {
			next++
		}
		if vectorTo(i-1) || t.text != "?" && vectorFrom(next) {
			l.add(t, "%s of vectors differs between compilers: write it per element", t.text)
		}
	}
}

var conditional = set("<", ">", "<=", ">=", "==", "!=", "&&", "||", "?")
