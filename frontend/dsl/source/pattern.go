package source

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Texts that differ in whole numbers alone become one, in which names stand for these.

// A pattern is several such texts.
type pattern struct {
	tokens []string        // of the first
	holes  map[int][]int64 // the numbers of all of them where they differ, by token
}

var tokenRule = regexp.MustCompile(`[A-Za-z_]\w*|\d+(?:\.\d+)?(?:e[-+]?\d+)?|"[^"]*"|\s+|.`)

// skeleton is a text without its whole numbers.
func skeleton(text string) string {
	tokens := tokenRule.FindAllString(text, -1)
	for i, t := range tokens {
		if _, ok := whole(t); ok {
			tokens[i] = "#"
		}
	}
	return strings.Join(tokens, "")
}

func whole(token string) (int64, bool) {
	n, err := strconv.ParseInt(token, 10, 64)
	return n, err == nil
}

// patternOf is the pattern of texts of one skeleton.
func patternOf(texts []string) *pattern {
	p := &pattern{tokens: tokenRule.FindAllString(texts[0], -1), holes: map[int][]int64{}}
	values := make([][]int64, len(p.tokens))
	for _, text := range texts {
		for i, t := range tokenRule.FindAllString(text, -1) {
			if n, ok := whole(t); ok {
				values[i] = append(values[i], n)
			}
		}
	}
	for i, of := range values {
		if len(of) > 0 && slices.Max(of) != slices.Min(of) {
			p.holes[i] = of
		}
	}
	return p
}

// A column is a name, or an expression of names, with its value in each text.
type column struct {
	name     string
	operator bool // binds the expression
	values   []int64
	small    bool   // it counts no elements: a stride, a kernel's width
	axis     string // that the type of an argument binds it to, which makes it a size; empty: it is a parameter
}

// factor is it where it is multiplied.
func (c column) factor() string {
	if c.operator {
		return "(" + c.name + ")"
	}
	return c.name
}

// fill has what stands for the numbers at a token.
func (p *pattern) fill(at int, text string, operator bool) {
	if operator && !(p.alone(at)) {
		text = "(" + text + ")"
	}
	p.tokens[at] = text
}

// alone reports that a token is all of an argument, an item or a value.
func (p *pattern) alone(at int) bool {
	before, after := "", "\n"
	if at > 0 {
		before = p.tokens[at-1]
	}
	if before == " " && at > 1 {
		before = p.tokens[at-2]
	}
	if at+1 < len(p.tokens) {
		after = p.tokens[at+1]
	}
	return slices.Contains([]string{"(", "[", ",", "=", ":"}, before) && slices.Contains([]string{")", "]", ",", ":", "\n"}, after)
}

func (p *pattern) text() string { return strings.Join(p.tokens, "") }

// said is what numbers are by names: one of these, a multiple or a part of one, or the product
// of two. operator says that an operator binds it.
func said(values []int64, by []column) (text string, operator, ok bool) {
	for _, c := range by {
		if slices.Equal(c.values, values) {
			return c.name, c.operator, true
		}
	}
	ratio := func(of, to []int64) int64 {
		if to[0] == 0 || of[0]%to[0] != 0 {
			return 0
		}
		r := of[0] / to[0]
		for i, n := range of {
			if n != r*to[i] {
				return 0
			}
		}
		return r
	}
	for _, c := range by {
		if r := ratio(values, c.values); r > 1 {
			return fmt.Sprintf("%d * %s", r, c.factor()), true, true
		}
		for d := int64(2); d <= 8; d *= 2 {
			part := make([]int64, len(values))
			for i, n := range c.values {
				part[i] = n / d
			}
			if slices.Equal(part, values) {
				return fmt.Sprintf("div(%s, %d)", c.name, d), false, true
			}
		}
	}
	for i, c := range by {
		for _, d := range by[i:] {
			product := make([]int64, len(values))
			for k, n := range c.values {
				product[k] = n * d.values[k]
			}
			if r := ratio(values, product); r == 1 {
				return c.factor() + " * " + d.factor(), true, true
			} else if r > 1 {
				return fmt.Sprintf("%d * %s * %s", r, c.factor(), d.factor()), true, true
			}
		}
	}
	return "", false, false
}

// A place is where in a text a token stands.
type place struct {
	callee   string // whose argument it is; empty: of none
	name     string // of the argument, if it has one
	n        int    // how many stand before it, or before it in its list
	rank     int    // how many the list has
	brackets bool   // it is in a list, a shape or an index
}

// places are those of all tokens.
func (p *pattern) places() []place {
	type open struct {
		callee, name string
		n, first     int
		brackets     bool
	}
	out := make([]place, len(p.tokens))
	var stack []open
	for i, t := range p.tokens {
		switch t {
		case "(", "[":
			callee := ""
			for k := i - 1; k >= 0 && t == "(" && regexp.MustCompile(`^[\w.]+$`).MatchString(p.tokens[k]); k-- {
				callee = p.tokens[k] + callee
			}
			stack = append(stack, open{callee: callee, first: i, brackets: t == "["})
		case ")", "]":
			if len(stack) > 0 {
				top := stack[len(stack)-1]
				for k := top.first; k < i; k++ {
					if out[k].rank == 0 && out[k].brackets {
						out[k].rank = top.n + 1
					}
				}
				stack = stack[:len(stack)-1]
			}
		case ",":
			if len(stack) > 0 {
				top := &stack[len(stack)-1]
				top.n, top.name = top.n+1, ""
			}
		case "=":
			if len(stack) > 0 && i > 0 {
				stack[len(stack)-1].name = p.tokens[i-1]
			}
		default:
			if len(stack) > 0 {
				top := stack[len(stack)-1]
				out[i] = place{callee: top.callee, name: top.name, n: top.n, brackets: top.brackets}
			}
		}
	}
	return out
}
