package dsl

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"

	"github.com/mlxc/mlxc/ir"
)

// expectations say in words what participle expected, by the first symbol of
// the part of the grammar that did not match.
var expectations = map[string]string{
	"<ident>":  "a name",
	"Ident":    "a name",
	"<string>": "a string",
	"<nl>":     "end of line",
	"Raw":      "a raw string with Metal code",
	"TypeExpr": "a type such as `f16[B, T]`",
	"Body":     "`{`",
	"ArgList":  "`(`",
	"Results":  "a result type",
	"Expr":     "an expression",
	"Param":    "a parameter",
	"SizeItem": "a size",
	"Stmt":     "a statement",
	"Member":   "a member",
	"Decl":     "a declaration",
	"Result":   "a result type",
	"DimBound": "a dim such as `B <= 8`",
}

// syntaxHints are for messages that begin and end like this.
var syntaxHints = []struct{ begins, ends, hint string }{
	{"unexpected `,`", "expected `=`", "one member per line: `a = Block()`"},
	{"unexpected", "expected `=`", "a declaration starts with import, config, const, dim, block, fn, entry, kernel, test, param, state, or `name =`"},
	{"unexpected `=`", "expected `:`", "a param or state needs a type: `param w: f16[4, 4]`"},
	{"unexpected", "expected a string", "a string stands in double quotes: `\"0\"`"},
	{"unexpected", "expected `max`", "a run-time loop needs a bound: `while x > 0 max 128 {`"},
	{"unexpected `:`", "expected `]`", "a slice is `from:to:step`"},
	{"unexpected `:`", "expected `{`", "a body stands in braces: `{ return x }`"},
	{"unexpected `.`", "expected an expression", floatHint},
	{"unexpected keyword", "expected end of line", "one statement per line"},
}

var wantsName = regexp.MustCompile("expected (a name|a parameter|`\\)`)$")

// floatHint is for `1.` and `.5`.
const floatHint = "a float has digits on both sides of the point: `1.0`"

// syntaxError makes a diagnostic of what participle says about a declaration.
func syntaxError(err error, decl []lexer.Token) ir.Diagnostic {
	d := ir.Diagnostic{Msg: err.Error(), Pos: tokenPos(decl[0])}
	var unexpected *participle.UnexpectedTokenError
	if !errors.As(err, &unexpected) {
		var at participle.Error
		if errors.As(err, &at) {
			p := at.Position()
			d.Msg, d.Pos = at.Message(), &ir.Pos{File: p.Filename, Line: p.Line, Col: p.Column}
		}
		return d
	}
	t := unexpected.Unexpected
	d.Pos = tokenPos(t)
	d.Msg = "unexpected " + describe(t)
	_, expected, _ := strings.Cut(unexpected.Message(), "(expected ")
	expected = strings.TrimSuffix(expected, ")")
	if expected != "" {
		d.Msg += ", expected " + friendly(expected)
	}
	if number, at, ok := pointBefore(t, decl); ok {
		return ir.Diagnostic{Pos: at, Msg: fmt.Sprintf("`%s` is no number", number), Hint: floatHint}
	}
	d.Hint = syntaxHint(d.Msg, t, decl)
	if d.Hint == "" && t.Type == tKeyword && wantsName.MatchString(d.Msg) {
		d.Hint = fmt.Sprintf("`%s` is a keyword and cannot be a name", t.Value)
	}
	return d
}

func describe(t lexer.Token) string {
	switch t.Type {
	case lexer.EOF:
		return "end of file"
	case tNL:
		return "end of line"
	case tKeyword:
		return fmt.Sprintf("keyword `%s`", t.Value)
	case tRaw:
		return "raw string"
	}
	return fmt.Sprintf("`%s`", t.Value)
}

// pointBefore finds an integer and a point before t, which cannot follow them.
func pointBefore(t lexer.Token, decl []lexer.Token) (number string, at *ir.Pos, ok bool) {
	i := slices.IndexFunc(decl, func(u lexer.Token) bool { return u.Pos == t.Pos && u.Type == t.Type })
	if i < 2 || decl[i-1].Value != "." || decl[i-2].Type != tInt {
		return "", nil, false
	}
	at = tokenPos(decl[i-2])
	at.End++
	return decl[i-2].Value + ".", at, true
}

// syntaxHint looks for a habit at the token or before it on its line, then for a
// hint that fits the message.
func syntaxHint(msg string, t lexer.Token, decl []lexer.Token) string {
	switch first := decl[0].Value; {
	case first == "from":
		return "write `import nn`, and then `nn.Linear`"
	case first == "import":
		return importHint
	}
	for i, u := range decl {
		if u.Pos.Line != t.Pos.Line || u.Pos.Offset > t.Pos.Offset {
			continue
		}
		here := u.Pos == t.Pos
		switch {
		case here && operatorHabits[t.Value] != "":
			return operatorHabits[t.Value]
		case slices.Contains(statementHabits, u.Value):
			return habits[u.Value]
		case here && i > 0 && slices.Contains([]string{"let", "var", "val"}, decl[i-1].Value):
			return "bind with `=`: `h = relu(x)`"
		case here && i > 0 && (t.Value == "+" || t.Value == "-") && decl[i-1].Value == t.Value:
			return fmt.Sprintf("write `x = x %s 1`", t.Value)
		case here && t.Value == "dim" && i+1 < len(decl) && decl[i+1].Value == "=":
			return "it is called `axis`"
		}
	}
	for _, h := range syntaxHints {
		if strings.HasPrefix(msg, h.begins) && strings.HasSuffix(msg, h.ends) {
			return h.hint
		}
	}
	return ""
}

// friendly puts the first symbol of a piece of grammar into words.
func friendly(expected string) string {
	first := strings.TrimLeft(expected, "(")
	if rest, ok := strings.CutPrefix(first, `"`); ok {
		word, _, _ := strings.Cut(rest, `"`)
		return "`" + word + "`"
	}
	if i := strings.IndexAny(first, " )*+?"); i >= 0 {
		first = first[:i]
	}
	if words, ok := expectations[first]; ok {
		return words
	}
	return "`" + first + "`"
}
