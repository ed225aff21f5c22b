package codegen

import (
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/mlxc/mlxc/ir"
)

// The tables below are the model as package runtime replays it.

func rt(name string) *jen.Statement { return jen.Qual(runtimePath, name) }

func slice(elem *jen.Statement, items []jen.Code) *jen.Statement {
	return jen.Index().Add(elem).Custom(jen.Options{Open: "{", Close: "}", Separator: ",", Multi: len(items) > 0}, items...)
}

func inline(elem *jen.Statement, items []jen.Code) *jen.Statement {
	return jen.Index().Add(elem).Values(items...)
}

func ints(ns []int) *jen.Statement {
	items := make([]jen.Code, len(ns))
	for i, n := range ns {
		items[i] = jen.Lit(n)
	}
	return inline(jen.Int(), items)
}

func floats(xs []float64) *jen.Statement {
	items := make([]jen.Code, len(xs))
	for i, x := range xs {
		items[i] = jen.Lit(x)
	}
	return inline(jen.Float64(), items)
}

// fields is a composite literal on one line, in the given order.
func fields(pairs ...any) *jen.Statement {
	var items []jen.Code
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != nil {
			items = append(items, jen.Id(pairs[i].(string)).Op(":").Add(pairs[i+1].(jen.Code)))
		}
	}
	return jen.Values(items...)
}

// size is a polynomial over the dims of a call.
func (p *pkg) size(s ir.Size) jen.Code {
	if len(s.Terms()) == 0 {
		return jen.Nil()
	}
	if len(s.Terms()) == 1 {
		if args, ok := p.monomial(s.Terms()[0]); ok {
			return rt("Mono").Call(args...)
		}
	}
	var terms []jen.Code
	for _, t := range s.Terms() {
		var of jen.Code
		if len(t.Atoms) > 0 {
			var factors []jen.Code
			for _, a := range t.Atoms {
				factors = append(factors, p.factor(a))
			}
			of = inline(rt("Factor"), factors)
		}
		terms = append(terms, fields("Coef", jen.Lit(int(t.Coef)), "Of", of))
	}
	return rt("Size").Values(terms...)
}

func (p *pkg) monomial(t ir.Term) ([]jen.Code, bool) {
	args := []jen.Code{jen.Lit(int(t.Coef))}
	for _, a := range t.Atoms {
		if a.Kind != ir.AtomDim {
			return nil, false
		}
		args = append(args, jen.Id(dimName(a.Dim)))
	}
	return args, true
}

func (p *pkg) factor(a *ir.Atom) jen.Code {
	switch a.Kind {
	case ir.AtomDim:
		return fields("Dim", jen.Id(dimName(a.Dim)))
	case ir.AtomRem:
		return fields("Num", p.size(a.X), "Den", p.size(a.D), "Rem", jen.True())
	}
	return fields("Num", p.size(a.X), "Den", p.size(a.D))
}

func (p *pkg) sizes(ss []ir.Size) jen.Code {
	if len(ss) == 0 {
		return nil
	}
	items := make([]jen.Code, len(ss))
	for i, s := range ss {
		items[i] = p.size(s)
	}
	return inline(rt("Size"), items)
}

// dtype is the runtime's constant: F32 for f32, Bool for bool.
func dtype(t ir.DType) jen.Code {
	if t == ir.Bool {
		return rt("Bool")
	}
	return rt(strings.ToUpper(t.String()))
}
