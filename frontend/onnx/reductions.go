package onnx

import (
	"math"
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// reductions fold axes.
var reductions = map[string]handler{
	"ReduceSum": reduction(mlx.Sum), "ReduceProd": reduction(mlx.Prod), "ReduceMean": reduction(mlx.Mean),
	"ReduceMax": reduction(extreme(mlx.Max, mlx.Any, -1)), "ReduceMin": reduction(extreme(mlx.Min, mlx.All, 1)),
	"ReduceL1":        reduction(func(x mlx.Value, axes ...int) mlx.Value { return mlx.Sum(mlx.Abs(x), axes...) }),
	"ReduceL2":        reduction(func(x mlx.Value, axes ...int) mlx.Value { return mlx.Sqrt(mlx.Sum(x.Mul(x), axes...)) }),
	"ReduceLogSum":    reduction(func(x mlx.Value, axes ...int) mlx.Value { return mlx.Log(mlx.Sum(x, axes...)) }),
	"ReduceLogSumExp": reduction(logSumExp),
	"ReduceSumSquare": reduction(func(x mlx.Value, axes ...int) mlx.Value { return mlx.Sum(x.Mul(x), axes...) }),
	"ArgMax":          one(func(n *node) mlx.Value { return argument(n, mlx.ArgMax) }),
	"ArgMin":          one(func(n *node) mlx.Value { return argument(n, mlx.ArgMin) }),
	"Softmax":         one(func(n *node) mlx.Value { return alongAxis(n, mlx.Softmax) }),
	"LogSoftmax":      one(func(n *node) mlx.Value { return alongAxis(n, mlx.LogSoftmax) }),
	"Hardmax":         one(func(n *node) mlx.Value { return alongAxis(n, hardmax) }),
	"CumSum":          scan(mlx.CumSum),
	"CumProd":         scan(mlx.CumProd),
	"TopK":            topK,
}

// reduction is the handler of an operator that folds axes, all of them if it names none.
func reduction(f func(x mlx.Value, axes ...int) mlx.Value) handler {
	return one(func(n *node) mlx.Value {
		x := n.x(0)
		rank := x.Type().Rank()
		axes := n.attrInts("axes") // an input since opset 13 or 18
		if axes == nil && n.has(1) {
			axes = n.ints(1, "the list of axes")
		}
		if len(axes) == 0 {
			if n.attrInt("noop_with_empty_axes", 0) != 0 {
				axes = []int{}
			} else {
				for a := range rank {
					axes = append(axes, a)
				}
			}
		}
		axes = n.axes(axes, rank)
		if len(axes) == 0 { // each element is folded by itself
			wide := x.Reshape(append(slices.Clone(x.Type().Shape), ir.N(1))...)
			return f(wide, rank)
		}
		return keep(f(x, axes...), x.Type().Shape, axes, n.attrInt("keepdims", 1) != 0)
	})
}

// extreme folds numbers by one function and truths by another. That of nothing is the
// smallest number of the dtype, sign being -1, or its largest.
func extreme(numbers, truths func(x mlx.Value, axes ...int) mlx.Value, sign float64) func(x mlx.Value, axes ...int) mlx.Value {
	return func(x mlx.Value, axes ...int) mlx.Value {
		t := x.Type()
		if t.DType == ir.Bool {
			return truths(x, axes...)
		}
		if !slices.ContainsFunc(axes, func(a int) bool { return t.Shape[a].Is(0) }) {
			return numbers(x, axes...)
		}
		var shape []ir.Size
		for a, s := range t.Shape {
			if !slices.Contains(axes, a) {
				shape = append(shape, s)
			}
		}
		none := x.Builder().Number(ir.F64, math.Inf(int(sign))).To(t.DType) // an integer saturates
		return none.Broadcast(shape...)
	}
}

// keep puts folded axes back with size 1.
func keep(y mlx.Value, shape []ir.Size, axes []int, keep bool) mlx.Value {
	if !keep {
		return y
	}
	shape = slices.Clone(shape)
	for _, a := range axes {
		shape[a] = ir.N(1)
	}
	return y.Reshape(shape...)
}

// logSumExp is m + log(sum(exp(x - m))), m being the maximum, or 0 where that is infinite.
func logSumExp(x mlx.Value, axes ...int) mlx.Value {
	m := keep(mlx.Max(x, axes...), x.Type().Shape, axes, true)
	m = mlx.Where(mlx.IsInf(m), number(m, 0), m)
	sum := mlx.Log(mlx.Sum(mlx.Exp(x.Sub(m)), axes...))
	return sum.Add(m.Reshape(sum.Type().Shape...))
}

func argument(n *node, f func(x mlx.Value, axis int) mlx.Value) mlx.Value {
	x := n.x(0)
	rank := x.Type().Rank()
	a := n.axis(n.attrInt("axis", 0), rank)
	last := n.attrInt("select_last_index", 0) != 0
	if last {
		x = x.Flip(a)
	}
	i := f(x, a).To(mlx.I64)
	if last {
		i = n.b.Size(x.Type().Shape[a]).To(mlx.I64).SubN(1).Sub(i)
	}
	return keep(i, x.Type().Shape, []int{a}, n.attrInt("keepdims", 1) != 0)
}

// alongAxis applies f along one axis. Before opset 13 it is all axes from that one on.
func alongAxis(n *node, f func(x mlx.Value, axis int) mlx.Value) mlx.Value {
	x := n.x(0)
	shape := x.Type().Shape
	if n.version >= 13 {
		return f(x, n.axis(n.attrInt("axis", -1), len(shape)))
	}
	a := n.axis(n.attrInt("axis", 1), len(shape))
	if a == len(shape)-1 {
		return f(x, a)
	}
	return f(x.Reshape(ir.Product(shape[:a]), ir.Product(shape[a:])), 1).Reshape(shape...)
}

func hardmax(x mlx.Value, axis int) mlx.Value {
	t := x.Type()
	i := keep(mlx.ArgMax(x, axis), t.Shape, []int{axis}, true)
	at := x.Builder().Op("iota", ir.IotaAttrs{DType: ir.I32, Shape: t.Shape, Axis: axis})
	return at.Eq(i).To(t.DType)
}

func scan(f func(x mlx.Value, a int, o mlx.ScanOptions) mlx.Value) handler {
	return one(func(n *node) mlx.Value {
		x := n.x(0)
		a := n.axis(n.int(1, "the axis"), x.Type().Rank())
		return f(x, a, mlx.ScanOptions{Exclusive: n.attrInt("exclusive", 0) != 0, Reverse: n.attrInt("reverse", 0) != 0})
	})
}

func topK(n *node) {
	x := n.x(0)
	a := n.axis(n.attrInt("axis", -1), x.Type().Rank())
	k := n.attrInt("k", 0) // an input since opset 10
	if n.version >= 10 {
		k = n.int(1, "k")
	}
	if n.attrInt("largest", 1) != 0 {
		values, indices := mlx.TopK(x, k, a)
		n.set(0, values)
		n.set(1, indices.To(mlx.I64))
		return
	}
	first := make([]mlx.Span, a+1)
	first[a] = mlx.To(mlx.N(k))
	n.set(0, mlx.Sort(x, a, false).At(first...))
	n.set(1, mlx.ArgSort(x, a, false).At(first...).To(mlx.I64))
}
