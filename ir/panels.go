package ir

import (
	"fmt"
	"slices"
)

// PanelCols is the columns of a panel: a part of the right factor of a product that
// holds, for each term of the sum in turn, the elements of so many columns.
const PanelCols = 16

// Panels is a contraction as FormPanels computes it: the left factor is read where it
// lies, the right one from panels.
type Panels struct {
	Batch, Rows []*Axis // of the grid, outermost first
	Terms       []*Axis // that the sum is over, outermost first; those of the last lie next to each other in A
	Column      *Axis   // the last of the grid
	A, B        Walk    // the factors; what B has for each element of the batch are panels

	// Direct says that all there is to do with the sums is what micro-kernels can: they
	// add Bias, an element for each column, and then Rest, make what is below 0 zero, and
	// store to C, a row's elements next to each other.
	Direct     bool
	Bias, Rest *Walk // nil: nothing
	Relu       bool
	C          Walk
}

// A Walk is how the elements of an argument are walked: where the first one is, and how
// far it is from a point of an axis, by its name, to the next.
type Walk struct {
	Arg    int
	First  Size
	Stride map[string]Size
}

// PanelDType reports that panels may be of a dtype.
func PanelDType(t DType) bool { return t == F32 || t == F16 || t == BF16 }

// PanelIndex is where panels have the element of a column for the terms, whose axes are
// given outermost first.
func PanelIndex(terms []*Axis, column Size) Size {
	at, n, cols := Flat(terms), Product(extents(terms)), N(PanelCols)
	return column.Div(cols).Mul(n).Add(at).Mul(cols).Add(column.Mod(cols))
}

// Flat is the place of a point among those of the axes, outermost first.
func Flat(axes []*Axis) Size {
	var at Size
	for _, a := range axes {
		at = at.Mul(a.Extent).Add(a.Index())
	}
	return at
}

// Panels reads off what FormPanels relies on. The error says what the kernel lacks.
func (k *Kernel) Panels() (*Panels, error) {
	c := k.Contract
	if c == nil {
		return nil, fmt.Errorf("no contraction")
	}
	grid, right := k.Grid(), c.Rights[0]
	p := &Panels{Batch: c.Batch(k), Rows: c.M, Terms: c.Terms(), Column: c.N[0]}
	switch {
	case len(c.N) > 1 || p.Column.Name != grid[len(grid)-1].Name:
		return nil, fmt.Errorf("its columns are not along the last axis")
	case right.Sum.DType != F32:
		return nil, fmt.Errorf("its sums are %s", right.Sum.DType)
	case slices.ContainsFunc(k.Values, func(v *Scalar) bool { return v.Kind == ScalarReduce && v != right.Sum }):
		return nil, fmt.Errorf("it reduces something else")
	}
	var ok bool
	last := p.Terms[len(p.Terms)-1]
	if p.A, ok = k.walk(c.A, slices.Concat(p.Batch, p.Rows, p.Terms)); !ok || !p.A.Stride[last.Name].Is(1) {
		return nil, fmt.Errorf("its left factor does not lie as rows of f32")
	}
	b := right.B
	ok = b.Kind == ScalarLoad && len(b.Guard)+len(b.Bind) == 0 && PanelDType(k.Args[b.Arg].DType)
	if ok {
		p.B, ok = WalkOf(b.Arg, b.Index.Sub(PanelIndex(p.Terms, p.Column.Index())), p.Batch)
	}
	if !ok {
		return nil, fmt.Errorf("its right factor does not lie as panels")
	}
	p.Direct = len(k.Stores) == 1 && p.direct(k, k.Stores[0])
	return p, nil
}

// direct reads off what is done with the sums before s; false: more than a micro-kernel
// can.
func (p *Panels) direct(k *Kernel, s Store) (ok bool) {
	grid := k.Grid()
	p.C, ok = WalkOf(s.Arg, s.Index, grid)
	if !ok || !p.C.Stride[p.Column.Name].Is(1) || len(s.Guard) > 0 || k.Args[s.Arg].DType != F32 {
		return false
	}
	v := s.Value
	if x := other(v, Max, func(w *Scalar) bool { return w.Kind == ScalarConst && w.Float == 0 }); x != nil {
		p.Relu, v = true, x
	}
	var added []*Walk // the last first
	for v != k.Contract.Rights[0].Sum {
		v = other(v, Add, func(w *Scalar) bool {
			walk, ok := k.walk(w, grid)
			if ok = ok && walk.Stride[p.Column.Name].Is(1); ok {
				added = append(added, &walk)
			}
			return ok
		})
		if v == nil {
			return false
		}
	}
	if n := len(added); n > 0 && p.sameForRows(added[n-1]) {
		p.Bias, added = added[n-1], added[:n-1]
	}
	if len(added) > 0 {
		p.Rest = added[0]
	}
	return len(added) <= 1
}

// sameForRows reports that a walk is of an element for each column.
func (p *Panels) sameForRows(w *Walk) bool {
	return !slices.ContainsFunc(slices.Concat(p.Batch, p.Rows), func(a *Axis) bool { return !w.Stride[a.Name].Is(0) })
}

// other is the operand of fn, where v is that of one that is found; nil: it is not.
func other(v *Scalar, fn Fn, found func(w *Scalar) bool) *Scalar {
	if v.Kind != ScalarApply || v.Fn != fn {
		return nil
	}
	for i, w := range v.Args {
		if found(w) {
			return v.Args[1-i]
		}
	}
	return nil
}

// walk is that of the argument that v loads as it is.
func (k *Kernel) walk(v *Scalar, axes []*Axis) (w Walk, ok bool) {
	if v.Kind != ScalarLoad || len(v.Guard) > 0 || len(v.Bind) > 0 || k.Args[v.Arg].DType != F32 {
		return w, false
	}
	return WalkOf(v.Arg, v.Index, axes)
}

// WalkOf splits an index of an argument into its strides; ok means that it is affine in the axes and
// varies with no other.
func WalkOf(arg int, index Size, axes []*Axis) (w Walk, ok bool) {
	w = Walk{Arg: arg, First: index, Stride: map[string]Size{}}
	for _, a := range axes {
		var c Size
		if c, w.First, ok = w.First.Coef(a); !ok || hasAxes(c) {
			return w, false
		}
		w.Stride[a.Name] = c
	}
	return w, !hasAxes(w.First)
}

func hasAxes(s Size) bool {
	found := false
	s.Walk(func(a *Atom) { found = found || a.Kind == AtomAxis })
	return found
}

// Epilogue is the kernel of what k computes from its sums, without the sums: over the
// grid in the order batch, rows, columns. They are one more argument, which holds rows
// of Tile.N elements; the first of it is that of the row and the column that two more
// dims say.
func (k *Kernel) Epilogue(p *Panels) *Kernel {
	row, column := &Dim{Name: k.freshDim("row"), Max: maxExtent}, &Dim{Name: k.freshDim("column"), Max: maxExtent}
	width := N(int64(k.Schedule.Tile.N))
	e := &Kernel{
		Name: k.Name, Par: slices.Concat(p.Batch, p.Rows), Inner: p.Column, Pos: k.Pos,
		Args: append(slices.Clone(k.Args), KernelArg{Name: "sums", DType: F32, Len: width.Mul(N(int64(k.Schedule.Tile.M)))}),
		Dims: append(slices.Clone(k.Dims), row, column),
	}
	e.compute(k, map[*Scalar]Scalar{k.Contract.Rights[0].Sum: {Kind: ScalarLoad, DType: F32, Arg: len(k.Args),
		Index: Flat(p.Rows).Sub(row.Size()).Mul(width).Add(p.Column.Index()).Sub(column.Size())}}, k.Stores)
	return e
}

// compute gives e values and stores of k, of which some scalars stand for others.
func (e *Kernel) compute(k *Kernel, known map[*Scalar]Scalar, stores []Store) {
	d := NewDAG()
	to, stop := map[*Scalar]*Scalar{}, map[*Scalar]bool{}
	var roots []*Scalar
	for v := range known {
		stop[v] = true
	}
	for _, s := range stores {
		roots = append(roots, s.Value)
	}
	need := closure(roots, stop)
	for _, v := range k.Values {
		w, ok := known[v]
		if !ok && !need[v] {
			continue
		}
		if !ok {
			w = *v
			w.Args = nil
			for _, a := range v.Args {
				w.Args = append(w.Args, to[a])
			}
		}
		to[v] = d.Add(w)
	}
	for _, s := range stores {
		s.Value = to[s.Value]
		e.Stores = append(e.Stores, s)
	}
	e.Values = d.Values
}

// maxExtent bounds a place of which only the kernel that it is given to knows more.
const maxExtent = 1 << 40

func (k *Kernel) freshDim(name string) string {
	taken := func(name string) bool {
		return slices.ContainsFunc(k.Dims, func(d *Dim) bool { return d.Name == name }) || slices.ContainsFunc(k.Axes(), func(a *Axis) bool { return a.Name == name })
	}
	for taken(name) {
		name += "_"
	}
	return name
}
