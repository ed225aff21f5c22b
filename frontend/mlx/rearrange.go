package mlx

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// Rearrange reorders, splits and joins axes by an einops pattern, such as
// "b t (h d) -> b h t d"; axes give the sizes that the shape leaves open.
func (v Value) Rearrange(text string, axes Axes) Value {
	x, ok := v.use("rearrange")
	if !ok {
		return v.poison()
	}
	p, err := parsePattern(text)
	if err != nil {
		return v.b.misuse(x, "rearrange %q: %v", text, err)
	}
	return v.rearranged(p, axes)
}

// rearranged applies a pattern: split the axes of the left side, reorder, join
// those of the right.
func (v Value) rearranged(p *pattern, axes Axes) Value {
	left, right, sizes, err := p.solve(v.Type().Shape, axes)
	if err != nil {
		x, _ := v.use("rearrange")
		return v.b.misuse(x, "rearrange %q of %s: %v", p.text, v.Type(), err)
	}
	from, to := names(left...), names(right...)
	perm := make([]int, len(to))
	for i, n := range to {
		perm[i] = slices.Index(from, n)
	}
	out := v.reshaped(sizesOf(from, sizes))
	if !slices.IsSorted(perm) {
		out = apply("transpose", ir.PermAttrs{Perm: perm}, out)
	}
	return out.reshaped(shapeOf(right, sizes))
}

// reshaped is Reshape where the shape changes.
func (v Value) reshaped(shape []Dim) Value {
	if ir.EqualShapes(shape, v.Type().Shape) {
		return v
	}
	return v.Reshape(shape...)
}
