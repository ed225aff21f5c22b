package dsl

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/mlxc/mlxc/ir"
)

// Limits on a source file, so that hostile text costs bounded memory and stack.
const (
	maxSource  = 1 << 20 // bytes
	maxNesting = 200     // open brackets
)

// keywords are never names.
var keywords = strings.Fields(`import config const dim default weights block fn entry kernel test param state
	if else for loop while return assert and or not true false none`)

// The tokens. Keywords are a token type of their own, so that a name is never a
// keyword; the words in, at, load, from, as, where, max, uses, metal, ref and vjp
// are names, and keywords only where the grammar asks for them. The rules named
// Bad... match what is not in the language, so that one message can say so and
// the rest of the file is still read; a declaration with one is not parsed.
var tokenRules = lexer.MustSimple([]lexer.SimpleRule{
	{Name: "Comment", Pattern: `#[^\n]*`},
	{Name: "LineEnd", Pattern: `\r?\n`},
	{Name: "Space", Pattern: `[ \t]+`},
	{Name: "Raw", Pattern: "`[^`]*`"},
	{Name: "BadRaw", Pattern: "`[^`]*"},
	{Name: "String", Pattern: `"(\\.|[^"\\\n])*"`},
	{Name: "BadString", Pattern: `"[^\n]*`},
	{Name: "Float", Pattern: `(\d[\d_]*\.\d[\d_]*([eE][-+]?\d+)?|\d[\d_]*[eE][-+]?\d+)`},
	{Name: "Int", Pattern: `0x[0-9a-fA-F_]+|\d[\d_]*`},
	{Name: "Keyword", Pattern: `(` + strings.Join(keywords, "|") + `)\b`},
	{Name: "Ident", Pattern: `[A-Za-z_][A-Za-z0-9_]*`},
	{Name: "Punct", Pattern: `\.\.\.|\.\.|->|==|!=|<=|>=|\*\*|//|&&|\|\||:=|\+=|-=|\*=|[-+*/%@=<>()\[\]{},.:;!&|?]`},
	{Name: "NL", Pattern: `[^\x00-\x{10FFFF}]`}, // matches nothing: tokenize makes them
	{Name: "Bad", Pattern: `(?s).`},
})

var (
	tokens    = tokenRules.Symbols()
	tString   = tokens["String"]
	tRaw      = tokens["Raw"]
	tFloat    = tokens["Float"]
	tInt      = tokens["Int"]
	tKeyword  = tokens["Keyword"]
	tIdent    = tokens["Ident"]
	tPunct    = tokens["Punct"]
	tNL       = tokens["NL"]
	closers   = map[string]string{"(": ")", "[": "]", "{": "}"}
	tBad      = tokens["Bad"]
	isLiteral = map[lexer.TokenType]bool{tIdent: true, tInt: true, tFloat: true, tString: true, tRaw: true, tBad: true}
)

// endsStatement: a line end after this token ends the statement.
func endsStatement(t lexer.Token) bool {
	switch t.Type {
	case tKeyword:
		switch t.Value {
		case "true", "false", "none", "return", "dim", "param", "block":
			return true
		}
	case tPunct:
		return t.Value == ")" || t.Value == "]" || t.Value == "}"
	}
	return isLiteral[t.Type]
}

// continues: a line that starts with these two tokens continues the one before.
func continues(t, after lexer.Token) bool {
	switch t.Value {
	case ".", "->", "=", "{":
		return t.Type == tPunct
	case "else", "and", "or":
		return t.Type == tKeyword
	case "where", "load": // not variables or functions of these names
		return t.Type == tIdent && (isLiteral[after.Type] || after.Value == "not" || after.Value == "-") && after.Type != tString
	case "at":
		return t.Type == tIdent && after.Type == tString
	}
	return false
}

// binaryOperator: a line cannot start with it, for it would be lost silently
// where the line above is complete. @name is an annotation, `@ w` is not.
func binaryOperator(t, after lexer.Token) bool {
	if t.Type != tPunct {
		return false
	}
	switch t.Value {
	case "+", "-", "*", "/", "%", "**", "==", "!=", "<", "<=", ">", ">=":
		return true
	case "@":
		return after.Type != tIdent || after.Pos.Offset != t.Pos.Offset+1
	}
	return false
}

// beginsStatement: words that only ever begin a statement or a declaration. One
// of them at the start of a line inside ( or [ means a missing bracket.
var beginsStatement = map[string]bool{"return": true, "fn": true, "entry": true, "state": true, "loop": true,
	"while": true, "test": true, "assert": true, "import": true, "config": true, "const": true, "kernel": true}

// tokenize splits a source into tokens, the last of which is EOF, and turns the
// line ends that end a statement into NL tokens. With errors among brackets no
// tokens come back, since nothing after them means what it says.
func tokenize(file string, src []byte) ([]lexer.Token, ir.Diagnostics) {
	if len(src) > maxSource {
		return nil, ir.Diagnostics{{Pos: &ir.Pos{File: file}, Msg: fmt.Sprintf("the file has %d bytes, more than %d", len(src), maxSource)}}
	}
	all, err := lexAll(file, src)
	if err != nil {
		return nil, ir.Diagnostics{{Pos: &ir.Pos{File: file}, Msg: err.Error()}}
	}
	z := tokenizer{all: all[:0:0]}
	first := false
	for _, t := range all {
		switch t.Type {
		case tokens["Space"], tokens["Comment"]:
		case tokens["LineEnd"]:
			first = true
		default:
			z.all, z.first = append(z.all, t), append(z.first, first)
			first = false
		}
	}
	for i := 0; i < len(z.all) && !z.unbalanced; i++ {
		z.token(i)
	}
	if z.unbalanced {
		return nil, z.diags
	}
	return z.out, z.diags
}

// lexAll splits a source into tokens with white space and comments.
func lexAll(file string, src []byte) ([]lexer.Token, error) {
	lx, err := tokenRules.Lex(file, strings.NewReader(string(src)))
	if err != nil {
		return nil, err
	}
	return lexer.ConsumeAll(lx)
}

const strangeCharacter = "this character is not part of the language"

type tokenizer struct {
	all        []lexer.Token // without white space and comments
	first      []bool        // of all[i]: it is the first on its line
	out        []lexer.Token
	open       []lexer.Token // brackets
	unbalanced bool
	diags      ir.Diagnostics
}

func (z *tokenizer) errorf(t lexer.Token, hint, format string, args ...any) {
	z.diags = append(z.diags, ir.Diagnostic{Pos: tokenPos(t), Msg: fmt.Sprintf(format, args...), Hint: hint})
}

// tokenPos is the place of a token that may be shown to the user.
func tokenPos(t lexer.Token) *ir.Pos {
	p := &ir.Pos{File: t.Pos.Filename, Line: t.Pos.Line, Col: t.Pos.Column}
	if t.Type != tNL && t.Type != lexer.EOF && !strings.Contains(t.Value, "\n") {
		p.End = p.Col + utf8.RuneCountInString(t.Value)
	}
	return p
}

func (z *tokenizer) token(i int) {
	t := z.all[i]
	if z.first[i] {
		z.lineEnd(t, z.all[min(i+1, len(z.all)-1)])
	}
	switch t.Type {
	case lexer.EOF:
		if n := len(z.open); n > 0 {
			z.bracket(z.open[n-1], "`%s` is never closed", z.open[n-1].Value)
			return
		}
		z.end()
	case tokens["BadString"]:
		t.Value = strings.TrimRight(t.Value, "\r")
		z.errorf(t, "", "this string has no closing quote on its line")
		t.Type = tBad
	case tokens["BadRaw"]:
		z.errorf(lexer.Token{Type: tPunct, Value: "`", Pos: t.Pos}, "", "this raw string is never closed")
		t.Type = tBad
	case tBad:
		if n := len(z.diags); n > 0 && z.diags[n-1].Msg == strangeCharacter && z.diags[n-1].Pos.Line == t.Pos.Line {
			break // one message for a line is enough
		}
		hint := operatorHabits[t.Value]
		if hint == "" {
			hint = "names are ASCII letters, digits and `_`"
		}
		z.errorf(t, hint, strangeCharacter)
	case tString:
		if _, err := strconv.Unquote(t.Value); err != nil {
			z.errorf(t, `escapes are those of Go: \n, \t, \", \\, \u00e9`, "this string has an unknown escape")
			t.Type = tBad
		}
	case tPunct:
		z.punct(t)
	}
	if n := len(z.open); z.first[i] && n > 0 && z.open[n-1].Value != "{" && t.Type == tKeyword && beginsStatement[t.Value] {
		z.bracket(z.open[n-1], "`%s` is not closed before the next statement", z.open[n-1].Value)
		return
	}
	z.out = append(z.out, t)
}

// end ends the statement if there is one to end.
func (z *tokenizer) end() {
	n := len(z.out)
	if n == 0 || !endsStatement(z.out[n-1]) {
		return
	}
	pos := z.out[n-1].Pos
	pos.Advance(z.out[n-1].Value)
	z.out = append(z.out, lexer.Token{Type: tNL, Value: "\n", Pos: pos})
}

// lineEnd looks at the end of a line before the tokens next and after.
func (z *tokenizer) lineEnd(next, after lexer.Token) {
	if n := len(z.open); n > 0 && z.open[n-1].Value != "{" {
		return // inside ( or [ a line end is white space
	}
	if n := len(z.out); n > 0 && endsStatement(z.out[n-1]) && binaryOperator(next, after) {
		z.errorf(next, fmt.Sprintf("end the line above with `%s`", next.Value), "a line cannot start with `%s`", next.Value)
		return
	}
	if !continues(next, after) {
		z.end()
	}
}

func (z *tokenizer) punct(t lexer.Token) {
	switch t.Value {
	case "(", "[", "{":
		z.open = append(z.open, t)
		if len(z.open) > maxNesting {
			z.bracket(t, "more than %d brackets are open here", maxNesting)
		}
	case ")", "]", "}":
		n := len(z.open)
		if n == 0 {
			z.bracket(t, "`%s` closes nothing", t.Value)
			return
		}
		if open := z.open[n-1]; closers[open.Value] != t.Value {
			z.bracket(t, "`%s` does not close `%s` of line %d", t.Value, open.Value, open.Pos.Line)
			return
		}
		z.open = z.open[:n-1]
		if t.Value == "}" {
			z.end()
		}
	}
}

func (z *tokenizer) bracket(t lexer.Token, format string, args ...any) {
	z.errorf(t, "", format, args...)
	z.unbalanced = true
}

// A tokenList gives the grammar a list of tokens that ends with EOF.
type tokenList []lexer.Token

func (l *tokenList) Next() (lexer.Token, error) {
	t := (*l)[0]
	if len(*l) > 1 {
		*l = (*l)[1:]
	}
	return t, nil
}
