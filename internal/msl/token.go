package msl

import "strings"

type kind int

const (
	ident kind = iota
	number
	punct
	directive // a line that starts with #
	foreign   // what the language has no token for
)

// A token is a piece of the text; white space and comments are between tokens.
type token struct {
	kind      kind
	text      string
	pos       int // bytes from the start of the text
	line, col int
}

func (t token) at(format string) Problem { return Problem{t.line, t.col, format} }

// puncts are those of several characters, the longest first.
var puncts = []string{
	"<<=", ">>=", "[[", "]]", "::", "->", "++", "--", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||",
	"+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=",
}

// tokenize never fails: what it does not know is foreign.
func tokenize(text string) []token {
	var tokens []token
	line, start := 1, 0 // of the current line
	blank := true       // nothing but white space on this line yet
	for i := 0; i < len(text); {
		c := text[i]
		if c == '\n' {
			line, start, blank = line+1, i+1, true
			i++
			continue
		}
		if c == ' ' || c == '\t' || c == '\r' {
			i++
			continue
		}
		t := token{pos: i, line: line, col: i - start + 1}
		n := 0
		switch {
		case strings.HasPrefix(text[i:], "//"):
			i += lineLen(text[i:])
			continue
		case strings.HasPrefix(text[i:], "/*"):
			n := strings.Index(text[i+2:], "*/")
			if n < 0 {
				t.kind, t.text = foreign, "/*"
				return append(tokens, t)
			}
			comment := text[i : i+n+4]
			if nl := strings.LastIndexByte(comment, '\n'); nl >= 0 {
				line, start = line+strings.Count(comment, "\n"), i+nl+1
			}
			i += len(comment)
			continue
		case c == '#' && blank:
			t.kind, n = directive, lineLen(text[i:])
		case letter(c):
			for n = 1; i+n < len(text) && (letter(text[i+n]) || digit(text[i+n])); n++ {
			}
			t.kind = ident
		case digit(c) || c == '.' && i+1 < len(text) && digit(text[i+1]):
			t.kind, n = number, numberLen(text[i:])
		default:
			t.kind, n = punct, punctLen(text[i:])
			if n == 0 {
				t.kind, n = foreign, 1
			}
		}
		t.text = text[i : i+n]
		tokens = append(tokens, t)
		i += n
		blank = false
	}
	return splitBrackets(tokens)
}

func letter(c byte) bool { return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func digit(c byte) bool  { return '0' <= c && c <= '9' }

func lineLen(s string) int {
	if n := strings.IndexByte(s, '\n'); n >= 0 {
		return n
	}
	return len(s)
}

// numberLen takes in all that the preprocessor calls a number: 1e+5f, but not 1+5.
func numberLen(s string) int {
	hex := strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "0X")
	n := 1
	for ; n < len(s); n++ {
		c := s[n]
		sign := (c == '+' || c == '-') && !hex && (s[n-1] == 'e' || s[n-1] == 'E')
		if !letter(c) && !digit(c) && c != '.' && !sign {
			break
		}
	}
	return n
}

func punctLen(s string) int {
	for _, p := range puncts {
		if strings.HasPrefix(s, p) {
			return len(p)
		}
	}
	if strings.IndexByte("+-*/%&|^~!=<>?:;,.(){}[]", s[0]) >= 0 {
		return 1
	}
	return 0
}

// splitBrackets makes two of a ]] that closes two subscripts, as in a[b[0]], and of a
// [[ that opens none.
func splitBrackets(tokens []token) []token {
	var out []token
	var open []string
	for _, t := range tokens {
		if t.kind == punct {
			switch t.text {
			case "[[", "[":
				open = append(open, t.text)
			case "]":
				open = drop(open)
			case "]]":
				if len(open) > 0 && open[len(open)-1] == "[[" {
					open = drop(open)
					break
				}
				open = drop(drop(open))
				first, second := t, t
				first.text, second.text = "]", "]"
				second.pos++
				second.col++
				out = append(out, first, second)
				continue
			}
		}
		out = append(out, t)
	}
	return out
}

func drop(s []string) []string { return s[:max(0, len(s)-1)] }
