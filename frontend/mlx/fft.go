package mlx

import (
	"math"
	"slices"

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

// ISTFT is the inverse: count real numbers [..., count] of [..., frames, size/2 + 1, 2].
// Each is the mean, weighted by the window's squares, of what the windows have of it that
// reach it (Griffin and Lim, 1984); where the window is 0 in all of them, it is 0.
func ISTFT(z, window Value, hop int, count Dim, center bool) Value {
	n, ok := length("istft", window, 1)
	v, alsoOK := z.use("istft")
	if !ok || !alsoOK {
		return z.poison()
	}
	t, from := v.Type, 0
	if t.Rank() < 3 || hop < 1 {
		return z.b.misuse(v, "istft of %s with windows %d apart is not possible", t, hop)
	}
	if center {
		from = n / 2
	}
	frames := t.Shape[t.Rank()-3]
	if reach := frames.Sub(N(1)).Mul(N(hop)).Add(N(n - from)); reach.Less(count) {
		return z.b.misuse(v, "istft: %s windows do not reach %s numbers", frames, count)
	}
	part := Range(N(from), N(from).Add(count))
	sum := overlapped(IRFFT(z, n).Mul(window), n, hop).At(Rest, part)
	weight := overlapped(window.Mul(window).Broadcast(frames, N(n)), n, hop).At(part)
	return sum.Div(Where(weight.Le(weight.like(1e-11)), weight.like(1), weight)) // as torch.istft, which refuses less
}

// overlapped adds up rows [..., rows, n], each hop behind the one before it: to
// [..., rows + m - 1, hop], as one axis, where a row has m times hop numbers at most.
func overlapped(x Value, n, hop int) Value {
	if x.Poisoned() {
		return x
	}
	m := (n + hop - 1) / hop
	lo := make([]int, x.Type().Rank())
	hi := slices.Clone(lo)
	row, number := len(lo)-2, len(lo)-1
	lo[row], hi[row], hi[number] = m-1, m-1, m*hop-n
	x = x.Pad(lo, hi, 0)
	lead, rows := x.Type().Shape[:row], x.Type().Shape[row]
	x = x.Reshape(append(slices.Clone(lead), rows.Mul(N(m*hop)))...)
	// Piece i of the result is piece m-1 of row i, piece m-2 of row i+1, and so on.
	shape := []Dim{rows.Sub(N(m - 1)), N(m), N(hop)}
	index := func(axis int) Value { return x.b.Op("iota", ir.IotaAttrs{DType: I32, Shape: shape, Axis: axis}) }
	at := index(0).MulN(float64(m * hop)).Add(index(1).MulN(float64((m - 1) * hop))).Add(index(2)).AddN(float64((m - 1) * hop))
	return Sum(Take(x, at, -1), -2).Reshape(append(slices.Clone(lead), shape[0].Mul(N(hop)))...)
}

// Hann is the periodic window sin²(pi*i/n).
func (b *Builder) Hann(t DType, n int) Value {
	i := b.Op("iota", ir.IotaAttrs{DType: t, Shape: []Dim{N(n)}})
	s := Sin(i.MulN(math.Pi / float64(max(n, 1))))
	return s.Mul(s)
}
