package ir

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Diagnostic is one message about a program: where, what, and what to do.
type Diagnostic struct {
	Pos   *Pos
	Msg   string // lower case, no full stop
	Notes []Note // what was found: both types, where each came from
	Hint  string // what to do about it, may be empty

	Warning bool // it looks like a mistake, and keeps nothing from being compiled
}

// A Note is a line under a diagnostic: a label such as "left", and its text.
type Note struct {
	Label, Text string
}

// Error is the first line of the message: file:line:col: error: text.
func (d Diagnostic) Error() string {
	text := "error: " + d.Msg
	if d.Warning {
		text = "warning: " + d.Msg
	}
	if d.Pos == nil {
		return text
	}
	return d.Pos.String() + ": " + text
}

// Diagnostics are all that is wrong with a program.
type Diagnostics []Diagnostic

// maxShown is how many diagnostics are printed; the first few are the cause of
// most of the rest.
const maxShown = 10

// Error is the diagnostics without excerpts of the source.
func (ds Diagnostics) Error() string {
	return strings.TrimSuffix(ds.Render(func(string) ([]byte, bool) { return nil, false }), "\n")
}

// Err is ds as an error; nil if there are none.
func (ds Diagnostics) Err() error {
	if len(ds) == 0 {
		return nil
	}
	return ds
}

// Render prints the diagnostics by position, at most ten, each with the line of
// source that it is about. The source of a file comes from source.
func (ds Diagnostics) Render(source func(file string) ([]byte, bool)) string {
	var b strings.Builder
	for i, d := range ds.Sorted() {
		if i == maxShown {
			fmt.Fprintf(&b, "and %d more\n", len(ds)-maxShown)
			break
		}
		d.render(&b, source)
	}
	return b.String()
}

// Sorted are the diagnostics in the order of their positions.
func (ds Diagnostics) Sorted() Diagnostics {
	ds = slices.Clone(ds)
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		p, q := a.Pos, b.Pos
		if p == nil {
			p = &Pos{}
		}
		if q == nil {
			q = &Pos{}
		}
		return cmp.Or(strings.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Col, q.Col))
	})
	return ds
}

func (d Diagnostic) render(b *strings.Builder, source func(file string) ([]byte, bool)) {
	fmt.Fprintln(b, d.Error())
	if d.Pos != nil {
		d.Pos.excerpt(b, source)
	}
	wide := 0
	for _, n := range d.Notes {
		wide = max(wide, utf8.RuneCountInString(n.Label))
	}
	for _, n := range d.Notes {
		fmt.Fprintln(b, strings.TrimRight(fmt.Sprintf("     | %-*s %s", wide, n.Label, n.Text), " "))
	}
	if d.Hint != "" {
		fmt.Fprintf(b, "     = hint: %s\n", d.Hint)
	}
	for p := d.Pos; p != nil && p.From != nil; p = p.From {
		in := ""
		if p.In != "" {
			in = "in " + p.In + ", "
		}
		fmt.Fprintf(b, "     = %scalled from %s\n", in, p.From)
	}
}

// excerpt prints the line of p and carets under what p spans.
func (p *Pos) excerpt(b *strings.Builder, source func(file string) ([]byte, bool)) {
	text, ok := source(p.File)
	if !ok || p.Line < 1 {
		return
	}
	lines := strings.Split(string(text), "\n")
	if p.Line > len(lines) {
		return
	}
	line := strings.TrimRight(lines[p.Line-1], "\r")
	fmt.Fprintf(b, "%4d | %s\n", p.Line, line)
	if p.Col < 1 {
		return
	}
	// Tabs stay tabs, so that the carets stand where the text does.
	before := []rune(line)
	before = before[:min(p.Col-1, len(before))]
	for i, r := range before {
		if r != '\t' {
			before[i] = ' '
		}
	}
	fmt.Fprintf(b, "     | %s%s\n", string(before), strings.Repeat("^", max(1, p.End-p.Col)))
}
