package cpu

import (
	"fmt"
	"math"

	"github.com/mlxc/mlxc/ir"
)

// pairs are the instructions of two operands, by the class of the second. A bool is a
// lane of ones or of zeros.
var pairs = map[ir.Fn][classes]string{
	ir.Add: {"VADDPS", "VPADDD", ""},
	ir.Sub: {"VSUBPS", "VPSUBD", ""},
	ir.Mul: {"VMULPS", "VPMULLD", ""},
	ir.Div: {"VDIVPS", "", ""},
	ir.Max: {"", "VPMAXSD", "VORPS"},
	ir.Min: {"", "VPMINSD", "VANDPS"},
	ir.And: {"", "VPAND", "VANDPS"},
	ir.Or:  {"", "VPOR", "VORPS"},
	ir.Xor: {"", "VPXOR", "VXORPS"},
	ir.Eq:  {"VCMPPS $0,", "VPCMPEQD", ""},
	ir.Ne:  {"VCMPPS $4,", "", "VXORPS"},
	ir.Lt:  {"VCMPPS $0x11,", "", ""},
	ir.Le:  {"VCMPPS $0x12,", "", ""},
}

// commutes are those whose operands may change places.
var commutes = map[ir.Fn]bool{ir.Add: true, ir.Mul: true, ir.Max: true, ir.Min: true, ir.And: true, ir.Or: true, ir.Xor: true, ir.Eq: true, ir.Ne: true}

// singles are the instructions of one operand of f32.
var singles = map[ir.Fn]string{
	ir.Sqrt: "VSQRTPS", ir.Round: "VROUNDPS $8,", ir.Floor: "VROUNDPS $9,", ir.Ceil: "VROUNDPS $10,", ir.Trunc: "VROUNDPS $11,",
}

// masks are the functions that an instruction with a constant computes.
var masks = map[ir.Fn][classes]struct {
	op   string
	bits uint32
}{
	ir.Neg: {{"VXORPS", 1 << 31}},
	ir.Abs: {{"VANDPS", 1<<31 - 1}},
	ir.Not: {{}, {"VPXOR", math.MaxUint32}, {"VXORPS", math.MaxUint32}},
}

// emit computes v from operands, into the register that it returns.
func (b *body) emit(v *ir.Scalar, a []operand) int {
	op := b.e.op
	if v.Kind == ir.ScalarCast {
		return b.cast(v, a)
	}
	t := v.Args[len(v.Args)-1].DType
	class := classOf(t)
	if m := pairs[v.Fn][class]; m != "" {
		if a[0].reg < 0 && commutes[v.Fn] {
			a[0], a[1] = a[1], a[0]
		}
		a[0] = b.load(a[0])
		d := b.result(a)
		op("%s %s, %s, Y%d", m, a[1].text, a[0].text, d)
		return d
	}
	if m := masks[v.Fn][class]; m.op != "" {
		a[0] = b.load(a[0])
		d := b.result(a)
		op("%s %s, %s, Y%d", m.op, b.e.number(m.bits), a[0].text, d)
		return d
	}
	if m := singles[v.Fn]; m != "" {
		d := b.result(a)
		op("%s %s, Y%d", m, a[0].text, d)
		return d
	}
	switch v.Fn {
	case ir.FMA:
		return b.fma(a)
	case ir.Max, ir.Min:
		return b.extreme(v, a)
	case ir.Select:
		a[0], a[2] = b.load(a[0]), b.load(a[2])
		d := b.result(a)
		op("VBLENDVPS %s, %s, %s, Y%d", a[0].text, a[1].text, a[2].text, d)
		return d
	case ir.IsNaN:
		a[0] = b.load(a[0])
		d := b.result(a)
		op("VCMPPS $3, %s, %[1]s, Y%d", a[0].text, d)
		return d
	case ir.CopySign:
		a[0], a[1] = b.load(a[0]), b.load(a[1])
		d, sign := b.alloc(), b.alloc()
		op("VANDPS %s, %s, Y%d", b.e.number(1<<31-1), a[0].text, d)
		op("VANDPS %s, %s, Y%d", b.e.number(1<<31), a[1].text, sign)
		op("VORPS Y%d, Y%d, Y%[2]d", sign, d)
		b.release(sign)
		return d
	case ir.Shl, ir.Shr:
		if n, ok := constant32(real(v.Args[1])); ok && n < 32 {
			a[0] = b.load(a[0])
			d := b.result(a)
			op("%s $%d, %s, Y%d", map[ir.Fn]string{ir.Shl: "VPSLLD", ir.Shr: "VPSRAD"}[v.Fn], n, a[0].text, d)
			return d
		}
	}
	b.e.err = fmt.Errorf("AVX2 has no %v on %v", v.Fn, t)
	return b.alloc()
}

// cast converts between lanes of 32 bits.
func (b *body) cast(v *ir.Scalar, a []operand) int {
	from := v.Args[0].DType
	a[0] = b.load(a[0])
	d := b.result(a)
	switch {
	case from == v.DType:
		b.e.op("VMOVAPS %s, Y%d", a[0].text, d)
	case from == ir.I32 && v.DType == ir.F32:
		b.e.op("VCVTDQ2PS %s, Y%d", a[0].text, d)
	case from == ir.Bool:
		one := uint32(1)
		if v.DType == ir.F32 {
			one = math.Float32bits(1)
		}
		b.e.op("VANDPS %s, %s, Y%d", b.e.number(one), a[0].text, d)
	default:
		b.e.err = fmt.Errorf("AVX2 has no cast of %v to %v", from, v.DType)
	}
	return d
}

// extreme is the greater or the less, where NaN wins: the instruction gives its last
// operand, which is written first, where one is a NaN. Beside a number that is the one
// that may be a NaN; else a NaN of the other is put in its place.
func (b *body) extreme(v *ir.Scalar, a []operand) int {
	op, m := b.e.op, folding32[v.Fn]
	isNumber := func(v *ir.Scalar) bool {
		bits, ok := constant32(v)
		return ok && !math.IsNaN(float64(math.Float32frombits(bits)))
	}
	number := isNumber(real(v.Args[0]))
	if isNumber(real(v.Args[1])) {
		a[0], a[1], number = a[1], a[0], true
	}
	a[0] = b.load(a[0])
	if number {
		d := b.result(a)
		op("%s %s, %s, Y%d", m, a[1].text, a[0].text, d)
		return d
	}
	d, t := b.alloc(), b.alloc()
	op("%s %s, %s, Y%d", m, a[1].text, a[0].text, d)
	op("VCMPPS $3, %s, %[1]s, Y%d", a[0].text, t)
	op("VBLENDVPS Y%d, %s, Y%d, Y%[3]d", t, a[0].text, d)
	b.release(t)
	return d
}

// fma picks among the three forms the one that writes over an operand that is needed no
// more, and takes the operand in memory, if any, where the form allows it.
func (b *body) fma(a []operand) int {
	op := b.e.op
	x, m, c := &a[0], &a[1], &a[2]
	if x.reg < 0 && m.reg < 0 { // one factor may stay in memory
		*m = b.load(*m)
	}
	if x.reg < 0 {
		x, m = m, x
	}
	switch {
	case c.reg >= 0 && c.dies:
		op("VFMADD231PS %s, %s, %s", m.text, x.text, c.text)
		return c.reg
	case c.reg < 0 && m.reg < 0 && x.dies:
		t := b.load(*c)
		op("VFMADD231PS %s, %s, %s", m.text, x.text, t.text)
		return t.reg
	case c.reg < 0 && m.reg < 0:
		t := b.load(*m)
		op("VFMADD213PS %s, %s, %s", c.text, x.text, t.text)
		return t.reg
	case x.dies && m.reg < 0:
		op("VFMADD132PS %s, %s, %s", m.text, c.text, x.text)
		return x.reg
	case x.dies:
		op("VFMADD213PS %s, %s, %s", c.text, m.text, x.text)
		return x.reg
	case m.dies:
		op("VFMADD213PS %s, %s, %s", c.text, x.text, m.text)
		return m.reg
	}
	d := b.alloc()
	op("VMOVUPS %s, Y%d", c.text, d)
	op("VFMADD231PS %s, %s, Y%d", m.text, x.text, d)
	return d
}
