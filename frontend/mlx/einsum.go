package mlx

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// Einsum is the sum of products that an einops pattern describes, such as
// "b h q d, b h k d -> b h q k": axes of one name are walked together, and those that the
// result lacks are summed over. Operands are multiplied from the left, and an axis is summed
// over as soon as nothing needs it.
func Einsum(text string, xs ...Value) Value {
	if len(xs) == 0 {
		return Value{}
	}
	x, ok := xs[0].use("einsum")
	if !ok {
		return xs[0].poison()
	}
	sides, result, sizes, err := einsumAxes(text, xs)
	if err != nil {
		return xs[0].b.misuse(x, "einsum %q: %v", text, err)
	}
	y, have := xs[0], sides[0]
	for i, next := range xs[1:] {
		later := slices.Concat(sides[i+2:]...)
		later = append(later, result...)
		y, have = contract(y, have, next, sides[i+1], later, sizes)
	}
	y, have = summed(y, have, result)
	perm := make([]int, len(result))
	for i, name := range result {
		perm[i] = slices.Index(have, name)
	}
	if slices.IsSorted(perm) {
		return y
	}
	return y.Transpose(perm...)
}

// einsumAxes are the names of the axes of the operands and of the result, and their sizes.
func einsumAxes(text string, xs []Value) (sides [][]string, result []string, sizes map[string]Dim, err error) {
	left, right, ok := strings.Cut(text, "->")
	if !ok {
		return nil, nil, nil, fmt.Errorf("the pattern has no ->")
	}
	operands := strings.Split(left, ",")
	if len(operands) != len(xs) {
		return nil, nil, nil, fmt.Errorf("the pattern is of %d tensors, and there are %d", len(operands), len(xs))
	}
	plain := func(side string) ([]string, error) {
		groups, err := parseSide(side, 0)
		if err != nil {
			return nil, err
		}
		var names []string
		for _, g := range groups {
			if g.joined || len(g.axes) != 1 || g.axes[0].name == ellipsis {
				return nil, fmt.Errorf("each axis of einsum is a name, not %q", strings.TrimSpace(side))
			}
			names = append(names, g.axes[0].name)
		}
		return names, nil
	}
	sizes = map[string]Dim{}
	for i, o := range operands {
		names, err := plain(o)
		if err != nil {
			return nil, nil, nil, err
		}
		shape := xs[i].Type().Shape
		if len(names) != len(shape) {
			return nil, nil, nil, fmt.Errorf("%q has %d axes, and the tensor is %s", strings.TrimSpace(o), len(names), xs[i].Type())
		}
		for j, name := range names {
			if n, known := sizes[name]; known && !n.Equal(shape[j]) {
				return nil, nil, nil, fmt.Errorf("%s is %s and %s", name, n, shape[j])
			}
			sizes[name] = shape[j]
		}
		sides = append(sides, names)
	}
	if result, err = plain(right); err != nil {
		return nil, nil, nil, err
	}
	for _, name := range result {
		if _, known := sizes[name]; !known {
			return nil, nil, nil, fmt.Errorf("%s stands on the right only", name)
		}
	}
	return sides, result, sizes, nil
}

// contract is the product of two tensors with named axes, summed over those that are not
// among later: a product of matrices in a batch.
func contract(x Value, a []string, y Value, b []string, later []string, sizes map[string]Dim) (Value, []string) {
	x, a = summed(x, a, slices.Concat(b, later))
	y, b = summed(y, b, slices.Concat(a, later))
	var batch, inner, rows, columns []string
	for _, name := range a {
		switch {
		case !slices.Contains(b, name):
			rows = append(rows, name)
		case slices.Contains(later, name):
			batch = append(batch, name)
		default:
			inner = append(inner, name)
		}
	}
	for _, name := range b {
		if !slices.Contains(a, name) {
			columns = append(columns, name)
		}
	}
	size := func(names []string) Dim {
		n := N(1)
		for _, name := range names {
			n = n.Mul(sizes[name])
		}
		return n
	}
	matrix := func(v Value, have []string, groups ...[]string) Value {
		order := slices.Concat(groups...)
		perm := make([]int, len(order))
		for i, name := range order {
			perm[i] = slices.Index(have, name)
		}
		if !slices.IsSorted(perm) {
			v = v.Transpose(perm...)
		}
		var shape []Dim
		for _, g := range groups {
			shape = append(shape, size(g))
		}
		return v.reshaped(shape)
	}
	z := matrix(x, a, batch, rows, inner).MatMul(matrix(y, b, batch, inner, columns))
	have := slices.Concat(batch, rows, columns)
	shape := make([]Dim, len(have))
	for i, name := range have {
		shape[i] = sizes[name]
	}
	return z.reshaped(shape), have
}

// summed adds up a tensor with named axes over those that are not needed.
func summed(v Value, have, need []string) (Value, []string) {
	var over []int
	var rest []string
	for i, name := range have {
		if slices.Contains(need, name) {
			rest = append(rest, name)
		} else {
			over = append(over, i)
		}
	}
	if len(over) == 0 {
		return v, have
	}
	return apply("sum", ir.ReduceAttrs{Axes: over}, v), rest
}
