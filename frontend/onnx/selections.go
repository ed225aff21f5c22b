package onnx

import (
	"cmp"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// Operators whose results are as large as their data say. What decides has to be known; then
// they are computed here.

func compress(n *node) mlx.Value {
	x := n.x(0)
	var at []int64
	for i, keep := range n.known(1, "which elements are kept").I {
		if keep != 0 {
			at = append(at, int64(i))
		}
	}
	a := 0
	if n.given("axis") {
		a = n.axis(n.attrInt("axis", 0), x.Type().Rank())
	} else {
		x = x.Reshape(x.Type().Elems())
	}
	return mlx.Take(x, n.tensor(constantValue(n.pb.Output[0]+".index", integers(at, len(at)))), a)
}

// nonZero has a column for each element that is not 0, with its indices.
func nonZero(n *node) {
	x := n.known(0, "which elements are not 0")
	rows, count := make([][]int64, len(x.Shape)), 0
	for i := range x.Len() {
		if x.Number(i) == 0 {
			continue
		}
		count++
		for a, rest := len(x.Shape)-1, i; a >= 0; a-- {
			rows[a] = append(rows[a], int64(rest%x.Shape[a]))
			rest /= x.Shape[a]
		}
	}
	n.setValue(0, constantValue("", integers(slices.Concat(rows...), len(rows), count)))
}

// unique finds the slices along an axis, or the elements, that differ.
func unique(n *node) {
	x := n.known(0, "which elements differ")
	shape, a := []int{x.Len()}, 0
	if n.given("axis") {
		shape, a = x.Shape, n.axis(n.attrInt("axis", 0), len(x.Shape))
	}
	before, after := product(shape[:a]), product(shape[a+1:])
	size := shape[a]
	at := func(slice, i int) int { return (i/after*size+slice)*after + i%after } // of the slice's element i
	order := func(p, q int) int {
		for i := range before * after {
			if c := order(x, at(p, i), at(q, i)); c != 0 {
				return c
			}
		}
		return 0
	}
	sorted := make([]int, size)
	for i := range sorted {
		sorted[i] = i
	}
	slices.SortStableFunc(sorted, order)
	var first []int // of each slice that differs, where it is first
	var counts []int64
	inverse := make([]int64, size)
	for i, s := range sorted {
		if i == 0 || order(sorted[i-1], s) != 0 {
			first, counts = append(first, s), append(counts, 0)
		}
		inverse[s] = int64(len(first) - 1)
		counts[len(first)-1]++
	}
	if n.attrInt("sorted", 1) == 0 { // as they come
		perm := make([]int, len(first))
		for i := range perm {
			perm[i] = i
		}
		slices.SortFunc(perm, func(i, j int) int { return cmp.Compare(first[i], first[j]) })
		place := make([]int64, len(perm))
		firsts, counted := first, counts
		first, counts = make([]int, len(perm)), make([]int64, len(perm))
		for to, from := range perm {
			place[from], first[to], counts[to] = int64(to), firsts[from], counted[from]
		}
		for i := range inverse {
			inverse[i] = place[inverse[i]]
		}
	}
	kept := slices.Clone(shape)
	kept[a] = len(first)
	y := ir.NewTensor(x.DType, kept...)
	indices := make([]int64, len(first))
	for k, s := range first {
		indices[k] = int64(s)
		for i := range before * after {
			to, from := (i/after*len(first)+k)*after+i%after, at(s, i)
			if x.DType.IsFloat() {
				y.F[to] = x.F[from]
			} else {
				y.I[to] = x.I[from]
			}
		}
	}
	for i, c := range []*Constant{constantOf(y), integers(indices, len(indices)), integers(inverse, size), integers(counts, len(counts))} {
		n.setValue(i, constantValue("", c))
	}
}

// nonMaxSuppression selects boxes, and later nodes compute with as many as there are.
func nonMaxSuppression(n *node) {
	n.unsupported("how many boxes are kept depends on data, and sizes may not: let the model end with %s, and select boxes outside of it", strings.Join(n.pb.Input[:min(2, len(n.pb.Input))], " and "))
}

// order compares two elements of x.
func order(x *ir.Tensor, i, j int) int {
	switch {
	case x.DType.IsFloat():
		return cmp.Compare(x.F[i], x.F[j])
	case x.DType == ir.U64:
		return cmp.Compare(uint64(x.I[i]), uint64(x.I[j]))
	}
	return cmp.Compare(x.I[i], x.I[j])
}

func product(sizes []int) int {
	p := 1
	for _, s := range sizes {
		p *= s
	}
	return p
}
