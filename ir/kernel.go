package ir

import "slices"

// A Kernel is what a group of values becomes: the small form that both backends
// print. For each point of the Par axes, and of Outer and Inner where a value
// varies with them, the Stores are done once. One SSA DAG of scalars serves all stages; which
// axes a scalar varies with and which stage it belongs to are derived.
type Kernel struct {
	Name     string
	Guard    []Fact // hold wherever it is launched; in its sizes they are put to use
	Args     []KernelArg
	Dims     []*Dim    // sizes that vary: scalar arguments after Args
	Par      []*Axis   // independent, outermost first
	Outer    []*Axis   // more axes that stages share, around Inner, which is reduced over with them
	Inner    *Axis     // the axis that stages share, vectorised where nothing is reduced; nil: none
	Values   []*Scalar // SSA order
	Stores   []Store
	Contract *Contract    // recognised product; nil otherwise
	Stream   *Stream      // recognised attention; nil otherwise
	Written  *KernelAttrs // what the model has written by hand, instead of all that stands from Par on; nil otherwise
	Schedule *Schedule    // from the pass tile; nil before
	Pos      *Pos
}

// A KernelArg is a buffer that a kernel reads or writes.
type KernelArg struct {
	Name  string
	DType DType // as stored
	Len   Size  // elements
	Write bool
}

// A Store puts Value at Index of an argument, for each point of the axes of Index.
type Store struct {
	Arg   int
	Index Size
	Guard []Bound // outside: no store
	Value *Scalar
}

// A Contract is sums of products with one left factor: A varies with each of the axes M
// and with none of N, each B with N and not with M, and each Sum is the reduction of A
// times its B, all over the same axes. The rest of the grid, with which A and a B vary, is
// a batch. So a matrix product is one, and a convolution, M being the places of the window
// and N the output channels; and so are the two products of a gated unit, which meet
// element by element.
type Contract struct {
	M, N   []*Axis // in the order of the grid; no M: a vector times a matrix
	A      *Scalar
	Rights []Right // one at least
}

// A Right is a right factor of a contraction, and the sum of its products with the left one.
type Right struct{ B, Sum *Scalar }

// Terms are the axes that the sums are over, outermost first.
func (c *Contract) Terms() []*Axis { return c.Rights[0].Sum.Over }

// Sums are those of all right factors.
func (c *Contract) Sums() []*Scalar {
	var sums []*Scalar
	for _, r := range c.Rights {
		sums = append(sums, r.Sum)
	}
	return sums
}

// parts are the words of the text and what stands behind them.
func (c *Contract) parts() []part {
	parts := []part{{word: "m", axes: &c.M, optional: true}, {word: "n", axes: &c.N}, {word: "a", scalar: &c.A}}
	for i := range c.Rights {
		parts = append(parts, c.Rights[i].parts()...)
	}
	return parts
}

func (r *Right) parts() []part {
	return []part{{word: "b", scalar: &r.B}, {word: "sum", scalar: &r.Sum}}
}

// Replace puts others in the place of all scalars.
func (c *Contract) Replace(to map[*Scalar]*Scalar) { replaceParts(c.parts(), to) }

// A part is a word of what is recognised in a kernel, and the axis, the axes, the scalar
// or the size behind it.
type part struct {
	word     string
	axis     **Axis
	axes     *[]*Axis
	scalar   **Scalar
	size     *Size
	optional bool // left out where there are no axes, or the size is 0
}

// replaceParts puts others in the place of all scalars of parts.
func replaceParts(parts []part, to map[*Scalar]*Scalar) {
	for _, p := range parts {
		if p.scalar != nil {
			*p.scalar = to[*p.scalar]
		}
	}
}

// A ScalarKind tells how a scalar is made.
type ScalarKind uint8

const (
	ScalarConst  ScalarKind = iota // Float or Int, by the dtype's class
	ScalarSize                     // a size or index expression as a number
	ScalarLoad                     // an argument's element
	ScalarApply                    // Fn of Args
	ScalarCast                     // Args[0] converted to DType, by the rules of NUMERICS
	ScalarReduce                   // Fn folded over the axes Over of Args[0]
	ScalarInside                   // bool: all of Guard hold
)

// A Bound is a guard: 0 <= Index < Extent.
type Bound struct{ Index, Extent Size }

// A Scalar is a number as a function of a kernel's axes.
type Scalar struct {
	ID    int // position in Values
	Kind  ScalarKind
	DType DType // what it is computed in: never f16 or bf16
	Fn    Fn    // apply, reduce
	Args  []*Scalar
	Float float64 // const
	Int   int64   // const of an integer or bool
	Arg   int     // load: index into the kernel's Args
	Index Size    // load: element; size: the expression
	Guard []Bound // load: where one fails nothing is read and the value is 0; inside: the bounds
	Over  []*Axis // reduce: outermost first
	Bind  []*Axis // load, size, inside: variables of Index and Guard whose values are those of Args

	Free  []*Axis // derived: the axes it varies with, sorted by name
	Stage int     // derived: a reduction is one stage later than its operand
}

// Grid is the axes whose points may be computed in any order and in parallel:
// Par, and Inner too unless something is reduced over it.
func (k *Kernel) Grid() []*Axis {
	if k.Inner == nil {
		return k.Par
	}
	for _, v := range k.Values {
		for _, o := range v.Over {
			if o.Name == k.Inner.Name {
				return k.Par
			}
		}
	}
	return append(k.Par[:len(k.Par):len(k.Par)], k.Inner)
}

// Shared is Outer and Inner: what is looped over within a point of the grid, by each
// stage that varies with them, where stages reduce over them.
func (k *Kernel) Shared() []*Axis {
	if k.Inner == nil {
		return nil
	}
	return append(k.Outer[:len(k.Outer):len(k.Outer)], k.Inner)
}

// Loops are the axes that a store is repeated for at each point of the grid.
func (k *Kernel) Loops(s Store) []*Axis {
	var loops []*Axis
	grid := k.Grid()
	for _, a := range k.Shared() {
		if !hasAxis(grid, a) && (s.Index.Has(a) || s.Value.Varies(a)) {
			loops = append(loops, a)
		}
	}
	return loops
}

// Empty reports whether the grid has no point for any dims: such a kernel is never
// launched.
func (k *Kernel) Empty() bool {
	if w := k.Written; w != nil {
		return w.Groups().Is(0)
	}
	return slices.ContainsFunc(k.Grid(), func(a *Axis) bool { return a.Extent.Is(0) })
}

// Varies reports whether s depends on the axis.
func (s *Scalar) Varies(axis *Axis) bool {
	return hasAxis(s.Free, axis)
}

func hasAxis(axes []*Axis, a *Axis) bool {
	return slices.ContainsFunc(axes, func(b *Axis) bool { return a.Name == b.Name })
}
