package bounds

import (
	"math"

	"github.com/mlxc/mlxc/ir"
)

// unit is that of rounding to nearest.
func unit(t ir.DType) float64 {
	if t == ir.F64 {
		return 0x1p-53
	}
	return 0x1p-24
}

// largest is beyond which there are infinities.
func largest(t ir.DType) float64 {
	if t == ir.F64 {
		return math.MaxFloat64
	}
	return math.MaxFloat32
}

// A total is what is known of terms in any order.
type total struct {
	t        ir.DType
	n        int
	lo, hi   float64 // the sums of their ends
	size     float64 // that of their magnitudes
	certain  bool    // all are numbers that are known
	infinite float64 // the sum of those that are no finite number, 0 where there are none
	grain    float64 // a power of two of which all are multiples, where they are known
}

func newTotal(t ir.DType) *total { return &total{t: t, certain: true, grain: math.MaxFloat64} }

func (s *total) add(v Value) {
	s.n++
	ends := v.ends(new([mostEnds]float64))
	s.certain = s.certain && v.Tells(true) == Exact
	if len(ends) == 1 && (math.IsNaN(ends[0]) || math.IsInf(ends[0], 0)) {
		s.infinite += ends[0]
		return
	}
	if v.NaN || math.IsInf(v.Lo, 0) || math.IsInf(v.Hi, 0) {
		s.infinite = math.NaN()
		s.certain = false
		return
	}
	s.lo, s.hi, s.size = s.lo+v.Lo, s.hi+v.Hi, s.size+max(math.Abs(v.Lo), math.Abs(v.Hi))
	if v.Lo != 0 {
		fraction, exponent := math.Frexp(v.Lo)
		n := int64(math.Ldexp(fraction, 53))
		s.grain = min(s.grain, math.Ldexp(float64(n&-n), exponent-53))
	}
}

// sum is what a kernel may make of the terms: the exact sum rounded, and no more than more
// units of rounding of their magnitudes off, unless each sum of some of them is a number that
// the dtype has.
func (s *total) sum(m model, more float64) Value {
	u := unit(s.t)
	switch {
	case s.infinite != 0 && s.certain:
		return one(s.infinite)
	case s.infinite != 0, s.size*(1+u*float64(s.n)) > largest(s.t):
		return anyFloat
	case s.n == 0:
		return one(0)
	}
	off := 0.0
	if known := s.n == 1 || s.certain && s.size <= s.grain/u; !known || more > 0 {
		off = (float64(s.n) + more) * u * s.size * (1 + 0x1p-20)
		if s.t != ir.F64 {
			off += float64(s.n) * math.SmallestNonzeroFloat32 // of products
		}
	}
	out := m.round(m.round(none, s.t, s.lo-off), s.t, s.hi+off)
	if out.Lo == 0 && out.Hi == 0 { // it may start from 0, or from its first term
		out = out.with(0).with(math.Copysign(0, -1))
	}
	return out
}

// product is what factors make in any order: n roundings, where no partial product leaves the
// range of the dtype.
func product(m model, t ir.DType, factors []Value) Value {
	out, most, least, sure := one(1), 1.0, 1.0, true
	var room [mostEnds]float64
	for _, f := range factors {
		out = model{exactly: true}.apply(ir.Mul, ir.F64, []Value{out, f})
		sure = sure && f.certain()
		for _, e := range f.ends(&room) {
			most = max(most, most*math.Abs(e))
			if e != 0 {
				least = min(least, least*math.Abs(e))
			}
		}
	}
	if out.certain() && out.NaN && sure {
		return out
	}
	if !(most < largest(t)/2) || !(least > 0x1p-120) || out.NaN {
		return anyFloat
	}
	grown := 1 + float64(len(factors))*unit(t)*(1+0x1p-20)
	if len(factors) == 1 {
		grown = 1
	}
	ends := none
	for _, e := range out.ends(&room) {
		ends = m.round(m.round(ends, t, e/grown), t, e*grown)
	}
	return ends
}

// best are the places that an extreme may have: the first wins, and NaN wins over numbers.
func best(fn ir.Fn, t ir.DType, terms []Value) Value {
	var out Value
	before := func(a, b float64) bool { return a > b || a != a && b == b }
	if fn == ir.ArgMin {
		before = func(a, b float64) bool { return a < b || a != a && b == b }
	}
	if !t.IsFloat() {
		at := 0
		for i, v := range terms {
			if v.n != 1 {
				return Value{}
			}
			if lt := fn == ir.ArgMin; i > 0 && better(t, lt, v.ints[0], terms[at].ints[0]) {
				at = i
			}
		}
		return integer(int64(at))
	}
	for i, v := range terms { // it may be there unless another is better, whatever both are
		beaten := false
		for j, w := range terms {
			worst, top := w.Lo, v.Hi
			if fn == ir.ArgMin {
				worst, top = w.Hi, v.Lo
			}
			if w.NaN && w.Lo > w.Hi {
				worst = math.NaN()
			}
			if v.NaN {
				top = math.NaN()
			}
			beaten = beaten || i != j && (before(worst, top) || j < i && !before(top, worst))
		}
		if beaten {
			continue
		}
		if out = out.withInt(ir.I32, int64(i)); out.n == 0 {
			return out
		}
	}
	return out
}

// better compares integers.
func better(t ir.DType, less bool, a, b int64) bool {
	if less {
		return ir.Lt.Ints(t, a, b) != 0
	}
	return ir.Lt.Ints(t, b, a) != 0
}
