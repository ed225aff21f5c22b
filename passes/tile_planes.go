package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// Products by quantised matrices on the CPU. Vectors compute neighbouring columns, so the
// planes of the matrix are moved: all that a vector reads for a term lies together. That
// is done at load, as it depends on weights alone, and takes no more memory than the
// planes do. Few rows are multiplied by elements that are computed for them; for more,
// panels of f32 are made at each call.

const (
	planeLanes = 64 // columns whose planes lie together, at most
	leastLanes = 8
	planeTerms = 8 // that are written out at least
)

// preparePlanes makes that form of k, some arguments of which are planes; nil: it is no
// product, or one of which vectors cannot compute the columns.
func preparePlanes(k *ir.Kernel, isPlane func(arg int) bool) *prepared {
	c := k.Contract
	if c == nil {
		c = vectorContract(k)
	}
	if c == nil || len(c.N) != 1 || len(c.Rights) != 1 || c.Rights[0].Sum.DType != ir.F32 {
		return nil
	}
	sum, columns, lanes := c.Rights[0].Sum, c.N[0], int64(planeLanes)
	if slices.ContainsFunc(k.Values, func(v *ir.Scalar) bool { return v.Kind == ir.ScalarReduce && v != sum }) {
		return nil
	}
	n, ok := columns.Extent.Int()
	for lanes > leastLanes && n%lanes != 0 {
		lanes /= 2
	}
	if !ok || n%lanes != 0 {
		return nil
	}
	p := &prepared{main: clone(k, c)}
	if !isRows(p.main, c.A, c.Terms()) && !p.rows() {
		return nil
	}
	for c = p.main.Contract; ; c = p.main.Contract {
		x := ofPlanes(c.Rights[0].B, c, isPlane)
		if x == nil {
			break
		}
		if !p.moved(x, c.Terms(), c.N[0], lanes) {
			return nil
		}
	}
	if len(p.factors) == 0 {
		return nil
	}
	if most(c.M) > rowsAreFew {
		p.panels(c.Rights[0].B, c.Batch(p.main), c.Terms(), c.N[0])
		writeOutPoints(p.factors[len(p.factors)-1].kernel)
	} else {
		p.main.Contract = nil
		splitAxes(p.main)
		writeOutTerms(p.main)
		contractFMA(p.main) // a scale times a number of 8 bits is exact
	}
	renameAxes(p.main)
	p.args = dropArgs(p.main)
	return p
}

// ofPlanes finds what of an element is to be moved: a load, or what many elements have in
// common, which is computed of planes alone; nil: there is none.
func ofPlanes(v *ir.Scalar, c *ir.Contract, isPlane func(arg int) bool) *ir.Scalar {
	if v.Kind == ir.ScalarLoad && isPlane(v.Arg) {
		return v
	}
	has := func(v *ir.Scalar) bool { return v.Kind == ir.ScalarLoad && isPlane(v.Arg) }
	other := func(v *ir.Scalar) bool { return v.Kind == ir.ScalarLoad && !isPlane(v.Arg) }
	common := most(termsOf(v, c.Terms()))*planeTerms <= most(c.Terms())
	if v.DType == ir.F32 && common && v.Varies(c.N[0]) && needs(v, has) && !needs(v, other) {
		return v
	}
	for _, a := range v.Args {
		if x := ofPlanes(a, c, isPlane); x != nil {
			return x
		}
	}
	return nil
}

// termsOf are the axes of terms that v varies with.
func termsOf(v *ir.Scalar, terms []*ir.Axis) []*ir.Axis {
	return slices.DeleteFunc(slices.Clone(terms), func(a *ir.Axis) bool { return !v.Varies(a) })
}

// moved lets a kernel compute x for each of so many neighbouring columns, term by term, and
// main read it; false: x varies with other axes.
func (p *prepared) moved(x *ir.Scalar, terms []*ir.Axis, n *ir.Axis, lanes int64) bool {
	terms = termsOf(x, terms)
	if slices.ContainsFunc(x.Free, func(a *ir.Axis) bool { return a.Name != n.Name && !contains(terms, a) }) || len(x.Guard)+len(x.Bind) > 0 {
		return false
	}
	dtype := x.DType
	if x.Kind == ir.ScalarLoad {
		dtype = p.main.Args[x.Arg].DType
	}
	columns, _ := n.Extent.Int()
	group := &ir.Axis{Name: "group", Extent: ir.N(columns / lanes)}
	lane := &ir.Axis{Name: "lane", Extent: ir.N(lanes)}
	column := group.Index().Mul(ir.N(lanes)).Add(lane.Index())
	each := ir.Product(extentsOf(terms))
	at := n.Index().Div(ir.N(lanes)).Mul(each).Add(ir.Flat(terms)).Mul(ir.N(lanes)).Add(n.Index().Mod(ir.N(lanes)))
	p.factor(x, "planes", dtype, slices.Concat([]*ir.Axis{group}, terms, []*ir.Axis{lane}), at, edit{
		size: func(s ir.Size) ir.Size { return s.Replace(n, column) },
	})
	return true
}

// writeOutTerms adds up some terms of sums at a time: all those that differ by what is a
// number in the kernel, such as a shift, and at least planeTerms if there are as many. All
// sums are over the same axes.
func writeOutTerms(k *ir.Kernel) {
	over := reducedAxes(k)
	out := inNumbers(k, over)
	for j := len(over) - 1; j >= 0 && most(out) < planeTerms; j-- {
		a, extent := over[j], most(over[j:j+1])
		if contains(out, a) {
			continue
		}
		part := int64(1)
		for part*2*most(out) <= planeTerms && extent%(part*2) == 0 {
			part *= 2
		}
		switch {
		case part == extent:
			out = append(out, a)
		case part > 1:
			out = append(out, splitAxis(k, a, ir.N(part)))
		}
	}
	terms := most(out)
	if terms == 1 || terms > unrollMost {
		return
	}
	edit{scalar: func(d *ir.DAG, v ir.Scalar) *ir.Scalar {
		if v.Kind != ir.ScalarReduce {
			return nil
		}
		each := varying(v.Args[0], out)
		sum := atPoint(d, each, out, 0)
		for n := int64(1); n < terms; n++ {
			sum = addedTo(d, v.Fn, sum, atPoint(d, each, out, n))
		}
		rest := slices.DeleteFunc(slices.Clone(v.Over), func(a *ir.Axis) bool { return contains(out, a) })
		return d.Reduce(v.Fn, rest, sum)
	}}.apply(k)
}

// inNumbers are those of some axes that something is a number of in a kernel, such as a
// shift.
func inNumbers(k *ir.Kernel, axes []*ir.Axis) (in []*ir.Axis) {
	for _, v := range k.Values {
		for _, a := range axes {
			if v.Kind == ir.ScalarSize && v.Index.Has(a) && !contains(in, a) {
				in = append(in, a)
			}
		}
	}
	return in
}

// writeOutPoints lets a point of a kernel, which stores one value, compute all those that
// differ by what is a number in it.
func writeOutPoints(k *ir.Kernel) {
	out := inNumbers(k, k.Par)
	points := most(out)
	if len(k.Stores) != 1 || points == 1 || points > unrollMost {
		return
	}
	store := k.Stores[0]
	k.Par = slices.DeleteFunc(slices.Clone(k.Par), func(a *ir.Axis) bool { return contains(out, a) })
	d, to := ir.NewDAG(), map[*ir.Scalar]*ir.Scalar{}
	for _, v := range k.Values {
		w := *v
		w.Args = make([]*ir.Scalar, len(v.Args))
		for i, a := range v.Args {
			w.Args[i] = to[a]
		}
		to[v] = d.Add(w)
	}
	each := varying(to[store.Value], out)
	k.Stores = nil
	for n := range points {
		k.Stores = append(k.Stores, ir.Store{Arg: store.Arg, Index: placedAt(store.Index, out, n), Guard: store.Guard, Value: atPoint(d, each, out, n)})
	}
	k.Values = d.Values
	prune(k)
}
