package msl

import "slices"

// A file is a text taken apart as far as its declarations.
type file struct {
	tokens    []token
	pairs     []int // see match
	functions []*function
	structs   []*structure
	problems  []Problem
}

// A function is a kernel or a function that kernels call.
type function struct {
	kernel     bool
	name       token
	result     []token
	params     []param
	body       span // with its braces
	paramTexts span // with its parentheses
}

// A param is a parameter of a function.
type param struct {
	tokens    []token // without the attribute
	attribute []token // within its brackets; nil: none
	name      token
}

type structure struct {
	name token
	body span
}

// A span is tokens[from:to].
type span struct{ from, to int }

var closing = map[string]string{"(": ")", "[": "]", "{": "}", "[[": "]]"}

// parse takes a text apart. What it does not understand becomes a problem and is
// skipped.
func parse(text string) *file {
	f := &file{tokens: tokenize(text)}
	f.pairs = pair(f.tokens)
	for i := 0; i < len(f.tokens); {
		next := f.declaration(i)
		if next <= i {
			next = i + 1
		}
		i = next
	}
	return f
}

func (f *file) problem(t token, text string) { f.problems = append(f.problems, t.at(text)) }

func (f *file) is(i int, text string) bool {
	return i >= 0 && i < len(f.tokens) && f.tokens[i].kind != foreign && f.tokens[i].text == text
}

func (f *file) isIdent(i int) bool {
	return i >= 0 && i < len(f.tokens) && f.tokens[i].kind == ident
}

// match is the index of the bracket that closes, or opens, the one at i, or -1.
func (f *file) match(i int) int { return f.pairs[i] }

// pair finds for each bracket its other end.
func pair(tokens []token) []int {
	pairs := make([]int, len(tokens))
	var open []int
	for i, t := range tokens {
		pairs[i] = -1
		if t.kind != punct {
			continue
		}
		switch {
		case closing[t.text] != "":
			open = append(open, i)
		case slices.Contains([]string{")", "]", "}", "]]"}, t.text):
			if n := len(open); n > 0 && closing[tokens[open[n-1]].text] == t.text {
				pairs[open[n-1]], pairs[i] = i, open[n-1]
				open = open[:n-1]
			}
		}
	}
	return pairs
}

// angle is the index after the > that closes the < at i, or -1. Types nest no
// comparison.
func (f *file) angle(i int) int {
	for n := i + 1; n < len(f.tokens) && n < i+16; n++ {
		t := f.tokens[n]
		switch {
		case t.text == ">":
			return n + 1
		case t.kind == ident || t.kind == number || t.text == ",":
		default:
			return -1
		}
	}
	return -1
}

// until is the index of the next ; at this level, or -1.
func (f *file) until(i int) int {
	for ; i < len(f.tokens); i++ {
		if f.is(i, ";") {
			return i
		}
		if _, ok := closing[f.tokens[i].text]; ok && f.tokens[i].kind == punct {
			if i = f.match(i); i < 0 {
				return -1
			}
		}
	}
	return -1
}

// declaration reads one at i and returns the index after it.
func (f *file) declaration(i int) int {
	start := f.tokens[i]
	switch {
	case start.kind == directive:
		return i + 1
	case f.is(i, "using"):
		if f.is(i+1, "namespace") && f.is(i+2, "metal") && f.is(i+3, ";") {
			return i + 4
		}
		f.problem(start, "the only using is: using namespace metal;")
	case f.is(i, "struct"):
		if f.isIdent(i+1) && f.is(i+2, "{") {
			if end := f.match(i + 2); end > 0 && f.is(end+1, ";") {
				f.structs = append(f.structs, &structure{f.tokens[i+1], span{i + 2, end + 1}})
				return end + 2
			}
		}
		f.problem(start, "a struct is: struct NAME { FIELDS };")
	case f.is(i, "constant"):
		if end := f.until(i); end > 0 {
			return end + 1
		}
		f.problem(start, "a constant ends with ;")
	case start.kind == ident:
		if next := f.function(i); next > 0 {
			return next
		}
		f.problem(start, "not a kernel, function, struct or constant")
	default:
		f.problem(start, "unexpected "+start.text)
	}
	return f.recover(i)
}

// recover is the index after the next ; or block.
func (f *file) recover(i int) int {
	for ; i < len(f.tokens); i++ {
		if f.is(i, ";") {
			return i + 1
		}
		if f.is(i, "{") {
			if end := f.match(i); end > 0 {
				return end + 1
			}
			return len(f.tokens)
		}
	}
	return i
}

// function reads RESULT NAME(PARAMS) {BODY} at i; -1: there is none.
func (f *file) function(i int) int {
	fn := &function{}
	if f.is(i, "kernel") {
		fn.kernel = true
		i++
	}
	open := i
	for f.isIdent(open) || f.is(open, "*") || f.is(open, "&") {
		open++
		if f.is(open, "<") {
			if open = f.angle(open); open < 0 {
				return -1
			}
		}
	}
	if open < i+2 || !f.is(open, "(") || !f.isIdent(open-1) {
		return -1
	}
	end := f.match(open)
	if end < 0 || !f.is(end+1, "{") {
		return -1
	}
	stop := f.match(end + 1)
	if stop < 0 {
		f.problem(f.tokens[end+1], "this block does not end")
		return -1
	}
	fn.name, fn.result = f.tokens[open-1], f.tokens[i:open-1]
	fn.paramTexts, fn.body = span{open, end + 1}, span{end + 1, stop + 1}
	for _, s := range f.split(open+1, end) {
		fn.params = append(fn.params, f.param(s))
	}
	f.functions = append(f.functions, fn)
	return stop + 1
}

// split cuts [from, to) at commas of this level.
func (f *file) split(from, to int) []span {
	var out []span
	start := from
	for i := from; i < to; i++ {
		t := f.tokens[i]
		if t.kind != punct {
			continue
		}
		switch {
		case t.text == ",":
			out = append(out, span{start, i})
			start = i + 1
		case t.text == "<":
			if end := f.angle(i); end > 0 && end <= to && templates[f.tokens[max(i-1, 0)].text] {
				i = end - 1
			}
		case closing[t.text] != "":
			if end := f.match(i); end > 0 && end < to {
				i = end
			}
		}
	}
	if start < to {
		out = append(out, span{start, to})
	}
	return out
}

func (f *file) param(s span) param {
	p := param{tokens: f.tokens[s.from:s.to]}
	for i := s.from; i < s.to; i++ {
		if !f.is(i, "[[") {
			continue
		}
		if end := f.match(i); end > 0 && end < s.to {
			p.tokens, p.attribute = f.tokens[s.from:i], f.tokens[i+1:end]
			if end+1 < s.to {
				f.problem(f.tokens[end+1], "unexpected "+f.tokens[end+1].text)
			}
		}
		break
	}
	if n := len(p.tokens); n > 0 && p.tokens[n-1].kind == ident {
		p.name, p.tokens = p.tokens[n-1], p.tokens[:n-1]
	}
	return p
}
