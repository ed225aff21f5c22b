package onnx

import (
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// deformConv convolves what it samples at places that offsets move, between elements
// (Dai et al., Deformable Convolutional Networks, 2017, and Zhu et al., 2018, with a mask).
func deformConv(n *node) mlx.Value {
	x, kernels := n.x(0), n.x(1)
	t, k := x.Type(), kernels.Type().Shape
	d := &deformed{node: n, w: n.window(t, n.kernelSize(kernels.Type()))}
	groups := n.attrInt("group", 1)
	d.groups = ir.N(int64(n.attrInt("offset_group", 1)))
	d.taps = ir.Product(k[2:])
	each, ok := t.Shape[1].Exact(d.groups)
	outputs, fits := k[0].Exact(ir.N(int64(max(groups, 1))))
	if !ok || !fits || groups < 1 || d.groups.Is(0) {
		n.fail("%s and %s do not divide into %d and %s groups", t, kernels.Type(), groups, d.groups)
	}
	rank := len(d.w.size)
	for a := range rank {
		d.shape = append(d.shape, d.w.places(a, t.Shape[2+a].Add(mlx.N(d.w.lo[a]+d.w.hi[a]))))
	}
	places := ir.Product(d.shape)
	batch := t.Shape[0]

	// Samples are [N, groups of offsets, channels of one, taps, places].
	image := x.Reshape(batch, d.groups, each, ir.Product(t.Shape[2:]))
	coords := n.x(2).Reshape(batch, d.groups, d.taps, mlx.N(rank), places)
	var sum mlx.Value
	for corner := range 1 << rank {
		part := d.corner(image, coords, t.Shape[2:], corner)
		if corner == 0 {
			sum = part
		} else {
			sum = sum.Add(part)
		}
	}
	if n.has(4) {
		sum = sum.Mul(n.x(4).Reshape(batch, d.groups, ir.N(1), d.taps, places))
	}
	depth := k[1].Mul(d.taps)
	g := mlx.N(groups)
	y := kernels.Reshape(ir.N(1), g, outputs, depth).MatMul(sum.Reshape(batch, g, depth, places))
	return n.biased(y.Reshape(append([]ir.Size{batch, k[0]}, d.shape...)...), 3)
}

// A deformed convolution is one that is built.
type deformed struct {
	*node
	w            window
	groups, taps ir.Size   // of offsets, and elements of the kernel
	shape        []ir.Size // of the result, without batch and channels
}

// corner are the elements on one side of the places that are sampled, along each axis as
// the bits of corner say, times how near they are; beyond the image they are 0.
func (d *deformed) corner(image, coords mlx.Value, size []ir.Size, corner int) mlx.Value {
	s := coords.Type().Shape // [N, groups, taps, axes, places]
	one := []ir.Size{s[0], s[1], s[2], s[4]}
	index := d.b.Number(ir.I32, 0)
	weight := d.b.Number(image.Type().DType, 1)
	inside := d.b.Number(ir.Bool, 1)
	for a := range size {
		at := coords.At(mlx.Every, mlx.Every, mlx.Every, mlx.Pick(mlx.N(a))).Add(d.grid(a, coords.Type().DType))
		low := mlx.Floor(at)
		near := at.Sub(low)
		if corner>>a&1 == 0 {
			near = number(near, 1).Sub(near)
		} else {
			low = low.AddN(1)
		}
		i, count := low.To(ir.I32), d.b.Size(size[a])
		inside = inside.And(i.GeN(0)).And(i.Lt(count))
		index = index.Mul(count).Add(i)
		weight = weight.Mul(near)
	}
	im := image.Type().Shape // [N, groups, channels, elements]
	index = index.Broadcast(one...).Reshape(s[0], s[1], ir.N(1), s[2].Mul(s[4])).Broadcast(im[0], im[1], im[2], s[2].Mul(s[4]))
	picked := mlx.Gather(image, index, 3).Reshape(im[0], im[1], im[2], s[2], s[4])
	beside := slices.Insert(slices.Clone(one), 2, ir.N(1))
	zero := number(picked, 0)
	return mlx.Where(inside.Reshape(beside...), picked.Mul(weight.Reshape(beside...)), zero)
}

// grid are the places without offsets along an axis, [taps, places].
func (d *deformed) grid(axis int, t ir.DType) mlx.Value {
	whole := append(sizesOf(d.w.size), d.shape...)
	ramp := func(at int) mlx.Value {
		return d.b.Op("iota", ir.IotaAttrs{DType: t, Shape: whole, Axis: at})
	}
	at := ramp(axis).MulN(float64(d.w.dilation[axis])).Add(ramp(len(d.w.size) + axis).MulN(float64(d.w.stride[axis])))
	return at.SubN(float64(d.w.lo[axis])).Reshape(d.taps, ir.Product(d.shape))
}
