package onnx

import (
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// A window is what convolutions and pools move over the spatial axes of [N, C, ...S]. Each
// list has a number for each axis.
type window struct {
	size, stride, dilation []int
	lo, hi                 []int // padding before and behind
}

// window is one of a size, whose other numbers are the node's attributes.
func (n *node) window(x ir.Type, size []int) window {
	rank := x.Rank() - 2
	if rank < 1 || len(size) != rank {
		n.fail("a window over %d axes does not fit %s", len(size), x)
	}
	w := window{size: size, stride: n.perAxis("strides", rank, 1), dilation: n.perAxis("dilations", rank, 1)}
	for a, k := range size {
		if k < 1 || w.stride[a] < 1 || w.dilation[a] < 1 {
			n.fail("a window of %d with stride %d and dilation %d is not possible", k, w.stride[a], w.dilation[a])
		}
	}
	w.lo, w.hi = n.padding(x, w)
	return w
}

// perAxis is a list with a number for each of the spatial axes.
func (n *node) perAxis(name string, axes, missing int) []int {
	list := n.attrInts(name)
	if len(list) == 0 {
		return slices.Repeat([]int{missing}, axes)
	}
	if len(list) != axes {
		n.fail("%s has %d numbers, want %d", name, len(list), axes)
	}
	return list
}

func (n *node) padding(x ir.Type, w window) (lo, hi []int) {
	rank := len(w.size)
	mode := n.attrString("auto_pad", "NOTSET")
	switch mode {
	case "NOTSET", "":
		pads := n.perAxis("pads", 2*rank, 0)
		if slices.Min(pads) < 0 {
			n.fail("a padding of %d", slices.Min(pads))
		}
		return pads[:rank], pads[rank:]
	case "VALID":
		return make([]int, rank), make([]int, rank)
	case "SAME_UPPER", "SAME_LOWER":
	default:
		n.fail("there is no auto_pad %q", mode)
	}
	lo, hi = make([]int, rank), make([]int, rank)
	for a := range rank {
		over := 0 // elements behind the last whole stride, all of it if there are none
		size, fixed := x.Shape[2+a].Int()
		switch {
		case x.Shape[2+a].Multiple(int64(w.stride[a])):
			over = w.stride[a]
		case fixed:
			over = int(size) % w.stride[a]
		default:
			n.fail("auto_pad %s with stride %d needs an axis of known size, got %s", mode, w.stride[a], x)
		}
		all := max(0, w.extent(a)-over)
		lo[a], hi[a] = all/2, all-all/2
		if mode == "SAME_LOWER" {
			lo[a], hi[a] = hi[a], lo[a]
		}
	}
	return lo, hi
}

// extent is how many elements of an axis the window spans.
func (w window) extent(axis int) int { return w.dilation[axis]*(w.size[axis]-1) + 1 }

// places is how many the window has along an axis of n elements, padding included.
func (w window) places(axis int, n ir.Size) ir.Size {
	return n.Sub(ir.N(int64(w.extent(axis)))).Div(ir.N(int64(w.stride[axis]))).Add(ir.N(1))
}

// ceil is the window with so much padding behind that the last elements are not left out,
// as far as windows begin before the padding behind: ceil_mode of pools.
func (w window) ceil() window {
	w.hi = slices.Clone(w.hi)
	for a := range w.hi {
		w.hi[a] = min(w.hi[a]+w.stride[a]-1, w.extent(a)-1)
	}
	return w
}

// symmetric reports whether the padding is the same on both sides.
func (w window) symmetric() bool { return slices.Equal(w.lo, w.hi) }

// dilated reports whether the window has gaps.
func (w window) dilated() bool { return slices.Max(w.dilation) > 1 }

// pad puts a number around the spatial axes of x [N, C, ...S].
func (w window) pad(x mlx.Value, number float64) mlx.Value {
	if slices.Max(w.lo) == 0 && slices.Max(w.hi) == 0 {
		return x
	}
	return x.Pad(append([]int{0, 0}, w.lo...), append([]int{0, 0}, w.hi...), number)
}

// unfolded has the elements of each place of the window along spatial axis a of the padded
// x, on an axis of their own behind it.
func (w window) unfolded(x mlx.Value, a int) mlx.Value {
	b, axis := x.Builder(), 2+a
	shape := []ir.Size{w.places(a, x.Type().Shape[axis]), ir.N(int64(w.size[a]))}
	ramp := func(axis, step int) mlx.Value {
		v := b.Op("iota", ir.IotaAttrs{DType: ir.I32, Shape: shape, Axis: axis})
		if step == 1 {
			return v
		}
		return v.MulN(float64(step))
	}
	return mlx.Take(x, ramp(0, w.stride[a]).Add(ramp(1, w.dilation[a])), axis)
}

// fold folds what the window sees of the padded x [N, C, ...S], axis by axis.
func (w window) fold(x mlx.Value, f func(x mlx.Value, axes ...int) mlx.Value) mlx.Value {
	for a := range w.size {
		if w.size[a] > 1 || w.stride[a] > 1 {
			x = f(w.unfolded(x, a), 3+a)
		}
	}
	return x
}

// channelsLast is [N, ...S, C] of [N, C, ...S].
func channelsLast(x mlx.Value) mlx.Value {
	rank := x.Type().Rank()
	if rank < 3 {
		return x
	}
	perm := []int{0}
	for a := 2; a < rank; a++ {
		perm = append(perm, a)
	}
	return x.Transpose(append(perm, 1)...)
}

// channelsFirst is [N, C, ...S] of [N, ...S, C].
func channelsFirst(x mlx.Value) mlx.Value {
	rank := x.Type().Rank()
	if rank < 3 {
		return x
	}
	perm := []int{0, rank - 1}
	for a := 1; a < rank-1; a++ {
		perm = append(perm, a)
	}
	return x.Transpose(perm...)
}

// perChannel is a vector over the channels, with an axis of size 1 for each of the axes
// behind them in [N, C, ...S] of the rank.
func perChannel(v mlx.Value, rank int) mlx.Value {
	if v.Type().Rank() != 1 {
		return v
	}
	return v.Reshape(append(slices.Clone(v.Type().Shape), slices.Repeat([]ir.Size{ir.N(1)}, rank-2)...)...)
}
