package cpu

import (
	"strconv"

	"github.com/dave/jennifer/jen"

	"github.com/mlxc/mlxc/ir"
)

// size prints an index expression over ints.
func (p *printer) size(s ir.Size) *jen.Statement {
	if s.Overflow() {
		return p.fail("an index leaves the range of int64")
	}
	if len(s.Terms()) == 0 {
		return jen.Lit(0)
	}
	sum := jen.Null()
	for i, t := range s.Terms() {
		coef := t.Coef
		switch {
		case i == 0 && coef < 0 && len(t.Atoms) == 0:
			sum.Lit(int(coef))
			continue
		case i == 0 && coef < 0:
			sum.Op("-")
			coef = -coef
		case coef < 0:
			sum.Op("-")
			coef = -coef
		case i > 0:
			sum.Op("+")
		}
		if len(t.Atoms) == 0 {
			sum.Lit(int(coef))
			continue
		}
		for j, a := range t.Atoms {
			if j > 0 {
				sum.Op("*")
			}
			sum.Add(p.atom(a))
		}
		if coef != 1 {
			sum.Op("*").Lit(int(coef))
		}
	}
	return sum
}

// atom prints one factor. Go's division truncates and panics, so numerators that may be
// negative and divisors that may be 0 go through functions that round down and give 0.
func (p *printer) atom(a *ir.Atom) *jen.Statement {
	switch a.Kind {
	case ir.AtomDim:
		p.dims[a.Dim.Name] = true
		return jen.Id(p.names.dim[a.Dim.Name])
	case ir.AtomAxis:
		switch v := p.binds[a.Axis.Name]; {
		case v != nil && isNumber(v):
			return jen.Int().Call(p.opaque(v))
		case v != nil:
			return jen.Int().Call(p.alone(v))
		}
		return jen.Id(p.names.axis[a.Axis.Name])
	}
	op, floor := "/", "Div"
	if a.Kind == ir.AtomRem {
		op, floor = "%", "Mod"
	}
	if a.X.NonNegative() && a.D.AtLeast(1) {
		return jen.Parens(p.factor(a.X).Op(op).Add(p.factor(a.D)))
	}
	return jen.Qual(Runtime, floor).Call(p.size(a.X), p.size(a.D))
}

// factor prints s so that it may stand in a product.
func (p *printer) factor(s ir.Size) *jen.Statement {
	if t := s.Terms(); len(t) == 1 && t[0].Coef >= 0 && (len(t[0].Atoms) == 0 || t[0].Coef == 1 && len(t[0].Atoms) == 1) {
		return p.size(s)
	}
	return jen.Parens(p.size(s))
}

// floatText is the shortest text that reads back as the same number of dtype t.
func floatText(x float64, t ir.DType) string {
	bits := 64
	if t != ir.F64 {
		bits = 32
	}
	return strconv.FormatFloat(x, 'g', -1, bits)
}
