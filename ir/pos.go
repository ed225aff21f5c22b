package ir

import "fmt"

// A Pos is a place in source text, and the calls that led there.
type Pos struct {
	File      string
	Line, Col int    // from 1; Col 0: the whole line
	End       int    // column after the last character, on the same line; 0: unknown
	In        string // path of the block or function that the place belongs to, may be empty
	From      *Pos   // the call that led here; nil at the outermost place
}

// String is file:line:col, the form that editors understand.
func (p *Pos) String() string {
	switch {
	case p == nil:
		return "-"
	case p.Line == 0:
		return p.File
	case p.Col == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Outermost is the place in the user's own text from which p was reached.
func (p *Pos) Outermost() *Pos {
	for p != nil && p.From != nil {
		p = p.From
	}
	return p
}

// Own is the innermost place in the file of the outermost: the line of the user's
// text that p belongs to, whatever library it led into.
func (p *Pos) Own() *Pos {
	last := p.Outermost()
	for q := p; q != nil; q = q.From {
		if q.File == last.File {
			return q
		}
	}
	return last
}
