package onnx

import (
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// pad has the numbers of all beginnings, then of all ends; negative ones take away.
func pad(n *node) mlx.Value {
	x := n.x(0)
	rank := x.Type().Rank()
	pads := n.attrInts("pads")
	if n.version >= 11 {
		pads = n.ints(1, "the padding")
	}
	var axes []int
	if n.has(3) {
		axes = n.axes(n.ints(3, "the axes of the padding"), rank)
	} else {
		for a := range rank {
			axes = append(axes, a)
		}
	}
	if len(pads) != 2*len(axes) {
		n.fail("%d paddings for %d axes", len(pads), len(axes))
	}
	lo, hi := make([]int, rank), make([]int, rank)
	for i, a := range axes {
		lo[a], hi[a] = pads[i], pads[len(axes)+i]
	}
	x = cut(x, lo, hi)
	switch mode := n.attrString("mode", "constant"); mode {
	case "constant":
		return n.padded(x, lo, hi)
	case "reflect", "edge", "wrap":
		for a := range rank {
			if lo[a] > 0 || hi[a] > 0 {
				x = n.extended(x, a, lo[a], hi[a], mode)
			}
		}
		return x
	default:
		n.fail("there is no mode %q", mode)
	}
	return x
}

// cut takes away what negative paddings say, and makes these 0.
func cut(x mlx.Value, lo, hi []int) mlx.Value {
	spans := make([]mlx.Span, len(lo))
	for a, s := range x.Type().Shape {
		spans[a] = mlx.Range(ir.N(int64(max(0, -lo[a]))), s.Sub(ir.N(int64(max(0, -hi[a])))))
		lo[a], hi[a] = max(0, lo[a]), max(0, hi[a])
	}
	return x.At(spans...)
}

// padded puts one value around x, which since opset 11 is an input and need not be known.
func (n *node) padded(x mlx.Value, lo, hi []int) mlx.Value {
	if slices.Max(append(slices.Concat(lo, hi), 0)) == 0 {
		return x
	}
	switch {
	case n.version < 11:
		return x.Pad(lo, hi, n.attrFloat("value", 0))
	case !n.has(2):
		return x.Pad(lo, hi, 0)
	case n.in[2].data != nil && n.in[2].data.Len() == 1 && exact(n.in[2].data):
		return x.Pad(lo, hi, n.in[2].data.Tensor().Number(0))
	}
	ones := n.b.Ones(ir.Bool, x.Type().Shape...)
	return mlx.Where(ones.Pad(lo, hi, 0), x.Pad(lo, hi, 0), n.x(2).Reshape())
}

// extended continues x along an axis with elements of its own.
func (n *node) extended(x mlx.Value, a, lo, hi int, mode string) mlx.Value {
	size, ok := x.Type().Shape[a].Int()
	if !ok || size == 0 {
		n.fail("mode %s needs an axis of known size, got %s", mode, x.Type())
	}
	index := n.made(ir.I64, lo+int(size)+hi)
	for i := range index.I {
		at := int64(i - lo)
		switch period := 2 * (size - 1); {
		case mode == "edge":
			at = min(max(at, 0), size-1)
		case mode == "wrap":
			at = ((at % size) + size) % size
		case period == 0:
			at = 0
		default: // reflect, without the edge itself
			at = ((at % period) + period) % period
			at = min(at, period-at)
		}
		index.I[i] = at
	}
	return mlx.Take(x, n.fixed("index", index), a)
}
