package metal

import (
	"fmt"
	"math"

	"github.com/mlxc/mlxc/ir"
)

// A folding is a function that reductions may use.
type folding struct {
	identity func(t ir.DType) string // empty: not for this dtype
	better   string                  // the result is an index: the comparison that replaces the best
}

var folds = map[ir.Fn]folding{
	ir.Add:    {identity: number(0)},
	ir.Mul:    {identity: number(1)},
	ir.Max:    {identity: lowest},
	ir.Min:    {identity: highest},
	ir.And:    {identity: logical(1)},
	ir.Or:     {identity: logical(0)},
	ir.ArgMax: {identity: lowest, better: ">"},
	ir.ArgMin: {identity: highest, better: "<"},
}

func number(n int64) func(ir.DType) string {
	return func(t ir.DType) string {
		if t == ir.Bool {
			return ""
		}
		return literal(t, float64(n), n)
	}
}

func logical(n int64) func(ir.DType) string {
	return func(t ir.DType) string {
		if t != ir.Bool {
			return ""
		}
		return literal(t, 0, n)
	}
}

func lowest(t ir.DType) string {
	if t == ir.Bool {
		return ""
	}
	return literal(t, math.Inf(-1), minInt(t))
}

func highest(t ir.DType) string {
	if t == ir.Bool {
		return ""
	}
	return literal(t, math.Inf(1), maxInt(t))
}

// A part is a variable of an accumulator.
type part struct {
	name  string
	dtype ir.DType
}

// accumulator is the variables of a reduction: one, or the best element and its
// index.
func accumulator(v *ir.Scalar) []part {
	if folds[v.Fn].better != "" {
		return []part{{variable(v) + "Best", v.Args[0].DType}, {variable(v), ir.I32}}
	}
	return []part{{variable(v), v.DType}}
}

// start declares the accumulator of a reduction, fold takes one element in.
func (p *printer) start(v *ir.Scalar) {
	row, t := folds[v.Fn], v.Args[0].DType
	if row.identity == nil || row.identity(t) == "" {
		p.fail("Metal cannot reduce %s by %s", t, v.Fn)
		return
	}
	first := []string{row.identity(t), "0"}
	for i, a := range accumulator(v) {
		p.line("%s %s = %s;", p.typ(a.dtype), a.name, first[i])
	}
}

func (p *printer) fold(v *ir.Scalar) {
	row, name, x := folds[v.Fn], variable(v), v.Args[0]
	if row.better == "" {
		p.line("%s = %s;", name, fns[v.Fn][classOf(x.DType)](x.DType, []string{name, p.ref(x)}))
		return
	}
	at := ir.Size{}
	for _, o := range v.Over {
		at = at.Mul(o.Extent).Add(o.Index())
	}
	elem := name + "Elem"
	p.line("const %s %s = %s;", p.typ(x.DType), elem, p.alone(x))
	p.block("if ("+beats(row, x.DType, elem, name+"Best")+")", func() {
		p.line("%sBest = %s;", name, elem)
		p.line("%s = int(%s);", name, p.size(at))
	})
}

// beats is the condition that x is better than the best; NaN beats all numbers.
func beats(row folding, t ir.DType, x, best string) string {
	cond := fmt.Sprintf("%s %s %s", x, row.better, best)
	if t.IsFloat() {
		cond += fmt.Sprintf(" || (isnan(%s) && !isnan(%s))", x, best)
	}
	return cond
}

// merge takes another accumulator of the same reduction in. Of equal elements that
// of the lower index wins.
func (p *printer) merge(v *ir.Scalar, other []string) {
	row, name, t := folds[v.Fn], variable(v), v.Args[0].DType
	if row.better == "" {
		p.line("%s = %s;", name, fns[v.Fn][classOf(t)](t, []string{name, other[0]}))
		return
	}
	wins, loses := beats(row, t, other[0], name+"Best"), beats(row, t, name+"Best", other[0])
	p.block(fmt.Sprintf("if (%s || (!(%s) && %s < %s))", wins, loses, other[1], name), func() {
		p.line("%sBest = %s;", name, other[0])
		p.line("%s = %s;", name, other[1])
	})
}
