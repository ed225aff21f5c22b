package dsl

import (
	"strconv"
	"unicode/utf8"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// Limits on the height of an expression's tree, which the compiler walks by
// recursion: what is nested, and how long a chain such as a + b + c is.
const (
	maxHeight = 300
	maxChain  = 2000
)

// parseExpr reads an expression by operator precedence. The grammar calls it
// wherever it has a field of type Expr.
func parseExpr(lex *lexer.PeekingLexer) (Expr, error) {
	if !startsExpr(lex.Peek()) {
		return nil, participle.NextMatch
	}
	p := &exprParser{lex: lex}
	return p.expr()
}

func startsExpr(t *lexer.Token) bool {
	switch t.Type {
	case tKeyword:
		return t.Value == "not" || t.Value == "true" || t.Value == "false" || t.Value == "none"
	case tPunct:
		return t.Value == "-" || t.Value == "(" || t.Value == "["
	}
	return isLiteral[t.Type] && t.Type != tRaw
}

type exprParser struct {
	lex    *lexer.PeekingLexer
	height int
}

// is reports whether the next token is one of these, which are keywords or
// punctuation.
func (p *exprParser) is(words ...string) bool {
	t := p.lex.Peek()
	if t.Type != tPunct && t.Type != tKeyword {
		return false
	}
	for _, w := range words {
		if t.Value == w {
			return true
		}
	}
	return false
}

func (p *exprParser) accept(word string) bool {
	if p.is(word) {
		p.lex.Next()
		return true
	}
	return false
}

func (p *exprParser) expect(word string) error {
	if !p.accept(word) {
		return p.unexpected(strconv.Quote(word))
	}
	return nil
}

func (p *exprParser) unexpected(expected string) error {
	return &participle.UnexpectedTokenError{Unexpected: *p.lex.Peek(), Expect: expected}
}

func spanOf(t *lexer.Token) Span {
	return Span{t.Pos, t.Pos.Column + utf8.RuneCountInString(t.Value)}
}

// since is the span from a place to the last token read, of those from cursor on.
func (p *exprParser) since(from lexer.Position, cursor lexer.RawCursor) Span {
	read := p.lex.Range(cursor, p.lex.RawCursor())
	return Span{from, 0}.to(spanOf(&read[len(read)-1]))
}

// levels are the operators of the left-associative levels, loosest first; a
// comparison, which chains, stands between.
var levels = [][]string{{"or"}, {"and"}, {"not"}, {"==", "!=", "<=", ">=", "<", ">"}, {"+", "-"}, {"*", "/", "%", "@"}}

const (
	levelNot     = 2
	levelCompare = 3
)

func (p *exprParser) expr() (Expr, error) {
	x, err := p.cond()
	if err != nil || !p.accept("..") {
		return x, err
	}
	y, err := p.cond()
	if err != nil {
		return nil, err
	}
	return &Binary{x.span().to(y.span()), "..", x, y}, nil
}

func (p *exprParser) cond() (Expr, error) {
	if p.height++; p.height > maxHeight {
		return nil, participle.Errorf(p.lex.Peek().Pos, "this expression is nested too deep")
	}
	defer func() { p.height-- }()
	x, err := p.level(0)
	if err != nil || !p.accept("if") {
		return x, err
	}
	c, err := p.level(0)
	if err != nil {
		return nil, err
	}
	if err := p.expect("else"); err != nil {
		return nil, err
	}
	y, err := p.cond()
	if err != nil {
		return nil, err
	}
	return &Cond{x.span().to(y.span()), x, c, y}, nil
}

// level reads operators that bind at least as tightly as levels[n].
func (p *exprParser) level(n int) (Expr, error) {
	if n == len(levels) {
		return p.unary("-", p.power)
	}
	if n == levelNot {
		return p.unary("not", func() (Expr, error) { return p.level(levelNot + 1) })
	}
	x, err := p.level(n + 1)
	if err != nil {
		return nil, err
	}
	var chain *Compare
	for i := 0; p.is(levels[n]...); i++ {
		if i > maxChain {
			return nil, p.tooLong()
		}
		op := p.lex.Next().Value
		y, err := p.level(n + 1)
		if err != nil {
			return nil, err
		}
		at := x.span().to(y.span())
		switch {
		case n != levelCompare:
			x = &Binary{at, op, x, y}
		case chain == nil:
			chain = &Compare{at, []string{op}, []Expr{x, y}}
			x = chain
		default:
			chain.Span, chain.Ops, chain.Args = at, append(chain.Ops, op), append(chain.Args, y)
		}
	}
	return x, nil
}

func (p *exprParser) tooLong() error {
	return participle.Errorf(p.lex.Peek().Pos, "this expression has more than %d parts; give some of them a name", maxChain)
}

// unary reads any number of the prefix operator op.
func (p *exprParser) unary(op string, operand func() (Expr, error)) (Expr, error) {
	var at []Span
	for p.is(op) {
		if len(at) == maxHeight {
			return nil, p.tooLong()
		}
		at = append(at, spanOf(p.lex.Next()))
	}
	x, err := operand()
	for i := len(at) - 1; i >= 0 && err == nil; i-- {
		x = &Unary{at[i].to(x.span()), op, x}
	}
	return x, err
}

func (p *exprParser) power() (Expr, error) {
	x, err := p.postfix()
	if err != nil || !p.accept("**") {
		return x, err
	}
	if p.height++; p.height > maxHeight {
		return nil, p.tooLong()
	}
	defer func() { p.height-- }()
	y, err := p.unary("-", p.power)
	if err != nil {
		return nil, err
	}
	return &Binary{x.span().to(y.span()), "**", x, y}, nil
}

// postfix reads a primary with its calls, indices and fields. A call x.f(a) and
// a field x.f begin at f, so that each step of a chain has a place of its own.
func (p *exprParser) postfix() (Expr, error) {
	from := p.lex.RawCursor()
	x, err := p.primary()
	for i := 0; err == nil; i++ {
		if i > maxChain {
			return nil, p.tooLong()
		}
		start := x.span().Pos
		switch {
		case p.accept("."):
			t := p.lex.Peek()
			if t.Type != tIdent {
				return nil, p.unexpected("<ident>")
			}
			x = &Field{spanOf(p.lex.Next()), x, t.Value}
		case p.accept("("):
			c := &Call{Fn: x}
			if c.Args, err = p.args(); err != nil {
				return nil, err
			}
			c.Span = p.since(start, from)
			x = c
		case p.accept("["):
			ix := &Index{X: x}
			err = p.items("]", func() error {
				item, err := p.indexItem()
				ix.Items = append(ix.Items, item)
				return err
			})
			if err == nil && len(ix.Items) == 0 {
				err = participle.Errorf(start, "an index is missing between `[` and `]`")
			}
			ix.Span = p.since(start, from)
			x = ix
		default:
			return x, nil
		}
	}
	return x, err
}

// items reads what item reads, separated by commas, up to and with the bracket
// that closes. A comma may stand before it.
func (p *exprParser) items(closing string, item func() error) error {
	for !p.accept(closing) {
		if err := item(); err != nil {
			return err
		}
		if !p.is(closing) {
			if !p.accept(",") {
				return p.unexpected(strconv.Quote(closing))
			}
		}
	}
	return nil
}

func (p *exprParser) args() (args []*Arg, err error) {
	err = p.items(")", func() error {
		a := &Arg{}
		if p.lex.Peek().Type == tIdent {
			mark := p.lex.MakeCheckpoint()
			a.Name = p.lex.Next().Value
			if !p.accept("=") {
				a.Name = ""
				p.lex.LoadCheckpoint(mark)
			}
		}
		var err error
		a.Value, err = p.expr()
		args = append(args, a)
		return err
	})
	return args, err
}

func (p *exprParser) indexItem() (item IndexItem, err error) {
	t := p.lex.Peek()
	from := p.lex.RawCursor()
	defer func() {
		if err == nil {
			item.Span = p.since(t.Pos, from)
		}
	}()
	if p.accept("...") {
		item.Rest = true
		return item, nil
	}
	if !p.is(":") {
		if item.Lo, err = p.expr(); err != nil {
			return item, err
		}
	}
	if p.accept(":") {
		item.Slice = true
		if startsExpr(p.lex.Peek()) {
			item.Hi, err = p.expr()
		}
	}
	if item.Slice && err == nil && p.accept(":") {
		item.Step, err = p.expr()
	}
	return item, err
}

func (p *exprParser) primary() (Expr, error) {
	t := p.lex.Peek()
	from := p.lex.RawCursor()
	switch {
	case !startsExpr(t) || p.is("not", "-"):
		return nil, p.unexpected("Expr")
	case t.Type == tIdent:
		return &Name{spanOf(p.lex.Next()), t.Value}, nil
	case t.Type != tPunct:
		return &Literal{spanOf(p.lex.Next()), t.Type, t.Value}, nil
	case p.accept("("):
		items, err := p.list(")")
		switch {
		case err != nil:
			return nil, err
		case len(items) == 0:
			return nil, participle.Errorf(t.Pos, "a value is missing between `(` and `)`")
		case len(items) == 1:
			return items[0], nil
		}
		return &Tuple{p.since(t.Pos, from), items}, nil
	}
	p.lex.Next() // [
	return p.listOrComprehension(t.Pos, from)
}

func (p *exprParser) list(closing string) (items []Expr, err error) {
	err = p.items(closing, func() error {
		x, err := p.expr()
		items = append(items, x)
		return err
	})
	return items, err
}

// element reads an element of a list, which may say what its step of the path is.
func (p *exprParser) element() (Expr, error) {
	x, err := p.expr()
	if t := p.lex.Peek(); err != nil || t.Type != tIdent || t.Value != "at" {
		return x, err
	}
	at := &Step{Pos: p.lex.Next().Pos}
	name := p.lex.Peek()
	if name.Type != tString {
		return nil, p.unexpected("<string>")
	}
	end := spanOf(p.lex.Next())
	return &Placed{x.span().to(end), x, at}, at.Name.Capture([]string{name.Value})
}

func (p *exprParser) listOrComprehension(start lexer.Position, from lexer.RawCursor) (Expr, error) {
	if p.accept("]") {
		return &List{Span: p.since(start, from)}, nil
	}
	x, err := p.element()
	if err != nil {
		return nil, err
	}
	if !p.accept("for") {
		items := []Expr{x}
		if p.accept(",") {
			err := p.items("]", func() error {
				x, err := p.element()
				items = append(items, x)
				return err
			})
			if err != nil {
				return nil, err
			}
		} else if err := p.expect("]"); err != nil {
			return nil, err
		}
		return &List{p.since(start, from), items}, nil
	}
	c := &Comprehension{Item: x}
	for {
		t := p.lex.Peek()
		if t.Type != tIdent {
			return nil, p.unexpected("<ident>")
		}
		c.Vars = append(c.Vars, p.lex.Next().Value)
		if !p.accept(",") {
			break
		}
	}
	if t := p.lex.Peek(); t.Type != tIdent || t.Value != "in" {
		return nil, p.unexpected(`"in"`)
	}
	p.lex.Next()
	if c.In, err = p.expr(); err != nil {
		return nil, err
	}
	if err := p.expect("]"); err != nil {
		return nil, err
	}
	c.Span = p.since(start, from)
	return c, nil
}
