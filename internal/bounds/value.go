// Package bounds evaluates kernels with what their scalars may be: a compiled kernel that
// keeps to NUMERICS computes one of these numbers, in whatever order it adds.
//
// The bounds are an analysis of the rounding errors, not an estimate. A float is an interval.
// A function that rounds once is computed at the ends of its operands, and the results are
// rounded; one that may be off by some units is that much wider; a sum of n terms, in any
// order, is off by no more than n units of rounding of the sum of their magnitudes
// (Higham, Accuracy and Stability of Numerical Algorithms, 4.2). An integer or a bool is a
// few numbers, so that a comparison or a rounding to an integer that may come out either way
// is both, and what is chosen by it is all that may be chosen. Where nothing rounds one number
// is left, and that is what a kernel must give.
package bounds

import (
	"math"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// A Value is what a number may be.
type Value struct {
	Lo, Hi float64 // of a float: from here to there, if Lo <= Hi
	NaN    bool    // or NaN

	ints [4]int64 // of an integer or a bool: one of the first n
	n    int      // 0: any
}

var anyFloat = Value{Lo: math.Inf(-1), Hi: math.Inf(1), NaN: true}

func anyOf(t ir.DType) Value {
	switch {
	case t.IsFloat():
		return anyFloat
	case t == ir.Bool:
		return Value{ints: [4]int64{0, 1}, n: 2}
	}
	return Value{}
}

func one(x float64) Value {
	if x != x {
		return Value{Lo: math.Inf(1), Hi: math.Inf(-1), NaN: true}
	}
	return Value{Lo: x, Hi: x}
}

func integer(n int64) Value { return Value{ints: [4]int64{n}, n: 1} }

// certain is one number, with its sign if it is 0.
func (v Value) certain() bool {
	return v.NaN && v.Lo > v.Hi || !v.NaN && math.Float64bits(v.Lo) == math.Float64bits(v.Hi)
}

// with is v, or x as well.
func (v Value) with(x float64) Value {
	switch {
	case x != x:
		v.NaN = true
	case v.Lo > v.Hi:
		v.Lo, v.Hi = x, x
	default: // which have -0 less than 0
		v.Lo, v.Hi = min(v.Lo, x), max(v.Hi, x)
	}
	return v
}

// withInt is v, or n as well; v is not any.
func (v Value) withInt(t ir.DType, n int64) Value {
	switch {
	case slices.Contains(v.ints[:v.n], n):
	case v.n == len(v.ints):
		return anyOf(t)
	default:
		v.ints[v.n] = n
		v.n++
	}
	return v
}

var none = Value{Lo: math.Inf(1), Hi: math.Inf(-1)} // no float; Value{} that is filled at once is no integer

// or is either.
func or(t ir.DType, a, b Value) Value {
	if t.IsFloat() {
		if b.Lo <= b.Hi {
			a = a.with(b.Lo).with(b.Hi)
		}
		a.NaN = a.NaN || b.NaN
		return a
	}
	if a.n == 0 || b.n == 0 {
		return anyOf(t)
	}
	for _, n := range b.ints[:b.n] {
		if a = a.withInt(t, n); a.n == 0 {
			break
		}
	}
	return a
}

// mostEnds are those of a float that may be NaN or of both signs.
const mostEnds = 5

// ends are the numbers of a float at which what is computed of it may be extreme, in a room
// for them.
func (v Value) ends(room *[mostEnds]float64) []float64 {
	ends := room[:0]
	if v.certain() {
		if v.NaN {
			return append(ends, math.NaN())
		}
		return append(ends, v.Lo)
	}
	if v.Lo <= v.Hi {
		ends = append(ends, v.Lo, v.Hi)
	}
	if v.Lo < 0 && v.Hi > 0 {
		ends = append(ends, math.Copysign(0, -1), 0)
	}
	if v.NaN {
		ends = append(ends, math.NaN())
	}
	return ends
}

// Holds reports whether element i of a tensor is a number that v may be. A zero has any sign.
func (v Value) Holds(x *ir.Tensor, i int) bool {
	if x.I != nil {
		return v.n == 0 || slices.Contains(v.ints[:v.n], x.I[i])
	}
	f := x.F[i]
	return f != f && v.NaN || v.Lo <= f && f <= v.Hi
}

// A Kind says how much a value tells.
type Kind int

const (
	Exact Kind = iota // it is one number
	Near              // it is near one: within a hundredth of its size
	Vague             // it says little
)

// Tells is how much v, of a float or not, tells.
func (v Value) Tells(float bool) Kind {
	switch {
	case !float && v.n == 1, float && (v.NaN && v.Lo > v.Hi || !v.NaN && v.Lo == v.Hi):
		return Exact
	case float && !v.NaN && v.Hi-v.Lo <= 0.01*max(math.Abs(v.Lo), math.Abs(v.Hi)):
		return Near
	}
	return Vague
}

// String is for messages.
func (v Value) describe(float bool) any {
	switch {
	case float && v.NaN && v.Lo > v.Hi:
		return "NaN"
	case float && v.NaN:
		return []any{v.Lo, v.Hi, "or NaN"}
	case float:
		return []float64{v.Lo, v.Hi}
	case v.n == 0:
		return "any"
	}
	return v.ints[:v.n]
}
