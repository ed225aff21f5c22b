package runtime

import (
	"strconv"
	"strings"

	"github.com/mlxc/mlxc/runtime/cpu"
)

// A Size is a polynomial over the dims of a call: a sum of terms. nil is 0. Its
// value does not overflow for dims within their bounds, as the compiler has made
// sure.
type Size []Term

// A Term is Coef times the product of Of.
type Term struct {
	Coef int64
	Of   []Factor
}

// A Factor is the dim with the index Dim in Program.Dims; or, where Den is not
// nil, Num/Den rounded down, or with Rem what that division leaves over.
type Factor struct {
	Dim      int
	Num, Den Size
	Rem      bool
}

// Mono is the size coef times the product of dims.
func Mono(coef int64, dims ...int) Size {
	t := Term{Coef: coef}
	for _, d := range dims {
		t.Of = append(t.Of, Factor{Dim: d})
	}
	return Size{t}
}

// at is the value of s for dims.
func (s Size) at(dims []int64) int64 {
	var sum int64
	for _, t := range s {
		product := t.Coef
		for _, f := range t.Of {
			product *= f.at(dims)
		}
		sum += product
	}
	return sum
}

func (f Factor) at(dims []int64) int64 {
	switch {
	case f.Den == nil:
		return dims[f.Dim]
	case f.Rem:
		return cpu.Mod(f.Num.at(dims), f.Den.at(dims))
	}
	return cpu.Div(f.Num.at(dims), f.Den.at(dims))
}

// mentions reports whether s depends on a dim that is in the set.
func (s Size) mentions(set func(dim int) bool) bool {
	for _, t := range s {
		for _, f := range t.Of {
			if f.mentions(set) {
				return true
			}
		}
	}
	return false
}

func (f Factor) mentions(set func(dim int) bool) bool {
	if f.Den == nil {
		return set(f.Dim)
	}
	return f.Num.mentions(set) || f.Den.mentions(set)
}

// linear writes s as scale*dim + rest for the one dim that is not known; ok is
// false if there is no or more than one such dim, or s is not linear in it.
func (s Size) linear(dims []int64, known []bool) (dim int, scale, rest int64, ok bool) {
	unknown := func(d int) bool { return !known[d] }
	dim = -1
	for _, t := range s {
		product, at := t.Coef, -1
		for _, f := range t.Of {
			switch {
			case !f.mentions(unknown):
				product *= f.at(dims)
			case f.Den != nil || at >= 0 || dim >= 0 && dim != f.Dim:
				return 0, 0, 0, false
			default:
				at = f.Dim
			}
		}
		if at < 0 {
			rest += product
		} else {
			dim, scale = at, scale+product
		}
	}
	return dim, scale, rest, dim >= 0
}

// text is s with the names of dims: 2*B*T + div(T, 2) + 1.
func (s Size) text(dims []Dim) string {
	if len(s) == 0 {
		return "0"
	}
	terms := make([]string, len(s))
	for i, t := range s {
		var factors []string
		if t.Coef != 1 || len(t.Of) == 0 {
			factors = append(factors, strconv.FormatInt(t.Coef, 10))
		}
		for _, f := range t.Of {
			factors = append(factors, f.text(dims))
		}
		terms[i] = strings.Join(factors, "*")
	}
	return strings.Join(terms, " + ")
}

func (f Factor) text(dims []Dim) string {
	if f.Den == nil {
		return dims[f.Dim].Name
	}
	name := "div("
	if f.Rem {
		name = "mod("
	}
	return name + f.Num.text(dims) + ", " + f.Den.text(dims) + ")"
}
