package onnx

import "github.com/mlxc/mlxc/ir"

// foldSizes computes a node whose inputs are sizes, or whose output are the sizes of its
// input: what exporters write to reshape tensors of dynamic shapes. Operators, and cases of
// them, that are not here compute with sizes at run time.
func (n *node) foldSizes() bool {
	f := sizeFolds[n.pb.OpType]
	if f == nil || domain(n.pb.Domain) != "" {
		return false
	}
	l := f(n)
	if l == nil {
		return false
	}
	n.setValue(0, sizesValue(l))
	return true
}

// sizesValue is a constant if all sizes are numbers.
func sizesValue(l *sizeList) *value {
	t := ir.NewTensor(ir.I64, make([]int, 0, 1)...)
	if !l.scalar {
		t = ir.NewTensor(ir.I64, len(l.of))
	}
	for i, s := range l.of {
		n, ok := s.Int()
		if !ok {
			return &value{sizes: l}
		}
		t.I[i] = n
	}
	return &value{data: constantOf(t)}
}

// A sizeFold gives the sizes that a node computes; nil if they are no sizes.
type sizeFold func(n *node) *sizeList

var sizeFolds = map[string]sizeFold{
	"Shape":     shapeSizes,
	"Size":      func(n *node) *sizeList { return &sizeList{true, []ir.Size{n.typ(0).Elems()}} },
	"Identity":  func(n *node) *sizeList { return n.arg(0).sizes },
	"Cast":      castSizes,
	"Gather":    gatherSizes,
	"Slice":     sliceSizes,
	"Concat":    concatSizes,
	"Squeeze":   func(n *node) *sizeList { return rankSizes(n, true) },
	"Unsqueeze": func(n *node) *sizeList { return rankSizes(n, false) },
	"Reshape":   reshapeSizes,
	"Add":       sizeArith(ir.Size.Add),
	"Sub":       sizeArith(ir.Size.Sub),
	"Mul":       sizeArith(ir.Size.Mul),
	"Div":       sizeArith(quotient),
	"Mod":       sizeArith(ir.Size.Mod),
	"ReduceProd": func(n *node) *sizeList {
		l := n.arg(0).sizes
		if l == nil || l.scalar || n.attrInt("keepdims", 1) != 0 {
			return nil
		}
		return &sizeList{true, []ir.Size{ir.Product(l.of)}}
	},
}

// quotient is s/t, which the language has for sizes that are not negative.
func quotient(s, t ir.Size) ir.Size {
	if q, ok := s.Exact(t); ok {
		return q
	}
	return s.Div(t)
}

func shapeSizes(n *node) *sizeList {
	shape := n.typ(0).Shape
	lo, hi := n.attrInt("start", 0), n.attrInt("end", len(shape))
	if lo < 0 {
		lo += len(shape)
	}
	if hi < 0 {
		hi += len(shape)
	}
	lo, hi = min(max(lo, 0), len(shape)), min(max(hi, 0), len(shape))
	return &sizeList{false, shape[lo:max(lo, hi)]}
}

func castSizes(n *node) *sizeList {
	if n.attrInt("to", 0) != 7 { // i64
		return nil
	}
	return n.arg(0).sizes
}

func gatherSizes(n *node) *sizeList {
	from, at := n.arg(0).sizes, n.arg(1).asSizes()
	if from == nil || at == nil || from.scalar {
		return nil
	}
	out := &sizeList{scalar: at.scalar}
	for _, s := range at.of {
		i, ok := s.Int()
		if !ok {
			return nil
		}
		out.of = append(out.of, from.of[n.axis(int(i), len(from.of))])
	}
	return out
}

func sliceSizes(n *node) *sizeList {
	from := n.arg(0).sizes
	if from == nil || from.scalar {
		return nil
	}
	lo, hi, step := n.sliceBounds(1)
	if lo == nil || step[0] != 1 {
		return nil
	}
	clamp := func(s ir.Size) int {
		i, ok := s.Int()
		if !ok {
			n.fail("a slice of sizes ends at %s, which is not known", s)
		}
		if i < 0 {
			i += int64(len(from.of))
		}
		return int(min(max(i, 0), int64(len(from.of))))
	}
	a, b := clamp(lo[0]), clamp(hi[0])
	return &sizeList{false, from.of[a:max(a, b)]}
}

func concatSizes(n *node) *sizeList {
	out := &sizeList{}
	any := false
	for i := range n.in {
		l := n.arg(i).asSizes()
		if l == nil || l.scalar {
			return nil
		}
		any = any || n.in[i].sizes != nil
		out.of = append(out.of, l.of...)
	}
	if !any {
		return nil
	}
	return out
}

// rankSizes changes the rank between 0 and 1.
func rankSizes(n *node, squeeze bool) *sizeList {
	l := n.arg(0).sizes
	if l == nil || l.scalar == squeeze || len(l.of) != 1 {
		return nil
	}
	return &sizeList{squeeze, l.of}
}

func reshapeSizes(n *node) *sizeList {
	l, to := n.arg(0).sizes, n.arg(1).asSizes()
	if l == nil || to == nil || len(to.of) > 1 || len(to.of) == 0 && len(l.of) != 1 {
		return nil
	}
	return &sizeList{len(to.of) == 0, l.of}
}

// sizeArith applies f to pairs of elements.
func sizeArith(f func(s, t ir.Size) ir.Size) sizeFold {
	return func(n *node) *sizeList {
		a, b := n.arg(0), n.arg(1)
		x, y := a.asSizes(), b.asSizes()
		if a.sizes == nil && b.sizes == nil || x == nil || y == nil {
			return nil
		}
		count := max(len(x.of), len(y.of))
		out := &sizeList{scalar: x.scalar && y.scalar}
		for i := range count {
			s, t := x.of[min(i, len(x.of)-1)], y.of[min(i, len(y.of)-1)]
			r := f(s, t)
			if r.Overflow() {
				n.fail("a size is too large")
			}
			out.of = append(out.of, r)
		}
		return out
	}
}
