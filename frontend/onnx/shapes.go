package onnx

import (
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// shapes are the operators that move elements, and those that make tensors of a shape.
var shapes = map[string]handler{
	"Shape":           func(n *node) { n.setValue(0, sizesValue(shapeSizes(n))) },
	"Size":            func(n *node) { n.setValue(0, sizesValue(&sizeList{true, []ir.Size{n.typ(0).Elems()}})) },
	"Reshape":         one(reshape),
	"Flatten":         one(flatten),
	"Squeeze":         one(squeeze),
	"Unsqueeze":       one(unsqueeze),
	"Transpose":       one(transpose),
	"Concat":          one(concat),
	"Slice":           one(slice),
	"Split":           split,
	"Expand":          one(expand),
	"Tile":            one(tile),
	"Pad":             one(pad),
	"Constant":        constant,
	"ConstantOfShape": one(constantOfShape),
	"Range":           one(arange),
	"Trilu":           one(trilu),
	"EyeLike":         one(eyeLike),
	"DepthToSpace":    one(depthToSpace),
	"SpaceToDepth":    one(spaceToDepth),
}

// reshape takes a shape with 0 for a size that stays and -1 for the one that follows from
// the others.
func reshape(n *node) mlx.Value {
	x := n.x(0)
	from := x.Type().Shape
	var to []ir.Size
	if n.version < 5 {
		for _, s := range n.attrInts("shape") {
			to = append(to, ir.N(int64(s)))
		}
	} else {
		to = slices.Clone(n.sizes(1, "the shape"))
	}
	open := -1
	rest := x.Type().Elems()
	for i, s := range to {
		switch {
		case s.Is(0) && n.attrInt("allowzero", 0) == 0:
			if i >= len(from) {
				n.fail("size %d of the shape stays, but there is none", i)
			}
			to[i] = from[i]
		case s.Is(-1):
			if open >= 0 {
				n.fail("two sizes of the shape are -1")
			}
			open = i
			continue
		}
	}
	if open >= 0 {
		for i, s := range to {
			if i == open {
				continue
			}
			q, ok := rest.Exact(s)
			if !ok {
				n.fail("%s does not divide the elements of %s", s, x.Type())
			}
			rest = q
		}
		to[open] = rest
	}
	return x.Reshape(to...)
}

func flatten(n *node) mlx.Value {
	x := n.x(0)
	shape := x.Type().Shape
	a := n.attrInt("axis", 1)
	if a < 0 {
		a += len(shape)
	}
	if a < 0 || a > len(shape) {
		n.fail("axis %d is out of range for %s", a, x.Type())
	}
	return x.Reshape(ir.Product(shape[:a]), ir.Product(shape[a:]))
}

// axesOf are those of an attribute, which since opset 13 is input i.
func (n *node) axesOf(i int) []int {
	if n.has(i) {
		return n.ints(i, "the list of axes")
	}
	return n.attrInts("axes")
}

func squeeze(n *node) mlx.Value {
	x := n.x(0)
	shape := x.Type().Shape
	axes := n.axesOf(1)
	if axes == nil {
		for a, s := range shape {
			if s.Is(1) {
				axes = append(axes, a)
			}
		}
	}
	axes = n.axes(axes, len(shape))
	var to []ir.Size
	for a, s := range shape {
		switch {
		case !slices.Contains(axes, a):
			to = append(to, s)
		case !s.Is(1):
			n.fail("axis %d of %s is not of size 1", a, x.Type())
		}
	}
	return x.Reshape(to...)
}

func unsqueeze(n *node) mlx.Value {
	x := n.x(0)
	axes := n.axesOf(1)
	axes = n.axes(axes, x.Type().Rank()+len(axes))
	slices.Sort(axes)
	to := slices.Clone(x.Type().Shape)
	for _, a := range axes {
		to = slices.Insert(to, a, ir.N(1))
	}
	return x.Reshape(to...)
}

func transpose(n *node) mlx.Value {
	x := n.x(0)
	perm := n.attrInts("perm")
	if perm == nil {
		for a := range x.Type().Rank() {
			perm = append([]int{a}, perm...)
		}
	}
	return x.Transpose(perm...)
}

func concat(n *node) mlx.Value {
	xs := make([]mlx.Value, len(n.in))
	for i := range n.in {
		xs[i] = n.x(i)
	}
	axis := n.axis(n.attrInt("axis", 1), xs[0].Type().Rank())
	if len(xs) == 1 {
		return xs[0]
	}
	return mlx.Concat(axis, xs...)
}

// expand broadcasts both ways: a 1 of the shape leaves the size as it is.
func expand(n *node) mlx.Value {
	x := n.x(0)
	to, err := ir.BroadcastShapes(x.Type().Shape, n.sizes(1, "the shape"))
	if err != nil {
		n.fail("%w", err)
	}
	return x.Broadcast(to...)
}

func tile(n *node) mlx.Value {
	x := n.x(0)
	if n.version < 6 {
		n.unsupported("before opset 6 it is not covered")
	}
	for a, k := range n.sizes(1, "the list of repeats") {
		shape := slices.Clone(x.Type().Shape)
		if k.Is(1) || a >= len(shape) {
			continue
		}
		wide := slices.Insert(slices.Clone(shape), a, ir.N(1))
		all := slices.Insert(slices.Clone(shape), a, k)
		shape[a] = shape[a].Mul(k)
		x = x.Reshape(wide...).Broadcast(all...).Reshape(shape...)
	}
	return x
}
