package dsl

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/alecthomas/participle/v2/lexer"
)

// Format gives a source its canonical form: two spaces for each level, one
// around operators, at most one blank line, and comments behind consecutive
// lines below one another. Line breaks stay where the author put them. It works
// on tokens, so that no comment is lost, and changes nothing but white space. The
// error is ir.Diagnostics where the source does not parse; any other is our mistake.
func Format(file string, src []byte) ([]byte, error) {
	if _, err := Parse(file, src); err != nil {
		return nil, err
	}
	before, _ := tokenize(file, src)
	all, err := lexAll(file, src)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(t lexer.Token) bool { return t.Type == tokens["Space"] })
	f := &formatter{starts: statementStarts(before)}
	for i, t := range all {
		f.token(t, slices.Contains(breaks, all[min(i+1, len(all)-1)].Type))
	}
	f.endLine()
	out := f.text()
	after, diags := tokenize(file, out)
	if len(diags) > 0 || !slices.EqualFunc(before, after, sameToken) {
		return nil, fmt.Errorf("%s: formatted, it would not mean the same", file)
	}
	return out, nil
}

// breaks are what a bracket that is last on its line has behind it.
var breaks = []lexer.TokenType{tokens["LineEnd"], tokens["Comment"]}

func sameToken(a, b lexer.Token) bool { return a.Type == b.Type && a.Value == b.Value }

// statementStarts are the offsets of tokens that begin a statement behind another.
func statementStarts(toks []lexer.Token) map[int]bool {
	starts := map[int]bool{}
	for i, t := range toks[:max(len(toks)-1, 0)] {
		if t.Type == tNL {
			starts[toks[i+1].Pos.Offset] = true
		}
	}
	return starts
}

type formatter struct {
	starts map[int]bool
	lines  []textLine
	line   *textLine // nil: the next token begins one
	open   []bracket
	ends   int // line ends since the last token or comment
	prev   lexer.Token
	opened bool // the last line ended with a bracket that is open
	prefix bool // prev is a minus or an @ that belongs to what follows it
	clause bool // prev is a name that the grammar takes for a keyword
	annos  bool // an annotation may follow: only others stand before this place
}

// A textLine is a line of the output. Its text has more than one line where it
// ends with Metal code.
type textLine struct {
	indent        int
	text, comment string
	blank         bool // above it
}

// A bracket is open: what it is, how far what it holds and what closes it are
// indented, and whether a `:` stands behind its last comma, which makes a `=` a
// default rather than an argument by name.
type bracket struct {
	open         string
	inner, outer int
	typed        bool
}

func (f *formatter) top() bracket {
	if len(f.open) == 0 {
		return bracket{open: "{"}
	}
	return f.open[len(f.open)-1]
}

// token adds a token; last says that a line end or a comment follows it.
func (f *formatter) token(t lexer.Token, last bool) {
	switch t.Type {
	case lexer.EOF:
		return
	case tokens["LineEnd"]:
		f.endLine()
		f.ends++
		return
	case tokens["Comment"]:
		f.comment(strings.TrimRight(t.Value, " \t\r"))
		return
	}
	within := f.top()
	closes := is(t, ")", "]", "}")
	if closes {
		f.open = f.open[:len(f.open)-1]
	}
	statement := f.startsStatement(t, within)
	if f.line == nil {
		f.begin(f.indentOf(t, within, closes, statement), closes)
	} else if f.spaced(t, within) {
		f.line.text += " "
	}
	f.line.text += t.Value
	anno := is(t, "@") && within.open == "{" && (statement || f.annos)
	operand := endsOperand(f.prev) && !statement && !f.clause
	f.prefix = anno || is(t, "-") && !operand
	f.clause = t.Type == tIdent && operand && slices.Contains(clauses, t.Value)
	f.annos = anno || is(t, "default") || f.annos && (is(f.prev, "@") || is(t, "(", ")") || within.open == "(")
	if t.Type == tPunct {
		f.bracket(t, last)
	}
	f.prev, f.ends, f.opened = t, 0, is(t, "(", "[", "{")
}

// clauses are the names that begin a clause where they stand behind an operand.
var clauses = []string{"in", "at", "load", "from", "as", "where", "max", "uses"}

// startsStatement reports whether a statement begins with t.
func (f *formatter) startsStatement(t lexer.Token, within bracket) bool {
	return within.open == "{" && (f.prev.Value == "" || f.starts[t.Pos.Offset] || is(f.prev, "{"))
}

func (f *formatter) indentOf(t lexer.Token, within bracket, closes, statement bool) int {
	switch {
	case closes:
		return within.outer
	case within.open != "{" || statement || is(t, "{") || is(t, "else") && is(f.prev, "}"):
		return within.inner
	case is(t, "->") || t.Value == "where":
		return within.inner + 2 // stands out from the body that follows
	}
	return within.inner + 1
}

// begin begins a line. Blank lines stand between statements only, and no more than one.
func (f *formatter) begin(indent int, closes bool) {
	blank := f.ends > 1 && len(f.lines) > 0 && !f.opened && !closes
	f.lines = append(f.lines, textLine{indent: indent, blank: blank})
	f.line = &f.lines[len(f.lines)-1]
}

func (f *formatter) endLine() { f.line = nil }

func (f *formatter) comment(text string) {
	if f.line == nil {
		f.begin(f.top().inner, false)
		f.line.text, f.opened = text, false
	} else {
		f.line.comment = text
	}
	f.ends = 0
}

func (f *formatter) bracket(t lexer.Token, last bool) {
	switch n := len(f.open); t.Value {
	case "{":
		outer := f.top().inner
		f.open = append(f.open, bracket{open: "{", inner: outer + 1, outer: outer})
	case "(", "[":
		inner := f.line.indent + 2
		if last {
			inner = f.line.indent + 1
		}
		f.open = append(f.open, bracket{open: t.Value, inner: inner, outer: f.line.indent})
	case ":", ",":
		if n > 0 {
			f.open[n-1].typed = t.Value == ":"
		}
	}
}

// is reports whether t is one of these keywords or this punctuation.
func is(t lexer.Token, words ...string) bool {
	return (t.Type == tPunct || t.Type == tKeyword) && slices.Contains(words, t.Value)
}

// endsOperand: an operator behind t is a binary one.
func endsOperand(t lexer.Token) bool {
	return isLiteral[t.Type] || is(t, ")", "]", "true", "false", "none")
}

// spaced reports whether a space stands between the last token of the line and b.
func (f *formatter) spaced(b lexer.Token, within bracket) bool {
	a := f.prev
	byName := within.open == "(" && !within.typed // `=` gives an argument
	switch {
	case f.prefix, is(a, "(", "[", ".", "..", "..."), is(b, ")", "]", ",", ".", ".."):
		return false
	case is(b, ":"):
		return is(a, ",")
	case is(a, ":"):
		return within.open != "["
	case is(a, "=") || is(b, "="):
		return !byName
	case is(b, "(", "["):
		return !endsOperand(a) || f.clause
	case is(b, "}"):
		return !is(a, "{")
	}
	return true
}

// text is the lines, with the comments behind consecutive lines in one column.
func (f *formatter) text() []byte {
	var b strings.Builder
	for i := 0; i < len(f.lines); {
		n := 1 // lines of this group
		for ; f.lines[i].comment != "" && i+n < len(f.lines) && f.lines[i+n].comment != "" && !f.lines[i+n].blank; n++ {
		}
		column := 0
		for _, l := range f.lines[i : i+n] {
			column = max(column, l.width())
		}
		for _, l := range f.lines[i : i+n] {
			if l.blank {
				b.WriteByte('\n')
			}
			b.WriteString(strings.Repeat("  ", l.indent) + l.text)
			if l.comment != "" {
				b.WriteString(strings.Repeat(" ", column-l.width()+2) + l.comment)
			}
			b.WriteByte('\n')
		}
		i += n
	}
	return []byte(b.String())
}

// width is the columns before the comment of a line.
func (l *textLine) width() int {
	if i := strings.LastIndexByte(l.text, '\n'); i >= 0 {
		return utf8.RuneCountInString(l.text[i+1:])
	}
	return 2*l.indent + utf8.RuneCountInString(l.text)
}
