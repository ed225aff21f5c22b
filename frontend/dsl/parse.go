package dsl

import (
	"fmt"
	"slices"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/mlxc/mlxc/ir"
)

// Parse reads a source file. It reads declaration by declaration, so that each
// can have its own syntax error. The error is ir.Diagnostics; file is the name
// used in positions.
func Parse(file string, src []byte) (*File, error) {
	toks, diags := tokenize(file, src)
	f := &File{}
	for len(toks) > 1 { // the last is EOF
		var decl []lexer.Token
		decl, toks = splitDecl(toks)
		if slices.ContainsFunc(decl, func(t lexer.Token) bool { return t.Type == tBad }) {
			continue
		}
		g, d := parseDecl(decl)
		f.Decls = append(f.Decls, g.Decls...)
		diags = append(diags, d...)
	}
	return f, diags.Err()
}

// splitDecl takes the first declaration off a list of tokens: up to the first
// line end outside brackets, annotations on lines of their own included.
func splitDecl(toks []lexer.Token) (decl, rest []lexer.Token) {
	depth := 0
	only := annotations(toks)
	for i, t := range toks {
		if t.Type == tPunct {
			switch t.Value {
			case "(", "[", "{":
				depth++
			case ")", "]", "}":
				depth--
			}
		}
		if t.Type == tNL && depth == 0 && i >= only {
			return toks[:i+1], toks[i+1:]
		}
	}
	return toks[:len(toks)-1], toks[len(toks)-1:]
}

// annotations counts the tokens of the annotations at the start of toks.
func annotations(toks []lexer.Token) int {
	i := 0
	for i+1 < len(toks) && toks[i].Value == "@" && toks[i].Type == tPunct {
		i += 2
		for depth := 0; i < len(toks); i++ {
			if toks[i].Type == tPunct && toks[i].Value == "(" {
				depth++
			} else if toks[i].Type == tPunct && toks[i].Value == ")" {
				depth--
			} else if depth == 0 {
				break
			}
		}
		for i < len(toks) && toks[i].Type == tNL {
			i++
		}
	}
	return i
}

// parseDecl parses the tokens of one declaration. participle panics where a
// grammar loops without reading; that would be our mistake, but no reason to
// fall over the user's file.
func parseDecl(decl []lexer.Token) (f *File, diags ir.Diagnostics) {
	first := decl[0]
	defer func() {
		if r := recover(); r != nil {
			f, diags = &File{}, ir.Diagnostics{{Pos: tokenPos(first), Msg: fmt.Sprint("this declaration cannot be read: ", r)}}
		}
	}()
	last := decl[len(decl)-1]
	end := lexer.EOFToken(last.Pos)
	list := append(tokenList(nil), decl...)
	list = append(list, end)
	lex, err := lexer.Upgrade(&list)
	if err == nil {
		f, err = grammar.ParseFromLexer(lex)
	}
	if err != nil {
		return &File{}, ir.Diagnostics{syntaxError(err, decl)}
	}
	return f, nil
}
