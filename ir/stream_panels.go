package ir

import (
	"fmt"
	"slices"
)

// StreamPanels is a stream as micro-kernels compute it: queries are read where they lie,
// and keys and values from panels. Where queries are few, keys and values may be read where
// they lie too, as queries then are the columns of one panel.
type StreamPanels struct {
	Batch, Rows       []*Axis // of the grid, outermost first
	Head              *Axis   // terms of a score, which lie next to each other in the queries
	Column            *Axis
	Query, Key, Value Walk
	InPlace           bool // Key and Value are no panels, and have strides along the keys

	// Seen is how many keys a row sees: scores of the others are -inf. nil: all.
	Seen *Walk
	// Score is that of a key that is seen, and Scale says that it is the sum times that
	// number. nil: it is something else.
	Score *Scalar
	Scale *float64
}

// StreamPanels reads off what micro-kernels rely on. The error says what the kernel lacks.
func (k *Kernel) StreamPanels() (*StreamPanels, error) {
	s := k.Stream
	if s == nil || len(s.N) != 1 || len(s.Dot.Over) != 1 {
		return nil, fmt.Errorf("no stream of one axis of columns and one of terms")
	}
	for _, v := range []*Scalar{s.Dot, s.Score, s.Sum, s.Weighted} {
		if v.DType != F32 {
			return nil, fmt.Errorf("v%d is %s", v.ID, v.DType)
		}
	}
	p := &StreamPanels{Batch: s.Batch(k), Rows: s.M, Head: s.Dot.Over[0], Column: s.N[0]}
	var ok bool
	if p.Query, ok = k.walk(s.Query, slices.Concat(p.Batch, p.Rows, s.Dot.Over)); !ok || !p.Query.Stride[p.Head.Name].Is(1) {
		return nil, fmt.Errorf("its queries do not lie as rows of f32")
	}
	if p.InPlace = p.inPlace(k); !p.InPlace {
		if p.Key, ok = k.panelWalk(s.Key, s.Dot.Over, s.Keys, p.Batch); !ok {
			return nil, fmt.Errorf("its keys do not lie as panels")
		}
		if p.Value, ok = k.panelWalk(s.Value, []*Axis{s.Keys}, p.Column, p.Batch); !ok {
			return nil, fmt.Errorf("its values do not lie as panels")
		}
	}
	if k.Args[p.Key.Arg].DType != k.Args[p.Value.Arg].DType {
		return nil, fmt.Errorf("its keys and its values are of two dtypes")
	}
	p.Score = s.Score
	if w, ok := WalkOf(0, s.Seen, slices.Concat(p.Batch, p.Rows)); ok && !s.Seen.Is(0) {
		p.Seen = &w
		if s.hides(s.Score) {
			if _, ok := s.limit(s.Score.Args[0]); ok {
				p.Score = s.Score.Args[1]
			}
		}
	}
	if p.Score == s.Dot {
		one := 1.0
		p.Scale = &one
	} else if c := other(p.Score, Mul, func(w *Scalar) bool { return w == s.Dot }); c != nil && c.Kind == ScalarConst && c.Float > 0 {
		p.Scale = &c.Float
	}
	return p, nil
}

// inPlace reads off keys and values that lie as rows of f32, of which vectors take a panel's
// columns at a time, and that few enough queries read.
func (p *StreamPanels) inPlace(k *Kernel) (ok bool) {
	rows, bounded := Product(extents(p.Rows)).Max()
	if !bounded || rows > PanelCols || !p.Column.Extent.Multiple(PanelCols) {
		return false
	}
	keys := append(slices.Clone(p.Batch), k.Stream.Keys)
	if p.Key, ok = k.walk(k.Stream.Key, append(keys, p.Head)); !ok || !p.Key.Stride[p.Head.Name].Is(1) {
		return false
	}
	p.Value, ok = k.walk(k.Stream.Value, append(keys, p.Column))
	return ok && p.Value.Stride[p.Column.Name].Is(1)
}

// panelWalk is how panels are walked, from an element of the batch to the next.
func (k *Kernel) panelWalk(v *Scalar, terms []*Axis, column *Axis, batch []*Axis) (w Walk, ok bool) {
	if v.Kind != ScalarLoad || len(v.Guard)+len(v.Bind) > 0 || !PanelDType(k.Args[v.Arg].DType) {
		return w, false
	}
	return WalkOf(v.Arg, v.Index.Sub(PanelIndex(terms, column.Index())), batch)
}

// ScoreKernel is the kernel that makes scores of sums: over the batch, rows and keys of a
// stream. Both are one more argument, which holds rows of Tile.K elements; the first of it
// is that of the row and the key that two more dims say.
func (k *Kernel) ScoreKernel(p *StreamPanels) *Kernel {
	s := k.Stream
	row, key := &Dim{Name: k.freshDim("row"), Max: maxExtent}, &Dim{Name: k.freshDim("key"), Max: maxExtent}
	width := N(int64(k.Schedule.Tile.K))
	at := Flat(p.Rows).Sub(row.Size()).Mul(width).Add(s.Keys.Index()).Sub(key.Size())
	e := &Kernel{
		Name: k.Name, Par: slices.Concat(p.Batch, p.Rows), Inner: s.Keys, Pos: k.Pos,
		Args: append(withoutWrites(k.Args), KernelArg{Name: "scores", DType: F32, Len: width.Mul(N(int64(k.Schedule.Tile.M))), Write: true}),
		Dims: append(slices.Clone(k.Dims), row, key),
	}
	e.compute(k, map[*Scalar]Scalar{s.Dot: {Kind: ScalarLoad, DType: F32, Arg: len(k.Args), Index: at}}, []Store{{Arg: len(k.Args), Index: at, Value: p.Score}})
	return e
}

func withoutWrites(args []KernelArg) []KernelArg {
	args = slices.Clone(args)
	for i := range args {
		args[i].Write = false
	}
	return args
}

// StreamEpilogue is the kernel of what k computes from its sums, without the sums: over
// the batch, rows and columns. They are two more arguments, the weighted ones in rows of
// whole panels, and an element each of the weights; the first is that of the row that one
// more dim says.
func (k *Kernel) StreamEpilogue(p *StreamPanels) *Kernel {
	s := k.Stream
	row := &Dim{Name: k.freshDim("row"), Max: maxExtent}
	width, rows := p.Column.Extent.CeilDiv(PanelCols).Mul(N(PanelCols)), N(int64(k.Schedule.Tile.M))
	at := Flat(p.Rows).Sub(row.Size())
	e := &Kernel{
		Name: k.Name, Par: slices.Concat(p.Batch, p.Rows), Inner: p.Column, Pos: k.Pos,
		Args: append(slices.Clone(k.Args), KernelArg{Name: "weighted", DType: F32, Len: width.Mul(rows)}, KernelArg{Name: "total", DType: F32, Len: rows}),
		Dims: append(slices.Clone(k.Dims), row),
	}
	e.compute(k, map[*Scalar]Scalar{
		s.Weighted: {Kind: ScalarLoad, DType: F32, Arg: len(k.Args), Index: at.Mul(width).Add(p.Column.Index())},
		s.Sum:      {Kind: ScalarLoad, DType: F32, Arg: len(k.Args) + 1, Index: at},
	}, k.Stores)
	return e
}
