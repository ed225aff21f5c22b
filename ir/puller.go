package ir

// A Puller makes a kernel's scalars by pulling: an op asks for its operands'
// scalars at the indices it needs. The pass lower owns one per kernel.
type Puller struct {
	*DAG
	Arg  func(v *Value, at []Size) *Scalar // the scalar of a tensor at an index
	Axis func(extent Size) *Axis           // a variable to reduce over

	guards []Bound
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
	return p.Apply(Select, p.Inside(open), v, other)
}

// Proven reports whether the bound holds at every point of the loops.
func (g Bound) Proven() bool { return g.Index.NonNegative() && g.Index.Less(g.Extent) }

// Guards are the bounds in force, which a load must carry.
func (p *Puller) Guards() []Bound { return p.guards[:len(p.guards):len(p.guards)] }

// Linear is the element index of at in a row-major tensor of the shape.
func Linear(at, shape []Size) Size {
	var e Size
	for i := range at {
		e = e.Mul(shape[i]).Add(at[i])
	}
	return e
}
