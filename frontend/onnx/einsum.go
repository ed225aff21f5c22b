package onnx

import (
	"slices"
	"strings"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// einsum takes an equation as NumPy has it: an axis is a letter, "..." stands for axes that
// broadcast, a letter twice in one operand is its diagonal, and without "->" the result has
// the letters that stand once, in order of the alphabet.
func einsum(n *node) mlx.Value {
	equation := strings.ReplaceAll(n.attrString("equation", ""), " ", "")
	left, right, explicit := strings.Cut(equation, "->")
	operands := strings.Split(left, ",")
	if len(operands) != len(n.in) {
		n.fail("equation %q is of %d tensors, and there are %d", equation, len(operands), len(n.in))
	}
	rest := 0 // axes that "..." stands for, at most
	xs := make([]mlx.Value, len(operands))
	for i, o := range operands {
		xs[i] = n.x(i)
		if before, after, open := strings.Cut(o, "..."); open {
			rest = max(rest, xs[i].Type().Rank()-len(before)-len(after))
		}
	}
	if !explicit {
		right = implied(operands)
	}
	sides := make([]string, len(operands))
	for i, o := range operands {
		xs[i], sides[i] = n.diagonals(xs[i], n.named(o, xs[i].Type().Rank(), rest))
	}
	return mlx.Einsum(strings.Join(sides, ", ")+" -> "+spaced(n.named(right, -1, rest)), xs...)
}

// implied are the axes of a result that the equation leaves out.
func implied(operands []string) string {
	all := strings.Join(operands, "")
	var once []byte
	for c := range len(all) {
		if all[c] != '.' && strings.Count(all, all[c:c+1]) == 1 {
			once = append(once, all[c])
		}
	}
	slices.Sort(once)
	if strings.Contains(all, "...") {
		return "..." + string(once)
	}
	return string(once)
}

// named are the names of the axes of an operand of a rank, or of the result, rank being -1.
func (n *node) named(side string, rank, rest int) (names []string) {
	before, after, open := strings.Cut(side, "...")
	for _, c := range before {
		names = append(names, string(c))
	}
	if open {
		count := rest
		if rank >= 0 {
			count = rank - len(before) - len(after)
		}
		for i := range count { // they are aligned at the last
			names = append(names, "rest"+string(rune('a'+rest-count+i)))
		}
	}
	for _, c := range after {
		names = append(names, string(c))
	}
	if rank >= 0 && len(names) != rank {
		n.fail("%q has %d axes, and the tensor is of rank %d", side, len(names), rank)
	}
	return names
}

func spaced(names []string) string { return strings.Join(names, " ") }

// diagonals takes out of x what is off the diagonal of axes with one name.
func (n *node) diagonals(x mlx.Value, names []string) (mlx.Value, string) {
	for i := 0; i < len(names); i++ {
		for j := i + 1; j < len(names); j++ {
			if names[i] != names[j] {
				continue
			}
			shape := x.Type().Shape
			at := func(a int) mlx.Value {
				return n.b.Op("iota", ir.IotaAttrs{DType: ir.I32, Shape: shape, Axis: a})
			}
			x = mlx.Sum(mlx.Where(at(i).Eq(at(j)), x, number(x, 0)), j)
			names = slices.Delete(names, j, j+1)
			j--
		}
	}
	return x, spaced(names)
}
