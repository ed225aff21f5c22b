package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// Products by quantised matrices on the CPU. Vectors compute neighbouring columns, so the
// planes of the matrix are moved: all that a vector reads for a term lies together. That
// is done at load, as it depends on weights alone. Few rows are multiplied by elements that are computed for them; for more,
// panels of f32 are made at each call.

const (
	planeLanes = 64 // columns whose planes lie together, at most
	leastLanes = 8
	planeTerms = 8 // that are written out at least
)

// preparePlanes makes that form of k, some arguments of which are planes; nil: it is no
// product, or one of which vectors cannot compute the columns.
func preparePlanes(k *ir.Kernel, isPlane func(arg int) bool) *prepared {
	p := &prepared{main: clone(k, nil)}
	if p.main.Contract = planesContract(p.main, isPlane); p.main.Contract == nil {
		return nil
	}
	joinColumns(p.main)
	c, lanes := p.main.Contract, int64(planeLanes)
	n, ok := c.N[0].Extent.Int()
	for lanes > leastLanes && n%lanes != 0 {
		lanes /= 2
	}
	if !ok || n%lanes != 0 || !isRows(p.main, c.A, c.Terms()) && !p.rows() {
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
	if len(p.factors) == 0 || !p.fitsPlanes(k, isPlane) {
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
		renameAxes(p.main)
	}
	p.args = dropArgs(p.main)
	return p
}

// fitsPlanes reports that what is moved takes at most half as much memory again as the planes
// of k do: columns may have in common what lies beside each of them then.
func (p *prepared) fitsPlanes(k *ir.Kernel, isPlane func(arg int) bool) bool {
	planes, moved := int64(0), int64(0)
	for i, a := range k.Args {
		if n, _ := a.Len.Int(); isPlane(i) {
			planes += n * int64(a.DType.Size())
		}
	}
	for _, f := range p.factors {
		if n, _ := f.shape.Bytes().Int(); f.suffix == "planes" {
			moved += n
		}
	}
	return 2*moved <= 3*planes
}

// planesContract is the only sum of a kernel as a product by what planes have, whose columns
// are the last axes of the grid; nil: it is none.
func planesContract(k *ir.Kernel, isPlane func(arg int) bool) *ir.Contract {
	i := slices.IndexFunc(k.Values, func(v *ir.Scalar) bool { return v.Kind == ir.ScalarReduce })
	if i < 0 || k.Inner != nil || slices.ContainsFunc(k.Values[i+1:], func(v *ir.Scalar) bool { return v.Kind == ir.ScalarReduce }) {
		return nil
	}
	sum := k.Values[i]
	x := sum.Args[0]
	if sum.Fn != ir.Add || sum.DType != ir.F32 || x.Kind != ir.ScalarApply || x.Fn != ir.Mul {
		return nil
	}
	a, b := x.Args[0], x.Args[1]
	planes := func(v *ir.Scalar) bool { return v.Kind == ir.ScalarLoad && isPlane(v.Arg) }
	if needs(a, planes) {
		a, b = b, a
	}
	c, grid := &ir.Contract{A: a, Rights: []ir.Right{{B: b, Sum: sum}}}, k.Grid()
	for len(grid) > len(c.N) && b.Varies(grid[len(grid)-1-len(c.N)]) {
		c.N = grid[len(grid)-1-len(c.N):]
	}
	c.M = grid[:len(grid)-len(c.N)]
	if len(c.N) == 0 || needs(a, planes) || slices.ContainsFunc(c.N, a.Varies) || slices.ContainsFunc(c.M, b.Varies) || slices.ContainsFunc(c.M, func(m *ir.Axis) bool { return !a.Varies(m) }) {
		return nil
	}
	return c
}

// joinColumns makes one axis of the columns of a product.
func joinColumns(k *ir.Kernel) {
	c, columns := k.Contract, k.Contract.N
	if len(columns) == 1 {
		return
	}
	n := &ir.Axis{Name: "n", Extent: ir.Product(extentsOf(columns))}
	at, after := make([]ir.Size, len(columns)), ir.N(1)
	for i, a := range slices.Backward(columns) {
		at[i], after = n.Index().Div(after).Mod(a.Extent), after.Mul(a.Extent)
	}
	k.Par = append(slices.Clone(c.M), n)
	c.N = []*ir.Axis{n}
	edit{size: func(s ir.Size) ir.Size {
		for i, a := range columns {
			s = s.Replace(a, at[i])
		}
		return s
	}}.apply(k)
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
	columns, _ := n.Extent.Int()
	if x.Kind == ir.ScalarLoad {
		dtype = p.main.Args[x.Arg].DType
	}
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
