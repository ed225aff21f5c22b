package msl

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxProblems bounds what the lint says of one text.
const maxProblems = 100

// Lint holds a text to the language of our kernels: what Apple's compiler is known to
// accept and clang cannot check. It returns at most 100 problems in the order of the
// text.
func Lint(text string) []Problem { return parse(text).lint() }

func (f *file) lint() []Problem {
	problems := slices.Clone(f.problems)
	l := &linter{file: f, problems: problems, types: map[string]bool{}, constants: map[string]bool{}, functions: map[string]*function{}}
	l.declared()
	l.words()
	l.pointers()
	for _, fn := range f.functions {
		l.function(fn)
	}
	l.recursion()
	for _, s := range f.structs {
		l.structure(s)
	}
	slices.SortStableFunc(l.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	l.problems = slices.Compact(l.problems)
	return l.problems[:min(len(l.problems), maxProblems)]
}

type linter struct {
	*file
	problems  []Problem
	types     map[string]bool // structs of the text
	constants map[string]bool // of the text
	functions map[string]*function
}

func (l *linter) add(t token, format string, args ...any) {
	if len(l.problems) < 10*maxProblems { // they are sorted before the rest is cut
		l.problems = append(l.problems, t.at(fmt.Sprintf(format, args...)))
	}
}

func (l *linter) isType(t token) bool {
	return t.kind == ident && (scalars[t.text] || vectors[t.text] || matrices[t.text] || l.types[t.text] || t.text == "void")
}

// declared collects the names of the text.
func (l *linter) declared() {
	_, arities := library()
	for _, s := range l.structs {
		l.types[s.name.text] = true
	}
	for _, fn := range l.file.functions {
		name := fn.name.text
		switch {
		case l.functions[name] != nil:
			l.add(fn.name, "%s is declared twice", name)
		case arities[name] != nil || arities["precise::"+name] != nil || templates[name]:
			l.add(fn.name, "%s is a function of the library", name)
		}
		l.functions[name] = fn
	}
	for i := range l.tokens { // program-scope variables are constants: parse knows no other
		if l.is(i, "constant") && (i == 0 || l.is(i-1, ";") || l.is(i-1, "}")) {
			if end := l.until(i); end > 0 && !slices.ContainsFunc(l.tokens[i:end], func(t token) bool { return t.text == "=" }) {
				l.add(l.tokens[i], "a constant has a value")
			}
			for at := i; at+1 < len(l.tokens) && !l.is(at, "=") && !l.is(at, ";"); at++ {
				if l.isIdent(at) && (l.is(at+1, "=") || l.is(at+1, "[")) {
					l.constants[l.tokens[at].text] = true
				}
			}
		}
	}
}

// words checks each token by itself and with its neighbours.
func (l *linter) words() {
	for i, t := range l.tokens {
		switch t.kind {
		case foreign:
			l.add(t, "%q is not in the language", t.text)
		case directive:
			if !directives[strings.TrimRight(t.text, " \t\r")] {
				l.add(t, "the directive is neither #include <metal_stdlib> nor #pragma clang loop unroll(full)")
			}
		case number:
			switch {
			case bareFloat.MatchString(t.text):
				l.add(t, "%s needs a suffix: %sf", t.text, t.text)
			case !integerLiteral.MatchString(t.text) && !floatLiteral.MatchString(t.text):
				l.add(t, "%s is no number of the language", t.text)
			}
		case punct:
			l.punct(i)
		case ident:
			l.word(i)
		}
	}
}

func (l *linter) punct(i int) {
	t := l.tokens[i]
	switch t.text {
	case "->":
		l.add(t, "kernels use no ->")
	case "::":
		if !l.is(i-1, "precise") && !l.is(i-1, "mem_flags") {
			l.add(t, ":: follows precise or mem_flags only")
		}
	case "(":
		if l.is(i+1, "*") && l.isIdent(i+2) && l.is(i+3, ")") && l.is(i+4, "(") {
			l.add(t, "Metal has no function pointers")
		}
		if i+2 < len(l.tokens) && vectors[l.tokens[i+1].text] && l.is(i+2, ")") {
			l.add(t, "a cast to a vector reinterprets its bits in one compiler: write %s(x)", l.tokens[i+1].text)
		}
	case "[[":
		if !slices.ContainsFunc(l.file.functions, func(fn *function) bool { return fn.paramTexts.from < i && i < fn.paramTexts.to }) || l.match(i) < 0 {
			l.add(t, "attributes belong to parameters of kernels")
		}
	}
}

func (l *linter) word(i int) {
	t := l.tokens[i]
	if reason, ok := banned[t.text]; ok && !l.usingMetal(i) {
		l.add(t, "%s: %s", t.text, reason)
		return
	}
	for _, b := range bannedForms {
		if b.form.MatchString(t.text) {
			l.add(t, "%s: %s", t.text, b.reason)
			return
		}
	}
	switch {
	case t.text == "long" && l.is(i+1, "long"):
		l.add(t, "Metal has no long long")
	case t.text == "constant" && l.is(i+1, "constant"), t.text == "const" && l.is(i+1, "const"):
		l.add(t, "%s twice", t.text)
	case vectors[t.text] && l.is(i+1, "{"):
		l.add(t, "a vector is made by %s(...)", t.text)
	case l.isType(t) && l.isIdent(i+1) && l.is(i+2, "(") && l.functions[l.tokens[i+1].text] == nil:
		l.add(t, "a variable is initialised by =")
	case l.is(i+1, "(") || l.is(i+1, "<") && templates[t.text] && !matrices[t.text]:
		l.call(i)
	}
}

// usingMetal: is it a word of using namespace metal?
func (l *linter) usingMetal(i int) bool {
	return l.is(i, "namespace") && l.is(i-1, "using") || l.is(i, "metal") && l.is(i-1, "namespace") && l.is(i-2, "using")
}

// call checks a name before a parenthesis.
func (l *linter) call(i int) {
	t := l.tokens[i]
	if statements[t.text] || l.isType(t) || l.functions[t.text] != nil || l.inAttribute(i) {
		return
	}
	_, arities := library()
	name, open := t.text, i+1
	if l.is(i-1, "::") {
		name = l.tokens[max(i-2, 0)].text + "::" + name
	}
	if l.is(open, "<") {
		end := l.angle(open)
		if end < 0 || !l.is(end, "(") {
			l.add(t, "%s takes types and arguments", name)
			return
		}
		var args []string
		for _, a := range l.split(open+1, end-1) {
			args = append(args, words(l.tokens[a.from:a.to]))
		}
		name += "<" + strings.Join(args, ", ") + ">"
		open = end
	}
	takes, ok := arities[name]
	if !ok {
		l.add(t, "%s is not in the table of functions", name)
		return
	}
	end := l.match(open)
	if end < 0 {
		l.add(t, "the arguments of %s do not end", name)
		return
	}
	if n := len(l.split(open+1, end)); !slices.Contains(takes, n) {
		l.add(t, "%s does not take %d arguments", name, n)
	}
}

func (l *linter) inAttribute(i int) bool { return l.is(i-1, "[[") || l.is(i-1, ",") && l.is(i-2, "]]") }

func words(tokens []token) string {
	var w []string
	for _, t := range tokens {
		w = append(w, t.text)
	}
	return strings.Join(w, " ")
}

// pointers asks for an address space with every pointer and reference: a type before *
// or & is always a declaration or cast.
func (l *linter) pointers() {
	for i, t := range l.tokens {
		if t.kind != punct || t.text != "*" && t.text != "&" && t.text != "&&" || i == 0 {
			continue
		}
		from := i - 1
		if l.is(from, ">") { // simdgroup_matrix<float, 8, 8> &
			for from > 0 && !matrices[l.tokens[from].text] && i-from < 10 {
				from--
			}
		}
		if !l.isType(l.tokens[from]) && !l.is(from, "const") && !spaces[l.tokens[from].text] {
			continue
		}
		found := false
		for ; from >= 0 && (l.isType(l.tokens[from]) || l.is(from, "const") || spaces[l.tokens[from].text]); from-- {
			found = found || spaces[l.tokens[from].text]
		}
		if !found {
			l.add(t, "a pointer or reference without an address space")
		}
		if t.text == "&&" {
			l.add(t, "kernels use no references to values")
		}
		if l.is(i+1, "*") || l.is(i+1, "&") {
			l.add(t, "kernels use no pointers to pointers")
		}
	}
}

func (l *linter) structure(s *structure) {
	for i := s.body.from; i < s.body.to; i++ {
		if t := l.tokens[i]; t.text == "(" || t.text == "*" || t.text == "&" || t.text == "[[" || spaces[t.text] {
			l.add(t, "a struct has plain fields only")
			return
		}
	}
}

// recursion is found by what is reached from each function.
func (l *linter) recursion() {
	calls := map[string][]string{}
	for name, fn := range l.functions {
		for i := fn.body.from; i < fn.body.to; i++ {
			if t := l.tokens[i]; t.kind == ident && l.is(i+1, "(") && l.functions[t.text] != nil {
				calls[name] = append(calls[name], t.text)
				if l.functions[t.text].kernel {
					l.add(t, "a kernel is not called")
				}
			}
		}
	}
	for _, name := range sorted(l.functions) {
		reached := map[string]bool{}
		for next := calls[name]; len(next) > 0; {
			callee := next[0]
			next = next[1:]
			if !reached[callee] {
				reached[callee] = true
				next = append(slices.Clip(next), calls[callee]...)
			}
		}
		if reached[name] {
			l.add(l.functions[name].name, "%s calls itself", name)
		}
	}
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
