package mlx

import (
	"math"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// Parts of a tensor whose place is known only when the model runs. Reads out of range give
// the nearest elements, and writes out of range are dropped.

// PickAt takes the element at an index that is computed, an i32 of rank 0, and drops the axis.
func PickAt(i Value) Span { return Span{kind: spanPick, start: i} }

// Window takes size elements from an index that is computed, an i32 of rank 0.
func Window(i Value, size Dim) Span { return Span{kind: spanRange, start: i, lo: N(0), hi: size} }

// moves reports whether a span's place is computed.
func (s Span) moves() bool { return s.start.Ok() }

// still is the span in the window that s takes.
func (s Span) still() Span {
	if s.kind == spanPick {
		return Pick(N(0))
	}
	return Every
}

// moving finds the first span whose place is computed, and its axis.
func moving(spans []Span) (i, axis int) {
	i = slices.IndexFunc(spans, Span.moves)
	for _, s := range spans[:max(i, 0)] {
		if s.kind != spanNew {
			axis++
		}
	}
	return i, axis
}

// Size is a size as a value: an i32 of rank 0.
func (b *Builder) Size(n Dim) Value {
	if k, ok := n.Int(); ok {
		return b.Number(ir.I32, float64(k))
	}
	if err := b.checkSize(n); err != nil {
		return b.errorf("%v", err)
	}
	if most, ok := n.Max(); !ok || most >= math.MaxInt32 || !n.AtLeast(0) {
		return b.errorf("the size %s is no value of i32, or may be negative", n)
	}
	length := n.Add(N(1))
	if most, _ := n.Max(); counterOf(n) != nil { // which no shape has
		length = ir.N(most + 1)
	}
	ramp := b.Op("iota", ir.IotaAttrs{DType: ir.I32, Shape: []Dim{length}})
	return ramp.At(Pick(n))
}

// checkStart reports a start that is no index.
func (v Value) checkStart(what string, s Span) bool {
	i, ok := v.b.use(what, s.start)
	if ok && (i.Type.DType != ir.I32 || i.Type.Rank() != 0) {
		v.b.misuse(i, "%s: an index that is computed is an i32 of rank 0, not %s", what, i.Type)
		return false
	}
	return ok
}

// steps are the indices 0, 1 ... of n elements.
func (b *Builder) steps(n Dim) Value {
	return b.Op("iota", ir.IotaAttrs{DType: ir.I32, Shape: []Dim{n}})
}

// window is the part of v along an axis that a moving span takes, with the axis.
func (v Value) window(axis int, s Span) Value {
	if s.kind == spanPick {
		return Take(v, s.start.reshaped([]Dim{N(1)}), axis)
	}
	// So far out that all elements are the first or the last is far enough, and nothing overflows.
	start := Clip(s.start, v.b.Size(s.hi).Neg(), v.b.Size(v.Type().Shape[axis]))
	return Take(v, v.b.steps(s.hi).Add(start), axis)
}

// replaced is v with a window of it in its place.
func (v Value) replaced(window Value, axis int, s Span) Value {
	size := N(1)
	if s.kind == spanRange {
		size = s.hi
	}
	n := v.Type().Shape[axis]
	at := v.b.steps(n).Sub(s.start)
	inside := at.Ge(v.b.Size(N(0))).And(at.Lt(v.b.Size(size)))
	shape := slices.Repeat([]Dim{N(1)}, v.Type().Rank())
	shape[axis] = n
	return Where(inside.reshaped(shape), Take(window, at, axis), v)
}
