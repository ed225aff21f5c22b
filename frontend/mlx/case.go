package mlx

import (
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// maxCases is the functions that one entry may be.
const maxCases = 8

// If decides by sizes: the entry becomes several functions, of which a call takes the
// first whose conditions hold, and its body is run once for each of them and a few times
// more. In a case where If has found a dim equal to a number, the dim is that number. rel
// is ==, <= or <.
func (e *Entry) If(left Dim, rel ir.Relation, right Dim) bool {
	f, ok := e.fact("if", left, rel, right)
	if !ok {
		return false
	}
	now := ir.Fact{Left: f.Left.Narrow(e.given), Rel: rel, Right: f.Right.Narrow(e.given)}
	if holds, known := decided(now); known {
		return holds
	}
	same := func(g ir.Fact) bool { return g.String() == f.String() }
	if slices.ContainsFunc(e.given, same) {
		return true
	}
	if e.asked == nil && !slices.ContainsFunc(e.denied, same) {
		e.asked = &f
	}
	return false
}

// decided says of a fact whether it holds for all dims within their bounds, or for none.
func decided(f ir.Fact) (holds, known bool) {
	right := f.Right
	if f.Rel == ir.LT {
		right = right.Sub(N(1))
	}
	over := f.Left.Sub(right)
	switch {
	case over.AtLeast(1), f.Rel == ir.EQ && right.Sub(f.Left).AtLeast(1):
		return false, true
	case f.Rel == ir.EQ:
		return true, over.Is(0)
	}
	return true, right.Sub(f.Left).AtLeast(0)
}

// Known is s in the case that is being built.
func (e *Entry) Known(s Dim) Dim { return s.Narrow(e.equalities()) }

// equalities are the given facts that make dims numbers. Those that only limit them are
// put to use when the function is finished.
func (e *Entry) equalities() []ir.Fact {
	return slices.DeleteFunc(slices.Clone(e.given), func(f ir.Fact) bool { return f.Rel != ir.EQ })
}

// known is a type in the case that is being built.
func (e *Entry) known(t ir.Type) ir.Type {
	shape := slices.Clone(t.Shape)
	for i, s := range shape {
		shape[i] = e.Known(s)
	}
	return ir.Type{DType: t.DType, Shape: shape}
}

// cases builds the functions of an entry for which the given facts hold, and not those
// that are denied: two more for each that the body asks for.
func (b *Builder) cases(name string, body func(e *Entry), given, denied []ir.Fact) {
	e := &Entry{Block: b.Block, fn: &ir.Func{Name: name, Pos: b.here()}, given: given, denied: denied,
		inputs: map[*ir.Value]*ir.Pos{}, weights: map[*param]*ir.Value{}, open: map[*ir.Dim]int64{}, closed: map[*ir.Value]bool{}}
	b.entry = e
	body(e)
	b.entry = nil
	e.boundDims()
	switch {
	case b.Failed():
	case e.asked != nil:
		b.cases(name, body, append(slices.Clip(given), *e.asked), denied)
		b.cases(name, body, given, append(slices.Clip(denied), *e.asked))
	default:
		e.finish()
	}
}

// finish makes the function part of the model.
func (e *Entry) finish() {
	b, f := e.b, e.fn
	defer b.SetPos(f.Pos)()
	if len(f.Results) == 0 && len(f.Writes) == 0 {
		b.Fail(fmt.Sprintf("entry %s has no output, and sets no state", f.Name), "it would do nothing")
		return
	}
	f.Body = e.emit.Body
	bodies := f.Bodies()
	for _, g := range bodies {
		distinctNames(g)
	}
	for _, g := range bodies[:len(bodies)-1] {
		g.Where = slices.Concat(f.Where, g.Where)
	}
	if len(e.given) > 0 {
		var err error
		if f, err = f.Narrow(e.given); err != nil {
			b.errorf("entry %s: %v", f.Name, err)
			return
		}
	}
	same := func(g *ir.Func) bool { return g.Name == f.Name }
	if first := slices.IndexFunc(b.module.Funcs, same); first >= 0 {
		if len(b.module.Funcs)-first == maxCases {
			b.errorf("entry %s has more than %d cases", f.Name, maxCases)
			return
		}
		if why := differs(b.module.Funcs[first], f); why != "" {
			b.errorf("entry %s: %s", f.Name, why)
			return
		}
	}
	b.module.Funcs = append(b.module.Funcs, f)
}

// differs says how two functions of an entry look different to a caller; empty: they do
// not.
func differs(f, g *ir.Func) string {
	names := func(f *ir.Func) (inputs, results []string) {
		for _, v := range f.Inputs {
			inputs = append(inputs, v.Name+": "+v.Type.DType.String())
		}
		for _, r := range f.Results {
			results = append(results, r.Name+": "+r.Type.DType.String())
		}
		return inputs, results
	}
	in, out := names(f)
	in2, out2 := names(g)
	switch {
	case !slices.Equal(in, in2):
		return "its cases have different inputs"
	case !slices.Equal(out, out2):
		return "its cases have different results"
	}
	return ""
}
