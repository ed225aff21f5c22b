package metal

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"

	"github.com/mlxc/mlxc/ir"
)

// storage is the type of an element in memory, computed that of a scalar. Metal
// has no f64.
var storage = map[ir.DType]string{
	ir.F32: "float", ir.F16: "half", ir.BF16: "bfloat",
	ir.I64: "long", ir.I32: "int", ir.I16: "short", ir.I8: "char",
	ir.U64: "ulong", ir.U32: "uint", ir.U16: "ushort", ir.U8: "uchar", ir.Bool: "uchar",
}

var computed = map[ir.DType]string{
	ir.F32: "float",
	ir.I64: "long", ir.I32: "int", ir.I16: "short", ir.I8: "char",
	ir.U64: "ulong", ir.U32: "uint", ir.U16: "ushort", ir.U8: "uchar", ir.Bool: "bool",
}

func (p *printer) typ(t ir.DType) string {
	c, ok := computed[t]
	if !ok {
		return p.fail("Metal does not have %s", t)
	}
	return c
}

func (p *printer) zero(t ir.DType) string { return literal(t, 0, 0) }

// literal is a constant of dtype t: f of a float, i of an integer or bool.
func literal(t ir.DType, f float64, i int64) string {
	switch {
	case t == ir.Bool:
		return strconv.FormatBool(i != 0)
	case t.IsFloat():
		return floatLiteral(f)
	case t == ir.I64 && i == math.MinInt64:
		return "(-9223372036854775807L - 1L)"
	case t == ir.I64:
		return strconv.FormatInt(i, 10) + "L"
	case t == ir.U64:
		return strconv.FormatUint(uint64(i), 10) + "ul"
	case t == ir.I32 && i == math.MinInt32:
		return "(-2147483647 - 1)"
	case t == ir.I32:
		return strconv.FormatInt(i, 10)
	case t == ir.U32:
		return strconv.FormatInt(i, 10) + "u"
	}
	return computed[t] + "(" + strconv.FormatInt(i, 10) + ")"
}

func floatLiteral(f float64) string {
	f32 := float32(f)
	switch {
	case f != f:
		return "NAN"
	case math.IsInf(float64(f32), 1):
		return "INFINITY"
	case math.IsInf(float64(f32), -1):
		return "(-INFINITY)"
	}
	s := strconv.FormatFloat(float64(f32), 'g', -1, 32)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	if s[0] == '-' {
		return "(" + s + "f)"
	}
	return s + "f"
}

// alone is v where nothing binds closer than the expression.
func (p *printer) alone(v *ir.Scalar) string {
	if p.inline[v] || p.text[v] != "" {
		return p.expr(v)
	}
	return variable(v)
}

// ref is v as an operand.
func (p *printer) ref(v *ir.Scalar) string {
	if !p.inline[v] && p.text[v] == "" {
		return variable(v)
	}
	return operand(p.expr(v))
}

// operand puts an expression in parentheses where it is not closed: a name, a number,
// a call or what stands in parentheses. More would not only be hard to read:
// (float(half(x))) - y is a cast of -y, to a function.
func operand(text string) string {
	depth := 0
	for _, r := range text {
		switch {
		case r == '(' || r == '[':
			depth++
		case r == ')' || r == ']':
			depth--
		case depth == 0 && !strings.ContainsRune(":._", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r):
			return "(" + text + ")"
		}
	}
	return text
}

func (p *printer) expr(v *ir.Scalar) string {
	switch v.Kind {
	case ir.ScalarConst:
		return literal(v.DType, v.Float, v.Int)
	case ir.ScalarSize:
		return p.typ(v.DType) + "(" + p.bound(v, func() string { return p.size(v.Index) }) + ")"
	case ir.ScalarInside:
		return p.bound(v, func() string { return p.inside(v.Guard) })
	case ir.ScalarLoad:
		if text := p.text[v]; text != "" {
			return text
		}
		return p.loaded(p.kernel.Args[v.Arg].DType, p.element(v))
	case ir.ScalarCast:
		return p.cast(v.DType, v.Args[0])
	case ir.ScalarApply:
		args := make([]string, len(v.Args))
		for i, a := range v.Args {
			args[i] = p.ref(a)
		}
		t := v.Args[len(v.Args)-1].DType
		if row, ok := fns[v.Fn]; ok {
			if code := row[classOf(t)]; code != nil {
				return code(t, args)
			}
		}
		return p.fail("Metal has no %s on %s", v.Fn, t)
	}
	return p.fail("scalar kind %d has no expression", v.Kind)
}

// element is where a load reads.
func (p *printer) element(v *ir.Scalar) string {
	return fmt.Sprintf("%s[%s]", p.names.arg[v.Arg], p.bound(v, func() string { return p.size(v.Index) }))
}

// loaded is an element of an argument as a scalar.
func (p *printer) loaded(t ir.DType, element string) string {
	switch {
	case t == ir.Bool:
		return element + " != 0"
	case t.Compute() != t:
		return "float(" + element + ")"
	}
	return element
}

// cast converts by the rules of NUMERICS. Metal truncates too, but says nothing of
// what is out of range, so floats are clamped before.
func (p *printer) cast(to ir.DType, v *ir.Scalar) string {
	x := p.alone(v)
	switch {
	case v.DType == to:
		return p.ref(v)
	case to == ir.Bool && v.DType.IsFloat():
		return p.ref(v) + " != 0.0f"
	case to == ir.Bool:
		return p.ref(v) + " != " + literal(v.DType, 0, 0)
	case v.DType.IsFloat() && to.IsInt():
		lo, hi := intRange(to)
		// A float below the limit converts exactly; at or beyond it saturates.
		return fmt.Sprintf("(isnan(%[1]s) ? %[2]s : (%[1]s >= %[3]s ? %[4]s : (%[1]s <= %[5]s ? %[6]s : %[7]s(%[1]s))))",
			p.ref(v), literal(to, 0, 0), floatLiteral(hi), literal(to, 0, maxInt(to)), floatLiteral(lo), literal(to, 0, minInt(to)), p.typ(to))
	}
	return p.typ(to) + "(" + x + ")"
}

// intRange is the least number of an integer dtype, and one more than its largest.
func intRange(t ir.DType) (lo, hi float64) {
	bits := 8 * t.Size()
	if t.Class() == ir.Unsigned {
		return 0, math.Ldexp(1, bits)
	}
	return -math.Ldexp(1, bits-1), math.Ldexp(1, bits-1)
}

func minInt(t ir.DType) int64 {
	if t.Class() == ir.Unsigned {
		return 0
	}
	return -1 << (8*t.Size() - 1)
}

func maxInt(t ir.DType) int64 {
	bits := 8 * t.Size()
	switch {
	case t == ir.U64:
		return -1
	case t.Class() == ir.Unsigned:
		return 1<<bits - 1
	}
	return 1<<(bits-1) - 1
}

// bound prints with the variables that v binds standing for their scalars.
func (p *printer) bound(v *ir.Scalar, print func() string) string {
	outer := p.binds // of the scalar in whose index this one stands
	p.binds = map[string]*ir.Scalar{}
	for i, a := range v.Bind {
		p.binds[a.Name] = v.Args[i]
	}
	text := print()
	p.binds = outer
	return text
}

// inside is the condition that the guards hold; what the loops prove is left out.
func (p *printer) inside(guard []ir.Bound) string {
	var parts []string
	for _, g := range guard {
		if !g.Index.NonNegative() {
			parts = append(parts, "0 <= "+p.size(g.Index))
		}
		if !g.Index.Less(g.Extent) {
			parts = append(parts, p.size(g.Index)+" < "+p.size(g.Extent))
		}
	}
	if len(parts) == 0 {
		return "true"
	}
	return strings.Join(parts, " && ")
}

// size prints an index expression.
func (p *printer) size(s ir.Size) string {
	if s.Overflow() {
		return p.fail("an index leaves the range of 64 bits")
	}
	var b strings.Builder
	for i, t := range s.Terms() {
		c := t.Coef
		switch {
		case i == 0 && c < 0:
			b.WriteString("-")
			c = -c
		case c < 0:
			b.WriteString(" - ")
			c = -c
		case i > 0:
			b.WriteString(" + ")
		}
		var factors []string
		for _, a := range t.Atoms {
			factors = append(factors, p.atom(a))
		}
		if c != 1 || len(factors) == 0 {
			factors = append(factors, p.number(c))
		}
		b.WriteString(strings.Join(factors, " * "))
	}
	if b.Len() == 0 {
		return p.number(0)
	}
	return b.String()
}

func (p *printer) number(n int64) string {
	if p.index == "long" {
		return strconv.FormatInt(n, 10) + "L"
	}
	return strconv.FormatInt(n, 10)
}

// factor prints s so that it may stand in a product.
func (p *printer) factor(s ir.Size) string {
	if t := s.Terms(); len(t) == 1 && t[0].Coef >= 0 && (len(t[0].Atoms) == 0 || t[0].Coef == 1 && len(t[0].Atoms) == 1) {
		return p.size(s)
	}
	return "(" + p.size(s) + ")"
}

// fromLeast is s with dims counted from their least values: N*i - i, where N is at least 1,
// has no negative term then.
func fromLeast(s ir.Size) ir.Size {
	return s.Subst(func(a *ir.Atom) (ir.Size, bool) {
		if a.Kind != ir.AtomDim || a.Dim.Min == 0 {
			return ir.Size{}, false
		}
		return (&ir.Dim{Name: a.Dim.Name + "'", Max: a.Dim.Max - a.Dim.Min}).Size().Add(ir.N(a.Dim.Min)), true
	})
}

// lifted is x and so many times d that it is never negative, and how many; ok is false where
// the bounds do not tell.
func (p *printer) lifted(x, d ir.Size) (up ir.Size, times int64, ok bool) {
	below, ok := ir.N(0).Sub(x).Max()
	if !ok {
		return x, 0, false
	}
	times = max(0, below)
	if n, constant := d.Int(); constant {
		times = (times + n - 1) / n
	}
	up = x.Add(d.Mul(ir.N(times)))
	most, ok := up.Max()
	return up, times, ok && (p.index == "long" || most <= math.MaxInt32)
}

// atom prints one factor. Metal's division truncates and its remainder is
// undefined for negative numbers, so a numerator that may be negative is lifted. A divisor
// that may be 0, at points that a guard leaves out, is 1 instead.
func (p *printer) atom(a *ir.Atom) string {
	switch a.Kind {
	case ir.AtomDim:
		p.mentioned[a.Dim.Name] = true
		return p.names.dim[a.Dim.Name]
	case ir.AtomAxis:
		if v := p.binds[a.Axis.Name]; v != nil {
			return p.index + "(" + p.alone(v) + ")"
		}
		p.mentioned[a.Axis.Name] = true
		return p.axis(a.Axis)
	}
	x, times := a.X, int64(0)
	if !x.NonNegative() && !fromLeast(x).NonNegative() {
		var ok bool
		if x, times, ok = p.lifted(x, a.D); !ok {
			return p.fail("an index divides %s, which may be negative", a.X)
		}
	}
	divisor := p.factor(a.D)
	if !a.D.AtLeast(1) {
		divisor = "max(" + p.index + "(" + p.size(a.D) + "), " + p.number(1) + ")"
	}
	switch {
	case a.Kind == ir.AtomRem:
		return "(" + p.factor(x) + " % " + divisor + ")"
	case times > 0:
		return "(" + p.factor(x) + " / " + divisor + " - " + p.number(times) + ")"
	}
	return "(" + p.factor(x) + " / " + divisor + ")"
}
