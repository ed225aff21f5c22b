package onnx

import (
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// sequences are the operators on lists of tensors. How many a list has, and which of them
// are used, is known when the model is imported; none is left in the program.
var sequences = map[string]handler{
	"SequenceEmpty":      func(n *node) { n.setList(0, nil) },
	"SequenceConstruct":  func(n *node) { n.setList(0, n.in) },
	"SequenceAt":         func(n *node) { l := n.list(0); n.setValue(0, l[n.position(1, len(l), len(l)-1)]) },
	"SequenceInsert":     sequenceInsert,
	"SequenceErase":      sequenceErase,
	"SequenceLength":     func(n *node) { n.setValue(0, counted(ir.N(int64(len(n.list(0)))))) },
	"SequenceMap":        sequenceMap,
	"SplitToSequence":    splitToSequence,
	"ConcatFromSequence": one(concatFromSequence),
}

// list is input i, which must be a sequence.
func (n *node) list(i int) []*value {
	v := n.arg(i)
	if !v.isList {
		n.fail("input %d is no sequence", i)
	}
	return v.list
}

// setList makes output i a sequence.
func (n *node) setList(i int, of []*value) {
	for _, v := range of {
		if v == nil || v.isList {
			n.fail("an element of a sequence is no tensor")
		}
	}
	n.setValue(i, &value{isList: true, list: of, inputs: sources(of...)})
}

// position is the integer that input i is, which may count from the end of a list, up to
// last; last if there is no input.
func (n *node) position(i, size, last int) int {
	at := last
	if n.has(i) {
		at = n.int(i, "a position in a sequence")
	}
	if at < 0 && n.has(i) {
		at += size
	}
	if at < 0 || at > last {
		n.fail("there is no position %d in a sequence of %d", at, size)
	}
	return at
}

func sequenceInsert(n *node) {
	l := n.list(0)
	n.setList(0, slices.Insert(slices.Clone(l), n.position(2, len(l), len(l)), n.arg(1)))
}

func sequenceErase(n *node) {
	l := n.list(0)
	at := n.position(1, len(l), len(l)-1)
	n.setList(0, slices.Delete(slices.Clone(l), at, at+1))
}

// sequenceMap computes a graph on each element, and on those of further sequences at its
// place.
func sequenceMap(n *node) {
	body, outs := n.graph("body"), make([][]*value, len(n.out))
	for k := range n.list(0) {
		in := make([]*value, len(n.in))
		for i := range n.in {
			if in[i] = n.arg(i); !in[i].isList {
				continue
			}
			if l := in[i].list; k >= len(l) {
				n.fail("sequences of %d and %d elements", len(n.list(0)), len(l))
			} else {
				in[i] = l[k]
			}
		}
		for i, v := range n.subgraph(body, in) {
			if i < len(outs) {
				outs[i] = append(outs[i], v)
			}
		}
	}
	for i, l := range outs {
		n.setList(i, l)
	}
}

// splitToSequence cuts an axis into parts of sizes, or into parts of one size, of which the
// last may be smaller.
func splitToSequence(n *node) {
	x := n.x(0)
	shape := x.Type().Shape
	a := n.axis(n.attrInt("axis", 0), len(shape))
	var parts []ir.Size
	if n.has(1) && n.typ(1).Rank() == 1 {
		parts = n.sizes(1, "the sizes of the parts")
	} else {
		each := 1
		if n.has(1) {
			each = n.int(1, "the size of the parts")
		}
		total, ok := shape[a].Int()
		if !ok || each < 1 || total/int64(each) >= maxSizes {
			n.fail("parts of %d of an axis of %s", each, shape[a])
		}
		for left := int(total); left > 0; left -= each {
			parts = append(parts, mlx.N(min(each, left)))
		}
	}
	var list []*value
	from := ir.N(0)
	for _, size := range parts {
		span := make([]mlx.Span, a+1)
		span[a] = mlx.Range(from, from.Add(size))
		if !n.has(1) && n.attrInt("keepdims", 1) == 0 {
			span[a] = mlx.Pick(from)
		}
		list = append(list, &value{t: x.At(span...), inputs: n.in[0].inputs})
		from = from.Add(size)
	}
	n.setList(0, list)
}

func concatFromSequence(n *node) mlx.Value {
	l := n.list(0)
	if len(l) == 0 {
		n.fail("a tensor of no tensors")
	}
	xs := make([]mlx.Value, len(l))
	for i, v := range l {
		xs[i] = n.tensor(v)
	}
	rank := xs[0].Type().Rank()
	if n.attrInt("new_axis", 0) != 0 {
		return mlx.Stack(n.axis(n.attrInt("axis", 0), rank+1), xs...)
	}
	return mlx.Concat(n.axis(n.attrInt("axis", 0), rank), xs...)
}
