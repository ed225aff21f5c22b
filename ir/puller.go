package ir

import "slices"

import "math"

// A Puller makes a kernel's scalars by pulling: an op asks for its operands'
// scalars at the indices it needs. The pass lower owns one per kernel.
type Puller struct {
	*DAG
	Arg  func(v *Value, at []Size) *Scalar // the scalar of a tensor at an index
	Axis func(extent Size) *Axis           // a fresh variable

	guards []Bound
	binds  []binding
}

type binding struct {
	axis  *Axis
	value *Scalar
}

// Guarded pulls where all bounds hold; elsewhere the result is other. Loads made
// inside carry the guard, so that nothing is read outside a buffer.
func (p *Puller) Guarded(guard []Bound, other *Scalar, pull func() *Scalar) *Scalar {
	var open []Bound
	for _, g := range guard {
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
	return p.Apply(Select, p.bound(Scalar{Kind: ScalarInside, DType: Bool, Guard: open}), v, other)
}

// Proven reports whether the bound holds at every point of the loops.
func (g Bound) Proven() bool { return g.Index.NonNegative() && g.Index.Less(g.Extent) }

// Bound pulls with an index in [0, extent) that is the value of a scalar.
func (p *Puller) Bound(extent Size, value *Scalar, pull func(i Size) *Scalar) *Scalar {
	axis := p.Axis(extent)
	p.binds = append(p.binds, binding{axis, value})
	v := pull(axis.Index())
	p.binds = p.binds[:len(p.binds)-1]
	return v
}

// Load reads an argument's element where all guards in force hold.
func (p *Puller) Load(arg int, t DType, index Size) *Scalar {
	return p.bound(Scalar{Kind: ScalarLoad, DType: t.Compute(), Arg: arg, Index: index, Guard: slices.Clone(p.guards)})
}

// Number is a size or index as a scalar of dtype t.
func (p *Puller) Number(t DType, s Size) *Scalar {
	return p.bound(Scalar{Kind: ScalarSize, DType: t.Compute(), Index: s})
}

// bound adds v with the bindings that its indices mention.
func (p *Puller) bound(v Scalar) *Scalar {
	for _, b := range p.binds {
		has := v.Index.Has(b.axis)
		for _, g := range v.Guard {
			has = has || g.Index.Has(b.axis) || g.Extent.Has(b.axis)
		}
		if has {
			v.Bind = append(v.Bind, b.axis)
			v.Args = append(v.Args, b.value)
		}
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
