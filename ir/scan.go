package ir

import (
	"fmt"
	"strconv"
	"strings"
)

// A scanner reads the tokens of types, sizes and IR text. Tokens are names,
// numbers, strings and punctuation; # starts a comment.
type scanner struct {
	file string
	text string
	at   int // of the next token, white space skipped
	end  int // behind the next token
	line int
	bol  int // where the line of the next token begins
	tok  string
	deep int // nesting, bounded so that no text exhausts the stack
}

const maxDepth = 200

func newScanner(file, text string) *scanner {
	s := &scanner{file: file, text: text, line: 1}
	s.next()
	return s
}

// A SyntaxError is a place in text that does not parse.
type SyntaxError struct {
	Pos Pos
	Msg string
}

func (e *SyntaxError) Error() string { return e.Pos.String() + ": error: " + e.Msg }

func (s *scanner) pos() Pos { return Pos{File: s.file, Line: s.line, Col: s.at - s.bol + 1} }

func (s *scanner) errorf(format string, args ...any) error {
	return &SyntaxError{s.pos(), fmt.Sprintf(format, args...)}
}

func isNameByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// next moves to the next token; at the end tok is "".
func (s *scanner) next() {
	s.at = s.end
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '\n':
			s.line++
			s.bol = s.at + 1
			s.at++
		case c == ' ' || c == '\t' || c == '\r':
			s.at++
		case c == '#':
			for s.at < len(s.text) && s.text[s.at] != '\n' {
				s.at++
			}
		default:
			s.end = s.at + s.length()
			s.tok = s.text[s.at:s.end]
			return
		}
	}
	s.end, s.tok = s.at, ""
}

// length is that of the token at s.at.
func (s *scanner) length() int {
	rest := s.text[s.at:]
	switch c := rest[0]; {
	case c == '"':
		for i := 1; i < len(rest) && rest[i] != '\n'; i++ {
			if rest[i] == '\\' {
				i++
			} else if rest[i] == '"' {
				return i + 1
			}
		}
		return 1
	case c >= '0' && c <= '9':
		n := 1
		for n < len(rest) && (isNameByte(rest[n]) || rest[n] == '.' && !strings.HasPrefix(rest[n:], "..") || (rest[n] == '+' || rest[n] == '-') && (rest[n-1] == 'e' || rest[n-1] == 'p')) {
			n++
		}
		return n
	case isNameByte(c) || c == '%' || c == '@':
		n := 1
		for n < len(rest) && (isNameByte(rest[n]) || rest[n] == '.' && c != '_' && !strings.HasPrefix(rest[n:], "..")) {
			n++
		}
		return n
	}
	for _, p := range []string{"..", "->", "==", "<=", "!="} {
		if strings.HasPrefix(rest, p) {
			return len(p)
		}
	}
	return 1
}

// accept moves on if the next token is tok.
func (s *scanner) accept(tok string) bool {
	if s.tok == tok {
		s.next()
		return true
	}
	return false
}

func (s *scanner) expect(tok string) error {
	if !s.accept(tok) {
		return s.errorf("unexpected %s, expected `%s`", s.found(), tok)
	}
	return nil
}

func (s *scanner) found() string {
	if s.tok == "" {
		return "end of text"
	}
	return "`" + s.tok + "`"
}

// name reads a name without a sigil.
func (s *scanner) name() (string, error) {
	if s.tok == "" || !isNameByte(s.tok[0]) || s.tok[0] >= '0' && s.tok[0] <= '9' {
		return "", s.errorf("unexpected %s, expected a name", s.found())
	}
	n := s.tok
	s.next()
	return n, nil
}

// sigil reads a name that starts with c: %value or @symbol; c is dropped.
func (s *scanner) sigil(c byte) (string, error) {
	if len(s.tok) < 2 || s.tok[0] != c {
		return "", s.errorf("unexpected %s, expected a name that starts with `%c`", s.found(), c)
	}
	n := s.tok[1:]
	s.next()
	return n, nil
}

func (s *scanner) str() (string, error) {
	v, err := strconv.Unquote(s.tok)
	if err != nil || s.tok[0] != '"' {
		return "", s.errorf("unexpected %s, expected a string", s.found())
	}
	s.next()
	return v, nil
}

// int reads an integer with an optional sign.
func (s *scanner) int() (int64, error) {
	start := s.errorf("unexpected %s, expected an integer", s.found())
	neg := s.accept("-")
	u, err := strconv.ParseUint(s.tok, 10, 64)
	if err != nil || u > 1<<63 || u == 1<<63 && !neg {
		return 0, start
	}
	s.next()
	if neg {
		return -int64(u), nil
	}
	return int64(u), nil
}

// float reads a number as Go prints it, or inf or nan, with an optional sign.
func (s *scanner) float() (float64, error) {
	start := s.errorf("unexpected %s, expected a number", s.found())
	neg := s.accept("-")
	f, err := strconv.ParseFloat(s.tok, 64)
	if err != nil {
		return 0, start
	}
	s.next()
	if neg {
		f = -f
	}
	return f, nil
}

func (s *scanner) enter() error {
	if s.deep++; s.deep > maxDepth {
		return s.errorf("nested more than %d deep", maxDepth)
	}
	return nil
}

func (s *scanner) leave() { s.deep-- }
