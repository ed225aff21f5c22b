package mlx

import (
	"cmp"
	"math"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

//go:generate go run ./internal/gen

// axis makes an axis that may count from the end one that counts from the start.
// One that is out of range stays, for the op's rule to report.
func axis(v Value, a int) int {
	if a < 0 {
		a += v.Type().Rank()
	}
	return a
}

func axes(v Value, as []int) []int {
	out := make([]int, len(as))
	for i, a := range as {
		out[i] = axis(v, a)
	}
	return out
}

func allAxes(rank int) []int {
	out := make([]int, rank)
	for i := range out {
		out[i] = i
	}
	return out
}

func reduce(name string, v Value, as []int) Value {
	if len(as) == 0 {
		as = allAxes(v.Type().Rank())
	}
	return apply(name, ir.ReduceAttrs{Axes: axes(v, as)}, v)
}

// Reductions over the given axes, or over all of them if none is given. Negative
// axes count from the end. A folded axis disappears; At(Rest, NewAxis) puts the
// last one back with size 1.

func Sum(x Value, axes ...int) Value  { return reduce("sum", x, axes) }
func Prod(x Value, axes ...int) Value { return reduce("prod", x, axes) }
func Mean(x Value, axes ...int) Value { return reduce("mean", x, axes) }
func Var(x Value, axes ...int) Value  { return reduce("var", x, axes) }
func Max(x Value, axes ...int) Value  { return reduce("max", x, axes) }
func Min(x Value, axes ...int) Value  { return reduce("min", x, axes) }
func Any(x Value, axes ...int) Value  { return reduce("any", x, axes) }
func All(x Value, axes ...int) Value  { return reduce("all", x, axes) }

// ArgMax and ArgMin give indices (i32) along an axis, which disappears.
func ArgMax(x Value, a int) Value { return apply("argmax", ir.IndexAttrs{Axis: axis(x, a)}, x) }
func ArgMin(x Value, a int) Value { return apply("argmin", ir.IndexAttrs{Axis: axis(x, a)}, x) }

// ScanOptions: Exclusive leaves out the element itself, Reverse begins at the end.
type ScanOptions struct{ Exclusive, Reverse bool }

// CumSum and CumProd give the sum or product of the elements up to each along an axis, in
// x's dtype.
func CumSum(x Value, a int, o ScanOptions) Value  { return scan("cumsum", x, a, o) }
func CumProd(x Value, a int, o ScanOptions) Value { return scan("cumprod", x, a, o) }

func scan(name string, x Value, a int, o ScanOptions) Value {
	return apply(name, ir.ScanAttrs{Axis: axis(x, a), Exclusive: o.Exclusive, Reverse: o.Reverse}, x)
}

// Sort puts the elements in order along an axis, NaN being larger than all numbers;
// ArgSort gives their indices (i32) in that order, in which equal elements keep theirs.
func Sort(x Value, a int, descending bool) Value {
	return apply("sort", ir.SortAttrs{Axis: axis(x, a), Descending: descending}, x)
}

func ArgSort(x Value, a int, descending bool) Value {
	return apply("argsort", ir.SortAttrs{Axis: axis(x, a), Descending: descending}, x)
}

// TopK gives the k largest elements along an axis, which becomes k long, the largest
// first, and their indices (i32). NaN is larger than all numbers; of equal elements the
// first comes first.
func TopK(x Value, k, a int) (values, indices Value) {
	at := ir.TopKAttrs{Axis: axis(x, a), K: k}
	return apply("topk", at, x), apply("argtopk", at, x)
}

// Softmax and LogSoftmax work along one axis.
func Softmax(x Value, a int) Value { return apply("softmax", ir.SoftmaxAttrs{Axis: axis(x, a)}, x) }
func LogSoftmax(x Value, a int) Value {
	return apply("log_softmax", ir.SoftmaxAttrs{Axis: axis(x, a)}, x)
}

// Take is the elements of x at the indices i along an axis; those of a quantised x as f32.
func Take(x, i Value, a int) Value {
	at := ir.AxisAttrs{Axis: axis(x, a)}
	if x.quantised() {
		x = x.Dequant()
	}
	return apply("take", at, x, i)
}

// Gather is the element of x at each index of i along an axis; i has x's sizes off it.
func Gather(x, i Value, a int) Value { return apply("gather", ir.GatherAttrs{Axis: axis(x, a)}, x, i) }

// Scatter and ScatterAdd put or add the elements of y to x, in the places that i names along
// an axis; i and y have x's sizes off it. What is out of range is dropped.
func Scatter(x, i, y Value, a int) Value { return scatter("scatter", x, i, y, a) }

func ScatterAdd(x, i, y Value, a int) Value { return scatter("scatter_add", x, i, y, a) }

func scatter(name string, x, i, y Value, a int) Value {
	return apply(name, ir.GatherAttrs{Axis: axis(x, a)}, x, i, y)
}

// Norms over the last axis, or over groups of it. The weights are vectors.

func LayerNorm(x, weight, bias Value, eps float64) Value {
	return apply("layer_norm", ir.NormAttrs{Eps: eps}, x, weight, bias)
}

func RMSNorm(x, weight Value, eps float64) Value {
	return apply("rms_norm", ir.NormAttrs{Eps: eps}, x, weight)
}

func GroupNorm(x Value, groups int, weight, bias Value, eps float64) Value {
	return apply("group_norm", ir.GroupNormAttrs{Groups: groups, Eps: eps}, x, weight, bias)
}

func BatchNorm(x, weight, bias, mean, variance Value, eps float64) Value {
	return apply("batch_norm", ir.NormAttrs{Eps: eps}, x, weight, bias, mean, variance)
}

// ConvOptions are those of Conv. A list has a number for each spatial axis, or one
// for all; an empty one means 1, for Pad 0. Groups 0 means 1.
type ConvOptions struct {
	Stride, Pad, Dilation []int
	Groups                int
}

// Conv correlates x [B, ...S, I] with kernels w [O, ...K, I/groups].
func Conv(x, w Value, o ConvOptions) Value {
	n := max(0, x.Type().Rank()-2)
	return apply("conv", ir.ConvAttrs{
		Stride: each(o.Stride, n, 1), Pad: each(o.Pad, n, 0), Dilation: each(o.Dilation, n, 1), Groups: cmp.Or(o.Groups, 1),
	}, x, w)
}

// ConvWinograd is Conv of x [B, Y, X, I] with kernels w [O, 3, 3, I], with fewer products
// and other roundings; pad is as in ConvOptions.
func ConvWinograd(x, w Value, pad ...int) Value {
	return apply("conv_winograd", ir.WinogradAttrs{Pad: each(pad, 2, 0)}, x, w)
}

// ConvTransposeOptions are those of ConvTranspose, with lists as in ConvOptions.
type ConvTransposeOptions struct {
	Stride, Pad, Dilation, OutPad []int
	Groups                        int
}

// ConvTranspose is the transposed convolution of x [B, ...S, I] with kernels
// w [O, ...K, I/groups].
func ConvTranspose(x, w Value, o ConvTransposeOptions) Value {
	n := max(0, x.Type().Rank()-2)
	return apply("conv_transpose", ir.ConvTransposeAttrs{
		Stride: each(o.Stride, n, 1), Pad: each(o.Pad, n, 0), Dilation: each(o.Dilation, n, 1), OutPad: each(o.OutPad, n, 0), Groups: cmp.Or(o.Groups, 1),
	}, x, w)
}

// each is a list of n numbers: as given, one for all, or the default for all.
func each(given []int, n, otherwise int) []int {
	switch len(given) {
	case 0:
		return slices.Repeat([]int{otherwise}, n)
	case 1:
		return slices.Repeat(given, n)
	}
	return slices.Clone(given)
}

// PoolOptions are those of pools, with lists as in ConvOptions; an empty Stride is
// the window's size.
type PoolOptions struct {
	Size, Stride, Pad []int
}

func pool(name string, x Value, o PoolOptions) Value {
	n := max(0, x.Type().Rank()-2)
	size := each(o.Size, n, 1)
	stride := size
	if len(o.Stride) > 0 {
		stride = each(o.Stride, n, 1)
	}
	return apply(name, ir.PoolAttrs{Size: size, Stride: stride, Pad: each(o.Pad, n, 0)}, x)
}

// MaxPool and AvgPool move a window over the spatial axes of [B, ...S, C].
func MaxPool(x Value, o PoolOptions) Value { return pool("max_pool", x, o) }
func AvgPool(x Value, o PoolOptions) Value { return pool("avg_pool", x, o) }

// AttentionOptions are those of Attention. A zero Scale is 1/sqrt(D), D being the
// size of a head.
type AttentionOptions struct {
	Scale  float64
	Causal bool  // query i of T sees keys up to S-T+i of S
	Mask   Value // stretches to [B, H, T, S]; added or, if bool, what is seen
}

// Attention is softmax(scale*q·k)·v of heads q [B, H, T, D], k [B, G, S, D] and
// v [B, G, S, E], where G divides H.
func Attention(q, k, v Value, o AttentionOptions) Value {
	args := []Value{q, k, v}
	if o.Mask.Ok() {
		args = append(args, o.Mask)
	}
	if o.Scale == 0 {
		o.Scale = HeadScale(q.Type())
	}
	return apply("attention", ir.AttentionAttrs{Scale: o.Scale, Causal: o.Causal}, args...)
}

// HeadScale is 1/sqrt(D) for heads [..., D], and 1 where D is no constant.
func HeadScale(q ir.Type) float64 {
	if n := q.Rank(); n > 0 {
		if d, ok := q.Shape[n-1].Int(); ok && d > 0 {
			return 1 / math.Sqrt(float64(d))
		}
	}
	return 1
}

// RoPEOptions are those of RoPE; ir.RopeAttrs says what the numbers mean. Their
// Theta is 10000, Factor and Low are 1 and High is 4 where they are 0.
type RoPEOptions struct {
	Theta             float64
	Interleaved       bool
	Factor, Low, High float64
	Context           int
}

// RoPE turns pairs of the last axis of x [..., T, D] by the angles of the positions
// pos, pos + 1 ... along T.
func RoPE(x Value, pos Dim, o RoPEOptions) Value {
	return apply("rope", o.attrs(pos), x)
}

// RoPEAt is RoPE with positions that are integers of rank 0, [T] or [B, T].
func RoPEAt(x, pos Value, o RoPEOptions) Value {
	return apply("rope", o.attrs(Dim{}), x, pos)
}

func (o RoPEOptions) attrs(pos Dim) ir.RopeAttrs {
	return ir.RopeAttrs{Pos: pos, Theta: cmp.Or(o.Theta, 10000), Interleaved: o.Interleaved, Factor: cmp.Or(o.Factor, 1), Low: cmp.Or(o.Low, 1), High: cmp.Or(o.High, 4), Context: o.Context}
}

// CrossEntropy is the loss of each row of logits [..., C] for labels [...]; the
// usual loss is its Mean. It is f32, and 0 where a label is outside [0, C).
func CrossEntropy(logits, labels Value) Value {
	return apply("cross_entropy", ir.LossAttrs{}, logits, labels)
}
