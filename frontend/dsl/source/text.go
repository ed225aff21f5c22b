package source

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/mlxc/mlxc/frontend/dsl"
	"github.com/mlxc/mlxc/ir"
)

// The text of numbers, sizes and types, and of arguments that may be left out.

// numberOf is a number for a tensor of a dtype: with as many digits as f32 needs, unless the
// tensor has more.
func numberOf(x float64, t ir.DType) term {
	if t.IsFloat() && t != ir.F64 && float64(float32(x)) == x {
		if short, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', -1, 32), 64); err == nil {
			x = short
		}
	}
	return numberText(x)
}

// numberText is a number in the language, to the last bit.
func numberText(x float64) term {
	switch {
	case math.IsNaN(x):
		return term{text: "inf - inf", binds: dsl.Binding("-")}
	case math.IsInf(x, 1):
		return term{text: "inf", binds: primary}
	case math.Signbit(x):
		t := numberText(-x)
		if x == 0 {
			t.text = "0.0"
		}
		return term{text: "-" + t.text, binds: bindsMinus}
	case x == math.Trunc(x) && x < 1e15:
		return term{text: strconv.FormatFloat(x, 'f', -1, 64), binds: primary}
	}
	return term{text: strconv.FormatFloat(x, 'g', -1, 64), binds: primary}
}

// sizeText is a size in the language.
func sizeText(s ir.Size) string { return sizeTerm(s).text }

func sizeTerm(s ir.Size) term {
	if n, ok := s.Int(); ok {
		return numberText(float64(n))
	}
	terms := slices.Clone(s.Terms())
	// What is subtracted stands behind.
	slices.SortStableFunc(terms, func(a, b ir.Term) int { return min(1, max(0, sign(b.Coef))) - min(1, max(0, sign(a.Coef))) })
	var out term
	for i, t := range terms {
		coef := t.Coef
		if i > 0 && coef < 0 {
			coef = -coef
		}
		var p term
		if coef != 1 || len(t.Atoms) == 0 {
			p = numberText(float64(coef))
		}
		for _, a := range t.Atoms {
			if x := atomTerm(a); p.text == "" {
				p = x
			} else {
				p = joined("*", p, x)
			}
		}
		switch {
		case i == 0:
			out = p
		case t.Coef < 0:
			out = joined("-", out, p)
		default:
			out = joined("+", out, p)
		}
	}
	return out
}

func sign(n int64) int {
	if n < 0 {
		return -1
	}
	return 1
}

func atomTerm(a *ir.Atom) term {
	switch a.Kind {
	case ir.AtomQuo:
		return called("div", []string{sizeText(a.X), sizeText(a.D)})
	case ir.AtomRem:
		return joined("%", sizeTerm(a.X), sizeTerm(a.D))
	}
	return term{text: a.String(), binds: primary}
}

func sizesText(shape []ir.Size) string {
	parts := make([]string, len(shape))
	for i, s := range shape {
		parts[i] = sizeText(s)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func typeText(t ir.Type) string {
	if t.Rank() == 0 {
		return t.DType.String()
	}
	return t.DType.String() + sizesText(t.Shape)
}

func intsText(ns []int) string {
	parts := make([]string, len(ns))
	for i, n := range ns {
		parts[i] = strconv.Itoa(n)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// intsOrInt is a list, or what alone is in it.
func intsOrInt(ns []int) string {
	if len(ns) == 1 {
		return strconv.Itoa(ns[0])
	}
	return intsText(ns)
}

// given is an argument by name, or by place if the name is empty; nothing unless it is wanted.
func given(wanted bool, name string, x any) string {
	switch {
	case !wanted:
		return ""
	case name == "":
		return fmt.Sprint(x)
	}
	return fmt.Sprintf("%s=%v", name, x)
}

// eachText is an argument with a number for each axis, or one for all; nothing if all are what
// they are without it.
func eachText(name string, ns []int, otherwise int) string {
	same := len(ns) > 0
	for _, n := range ns {
		same = same && n == ns[0]
	}
	switch {
	case len(ns) == 0 || same && ns[0] == otherwise:
		return ""
	case same:
		return given(true, name, ns[0])
	}
	return given(true, name, intsText(ns))
}

// axisText has the last axis as -1.
func axisText(in *ir.Instr, axis int) string {
	if n := in.Args[0].Type.Rank(); axis == n-1 && n > 1 {
		return "-1"
	}
	return strconv.Itoa(axis)
}

// otherAxis is an axis where it is not the last, which is meant without it.
func otherAxis(in *ir.Instr, axis int) string {
	return given(axis != in.Args[0].Type.Rank()-1, "axis", axis)
}

// epsText is what a norm of an instruction's first operand adds, if it is not the usual.
func epsText(in *ir.Instr, eps float64) string {
	text := numberOf(eps, in.Args[0].Type.DType).text
	return given(text != "1e-05", "eps", text)
}
