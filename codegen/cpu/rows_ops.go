package cpu

import (
	"math"

	"github.com/mlxc/mlxc/ir"
)

// commutes are the pairs whose operands may change places.
var commutes = map[ir.Fn]bool{ir.Add: true, ir.Mul: true, ir.Max: true, ir.Min: true, ir.And: true, ir.Or: true, ir.Xor: true, ir.Eq: true, ir.Ne: true}

// withBits are the functions of one operand that are a pair with a constant.
var withBits = map[ir.Fn][classes]struct {
	fn   ir.Fn
	bits uint32
}{
	ir.Neg: {{ir.Xor, 1 << 31}},
	ir.Abs: {{ir.And, 1<<31 - 1}},
	ir.Not: {{}, {ir.Xor, math.MaxUint32}, {ir.Xor, math.MaxUint32}},
}

// constantOf is the constant that computing v takes besides its arguments, as the last
// operand.
func constantOf(v *ir.Scalar) (bits uint32, t ir.DType, ok bool) {
	if v.Kind == ir.ScalarCast && v.Args[0].DType == ir.Bool && v.DType != ir.Bool {
		if v.DType == ir.F32 {
			return math.Float32bits(1), v.DType, true
		}
		return 1, v.DType, true
	}
	if v.Kind == ir.ScalarApply {
		m := withBits[v.Fn][classOf(v.Args[0].DType)]
		return m.bits, v.DType, m.bits != 0
	}
	return 0, 0, false
}

// emit computes v from operands, and returns where it is. What it loads it leaves in a.
func (b *body) emit(v *ir.Scalar, a []operand) operand {
	set := b.e.set
	t := v.Args[len(v.Args)-1].DType
	class := classOf(t)
	into := func(i instruction) operand {
		b.load(&a[0])
		d := b.result(v.DType, a)
		i(b.e, d, a...)
		return d
	}
	if v.Kind == ir.ScalarCast {
		switch {
		case t.IsInt() && v.DType.IsInt(): // what is narrower has been widened
			return b.own(&a[0])
		case (t == ir.I32 || t == ir.U8) && v.DType == ir.F32:
			return into(set.toFloat)
		case t == ir.Bool:
			return into(set.ofBool)
		}
		return b.fail("a cast of %v to %v", t, v.DType)
	}
	if pair := set.pairs[v.Fn][class]; pair != nil {
		if a[0].at != nil && commutes[v.Fn] {
			a[0], a[1] = a[1], a[0]
		}
		return into(pair)
	}
	if m := withBits[v.Fn][class]; m.bits != 0 {
		return into(set.pairs[m.fn][class])
	}
	if single := set.singles[v.Fn]; single != nil {
		return into(single)
	}
	switch v.Fn {
	case ir.FMA:
		return set.fma(b, a)
	case ir.Max, ir.Min:
		return b.extreme(v, a)
	case ir.Ldexp:
		return b.ldexp(a)
	case ir.RoundBF16:
		d := b.own(&a[0])
		set.roundBF16(b, d)
		upper := b.constant(0xffff0000, ir.I32)
		set.pairs[ir.And][classOf(ir.I32)](b.e, d, d, upper)
		if upper.dies {
			b.release(upper)
		}
		return d
	case ir.Select:
		b.load(&a[2])
		if b.load(&a[0]); v.DType == ir.Bool && a[0].file == maskFile {
			return b.chooseMask(a)
		}
		return into(set.choose)
	}
	if n, ok := constant32(real(v.Args[len(v.Args)-1])); ok && n < 32 && set.shifts[v.Fn] != nil {
		a = a[:1]
		switch {
		case n == 0:
			return b.own(&a[0])
		case v.Fn == ir.Shr && t.Class() == ir.Unsigned:
			return into(set.unsigned(n))
		}
		return into(set.shifts[v.Fn](n))
	}
	return b.fail("%v on %v", v.Fn, t)
}

// chooseMask is a choice between bools that are bits, for which there is no instruction.
func (b *body) chooseMask(a []operand) operand {
	b.load(&a[1])
	pairs := func(fn ir.Fn) instruction { return b.e.set.pairs[fn][classOf(ir.Bool)] }
	d := b.alloc(maskFile)
	pairs(ir.Xor)(b.e, d, a[1], a[2])
	pairs(ir.And)(b.e, d, d, a[0])
	pairs(ir.Xor)(b.e, d, d, a[2])
	return d
}

// extreme is the greater or the less, where NaN wins.
func (b *body) extreme(v *ir.Scalar, a []operand) operand {
	isNumber := func(v *ir.Scalar) bool {
		bits, ok := constant32(v)
		return ok && !math.IsNaN(float64(math.Float32frombits(bits)))
	}
	number := isNumber(real(v.Args[0]))
	if isNumber(real(v.Args[1])) {
		a[0], a[1], number = a[1], a[0], true
	}
	if number {
		b.load(&a[0])
		d := b.result(v.DType, a)
		b.e.set.extremes[v.Fn](b.e, d, a...)
		return d
	}
	d := b.own(&a[0])
	b.e.set.extreme(b, v.Fn, d, a[1])
	return d
}

// constant is a number that instructions take as their last operand.
func (b *body) constant(bits uint32, t ir.DType) operand {
	c := b.e.number(bits, t)
	if !b.e.set.memory {
		b.load(&c)
	}
	return c
}

// ldexp multiplies by the exponential of one half of n, then by that of the other, since
// one float does not reach from 2^-150 to 2^128. A float of some size is rounded once.
func (b *body) ldexp(a []operand) operand {
	set := b.e.set
	do := func(fn ir.Fn, t ir.DType, d, x, y operand) { set.pairs[fn][classOf(t)](b.e, d, x, y) }
	b.load(&a[1])
	d, half, power := b.own(&a[0]), b.alloc(vectorFile), b.alloc(vectorFile)
	c, magic := b.constant(floatBits(0.5), ir.F32), b.constant(floatBits(0x1.8p23+127), ir.F32)
	exponential := func(n operand) { // added to that, n is the last bits of the sum
		do(ir.Add, ir.F32, power, n, magic)
		set.shifts[ir.Shl](23)(b.e, power, power)
		do(ir.Mul, ir.F32, d, d, power)
	}
	do(ir.Mul, ir.F32, half, a[1], c)
	set.singles[ir.Round](b.e, half, half)
	exponential(half)
	do(ir.Sub, ir.F32, half, a[1], half)
	exponential(half)
	for _, o := range []operand{half, power, c, magic} {
		if o.dies {
			b.release(o)
		}
	}
	return d
}
