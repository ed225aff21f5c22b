package ir

import "math"

// A Tolerance bounds how far a result in f32 may be from the reference:
//
//	|got - want| <= Rel*|want| + Abs + Term*n*max(1, |want|)
//
// where n is the number of terms of a sum or product. Rel counts the roundings of
// the formula, u = 2^-24 each. Abs is for formulas that cancel, and Term for sums,
// which do so as well: both hold for operands of magnitude 1, as Sample draws
// them. Then the partial sums of n terms grow as sqrt(n), their roundings add up
// like a random walk to some u*n/sqrt(2), and Term allows 4u*n.
type Tolerance struct {
	Rel, Abs, Term float64
}

// ulps is a tolerance of n units in the last place of f32, and as many subnormal
// numbers.
func ulps(n float64) Tolerance {
	return Tolerance{Rel: n / (1 << 23), Abs: n * math.SmallestNonzeroFloat32}
}

var (
	exact   = Tolerance{} // nothing is rounded
	rounded = ulps(0.5)   // one rounding to nearest
	summed  = Tolerance{Rel: 1.0 / (1 << 23), Term: 4.0 / (1 << 24)}
)

// vanishing is ulps(n) for x times a function that is at most exp(x) for negative x:
// while that is subnormal, down to x = -104, it has an error of one subnormal
// number, and the result of as many as x.
func vanishing(n float64) Tolerance {
	return Tolerance{Rel: n / (1 << 23), Abs: 104 * math.SmallestNonzeroFloat32}
}

// cancelling is a tolerance of n units in the last place, relative to the result
// or to 1: what follows from roundings of numbers of magnitude 1 that cancel.
func cancelling(n float64) Tolerance {
	return Tolerance{Rel: n / (1 << 23), Abs: n / (1 << 23)}
}

// Allows reports whether got, a number stored as t, is near enough to want for a
// result that sums n terms. Narrow floats may lie half a unit of their own
// further off; NaN equals NaN.
func (tol Tolerance) Allows(got, want float64, t DType, n int) bool {
	switch {
	case math.IsNaN(want) || math.IsNaN(got):
		return math.IsNaN(want) && math.IsNaN(got)
	case got == want || roundTo(want, t) == got:
		return true
	case math.IsInf(want, 0) || math.IsInf(got, 0):
		return false
	}
	size := math.Abs(want)
	bound := tol.Rel*size + tol.Abs + tol.Term*float64(n)*max(1, size)
	switch t {
	case F64:
		bound /= 1 << 29
	case F16:
		bound += max(size/(1<<11), 0x1p-25)
	case BF16:
		bound += size / (1 << 8)
	}
	return math.Abs(got-want) <= bound
}
