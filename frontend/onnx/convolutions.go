package onnx

import (
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// convolutions are those of ONNX, whose channels are the second axis.
var convolutions = map[string]handler{
	"Conv":                one(func(n *node) mlx.Value { return n.biased(n.conv(n.x(0), n.x(1)), 2) }),
	"ConvInteger":         one(convInteger),
	"QLinearConv":         one(qlinearConv),
	"ConvTranspose":       one(convTranspose),
	"Col2Im":              one(col2im),
	"CausalConvWithState": causalConv,
	"DeformConv":          one(deformConv),
}

// conv convolves x [N, C, ...S] with kernels [O, C/groups, ...K].
func (n *node) conv(x, kernels mlx.Value) mlx.Value {
	w := n.window(x.Type(), n.kernelSize(kernels.Type()))
	o := mlx.ConvOptions{Stride: w.stride, Dilation: w.dilation, Groups: n.attrInt("group", 1)}
	if w.symmetric() {
		o.Pad = w.lo
	} else {
		x = w.pad(x, 0)
	}
	return channelsFirst(mlx.Conv(channelsLast(x), channelsLast(kernels), o))
}

// kernelSize is that of the spatial axes of kernels.
func (n *node) kernelSize(kernels ir.Type) []int {
	if kernels.Rank() < 3 {
		n.fail("%s are no kernels", kernels)
	}
	var size []int
	for _, s := range kernels.Shape[2:] {
		k, ok := s.Int()
		if !ok {
			n.fail("the size of the kernels %s is not known", kernels)
		}
		size = append(size, int(k))
	}
	if given := n.attrInts("kernel_shape"); len(given) > 0 && !slices.Equal(given, size) {
		n.fail("kernel_shape is %v, the kernels are %s", given, kernels)
	}
	return size
}

// biased adds input i, if there is one, to the channels.
func (n *node) biased(y mlx.Value, i int) mlx.Value {
	if !n.has(i) {
		return y
	}
	return y.Add(perChannel(n.x(i), y.Type().Rank()))
}

// shifted is x as i32 less its zero point, input i, which is a number or, for kernels, one
// of each output.
func (n *node) shifted(x mlx.Value, i int) mlx.Value {
	x = x.To(ir.I32)
	if !n.has(i) {
		return x
	}
	zero := n.x(i).To(ir.I32)
	if zero.Type().Rank() == 1 {
		if zero.Type().Shape[0].Is(1) {
			zero = zero.Reshape()
		} else {
			zero = perChannel(zero, x.Type().Rank()+1)
		}
	}
	return x.Sub(zero)
}

func convInteger(n *node) mlx.Value { return n.conv(n.shifted(n.x(0), 2), n.shifted(n.x(1), 3)) }

// qlinearConv convolves integers, and brings the sums to the scale of the result.
func qlinearConv(n *node) mlx.Value {
	y := n.conv(n.shifted(n.x(0), 2), n.shifted(n.x(3), 5))
	y = n.biased(y, 8)
	rank := y.Type().Rank()
	scale := n.x(1).Reshape().Mul(oneOrEach(n.x(4), rank)).Div(n.x(6).Reshape())
	zero := n.x(7).Reshape()
	y = mlx.Round(y.To(ir.F32).Mul(scale.To(ir.F32))).Add(zero.To(ir.F32))
	return y.To(zero.Type().DType)
}

// oneOrEach is a number, or one of each channel of [N, C, ...S].
func oneOrEach(v mlx.Value, rank int) mlx.Value {
	if v.Type().Elems().Is(1) {
		return v.Reshape()
	}
	return perChannel(v, rank)
}

// convTranspose is the transposed convolution, of which it takes what padding leaves.
func convTranspose(n *node) mlx.Value {
	x, kernels := n.x(0), n.x(1)
	size, groups := n.kernelSize(kernels.Type()), n.attrInt("group", 1)
	rank := len(size)
	s := slices.Clone(kernels.Type().Shape) // [C, O/groups, ...K]
	per, ok := s[0].Exact(ir.N(int64(max(groups, 1))))
	if groups < 1 || !ok || x.Type().Rank() != rank+2 {
		n.fail("%s and %s do not fit together in %d groups", x.Type(), kernels.Type(), groups)
	}
	if groups > 1 { // [C, O/groups, ...K] to [C/groups, O, ...K]
		apart := append([]ir.Size{ir.N(int64(groups)), per}, s[1:]...)
		perm := []int{1, 0}
		for a := 2; a < len(apart); a++ {
			perm = append(perm, a)
		}
		s[0], s[1] = per, s[1].Mul(ir.N(int64(groups)))
		kernels = kernels.Reshape(apart...).Transpose(perm...).Reshape(s...)
	}
	perm := []int{1}
	for a := range rank {
		perm = append(perm, 2+a)
	}
	w := window{size: size, stride: n.perAxis("strides", rank, 1), dilation: n.perAxis("dilations", rank, 1)}
	more := n.perAxis("output_padding", rank, 0)
	w.lo, w.hi = n.cropping(x.Type(), w, more)
	return n.biased(w.transposed(x, kernels.Transpose(append(perm, 0)...), more, groups), 2)
}

// cropping is how much of the whole result is left out before and behind each axis: what
// padding is of a convolution. Less than 0 adds zeros.
func (n *node) cropping(x ir.Type, w window, more []int) (lo, hi []int) {
	rank := len(w.size)
	mode, to := n.attrString("auto_pad", "NOTSET"), n.attrInts("output_shape")
	if len(to) == rank+2 { // before opset 11 some files have the batch and channels too
		to = to[2:]
	}
	if to != nil && len(to) != rank {
		n.fail("output_shape has %d numbers, want %d", len(to), rank)
	}
	same := mode == "SAME_UPPER" || mode == "SAME_LOWER"
	if to == nil && !same {
		pads := n.perAxis("pads", 2*rank, 0)
		return pads[:rank], pads[rank:]
	}
	for a := range rank {
		all := w.extent(a) + more[a] - w.stride[a] // of a result that has stride elements for each of the input
		if to != nil {
			size, ok := x.Shape[2+a].Int()
			if !ok {
				n.fail("output_shape needs an axis of known size, got %s", x)
			}
			all += int(size)*w.stride[a] - to[a]
		}
		before := all / 2
		switch {
		case all < 0: // zeros behind
			before = 0
		case mode != "SAME_UPPER": // in every opset: the formula in opset 1's text denies its own words
			before = all - before
		}
		lo, hi = append(lo, before), append(hi, all-before)
	}
	return lo, hi
}

// transposed is the transposed convolution of x [N, C, ...S] with kernels [O, ...K,
// C/groups], without w.lo and w.hi elements of each axis, and with more behind it.
func (w window) transposed(x, kernels mlx.Value, more []int, groups int) mlx.Value {
	x = channelsLast(x)
	o := mlx.ConvTransposeOptions{Stride: w.stride, Dilation: w.dilation, Groups: groups}
	plain := w.symmetric() && slices.Min(w.lo) >= 0
	for a := range more {
		plain = plain && more[a] >= 0 && more[a] < max(w.stride[a], w.dilation[a])
	}
	if plain {
		o.Pad, o.OutPad = w.lo, more
		return channelsFirst(mlx.ConvTranspose(x, kernels, o))
	}
	y := channelsFirst(mlx.ConvTranspose(x, kernels, o))
	spans := make([]mlx.Span, 2+len(more))
	around := window{lo: make([]int, len(more)), hi: make([]int, len(more))}
	for a := range more {
		lo, hi := w.lo[a], w.hi[a]-more[a]
		around.lo[a], around.hi[a] = max(0, -lo), max(0, -hi)
		spans[2+a] = mlx.Range(mlx.N(max(0, lo)), y.Type().Shape[2+a].Sub(mlx.N(max(0, hi))))
	}
	return around.pad(y.At(spans...), 0)
}

// col2im adds up blocks [N, C*K, L] where they overlap in the image: the transposed
// convolution with a kernel for each element of a block, that is 1 there.
func col2im(n *node) mlx.Value {
	x := n.x(0)
	image, size := n.ints(1, "the size of the image"), n.ints(2, "the size of the blocks")
	rank := len(size)
	if len(image) != rank || x.Type().Rank() != 3 {
		n.fail("blocks %v of an image %v do not fit %s", size, image, x.Type())
	}
	t := ir.Type{DType: x.Type().DType, Shape: append([]ir.Size{ir.N(1), ir.N(1)}, sizesOf(image)...)}
	w := n.window(t, size)
	places := slices.Clone(x.Type().Shape[:2])
	elements := ir.Product(sizesOf(size))
	channels, ok := places[1].Exact(elements)
	if !ok {
		n.fail("the channels of %s are no blocks of %s", x.Type(), elements)
	}
	groups, ok := channels.Int()
	if !ok {
		n.fail("the channels of %s are not known", x.Type())
	}
	more := make([]int, rank)
	for a := range rank {
		room := image[a] + w.lo[a] + w.hi[a] - w.extent(a)
		if room < 0 {
			n.fail("a block of %d is larger than the image of %d", w.extent(a), image[a])
		}
		places = append(places, ir.N(int64(room/w.stride[a]+1)))
		more[a] = room % w.stride[a] // that no block reaches
	}
	if !ir.Product(places).Equal(x.Type().Elems()) {
		n.fail("%s has not as many blocks as %v have places", x.Type(), image)
	}
	kernels := n.b.Eye(t.DType, elements, elements).Reshape(append(append([]ir.Size{ir.N(1)}, sizesOf(size)...), elements)...)
	kernels = kernels.Broadcast(append(append([]ir.Size{channels}, sizesOf(size)...), elements)...)
	return w.transposed(x.Reshape(places...), kernels, more, int(groups))
}

// causalConv convolves each channel of [N, C, L] with a kernel of its own, that sees what
// came before, of the call before too.
func causalConv(n *node) {
	x, kernels := n.x(0), n.x(1)
	if x.Type().Rank() != 3 {
		n.fail("%s is not [N, C, L]", x.Type())
	}
	k := n.kernelSize(kernels.Type())[0]
	channels, ok := x.Type().Shape[1].Int()
	if !ok {
		n.fail("the channels of %s are not known", x.Type())
	}
	if n.has(3) {
		x = mlx.Concat(2, n.x(3), x)
	} else {
		x = x.Pad([]int{0, 0, k - 1}, []int{0, 0, 0}, 0)
	}
	y := channelsFirst(mlx.Conv(channelsLast(x), channelsLast(kernels), mlx.ConvOptions{Groups: int(channels)}))
	y = n.biased(y, 2)
	switch act := n.attrString("activation", "none"); act {
	case "none", "":
	case "silu", "swish":
		y = mlx.SiLU(y)
	default:
		n.fail("there is no activation %q", act)
	}
	n.set(0, y)
	length := x.Type().Shape[2]
	n.set(1, x.At(mlx.Every, mlx.Every, mlx.Range(length.Sub(mlx.N(k-1)), length)))
}
