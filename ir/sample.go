package ir

import "math/rand/v2"

// A Sampler names a distribution, from which tests draw an op's float operands.
// Integers are drawn from -9 to 9, or 0 to 9, and bools with equal chance.
type Sampler uint8

const (
	SampleNormal   Sampler = iota // mean 0, variance 1
	SamplePositive                // uniform in (0.1, 4)
	SampleUnit                    // uniform in (-1, 1)
	SampleAboveOne                // uniform in (1.1, 5)
)

var samplers = [...]func(r *rand.Rand) float64{
	SampleNormal:   (*rand.Rand).NormFloat64,
	SamplePositive: func(r *rand.Rand) float64 { return 0.1 + 3.9*r.Float64() },
	SampleUnit:     func(r *rand.Rand) float64 { return 2*r.Float64() - 1 },
	SampleAboveOne: func(r *rand.Rand) float64 { return 1.1 + 3.9*r.Float64() },
}

// Fill draws the elements of t, each a number of its dtype.
func (s Sampler) Fill(r *rand.Rand, t *Tensor) {
	for i := range t.F {
		t.F[i] = roundTo(samplers[s](r), t.DType)
	}
	for i := range t.I {
		switch t.DType.Class() {
		case Boolean:
			t.I[i] = r.Int64N(2)
		case Unsigned:
			t.I[i] = r.Int64N(10)
		default:
			t.I[i] = r.Int64N(19) - 9
		}
	}
}
