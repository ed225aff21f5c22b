package onnx

import (
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// norms bring elements to a scale; dropout, which does nothing but in training, is with them.
var norms = map[string]handler{
	"BatchNormalization": batchNorm,
	"InstanceNormalization": one(func(n *node) mlx.Value {
		return n.groupNorm(n.channels())
	}),
	"GroupNormalization":        one(func(n *node) mlx.Value { return n.groupNorm(n.attrInt("num_groups", 0)) }),
	"LayerNormalization":        layerNorm,
	"RMSNormalization":          one(rmsNorm),
	"LpNormalization":           one(lpNorm),
	"MeanVarianceNormalization": one(meanVarianceNorm),
	"LRN":                       one(localResponseNorm),
	"Dropout":                   dropout,
}

// epsilon is what norms add to a variance.
func (n *node) epsilon() float64 { return n.attrFloat("epsilon", float64(float32(1e-5))) }

// batchNorm is one with given means and variances, or in training with those of the batch.
// Before opset 14 the outputs say which.
func batchNorm(n *node) {
	x, weight, bias, mean, variance := n.x(0), n.x(1), n.x(2), n.x(3), n.x(4)
	rank := x.Type().Rank()
	if n.version < 9 && n.attrInt("spatial", 1) == 0 {
		if n.wants(1) {
			n.fail("training with spatial 0 is not covered")
		}
		scale := mlx.Rsqrt(variance.AddN(n.epsilon())).Mul(weight)
		n.set(0, x.Sub(mean).Mul(scale).Add(bias))
		return
	}
	if n.attrInt("training_mode", 0) != 0 || n.version < 14 && n.wants(1) {
		axes := []int{0}
		for a := 2; a < rank; a++ {
			axes = append(axes, a)
		}
		m, v := mlx.Mean(x, axes...), mlx.Var(x, axes...)
		running := func(old, now mlx.Value) mlx.Value {
			by := n.attrFloat("momentum", float64(float32(0.9)))
			now = now.To(old.Type().DType)
			return old.MulN(by).Add(now.MulN(1 - by))
		}
		n.set(1, running(mean, m))
		n.set(2, running(variance, v))
		mean, variance = m, v
	}
	if rank == 1 { // of one channel
		n.set(0, mlx.BatchNorm(x.Reshape(x.Type().Shape[0], ir.N(1)), weight, bias, mean, variance, n.epsilon()).Reshape(x.Type().Shape...))
		return
	}
	n.set(0, channelsFirst(mlx.BatchNorm(channelsLast(x), weight, bias, mean, variance, n.epsilon())))
}

// channels are those of input 0, which must be known.
func (n *node) channels() int {
	t := n.typ(0)
	if t.Rank() < 2 {
		n.fail("%s has no channels", t)
	}
	c, ok := t.Shape[1].Int()
	if !ok {
		n.fail("the channels of %s are not known", t)
	}
	return int(c)
}

func (n *node) groupNorm(groups int) mlx.Value {
	x, weight, bias := n.x(0), n.x(1), n.x(2)
	c := n.channels()
	if groups < 1 || c%groups != 0 {
		n.fail("the channels of %s do not divide into %d groups", x.Type(), groups)
	}
	if n.pb.OpType == "GroupNormalization" && n.version < 21 { // a number for each group
		weight, bias = weight.Repeat(c/groups, 0), bias.Repeat(c/groups, 0)
	}
	return channelsFirst(mlx.GroupNorm(channelsLast(x), groups, weight, bias, n.epsilon()))
}

// rows joins the axes from one on.
func rows(x mlx.Value, axis int) mlx.Value {
	shape := x.Type().Shape
	return x.Reshape(append(slices.Clone(shape[:axis]), ir.Product(shape[axis:]))...)
}

// overRows applies f to x whose axes from one on are joined, and to vectors of weights, those
// that inputs have of that shape; others come after it.
func (n *node) overRows(x mlx.Value, axis int, f func(x mlx.Value, weights []mlx.Value) mlx.Value) mlx.Value {
	t := x.Type()
	length := ir.Product(t.Shape[axis:])
	weights := []mlx.Value{n.b.Ones(t.DType, length), n.b.Zeros(t.DType, length)}
	fit := true
	for i := 1; i <= 2; i++ {
		fit = fit && (!n.has(i) || ir.EqualShapes(n.typ(i).Shape, t.Shape[axis:]))
	}
	if fit {
		for i := 1; i <= 2 && n.has(i); i++ {
			weights[i-1] = n.x(i).Reshape(length)
		}
	}
	y := f(rows(x, axis), weights).Reshape(t.Shape...)
	if !fit {
		y = y.Mul(n.x(1).To(t.DType))
		if n.has(2) {
			y = y.Add(n.x(2).To(t.DType))
		}
	}
	return y
}

// layerNorm over several axes is written out, since channels that stand anywhere among these
// may stay where they are.
func layerNorm(n *node) {
	x := n.x(0)
	t := x.Type()
	var axes []int
	for a := n.axis(n.attrInt("axis", -1), t.Rank()); a < t.Rank(); a++ {
		axes = append(axes, a)
	}
	if len(axes) > 1 {
		n.set(0, n.normalised(x, axes))
	} else {
		n.set(0, n.overRows(x, axes[0], func(x mlx.Value, w []mlx.Value) mlx.Value {
			return mlx.LayerNorm(x, w[0], w[1], n.epsilon())
		}))
	}
	if !n.wants(1) && !n.wants(2) {
		return
	}
	wide := x.To(dtypeOf(int32(n.attrInt("stash_type", 1)), nodeName(n.pb)+": the mean"))
	n.set(1, keep(mlx.Mean(wide, axes...), t.Shape, axes, true))
	n.set(2, keep(mlx.Rsqrt(mlx.Var(wide, axes...).AddN(n.epsilon())), t.Shape, axes, true))
}

// normalised is x with mean 0 and variance 1 over axes, times weight plus bias.
func (n *node) normalised(x mlx.Value, axes []int) mlx.Value {
	t := x.Type()
	if t.DType.Size() < 4 {
		x = x.To(ir.F32)
	}
	mean := func(x mlx.Value) mlx.Value { return keep(mlx.Mean(x, axes...), t.Shape, axes, true) }
	x = x.Sub(mean(x))
	x = x.Mul(mlx.Rsqrt(mean(x.Mul(x)).AddN(n.epsilon()))).Mul(n.x(1).To(x.Type().DType))
	if n.has(2) {
		x = x.Add(n.x(2).To(x.Type().DType))
	}
	return x.To(t.DType)
}

func rmsNorm(n *node) mlx.Value {
	x := n.x(0)
	axis := n.axis(n.attrInt("axis", -1), x.Type().Rank())
	return n.overRows(x, axis, func(x mlx.Value, w []mlx.Value) mlx.Value {
		return mlx.RMSNorm(x, w[0], n.epsilon())
	})
}

// lpNorm is x over its norm, and 0 where that is 0.
func lpNorm(n *node) mlx.Value {
	x := n.x(0)
	a := n.axis(n.attrInt("axis", -1), x.Type().Rank())
	var norm mlx.Value
	switch p := n.attrInt("p", 2); p {
	case 1:
		norm = mlx.Sum(mlx.Abs(x), a)
	case 2:
		norm = mlx.Sqrt(mlx.Sum(x.Mul(x), a))
	default:
		n.fail("p is %d, want 1 or 2", p)
	}
	norm = keep(norm, x.Type().Shape, []int{a}, true)
	zero := number(x, 0)
	return mlx.Where(norm.Eq(zero), zero, x.Div(norm))
}

// meanVarianceNorm adds 1e-9 to the deviation, as its definition by other operators does.
func meanVarianceNorm(n *node) mlx.Value {
	x := n.x(0)
	axes := n.attrInts("axes")
	if axes == nil {
		axes = []int{0, 2, 3}
	}
	axes = n.axes(axes, x.Type().Rank())
	mean := keep(mlx.Mean(x, axes...), x.Type().Shape, axes, true)
	deviation := keep(mlx.Sqrt(mlx.Var(x, axes...)), x.Type().Shape, axes, true)
	return x.Sub(mean).Div(deviation.AddN(1e-9))
}

// localResponseNorm divides by a power of a mean over channels around each (Krizhevsky et
// al., ImageNet Classification with Deep Convolutional Neural Networks, 2012).
func localResponseNorm(n *node) mlx.Value {
	x, size := n.x(0), n.attrInt("size", 0)
	shape := x.Type().Shape
	if size < 1 || len(shape) < 2 {
		n.fail("%d channels of %s", size, x.Type())
	}
	squares := x.Mul(x).Reshape(shape[0], shape[1], ir.Product(shape[2:]))
	lo := (size - 1) / 2
	squares = squares.Pad([]int{0, lo, 0}, []int{0, size - 1 - lo, 0}, 0)
	mean := mlx.AvgPool(squares, mlx.PoolOptions{Size: []int{size}, Stride: []int{1}}).Reshape(shape...)
	alpha, beta, bias := n.attrFloat("alpha", float64(float32(1e-4))), n.attrFloat("beta", 0.75), n.attrFloat("bias", 1)
	return x.Div(mean.MulN(alpha).AddN(bias).PowN(beta))
}

// dropout drops nothing: a model is compiled to be used, and what training drops is drawn
// from numbers that no two implementations share.
func dropout(n *node) {
	drops := n.version < 7 && n.attrInt("is_test", 0) == 0 && n.attrFloat("ratio", 0.5) != 0
	if n.version >= 12 && n.has(2) && n.known(2, "whether it is training").Number(0) != 0 {
		drops = !n.has(1) || n.known(1, "the ratio of elements that are dropped").Number(0) != 0
	}
	if drops {
		n.unsupported("elements are dropped at random; export the model for inference")
	}
	n.setValue(0, n.arg(0))
	if !n.wants(1) {
		return
	}
	t, all := ir.Bool, 1.0
	if n.version < 10 {
		t = n.typ(0).DType
	}
	if n.version < 12 { // where the text is silent, ONNX Runtime marks what is dropped
		all = 0
	}
	n.set(1, n.b.Full(t, all, n.typ(0).Shape...))
}
