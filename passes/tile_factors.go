package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// A prepared product reads factors that other kernels compute.
type prepared struct {
	main    *ir.Kernel
	args    []int // of main: arguments of the product as it was, and after those the factors
	factors []*factor
}

// A factor is a kernel that computes an operand of a product into a buffer of its own.
type factor struct {
	kernel *ir.Kernel
	args   []int   // that it reads, of the product as it was and, after these, of the factors before it
	suffix string  // of the buffer's name
	shape  ir.Type // of the buffer
}

// prepare makes the form of k that FormPanels wants, or FormStream in assembly; nil: there
// is none.
func prepare(k *ir.Kernel) *prepared {
	if k.Stream != nil {
		return prepareStream(k)
	}
	c := k.Contract
	if c == nil {
		c = vectorContract(k)
	}
	if c == nil || len(c.N) != 1 || !ofTerms(c) || !worthPanels(most(c.M), most(c.N), most(c.Terms())) {
		return nil
	}
	sum := c.Rights[0].Sum
	if sum.DType != ir.F32 || slices.ContainsFunc(k.Values, func(v *ir.Scalar) bool { return v.Kind == ir.ScalarReduce && v != sum }) {
		return nil
	}
	p := &prepared{main: clone(k, c)}
	if !isRows(p.main, c.A, c.Terms()) && !p.rows() {
		return nil
	}
	c = p.main.Contract
	p.panels(c.Rights[0].B, c.Batch(p.main), c.Terms(), c.N[0])
	p.args = dropArgs(p.main)
	if _, err := p.main.Panels(); err != nil {
		return nil
	}
	return p
}

// ofTerms reports that the factors vary with the terms: one that does not may be computed from
// elsewhere in the kernel, where there are none.
func ofTerms(c *ir.Contract) bool {
	varies := func(v *ir.Scalar) bool { return slices.ContainsFunc(c.Terms(), v.Varies) }
	return varies(c.A) && varies(c.Rights[0].B)
}

// Products of fewer columns than minProduct, of which there are as many rows as a panel has
// columns, are worth panels from so many products of a row on: measured, with 3 columns of 27
// terms they take a tenth of portable Go's time, of 2592 terms a thirtieth.
const leastPanel = 32

// worthPanels reports whether a product on the CPU is worth its panels.
func worthPanels(rows, columns, terms int64) bool {
	narrow := rows >= ir.PanelCols && columns > 1 && columns*terms >= leastPanel
	return terms >= minProduct && (columns >= minProduct || narrow)
}

// vectorContract finds a product of a vector and a matrix, whose columns are the last
// axis of the grid: a contraction with one row.
func vectorContract(k *ir.Kernel) *ir.Contract {
	grid := k.Grid()
	i := slices.IndexFunc(k.Values, func(v *ir.Scalar) bool {
		return v.Kind == ir.ScalarReduce && v.Fn == ir.Add && v.Args[0].Kind == ir.ScalarApply && v.Args[0].Fn == ir.Mul
	})
	if i < 0 || len(grid) == 0 || storesLoops(k) {
		return nil
	}
	last, before := grid[len(grid)-1], grid[:len(grid)-1]
	sum := k.Values[i]
	a, b := sum.Args[0].Args[0], sum.Args[0].Args[1]
	if a.Varies(last) {
		a, b = b, a
	}
	both := func(x *ir.Axis) bool { return a.Varies(x) && b.Varies(x) }
	if a.Varies(last) || !b.Varies(last) || slices.ContainsFunc(before, func(x *ir.Axis) bool { return !both(x) }) {
		return nil
	}
	return &ir.Contract{A: a, Rights: []ir.Right{{B: b, Sum: sum}}, N: []*ir.Axis{last}}
}

// prepareStream makes the form of a stream that there are micro-kernels for; nil: there is
// none.
func prepareStream(k *ir.Kernel) *prepared {
	s := k.Stream
	if len(s.N) != 1 || min(most(s.N), most(s.Dot.Over), most([]*ir.Axis{s.Keys})) < minProduct {
		return nil
	}
	p := &prepared{main: clone(k, nil)}
	if s = p.main.Stream; !isRows(p.main, s.Query, s.Dot.Over) {
		axes := slices.DeleteFunc(slices.Concat(p.main.Grid(), s.Dot.Over), func(a *ir.Axis) bool { return !s.Query.Varies(a) })
		p.factor(s.Query, "rows", ir.F32, axes, ir.Flat(axes), edit{})
	}
	mergeAxes(p.main) // terms that the query held apart, as the halves that rope turns
	if _, err := p.main.StreamPanels(); err != nil {
		batch := s.Batch(p.main)
		p.panels(s.Key, batch, s.Dot.Over, s.Keys)
		p.panels(s.Value, batch, []*ir.Axis{s.Keys}, s.N[0])
		mergeAxes(p.main) // and those that the key did
		if _, err := p.main.StreamPanels(); err != nil {
			return nil
		}
	}
	p.args = dropArgs(p.main)
	return p
}

// clone copies what editing a kernel changes in place, and gives it a contraction, if any.
func clone(k *ir.Kernel, of *ir.Contract) *ir.Kernel {
	c := *k
	c.Args, c.Stores, c.Contract = slices.Clone(k.Args), slices.Clone(k.Stores), nil
	if of != nil {
		contract := *of
		contract.Rights = slices.Clone(of.Rights)
		c.Contract = &contract
	}
	if k.Stream != nil {
		stream := *k.Stream
		c.Stream = &stream
	}
	return &c
}

// isRows reports that a, the left factor of sums over some axes, lies as rows of f32, each
// of whose terms has a place of its own for each row.
func isRows(k *ir.Kernel, a *ir.Scalar, over []*ir.Axis) bool {
	if a.Kind != ir.ScalarLoad || k.Args[a.Arg].DType != ir.F32 || len(a.Guard)+len(a.Bind) > 0 {
		return false
	}
	rest := a.Index
	for _, axis := range slices.Concat(k.Grid(), over) {
		c, r, ok := rest.Coef(axis)
		if !ok || axis == over[len(over)-1] && !c.Is(1) {
			return false
		}
		rest = r
	}
	return true
}

// rows lets a kernel compute the left factor as rows of f32, and main read it; false:
// nothing is left of the product. Where the factor is a window that moves over something, the rows
// are of that, with what is around it, so that a term has one place for all rows that
// want it.
func (p *prepared) rows() bool {
	c := p.main.Contract
	sizes := sizesIn(c.A)
	var axes []*ir.Axis
	var at []ir.Size // of the axes, at the points of main
	var windows []window
	for _, x := range slices.Concat(c.Batch(p.main), c.M) {
		if !c.A.Varies(x) {
			continue
		}
		axis, index := x, x.Index()
		if w, ok := windowOf(x, c.Terms(), sizes); ok {
			windows = append(windows, w)
			axis, index = w.whole, w.at()
		}
		axes, at = append(axes, axis), append(at, index)
	}
	for _, r := range c.Terms() {
		if !slices.ContainsFunc(windows, func(w window) bool { return w.in == r }) {
			axes, at = append(axes, r), append(at, r.Index())
		}
	}
	shape := extentsOf(axes)
	p.factor(c.A, "rows", ir.F32, axes, ir.Linear(at, shape), edit{size: func(s ir.Size) ir.Size {
		for _, w := range windows {
			s = w.shift(s)
		}
		return s
	}})
	mergeAxes(p.main)
	p.main.Contract = nil
	recogniseContract(p.main)
	if p.main.Contract == nil {
		p.main.Contract = vectorContract(p.main)
	}
	return p.main.Contract != nil && len(p.main.Contract.N) == 1
}

// panels lets a kernel compute b, the right factor of sums over some axes, as panels of the
// columns n, and main read those.
func (p *prepared) panels(b *ir.Scalar, batch, over []*ir.Axis, n *ir.Axis) {
	batch = slices.DeleteFunc(slices.Clone(batch), func(a *ir.Axis) bool { return !b.Varies(a) })
	panel := &ir.Axis{Name: "panel", Extent: n.Extent.CeilDiv(ir.PanelCols)}
	lane := &ir.Axis{Name: "lane", Extent: ir.N(ir.PanelCols)}
	column := panel.Index().Mul(ir.N(ir.PanelCols)).Add(lane.Index())
	axes := slices.Concat(batch, []*ir.Axis{panel}, over, []*ir.Axis{lane})
	each := ir.Product(extentsOf(axes[len(batch):]))
	inside := ir.Bound{Index: column, Extent: n.Extent}
	dtype := ir.F32
	if t := p.main.Args[b.Arg].DType; b.Kind == ir.ScalarLoad && ir.PanelDType(t) {
		dtype = t // which micro-kernels convert: half the memory to read
	}
	p.factor(b, "panels", dtype, axes, ir.Flat(batch).Mul(each).Add(ir.PanelIndex(over, n.Index())), edit{
		size: func(s ir.Size) ir.Size { return s.Replace(n, column) },
		scalar: func(d *ir.DAG, v ir.Scalar) *ir.Scalar {
			if v.Kind != ir.ScalarLoad || inside.Proven() || !v.Index.Has(lane) {
				return nil
			}
			v.Guard = append(slices.Clip(v.Guard), inside)
			return d.Add(v)
		},
	})
}

// factor lets a kernel compute value, edited, for all points of axes, and main read it
// at the index back.
func (p *prepared) factor(value *ir.Scalar, suffix string, dtype ir.DType, axes []*ir.Axis, back ir.Size, e edit) {
	main, shape := p.main, ir.Type{DType: dtype, Shape: extentsOf(axes)}
	used := map[string]bool{}
	for _, a := range main.Args {
		used[a.Name] = true
	}
	name := unique(used, suffix)
	k := &ir.Kernel{Name: main.Name + "_" + suffix, Pos: main.Pos, Par: axes, Values: main.Values}
	for _, a := range main.Args {
		a.Write = false
		k.Args = append(k.Args, a)
	}
	k.Args = append(k.Args, ir.KernelArg{Name: name, DType: dtype, Len: shape.Elems(), Write: true})
	k.Stores = []ir.Store{{Arg: len(main.Args), Index: ir.Flat(axes), Value: value}}
	e.apply(k)
	splitAxes(k)
	dropGuards(k)
	mergeAxes(k)
	chooseInner(k)
	renameAxes(k)

	f := &factor{kernel: k, suffix: suffix, shape: shape}
	f.args = slices.DeleteFunc(dropArgs(k), func(n int) bool { return n == len(main.Args) }) // but its result
	p.factors = append(p.factors, f)
	edit{scalar: func(d *ir.DAG, v ir.Scalar) *ir.Scalar {
		if v.ID != value.ID {
			return nil
		}
		return d.Add(ir.Scalar{Kind: ir.ScalarLoad, DType: dtype.Compute(), Arg: len(main.Args), Index: back})
	}}.apply(main)
	main.Args = append(main.Args, ir.KernelArg{Name: name, DType: dtype, Len: shape.Elems()})
}

func extentsOf(axes []*ir.Axis) []ir.Size {
	sizes := make([]ir.Size, len(axes))
	for i, a := range axes {
		sizes[i] = a.Extent
	}
	return sizes
}
