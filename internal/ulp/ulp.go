// Package ulp measures errors of f32 in units in the last place.
package ulp

import "math"

// Apart is how far y is from what is right, in units in the last place of that; NaN
// where they are of different kinds: one NaN, one infinite where not even rounding
// makes the other so, or zeros of different signs.
func Apart(y float32, want float64) float64 {
	switch right := float32(want); {
	case y == right && (y != 0 || math.Signbit(float64(y)) == math.Signbit(want)), y != y && want != want:
		return 0
	case y != y || want != want || math.IsInf(want, 0):
		return math.NaN()
	case math.IsInf(float64(y), 0): // rounding may reach beyond the largest
		y = float32(math.Copysign(math.MaxFloat32, float64(y)))
	}
	_, exp := math.Frexp(want)
	return math.Abs(float64(y)-want) / math.Ldexp(1, max(exp, -125)-24)
}
