package dsl

import (
	"strings"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/mlxc/mlxc/ir"
)

// An Expr is an expression.
type Expr interface{ span() Span }

// A Span is where an expression stands: its first character, and the column
// after its last one where that is on the same line, else 0.
type Span struct {
	Pos lexer.Position
	End int
}

func (s Span) span() Span { return s }

func (s Span) pos() *ir.Pos {
	return &ir.Pos{File: s.Pos.Filename, Line: s.Pos.Line, Col: s.Pos.Column, End: s.End}
}

// to is the span from the start of s to the end of t.
func (s Span) to(t Span) Span {
	if t.Pos.Line != s.Pos.Line {
		return Span{s.Pos, 0}
	}
	return Span{s.Pos, t.End}
}

type (
	// A Literal is a number, a string, true, false or none: Kind is the type of
	// its token and Text the token.
	Literal struct {
		Span
		Kind lexer.TokenType
		Text string
	}
	// A Name stands for what it was declared as.
	Name struct {
		Span
		Name string
	}
	// A Tuple is (a, b): several values to return or assign.
	Tuple struct {
		Span
		Items []Expr
	}
	// A List is [a, b].
	List struct {
		Span
		Items []Expr
	}
	// A Placed is X at "name", an element of a list of blocks.
	Placed struct {
		Span
		X  Expr
		At *Step
	}
	// A Comprehension is [Item for Vars in In].
	Comprehension struct {
		Span
		Item Expr
		Vars []string
		In   Expr
	}
	// A Unary is -X or not X.
	Unary struct {
		Span
		Op string
		X  Expr
	}
	// A Binary is X Op Y: arithmetic, and, or, and the range X..Y.
	Binary struct {
		Span
		Op   string
		X, Y Expr
	}
	// A Compare is a chain: Args[0] Ops[0] Args[1] Ops[1] Args[2] ...
	Compare struct {
		Span
		Ops  []string
		Args []Expr
	}
	// A Cond is Then if If else Else.
	Cond struct {
		Span
		Then, If, Else Expr
	}
	// A Field is X.Name.
	Field struct {
		Span
		X    Expr
		Name string
	}
	// A Call is Fn(Args).
	Call struct {
		Span
		Fn   Expr
		Args []*Arg
	}
	// An Index is X[Items].
	Index struct {
		Span
		X     Expr
		Items []IndexItem
	}
)

// An Arg is an argument of a call or of an annotation, by place or by name.
type Arg struct {
	Name  string // empty: by place
	Value Expr
}

// An IndexItem is one of: i, lo:hi or lo:hi:step with either end left out, or `...`.
type IndexItem struct {
	Span
	Rest   bool
	Slice  bool
	Lo, Hi Expr // Lo alone is the index
	Step   Expr
}

// exprText is an expression as text, for messages. It has the parentheses that
// precedence needs only.
func exprText(e Expr) string { return textAt(e, 0) }

// Binding is how tightly an operator of two operands binds; 0: it is none of these.
func Binding(op string) int { return binding[op] }

var binding = map[string]int{"..": 1, "or": 3, "and": 4, "+": 7, "-": 7, "*": 8, "/": 8, "%": 8, "@": 8, "**": 10}

func textAt(e Expr, outer int) string {
	text, own := "", 11
	switch e := e.(type) {
	case *Literal:
		text = e.Text
	case *Name:
		text = e.Name
	case *Unary:
		own = 9
		if text = "-"; e.Op == "not" {
			own, text = 5, "not "
		}
		text += textAt(e.X, own)
	case *Binary:
		own = binding[e.Op]
		text = textAt(e.X, own) + " " + e.Op + " " + textAt(e.Y, own+1)
	case *Compare:
		own = 6
		text = textAt(e.Args[0], own+1)
		for i, op := range e.Ops {
			text += " " + op + " " + textAt(e.Args[i+1], own+1)
		}
	case *Cond:
		own = 2
		text = textAt(e.Then, own+1) + " if " + textAt(e.If, own+1) + " else " + textAt(e.Else, own)
	case *Field:
		text = textAt(e.X, own) + "." + e.Name
	case *Call:
		var args []string
		for _, a := range e.Args {
			arg := exprText(a.Value)
			if a.Name != "" {
				arg = a.Name + "=" + arg
			}
			args = append(args, arg)
		}
		text = textAt(e.Fn, own) + "(" + strings.Join(args, ", ") + ")"
	default:
		text = "..."
	}
	if own < outer {
		return "(" + text + ")"
	}
	return text
}
