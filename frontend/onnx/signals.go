package onnx

import (
	"math"
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// signals are the operators on waves and their spectra, whose last axis is a real number or
// a complex one's two parts.
var signals = map[string]handler{
	"DFT":             one(dft),
	"STFT":            one(stft),
	"HannWindow":      cosines(0.5, 0.5, 0),
	"HammingWindow":   cosines(25.0/46, 21.0/46, 0),
	"BlackmanWindow":  cosines(0.42, 0.5, 0.08),
	"MelWeightMatrix": melWeights,
}

// longest is how many elements a window or an axis of weights may have.
const longest = 1 << 24

func dft(n *node) mlx.Value {
	x := n.x(0)
	rank := x.Type().Rank()
	a := n.attrInt("axis", 1) // an input since opset 20
	if n.version >= 20 {
		if a = -2; n.has(2) {
			a = n.int(2, "the axis")
		}
	}
	if a = n.axis(a, rank); a == rank-1 {
		n.fail("the last axis has the parts of a number")
	}
	inverse, half := n.attrInt("inverse", 0) != 0, n.attrInt("onesided", 0) != 0
	perm := make([]int, rank)
	for i := range perm {
		perm[i] = i
	}
	perm[a], perm[rank-2] = rank-2, a
	x = x.Transpose(perm...)
	size, fixed := x.Type().Shape[rank-2].Int()
	length := int(size)
	switch {
	case n.has(1):
		length = n.int(1, "the length")
	case !fixed:
		n.fail("the length %s is not known when the model is compiled", x.Type().Shape[rank-2])
	case inverse && half:
		length = 2 * (length - 1)
	}
	if length < 1 {
		n.fail("a length of %d", length)
	}
	return n.transform(x, length, inverse, half).Transpose(perm...)
}

// transform is that of [..., N, 1 or 2] along N, which is cut or filled with zeros to a
// length. Of real numbers it may be half the spectrum, and the inverse of that.
func (n *node) transform(x mlx.Value, length int, inverse, half bool) mlx.Value {
	bins := length
	if inverse && half {
		bins = length/2 + 1
	}
	x = n.fitted(x, x.Type().Rank()-2, bins)
	parts := x.Type().Shape[x.Type().Rank()-1]
	switch {
	case parts.Is(1) && !inverse && half:
		return mlx.RFFT(x.At(mlx.Rest, mlx.Pick(mlx.N(0))))
	case parts.Is(1):
		x = mlx.Concat(-1, x, n.b.Zeros(x.Type().DType, x.Type().Shape...))
	case !parts.Is(2):
		n.fail("the last axis has one part of a number or two, got %s", x.Type())
	case !inverse && half:
		n.fail("half of the spectrum of complex numbers %s does not tell the other", x.Type())
	}
	switch {
	case inverse && half:
		return mlx.IRFFT(x, length).At(mlx.Rest, mlx.NewAxis)
	case inverse:
		return mlx.IFFT(x)
	}
	return mlx.FFT(x)
}

// fitted has the first elements of an axis, and zeros if there are not enough.
func (n *node) fitted(x mlx.Value, a, size int) mlx.Value {
	have, ok := x.Type().Shape[a].Int()
	if !ok {
		n.fail("the size %s is not known when the model is compiled", x.Type().Shape[a])
	}
	if int(have) < size {
		hi := make([]int, x.Type().Rank())
		hi[a] = size - int(have)
		return x.Pad(make([]int, len(hi)), hi, 0)
	}
	part := make([]mlx.Span, a+1)
	part[a] = mlx.To(mlx.N(size))
	return x.At(part...)
}

// stft transforms windows of [B, L, 1 or 2] that lie within L.
func stft(n *node) mlx.Value {
	x, step := n.x(0), n.int(1, "the step of the windows")
	if x.Type().Rank() != 3 || step < 1 {
		n.fail("windows %d apart of %s", step, x.Type())
	}
	size := x.Type().Shape[1]
	length, fixed := size.Int()
	switch {
	case n.has(3):
		length, fixed = int64(n.int(3, "the length of the windows")), true
	case n.has(2):
		length, fixed = n.typ(2).Elems().Int()
	}
	if !fixed || length < 1 {
		n.fail("the length of the windows is not known when the model is compiled")
	}
	frames := size.Sub(ir.N(length)).Div(ir.N(int64(step))).Add(ir.N(1))
	index := func(axis int) mlx.Value {
		return n.b.Op("iota", ir.IotaAttrs{DType: ir.I32, Shape: []ir.Size{frames, ir.N(length)}, Axis: axis})
	}
	x = mlx.Take(x, index(0).MulN(float64(step)).Add(index(1)), 1)
	if n.has(2) {
		x = x.Mul(n.x(2).Reshape(ir.N(length), ir.N(1)))
	}
	return n.transform(x, int(length), false, n.attrInt("onesided", 1) != 0)
}

// cosines is the handler of a window: a - b*cos(2*pi*i/n) + c*cos(4*pi*i/n), where a symmetric one divides by n - 1.
func cosines(a, b, c float64) handler {
	return func(n *node) {
		size := n.int(0, "the length of the window")
		if size < 0 || size > longest {
			n.fail("a window of %d", size)
		}
		period := float64(size)
		if n.attrInt("periodic", 1) == 0 {
			period--
		}
		xs := make([]float64, size)
		for i := range xs {
			angle := 2 * math.Pi * float64(i) / period
			if period == 0 {
				angle = math.Pi // its middle
			}
			xs[i] = a - b*math.Cos(angle) + c*math.Cos(2*angle)
		}
		n.setValue(0, n.numbers("output_datatype", xs, size))
	}
}

// numbers is a constant of the dtype that an attribute names, f32 if it does not.
func (n *node) numbers(attribute string, xs []float64, shape ...int) *value {
	t := ir.NewTensor(n.dtypeAttr(attribute, ir.F32), shape...)
	for i, x := range xs {
		if t.DType.IsFloat() {
			t.F[i] = x
		} else {
			t.I[i] = int64(x)
		}
	}
	return constantValue(n.pb.Output[0], constantOf(t))
}

// melWeights has a triangle of frequencies for each of the bins of the mel scale.
func melWeights(n *node) {
	var open []*value
	for i := range 5 {
		if v := n.arg(i); v.data == nil {
			open = append(open, v)
		}
	}
	if len(open) > 0 {
		n.unknown(&value{inputs: sources(open...)}, "the scale")
	}
	bins, length, rate := n.int(0, "the number of bins"), n.int(1, "the length"), n.int(2, "the rate")
	if bins < 1 || length < 1 || rate < 1 || bins > longest || length > longest || bins*(length/2+1) > longest {
		n.fail("%d bins for a length of %d at a rate of %d", bins, length, rate)
	}
	mel := func(i int, what string) float64 { return 2595 * math.Log10(1+n.known(i, what).Number(0)/700) }
	lo, hi := mel(3, "the lowest frequency"), mel(4, "the highest frequency")
	edges := make([]int, bins+2)
	for i := range edges {
		hertz := 700 * (math.Pow(10, (lo+float64(i)*(hi-lo)/float64(len(edges)))/2595) - 1)
		edges[i] = int(math.Floor(float64(length+1) * hertz / float64(rate)))
	}
	rows := length/2 + 1
	if slices.Min(edges) < 0 || slices.Max(edges[:bins+1]) >= rows || edges[bins+1] > rows {
		n.fail("frequencies that are not in a spectrum of %d", rows)
	}
	xs := make([]float64, rows*bins)
	for i := range bins {
		left, middle, right := edges[i], edges[i+1], edges[i+2]
		for j := left; j < middle; j++ {
			xs[j*bins+i] = float64(j-left) / float64(middle-left)
		}
		xs[middle*bins+i] = 1
		for j := middle + 1; j < right; j++ {
			xs[j*bins+i] = float64(right-j) / float64(right-middle)
		}
	}
	n.setValue(0, n.numbers("output_datatype", xs, rows, bins))
}
