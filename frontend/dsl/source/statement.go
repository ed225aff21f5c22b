package source

import (
	"regexp"
	"slices"
	"strings"
)

// Statements as lines.

// A statement is lines, and the annotations before them.
type statement struct {
	annotations string
	lines       []string
	call        *elementCall // that it is; nil: another
}

// add appends a statement of expressions whose variables are used by it.
func (b *bodyWriter) add(m mode, line string, used ...term) error {
	annotations, err := m.annotations(b.mode)
	if err != nil {
		return err
	}
	for _, t := range used {
		b.use(t)
	}
	b.out = append(b.out, statement{annotations: annotations, lines: b.wrapped(line)})
	return nil
}

// ofLists are the functions whose list of operands may be on several lines.
var ofLists = []string{"concat(", "stack(", "array("}

// width is how long a text is, where that matters with two digits for each whole number.
func (b *bodyWriter) width(text string) int {
	if b.loose {
		return len(numbers.ReplaceAllString(text, "00"))
	}
	return len(text)
}

var numbers = regexp.MustCompile(`\b\d+\b`)

// wrapped is a line as it stands, if that is looked at later.
func (b *bodyWriter) wrapped(line string) []string {
	if b.loose {
		return []string{line}
	}
	return wrapped(line, b.indent)
}

// wrapped is a line as several, if it is too long: it goes on behind commas, as far outside as
// there are some.
func wrapped(line string, indent int) []string {
	room := wide - 2*indent
	var lines []string
	for len(line) > room {
		depth, at, outermost := 0, 0, 1<<30
		from := 0
		if len(lines) == 0 {
			from = max(0, strings.Index(line, " = "))
		}
		var open []bool // brackets: whether what is in them may be on several lines
		for i, r := range line[:room] {
			switch {
			case i < from:
			case r == '(' || r == '[':
				depth++
				open = append(open, r == '(' || slices.ContainsFunc(ofLists, func(f string) bool { return strings.HasSuffix(line[:i], f) }))
			case depth > 0 && (r == ')' || r == ']'):
				depth--
				open = open[:depth]
			case r == ',' && depth > 0 && depth <= outermost && open[depth-1]:
				at, outermost = i+1, depth
			}
		}
		if at == 0 {
			break
		}
		lines, line = append(lines, line[:at]), strings.TrimSpace(line[at:])
		room = wide - 2*indent - 4
	}
	return append(lines, line)
}

// text is the statements, those of equal annotations together.
func (b *bodyWriter) text() []string {
	b.out = b.folded(b.out)
	var lines []string
	for i := 0; i < len(b.out); {
		s, n := b.out[i], 1
		for i+n < len(b.out) && b.out[i+n].annotations == s.annotations {
			n++
		}
		group := b.out[i : i+n]
		i += n
		open := s.annotations != "" && n > 1
		if open {
			lines = append(lines, s.annotations+" {")
		}
		for _, g := range group {
			if g.annotations != "" && !open {
				g.lines = slices.Clone(g.lines)
				g.lines[0] = g.annotations + " " + g.lines[0]
			}
			lines = append(lines, g.lines...)
		}
		if open {
			lines = append(lines, "}")
		}
	}
	return lines
}
