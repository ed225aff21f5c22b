package ir

import (
	"fmt"
	"math"
	"slices"
)

// A Puller makes a kernel's scalars by pulling: an op asks for its operands'
// scalars at the indices it needs. The pass lower owns one per kernel.
type Puller struct {
	*DAG
	Arg func(v *Value, at []Size) *Scalar // the scalar of a tensor at an index

	guards []Bound
	binds  []binding
	open   []*pulling
	axes   []*Axis            // variables of folds, so far
	bound  int                // variables of Bound, so far
	known  map[string]*Scalar // what Pull gave
}

type binding struct {
	axis  *Axis
	value *Scalar
}

// A pulling is an instruction whose scalar is being made.
type pulling struct {
	at    []Size
	folds []*Axis
}

// Pull is the scalar of an instruction's result at an index; asked twice, the same.
func (p *Puller) Pull(in *Instr, at []Size) *Scalar {
	key := fmt.Sprintf("%p %v %v", in, at, p.guards)
	if v := p.known[key]; v != nil {
		return v
	}
	p.open = append(p.open, &pulling{at: at})
	var v *Scalar
	if in.Op.Body == nil {
		v = in.Op.Pull(p, in, at)
	} else {
		x := make([]S, len(in.Args))
		for i, a := range in.Args {
			x[i] = p.Wrap(p.Arg(a, at))
		}
		v = in.Op.Body(x...).V
	}
	p.open = p.open[:len(p.open)-1]
	if p.known == nil {
		p.known = map[string]*Scalar{}
	}
	p.known[key] = v
	return v
}

// Axis is a variable for a fold of the instruction being pulled. Folds of one extent
// have one variable, by which the stages of a row share what they load, unless the
// variable means something already where the operand is pulled: another axis of the
// same fold, or that of a fold around this one.
func (p *Puller) Axis(extent Size) *Axis {
	here := p.open[len(p.open)-1]
	for _, a := range p.axes {
		if a.Extent.Equal(extent) && !hasAxis(here.folds, a) && !p.mentions(here.at, a) {
			here.folds = append(here.folds, a)
			return a
		}
	}
	a := &Axis{Name: fmt.Sprintf("r%d", len(p.axes)), Extent: extent}
	p.axes = append(p.axes, a)
	here.folds = append(here.folds, a)
	return a
}

// mentions reports whether what is pulled at an index may depend on the axis.
func (p *Puller) mentions(at []Size, a *Axis) bool {
	has := func(s Size) bool { return s.Has(a) }
	return slices.ContainsFunc(at, has) ||
		slices.ContainsFunc(p.guards, func(g Bound) bool { return has(g.Index) || has(g.Extent) }) ||
		slices.ContainsFunc(p.binds, func(b binding) bool { return b.value.Varies(a) })
}

// Guarded pulls where all bounds hold; elsewhere the result is other. Loads made
// inside carry the guard, so that nothing is read outside a buffer.
func (p *Puller) Guarded(guard []Bound, other *Scalar, pull func() *Scalar) *Scalar {
	var open []Bound
	for _, g := range guard {
		if g.never() {
			return other
		}
		if !g.Proven() {
			open = append(open, g)
		}
	}
	if len(open) == 0 {
		return pull()
	}
	n := len(p.guards)
	p.guards = append(p.guards, open...)
	v := pull()
	p.guards = p.guards[:n]
	if v.Kind == ScalarLoad && len(v.Guard) == n+len(open) && other.Kind == ScalarConst && other.Float == 0 && !math.Signbit(other.Float) && other.Int == 0 && n == 0 {
		return v // outside its guard a load is 0
	}
	if slices.ContainsFunc(open, Bound.undefined) {
		open = slices.Concat(p.guards[:n], open)
	}
	return p.Apply(Select, p.bounded(Scalar{Kind: ScalarInside, DType: Bool, Guard: open}), v, other)
}

// undefined reports whether the bound divides by what may be 0. A tensor without
// elements is never read, so that the guards around the bound do not hold then: they
// are asked first.
func (g Bound) undefined() bool {
	found := false
	for _, s := range []Size{g.Index, g.Extent} {
		s.Walk(func(a *Atom) { found = found || (a.Kind == AtomQuo || a.Kind == AtomRem) && !a.D.AtLeast(1) })
	}
	return found
}

// Proven reports whether the bound holds at every point of the loops.
func (g Bound) Proven() bool { return g.Index.NonNegative() && g.Index.Less(g.Extent) }

// never reports that the bound holds nowhere, being one on numbers.
func (g Bound) never() bool {
	i, known := g.Index.Int()
	n, ok := g.Extent.Int()
	return known && ok && (i < 0 || i >= n)
}

// Bound pulls with an index in [0, extent) that is the value of a scalar.
func (p *Puller) Bound(extent Size, value *Scalar, pull func(i Size) *Scalar) *Scalar {
	axis := &Axis{Name: fmt.Sprintf("b%d", p.bound), Extent: extent}
	p.bound++
	p.binds = append(p.binds, binding{axis, value})
	v := pull(axis.Index())
	p.binds = p.binds[:len(p.binds)-1]
	return v
}

// Load reads an argument's element where all guards in force hold.
func (p *Puller) Load(arg int, t DType, index Size) *Scalar {
	return p.bounded(Scalar{Kind: ScalarLoad, DType: t.Compute(), Arg: arg, Index: index, Guard: slices.Clone(p.guards)})
}

// Number is a size or index as a scalar of dtype t.
func (p *Puller) Number(t DType, s Size) *Scalar {
	return p.bounded(Scalar{Kind: ScalarSize, DType: t.Compute(), Index: s})
}

// bounded adds v with the bindings in force.
func (p *Puller) bounded(v Scalar) *Scalar {
	for _, b := range p.binds {
		v.Bind, v.Args = append(v.Bind, b.axis), append(v.Args, b.value)
	}
	return p.Add(v)
}

// Linear is the element index of at in a row-major tensor of the shape.
func Linear(at, shape []Size) Size {
	var e Size
	for i := range at {
		e = e.Mul(shape[i]).Add(at[i])
	}
	return e
}
