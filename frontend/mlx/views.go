package mlx

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// Reshape gives the same elements, in row-major order, another shape.
func (v Value) Reshape(shape ...Dim) Value {
	return apply("reshape", ir.ShapeAttrs{Shape: slices.Clone(shape)}, v)
}

// Transpose puts axis perm[i] at i. Negative axes count from the end.
func (v Value) Transpose(perm ...int) Value {
	return apply("transpose", ir.PermAttrs{Perm: axes(v, perm)}, v)
}

// T swaps the last two axes.
func (v Value) T() Value {
	if v.quantised() {
		return v.transpose()
	}
	x, ok := v.use("transpose")
	if !ok {
		return v.poison()
	}
	n := x.Type.Rank()
	if n < 2 {
		return v.b.misuse(x, ".T needs at least 2 axes, got %s", x.Type)
	}
	perm := allAxes(n)
	perm[n-2], perm[n-1] = n-1, n-2
	return v.Transpose(perm...)
}

// Broadcast repeats v along new leading axes and along axes of size 1.
func (v Value) Broadcast(shape ...Dim) Value {
	return apply("broadcast", ir.ShapeAttrs{Shape: slices.Clone(shape)}, v)
}

// Flip turns axes round; negative ones count from the end.
func (v Value) Flip(of ...int) Value { return apply("flip", ir.FlipAttrs{Axes: axes(v, of)}, v) }

// Repeat has each element n times along an axis, next to each other.
func (v Value) Repeat(n, a int) Value {
	x, ok := v.use("repeat")
	if !ok {
		return v.poison()
	}
	if a = axis(v, a); n < 1 || a < 0 || a >= x.Type.Rank() {
		return v.b.misuse(x, "repeat: %d times along axis %d of %s is not possible", n, a, x.Type)
	}
	shape := slices.Clone(x.Type.Shape)
	wide := slices.Insert(slices.Clone(shape), a+1, N(1))
	all := slices.Insert(slices.Clone(shape), a+1, N(n))
	shape[a] = shape[a].Mul(N(n))
	return v.Reshape(wide...).Broadcast(all...).Reshape(shape...)
}

// Pad puts lo[i] elements equal to x before axis i, and hi[i] behind.
func (v Value) Pad(lo, hi []int, x float64) Value {
	return apply("pad", ir.PadAttrs{Lo: slices.Clone(lo), Hi: slices.Clone(hi), Value: x}, v)
}

// Concat joins tensors behind one another along an axis.
func Concat(a int, xs ...Value) Value {
	if len(xs) == 0 {
		return Value{}
	}
	return apply("concat", ir.AxisAttrs{Axis: axis(xs[0], a)}, xs...)
}

// Stack joins tensors of one shape along a new axis.
func Stack(a int, xs ...Value) Value {
	if len(xs) == 0 {
		return Value{}
	}
	if a < 0 {
		a += xs[0].Type().Rank() + 1
	}
	wide := make([]Value, len(xs))
	for i, x := range xs {
		if wide[i] = x.unsqueezed(a); wide[i].Poisoned() {
			return wide[i]
		}
	}
	if len(wide) == 1 {
		return wide[0]
	}
	return Concat(a, wide...)
}

func (v Value) unsqueezed(a int) Value {
	x, ok := v.use("stack")
	if !ok {
		return v.poison()
	}
	if a < 0 || a > x.Type.Rank() {
		return v.b.misuse(x, "stack: axis %d is outside the result of %s", a, x.Type)
	}
	return v.Reshape(slices.Insert(slices.Clone(x.Type.Shape), a, N(1))...)
}

// Split cuts v into n equal parts along an axis. After an error all are poison.
func Split(v Value, n, a int) []Value {
	parts := make([]Value, max(n, 1))
	x, ok := v.use("split")
	if !ok {
		return fill(parts, v.poison())
	}
	t := x.Type
	a = axis(v, a)
	if a < 0 || a >= t.Rank() {
		return fill(parts, v.b.misuse(x, "split: axis %d is outside %s", a, t))
	}
	size, ok := t.Shape[a].Exact(N(n))
	if n < 1 || !ok {
		return fill(parts, v.b.misuse(x, "split: size %s of %s does not divide by %d", t.Shape[a], t, n))
	}
	for i := range parts {
		spans := make([]Span, a+1)
		spans[a] = Range(size.Mul(N(i)), size.Mul(N(i+1)))
		parts[i] = v.At(spans...)
	}
	return parts
}

func fill(vs []Value, v Value) []Value {
	for i := range vs {
		vs[i] = v
	}
	return vs
}
