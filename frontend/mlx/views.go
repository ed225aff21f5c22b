package mlx

import (
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// Reshape gives the same elements another shape.
func (v Value) Reshape(shape ...Dim) Value {
	return apply("reshape", ir.ShapeAttrs{Shape: shape}, v)
}

// Transpose puts axis perm[i] at i. Negative axes count from the end.
func (v Value) Transpose(perm ...int) Value {
	return apply("transpose", ir.PermAttrs{Perm: axes(v, perm)}, v)
}

// T swaps the last two axes.
func (v Value) T() Value {
	n := v.Type().Rank()
	if v.b != nil && !v.Poisoned() && n < 2 {
		v.b.errorf(nil, "", ".T needs at least 2 axes, got %s", v.Type())
		return v.b.poison()
	}
	perm := make([]int, n)
	for i := range perm {
		perm[i] = i
	}
	if n >= 2 {
		perm[n-2], perm[n-1] = n-1, n-2
	}
	return apply("transpose", ir.PermAttrs{Perm: perm}, v)
}

// Broadcast repeats v along new leading axes and along axes of size 1.
func (v Value) Broadcast(shape ...Dim) Value {
	return apply("broadcast", ir.ShapeAttrs{Shape: shape}, v)
}

// Pad puts lo numbers x before and hi behind each axis.
func (v Value) Pad(lo, hi []int, x float64) Value {
	return apply("pad", ir.PadAttrs{Lo: lo, Hi: hi, Value: x}, v)
}

// Concat joins tensors along an axis.
func Concat(a int, xs ...Value) Value {
	if len(xs) == 0 {
		return Value{}
	}
	return apply("concat", ir.AxisAttrs{Axis: axis(xs[0], a)}, xs...)
}

// Stack joins tensors of one type along a new axis.
func Stack(a int, xs ...Value) Value {
	wide := make([]Value, len(xs))
	for i, x := range xs {
		if a < 0 {
			a += x.Type().Rank() + 1
		}
		wide[i] = x.unsqueeze(a)
	}
	return Concat(a, wide...)
}

func (v Value) unsqueeze(a int) Value {
	s := v.Type().Shape
	if a < 0 || a > len(s) {
		if v.b != nil && !v.Poisoned() {
			v.b.errorf(nil, "", "axis %d is outside %s", a, v.Type())
		}
		return v
	}
	return v.Reshape(slices.Insert(slices.Clone(s), a, N(1))...)
}

// Split cuts v into n equal parts along an axis.
func Split(v Value, n, a int) []Value {
	parts := make([]Value, n)
	t := v.Type()
	a = axis(v, a)
	for i := range parts {
		parts[i] = v
	}
	if v.b == nil || v.Poisoned() {
		return parts
	}
	fail := func(format string, args ...any) []Value {
		v.b.errorf(nil, "", format, args...)
		for i := range parts {
			parts[i] = v.b.poison()
		}
		return parts
	}
	if a < 0 || a >= t.Rank() {
		return fail("split: axis %d is outside %s", a, t)
	}
	size, ok := t.Shape[a].Exact(N(n))
	if !ok {
		return fail("split: size %s of %s does not divide by %d", t.Shape[a], t, n)
	}
	for i := range parts {
		spans := make([]Span, a+1)
		spans[a] = Range(size.Mul(N(i)), size.Mul(N(i+1)))
		parts[i] = v.At(spans...)
	}
	return parts
}

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

// From takes the elements from lo on, To those before hi.
func From(lo Dim) Span { return Span{kind: spanRange, lo: lo, toEnd: true} }
func To(hi Dim) Span   { return Span{kind: spanRange, hi: hi} }

// At takes a part of v, one span per axis; axes without one are taken whole.
func (v Value) At(spans ...Span) Value {
	if v.b == nil || v.Poisoned() {
		return v
	}
	t := v.Type()
	spans, err := fullSpans(spans, t.Rank())
	if err != nil {
		v.b.errorf(nil, "", "index of %s: %v", t, err)
		return v.b.poison()
	}
	var a ir.SliceAttrs
	var shape []Dim
	axis := 0
	whole := true
	for _, s := range spans {
		if s.kind == spanNew {
			shape = append(shape, N(1))
			continue
		}
		n := t.Shape[axis]
		lo, hi := fromEnd(s.lo, n), fromEnd(s.hi, n)
		switch {
		case s.kind == spanAll:
			lo, hi = Dim{}, n
		case s.kind == spanPick:
			hi = lo.Add(N(1))
		case s.toEnd:
			hi = n
		}
		size := hi.Sub(lo)
		if k, ok := size.Int(); ok && k < 0 {
			v.b.errorf(nil, "", "index of %s: axis %d from %s to %s is backwards", t, axis, s.lo, s.hi)
			return v.b.poison()
		}
		whole = whole && s.kind == spanAll
		a.Start, a.Step, a.Size = append(a.Start, lo), append(a.Step, 1), append(a.Size, size)
		if s.kind != spanPick {
			shape = append(shape, size)
		}
		axis++
	}
	out := v
	if !whole {
		out = apply("slice", a, v)
	}
	if ir.EqualShapes(shape, out.Type().Shape) {
		return out
	}
	return out.Reshape(shape...)
}

// fromEnd turns a negative constant into a distance from the end.
func fromEnd(i, n Dim) Dim {
	if k, ok := i.Int(); ok && k < 0 {
		return n.Add(i)
	}
	return i
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
