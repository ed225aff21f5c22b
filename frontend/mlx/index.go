package mlx

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

type spanKind uint8

const (
	spanAll spanKind = iota
	spanPick
	spanRange
	spanNew
	spanRest
)

// A Span says what of an axis an index takes; the zero Span is all of it.
type Span struct {
	kind   spanKind
	lo, hi Dim
	toEnd  bool
	step   int   // from one element that is taken to the next; 0 is 1
	start  Value // computed; then lo and hi count from it
}

var (
	Every   Span                   // all of an axis
	NewAxis = Span{kind: spanNew}  // a new axis of size 1
	Rest    = Span{kind: spanRest} // all axes that the other spans leave
)

// Pick takes one element and drops the axis; a negative i counts from the end.
func Pick(i Dim) Span { return Span{kind: spanPick, lo: i} }

// Range takes the elements from lo up to but not including hi. Negative constants
// count from the end.
func Range(lo, hi Dim) Span { return Span{kind: spanRange, lo: lo, hi: hi} }

// From takes the elements from lo on.
func From(lo Dim) Span { return Span{kind: spanRange, lo: lo, toEnd: true} }

// To takes the elements before hi.
func To(hi Dim) Span { return Span{kind: spanRange, hi: hi} }

// By takes every step-th element of a span of several, from its first on.
func (s Span) By(step int) Span { s.step = step; return s }

// steps is how many elements lie from one that a span takes to the next.
func (s Span) steps() int { return cmp.Or(s.step, 1) }

// At takes a part of v, one span per axis; axes without one are taken whole.
func (v Value) At(spans ...Span) Value {
	x, ok := v.use("index")
	if !ok {
		return v.poison()
	}
	t := x.Type
	spans, err := fullSpans(spans, t.Rank())
	if err != nil {
		return v.b.misuse(x, "index of %s: %v", t, err)
	}
	for _, s := range spans {
		if s.step < 0 || s.step != 0 && (s.moves() || s.kind != spanAll && s.kind != spanRange) {
			return v.b.misuse(x, "index of %s: steps of %d: they are of at least 1, along a range whose start is not computed", t, s.step)
		}
	}
	if i, axis := moving(spans); i >= 0 {
		if !v.checkStart("index", spans[i]) {
			return v.poison()
		}
		part := v.window(axis, spans[i])
		spans[i] = spans[i].still()
		return part.At(spans...)
	}
	var part ir.SliceAttrs
	var shape []Dim
	whole := true
	for _, s := range spans {
		if s.kind == spanNew {
			shape = append(shape, N(1))
			continue
		}
		axis := len(part.Start)
		lo, hi := s.within(t.Shape[axis])
		size := hi.Sub(lo)
		if n, ok := size.Int(); ok && n < 0 {
			return v.b.misuse(x, "index of %s: axis %d from %s to %s is backwards", t, axis, lo, hi)
		}
		if s.steps() > 1 {
			size = size.CeilDiv(int64(s.step))
		}
		whole = whole && lo.Is(0) && size.Equal(t.Shape[axis]) && s.steps() == 1
		part.Start, part.Step, part.Size = append(part.Start, lo), append(part.Step, s.steps()), append(part.Size, size)
		if s.kind != spanPick {
			shape = append(shape, size)
		}
	}
	if !whole {
		v = apply("slice", part, v)
	}
	return v.reshaped(shape)
}

// SetAt is v with y in the place of v.At(spans...), to whose shape it is stretched.
// NewAxis has no place in it.
func (v Value) SetAt(y Value, spans ...Span) Value {
	x, ok := v.use("set")
	if !ok {
		return v.poison()
	}
	part := v.At(spans...)
	if _, ok := y.use("set"); !ok || part.Poisoned() {
		return v.poison()
	}
	t := x.Type
	spans, _ = fullSpans(spans, t.Rank()) // At has looked at them
	if i, axis := moving(spans); i >= 0 {
		s := spans[i]
		spans[i] = s.still()
		return v.replaced(v.window(axis, s).SetAt(y, spans...), axis, s)
	}
	whole := make([]Dim, t.Rank())
	for axis, s := range spans {
		if s.kind == spanNew {
			return v.b.misuse(x, "set a part of %s: a new axis is no part", t)
		}
		if s.steps() > 1 {
			return v.b.misuse(x, "set a part of %s: its elements are not next to each other", t)
		}
		lo, hi := s.within(t.Shape[axis])
		whole[axis] = hi.Sub(lo)
	}
	if !ir.EqualShapes(y.Type().Shape, part.Type().Shape) {
		y = y.Broadcast(part.Type().Shape...)
	}
	return v.setFrom(0, y.reshaped(whole), spans)
}

// setFrom is SetAt where the axes before axis are whole, and y has all axes.
func (v Value) setFrom(axis int, y Value, spans []Span) Value {
	if axis == len(spans) || v.Poisoned() || y.Poisoned() {
		return y
	}
	n := v.Type().Shape[axis]
	lo, hi := spans[axis].within(n)
	if lo.Is(0) && hi.Equal(n) {
		return v.setFrom(axis+1, y, spans)
	}
	inner := make([]Span, axis+1)
	inner[axis] = Range(lo, hi)
	return apply("update", ir.UpdateAttrs{Axis: axis, Start: lo}, v, v.At(inner...).setFrom(axis+1, y, spans))
}

// within is the part [lo, hi) of an axis of size n. Negative constants count from
// the end.
func (s Span) within(n Dim) (lo, hi Dim) {
	fromEnd := func(i Dim) Dim {
		if k, ok := i.Int(); ok && k < 0 {
			return n.Add(i)
		}
		return i
	}
	switch lo = fromEnd(s.lo); {
	case s.kind == spanAll:
		return N(0), n
	case s.kind == spanPick:
		return lo, lo.Add(N(1))
	case s.toEnd:
		return lo, n
	}
	return lo, fromEnd(s.hi)
}

// fullSpans replaces Rest, and fills up, so that every axis has its span.
func fullSpans(spans []Span, rank int) ([]Span, error) {
	used, rest := 0, -1
	for i, s := range spans {
		switch s.kind {
		case spanNew:
		case spanRest:
			if rest >= 0 {
				return nil, fmt.Errorf("`...` stands twice")
			}
			rest = i
		default:
			used++
		}
	}
	if used > rank {
		return nil, fmt.Errorf("%d indices for %d axes", used, rank)
	}
	fill := make([]Span, rank-used)
	if rest < 0 {
		return append(slices.Clone(spans), fill...), nil
	}
	return slices.Replace(slices.Clone(spans), rest, rest+1, fill...), nil
}
