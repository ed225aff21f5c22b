package bounds

import (
	"math"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// loose are functions that are not rounded once: the op table has how far they may be off.
var loose = map[ir.Fn]ir.Tolerance{}

func init() {
	loose[ir.Mod] = ir.LookupOp("mod").Tolerance
	for fn := ir.Rsqrt; fn <= ir.Pow; fn++ {
		loose[fn] = ir.LookupOp(fn.String()).Tolerance
	}
}

// A model is how floats are computed.
type model struct {
	exactly bool // or not rounded at all, as by the evaluator
	fused   bool // a product may be part of a fused step
}

// round adds to a value what x becomes when it is rounded to t.
func (m model) round(v Value, t ir.DType, x float64) Value {
	if m.exactly {
		v = v.with(x)
	}
	y, _ := ir.Convert(x, 0, ir.F64, t)
	return v.with(y)
}

// apply is fn of operands of dtype t.
func (m model) apply(fn ir.Fn, t ir.DType, x []Value) Value {
	switch {
	case fn == ir.Select:
		return choose(t, x)
	case fn == ir.Bits:
		return bitsOf(x[0])
	case fn == ir.FromBits:
		if x[0].n != 1 {
			return anyFloat
		}
		return one(float64(math.Float32frombits(uint32(x[0].ints[0]))))
	case !t.IsFloat():
		return ofInts(fn, t, x)
	case fn.Result(t) == ir.Bool:
		return compare(fn, x)
	case beyond(fn, t, x):
		return anyFloat
	}
	m.exactly = m.exactly || m.fused && fn == ir.Mul
	out, sure := none, 0
	if _, off := loose[fn]; !off && !m.exactly && sureFloats(x) { // as most are
		var args [3]float64
		for i, v := range x {
			if args[i] = v.Lo; v.NaN {
				args[i] = math.NaN()
			}
		}
		y := fn.Floats(args[:len(x)]...)
		if y != 0 || fn != ir.Max && fn != ir.Min {
			return m.round(none, t, y)
		}
	}
	each(x, func(args []float64) {
		y := fn.Floats(args...)
		off := 0.0
		if tol, ok := loose[fn]; ok && y != 0 && !math.IsInf(y, 0) {
			if off = tol.Rel*math.Abs(y) + tol.Abs; t == ir.F64 {
				off = 0x1p-29 * tol.Rel * math.Abs(y)
				if rest := 1 - args[0]*args[0]; rest > 0 && (fn == ir.Asin || fn == ir.Acos) { // package math rounds x² or not
					off += 0x1p-53 / math.Sqrt(rest)
				}
			}
		}
		if y != y && !slices.ContainsFunc(args, math.IsNaN) {
			sure++
		}
		if m.fused && fn == ir.Mul && t == ir.F64 { // y is rounded, what is fused is not
			if rest := math.FMA(args[0], args[1], -y); rest > 0 || rest < 0 {
				out = out.with(math.Nextafter(y, math.Copysign(math.Inf(1), rest)))
			}
		}
		out = m.round(m.round(out, t, y-off), t, y+off)
		if m.exactly && (fn == ir.RoundF16 || fn == ir.RoundBF16) {
			out = out.with(args[0])
		}
	})
	switch {
	case sureFloats(x):
	case sure > 0 && out.Lo <= out.Hi: // the edge of where it is defined lies between
		return anyFloat
	case fn == ir.Sin || fn == ir.Cos || fn == ir.Gelu || fn == ir.Mod: // extremes between the ends; the slope is at most 1.2
		out.Lo, out.Hi = out.Lo-2*(x[0].Hi-x[0].Lo), out.Hi+2*(x[0].Hi-x[0].Lo)
	}
	if (fn == ir.Max || fn == ir.Min) && out.Lo == 0 && out.Hi == 0 { // zeros have no order
		out = out.with(0).with(math.Copysign(0, -1))
	}
	return out
}

func sureFloats(x []Value) bool {
	return !slices.ContainsFunc(x, func(v Value) bool { return !v.certain() })
}

// beyond reports that a function means nothing for some operand, or that its ends do not
// tell what it is between them.
func beyond(fn ir.Fn, t ir.DType, x []Value) bool {
	switch size := max(math.Abs(x[0].Lo), math.Abs(x[0].Hi)); fn {
	case ir.Sin, ir.Cos: // see docs/functions.md
		return t == ir.F32 && size >= 1<<17 && size <= math.MaxFloat64
	case ir.Tan:
		near := x[0].certain() || math.Tan(x[0].Lo) <= math.Tan(x[0].Hi) && x[0].Hi-x[0].Lo < 1
		return t == ir.F32 && size >= 1<<15 && size <= math.MaxFloat64 || !near
	case ir.Mod:
		return !x[1].certain()
	case ir.Pow: // of 1 it is 1, to the power of NaN too
		return !x[1].certain() && !(x[0].Lo >= 0) || x[1].NaN && !x[0].certain() && x[0].Lo <= 1 && x[0].Hi >= 1
	}
	return false
}

// each calls f with each combination of the ends of at most three operands.
func each(x []Value, f func(args []float64)) {
	var room [3][mostEnds]float64
	var ends [3][]float64
	combinations, args := 1, make([]float64, len(x))
	for i, v := range x {
		ends[i] = v.ends(&room[i])
		combinations *= len(ends[i])
	}
	for n := range combinations {
		for i := range x {
			args[i], n = ends[i][n%len(ends[i])], n/len(ends[i])
		}
		f(args)
	}
}

func choose(t ir.DType, x []Value) Value {
	if x[0].n == 1 {
		if x[0].ints[0] != 0 {
			return x[1]
		}
		return x[2]
	}
	return or(t, x[1], x[2])
}

// compare is a function of floats that gives a bool.
func compare(fn ir.Fn, x []Value) Value {
	var out Value
	each(x, func(args []float64) { out = out.withInt(ir.Bool, int64(fn.Floats(args...))) })
	meet := (fn == ir.Eq || fn == ir.Ne) && x[0].Lo <= x[1].Hi && x[1].Lo <= x[0].Hi
	if meet && !(x[0].Tells(true) == Exact && x[1].Tells(true) == Exact) {
		return anyOf(ir.Bool)
	}
	return out
}

// bitsOf are those of a number that is sure.
func bitsOf(x Value) Value {
	if !x.certain() || x.NaN {
		return Value{}
	}
	return integer(int64(int32(math.Float32bits(float32(x.Lo)))))
}

// ofInts tries all operands.
func ofInts(fn ir.Fn, t ir.DType, x []Value) Value {
	result := fn.Result(t)
	if !slices.ContainsFunc(x, func(v Value) bool { return v.n != 1 }) {
		var args [3]int64
		for i, v := range x {
			args[i] = v.ints[0]
		}
		return integer(fn.Ints(t, args[:len(x)]...))
	}
	for _, v := range x {
		if v.n == 0 {
			return anyOf(result)
		}
	}
	var out Value
	args, full := make([]int64, len(x)), false
	var next func(i int)
	next = func(i int) {
		switch {
		case full:
		case i == len(x):
			out = out.withInt(result, fn.Ints(t, args...))
			full = out.n == 0
		default:
			for _, n := range x[i].ints[:x[i].n] {
				args[i] = n
				next(i + 1)
			}
		}
	}
	next(0)
	return out
}

// cast is x in another dtype.
func (m model) cast(x Value, from, to ir.DType) Value {
	switch {
	case from.IsFloat() && to.IsFloat():
		out, room := none, [mostEnds]float64{}
		for _, e := range x.ends(&room) {
			out = m.round(out, to, e)
		}
		return out
	case to.IsFloat():
		if x.n == 0 {
			return Value{Lo: -0x1p63, Hi: 0x1p64}
		}
		out := none
		for _, n := range x.ints[:x.n] {
			f, _ := ir.Convert(0, n, from, ir.F64)
			out = m.round(out, to, f)
		}
		return out
	case from.IsFloat():
		return toInt(x, to)
	}
	if x.n == 0 {
		return anyOf(to)
	}
	var out Value
	for _, n := range x.ints[:x.n] {
		_, y := ir.Convert(0, n, from, to)
		out = out.withInt(to, y)
	}
	return out
}

// toInt is a float as an integer or a bool.
func toInt(x Value, to ir.DType) Value {
	var out Value
	ends := x.ends(new([mostEnds]float64))
	if lo, hi := math.Trunc(x.Lo), math.Trunc(x.Hi); to != ir.Bool && lo < hi {
		if hi-lo >= float64(len(out.ints)) {
			return anyOf(to)
		}
		for n := lo + 1; n < hi; n++ {
			ends = append(ends, n)
		}
	}
	for _, e := range ends {
		_, n := ir.Convert(e, 0, ir.F64, to)
		if out = out.withInt(to, n); out.n == 0 {
			break
		}
	}
	return out
}
