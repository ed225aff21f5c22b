package mlx

import (
	"math"

	"github.com/mlxc/mlxc/ir"
)

// Complex numbers are real and imaginary parts along a last axis of 2. Lengths that are
// transformed are constants up to 32768; the cost is that of their factors, so that of
// a large prime is high.

// FFT transforms [..., N, 2] along N.
func FFT(x Value) Value { return apply("fft", ir.FFTAttrs{}, x) }

// IFFT is its inverse, which divides by N.
func IFFT(x Value) Value { return apply("fft", ir.FFTAttrs{Inverse: true}, x) }

// RFFT transforms real numbers [..., N] to [..., N/2 + 1, 2]; the other half of the
// spectrum is the mirror image of this one.
func RFFT(x Value) Value {
	n, ok := length("rfft", x, 1)
	if !ok {
		return x.poison()
	}
	zero := x.like(0).Broadcast(x.Type().Shape...)
	bins := x.b.Op("iota", ir.IotaAttrs{DType: I32, Shape: []Dim{N(n/2 + 1)}})
	return Take(FFT(Stack(-1, x, zero)), bins, -2)
}

// IRFFT is the inverse, n real numbers [..., n] of [..., n/2 + 1, 2].
func IRFFT(x Value, n int) Value {
	bins, ok := length("irfft", x, 2)
	if !ok {
		return x.poison()
	}
	if n < 1 || bins != n/2+1 {
		return x.b.misuse(x.v, "irfft: %d numbers have a spectrum of %d, not %d", n, n/2+1, bins)
	}
	part := func(x Value, i int) Value { return x.At(Rest, Pick(N(i))) }
	mirror := x.At(Rest, Range(N(1), N(n-n/2)), Every).Flip(-2)
	mirror = Stack(-1, part(mirror, 0), part(mirror, 1).Neg())
	return part(IFFT(Concat(-2, x, mirror)), 0)
}

// length is the constant size of the axis that is i from the end.
func length(what string, x Value, i int) (int, bool) {
	v, ok := x.use(what)
	if !ok {
		return 0, false
	}
	if t := v.Type; t.Rank() >= i {
		if n, ok := t.Shape[t.Rank()-i].Int(); ok && n > 0 && n < math.MaxInt32 {
			return int(n), true
		}
	}
	x.b.misuse(v, "%s of %s, whose length is not a constant", what, v.Type)
	return 0, false
}

// STFT transforms windows of the size of a vector, hop apart, of real numbers [..., L]: to
// [..., frames, size/2 + 1, 2]. With center the signal is mirrored at its ends, so that
// window i has element i*hop in its middle; else all windows lie within it.
func STFT(x, window Value, hop int, center bool) Value {
	n, ok := length("stft", window, 1)
	v, alsoOK := x.use("stft")
	if !ok || !alsoOK {
		return x.poison()
	}
	t := v.Type
	if t.Rank() < 1 || hop < 1 {
		return x.b.misuse(v, "stft of %s with windows %d apart is not possible", t, hop)
	}
	size, edge := t.Shape[t.Rank()-1], 0
	if center {
		edge = n / 2
	}
	frames := size.Add(N(2*edge - n)).Div(N(hop)).Add(N(1))
	shape := []Dim{frames, N(n)}
	index := func(axis int) Value { return x.b.Op("iota", ir.IotaAttrs{DType: I32, Shape: shape, Axis: axis}) }
	at := index(0).MulN(float64(hop)).Add(index(1)).AddN(float64(-edge))
	if center { // |i|, and the same from the other end
		last := x.b.Op("iota", ir.IotaAttrs{DType: I32, Shape: []Dim{size}}).At(From(size.Sub(N(1))))
		at = last.Sub(Abs(last.Sub(Abs(at))))
	}
	return RFFT(Take(x, at, -1).Mul(window))
}

// Hann is the periodic window sin²(pi*i/n).
func (b *Builder) Hann(t DType, n int) Value {
	i := b.Op("iota", ir.IotaAttrs{DType: t, Shape: []Dim{N(n)}})
	s := Sin(i.MulN(math.Pi / float64(max(n, 1))))
	return s.Mul(s)
}
