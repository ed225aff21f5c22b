package cpu

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/dave/jennifer/jen"

	"github.com/mlxc/mlxc/ir"
)

// storage is the Go type of an element in memory; bool is a byte, 0 or 1.
var storage = map[ir.DType]string{
	ir.F64: "float64", ir.F32: "float32", ir.F16: "uint16", ir.BF16: "uint16",
	ir.I64: "int64", ir.I32: "int32", ir.I16: "int16", ir.I8: "int8",
	ir.U64: "uint64", ir.U32: "uint32", ir.U16: "uint16", ir.U8: "uint8", ir.Bool: "uint8",
}

// computed is the Go type in which a scalar is computed.
func computed(t ir.DType) string {
	if t == ir.Bool {
		return "bool"
	}
	return storage[t.Compute()]
}

// decode turns a stored element into a computed one, encode the reverse.
func (p *printer) decode(t ir.DType, x *jen.Statement) *jen.Statement {
	switch t {
	case ir.F16:
		return jen.Qual(Runtime, "F16ToF32").Call(x)
	case ir.BF16:
		return jen.Qual(Runtime, "BF16ToF32").Call(x)
	case ir.Bool:
		return x.Op("!=").Lit(0)
	}
	return x
}

func (p *printer) encode(t ir.DType, x *jen.Statement) *jen.Statement {
	switch t {
	case ir.F16:
		return jen.Qual(Runtime, "F32ToF16").Call(x)
	case ir.BF16:
		return jen.Qual(Runtime, "F32ToBF16").Call(x)
	case ir.Bool:
		return jen.Qual(Runtime, "Byte").Call(x)
	}
	return x
}

// alone is v where nothing binds closer than the expression: on the right of an
// assignment, or as an argument.
func (p *printer) alone(v *ir.Scalar) *jen.Statement {
	if p.inline[v] {
		return p.expr(v)
	}
	return p.ref(v)
}

// ref is v where it is used: its variable, or its expression.
func (p *printer) ref(v *ir.Scalar) *jen.Statement {
	if !p.inline[v] {
		return jen.Id(variable(v))
	}
	if v.Kind == ir.ScalarApply || v.Kind == ir.ScalarLoad && p.kernel.Args[v.Arg].DType == ir.Bool {
		return jen.Parens(p.expr(v))
	}
	return p.expr(v)
}

func variable(v *ir.Scalar) string { return fmt.Sprintf("v%d", v.ID) }

// variable declares v; v may be anything but a reduction.
func (p *printer) variable(v *ir.Scalar) []jen.Code {
	id := func() *jen.Statement { return jen.Id(variable(v)) }
	switch {
	case v.Kind == ir.ScalarLoad && len(v.Guard) > 0:
		return []jen.Code{
			jen.Var().Add(id()).Id(computed(v.DType)),
			jen.If(p.bound(v, func() *jen.Statement { return p.inside(v.Guard) })).Block(id().Op("=").Add(p.expr(v))),
		}
	case v.Kind == ir.ScalarApply && v.Fn == ir.Select && isMask(v):
		one := jen.Id(computed(v.DType)).Call(jen.Qual(Runtime, "Byte").Call(p.alone(v.Args[0])))
		mask := id().Op(":=").Op("-").Add(one)
		if n, _ := wholeOf(v.Args[1]); n == 0 {
			mask = id().Op(":=").Add(one).Op("-").Lit(1)
		}
		code := []jen.Code{mask}
		for _, a := range v.Args[1:] {
			if !p.inline[a] { // a variable must be used
				code = append(code, jen.Id("_").Op("=").Add(p.ref(a)))
			}
		}
		return code
	case v.Kind == ir.ScalarApply && v.Fn == ir.Select:
		return []jen.Code{
			id().Op(":=").Add(p.alone(v.Args[2])),
			jen.If(p.alone(v.Args[0])).Block(id().Op("=").Add(p.alone(v.Args[1]))),
		}
	}
	return []jen.Code{id().Op(":=").Add(p.expr(v))}
}

// isMask reports that a selection is 0 or all ones, in 32 bits: the compiler of Go 1.26 for arm64
// panics where such a choice is compared with 0 for another.
func isMask(v *ir.Scalar) bool {
	a, known := wholeOf(v.Args[1])
	b, ok := wholeOf(v.Args[2])
	ones := int64(int32(-1))
	if v.DType == ir.U32 {
		ones = math.MaxUint32
	}
	return (v.DType == ir.I32 || v.DType == ir.U32) && known && ok && a+b == ones && a*b == 0
}

// wholeOf is an integer that is a constant of Go's.
func wholeOf(v *ir.Scalar) (n int64, ok bool) {
	if v.Kind == ir.ScalarConst {
		return v.Int, true
	}
	n, ok = v.Index.Int()
	return n, ok && v.Kind == ir.ScalarSize
}

func (p *printer) expr(v *ir.Scalar) *jen.Statement {
	switch v.Kind {
	case ir.ScalarConst:
		return p.number(v)
	case ir.ScalarSize:
		return jen.Id(computed(v.DType)).Call(p.index(v))
	case ir.ScalarLoad:
		arg := p.kernel.Args[v.Arg]
		return p.decode(arg.DType, jen.Id(p.names.arg[v.Arg]).Index(p.index(v)))
	case ir.ScalarInside:
		return jen.Parens(p.bound(v, func() *jen.Statement { return p.inside(v.Guard) }))
	case ir.ScalarCast:
		return p.cast(v.DType, v.Args[0])
	case ir.ScalarApply:
		args := make([]*jen.Statement, len(v.Args))
		for i, a := range v.Args {
			args[i] = p.operand(v, a)
		}
		t := v.Args[len(v.Args)-1].DType
		if row, ok := fns[v.Fn]; ok {
			if code := row[classOf(t)]; code != nil {
				return code(t, args)
			}
		}
		return p.fail("portable Go has no %v on %v", v.Fn, t)
	}
	return p.fail("scalar kind %d has no expression", v.Kind)
}

// widened are the functions of several operands that are computed in f64: a number
// must be rounded to its own type before, and is not left to Go's inference.
var widened = map[ir.Fn]bool{ir.FMA: true, ir.Pow: true, ir.CopySign: true}

// operand is an argument of user. A number beside something that is none takes
// its type in Go, and needs no conversion.
func (p *printer) operand(user, v *ir.Scalar) *jen.Statement {
	if !slices.ContainsFunc(user.Args, func(a *ir.Scalar) bool { return !isNumber(a) }) {
		return p.opaque(v)
	}
	if v.Kind != ir.ScalarConst || v.DType == ir.Bool || widened[user.Fn] || math.IsNaN(v.Float) || math.IsInf(v.Float, 0) || v.Float == 0 && math.Signbit(v.Float) {
		return p.ref(v)
	}
	for _, a := range user.Args {
		if a.Kind != ir.ScalarConst && a.DType == v.DType {
			if v.DType.IsFloat() {
				return jen.Op(floatText(v.Float, v.DType))
			}
			return jen.Op(intText(v))
		}
	}
	return p.ref(v)
}

// isNumber reports that a scalar is a constant of Go's where it is no variable.
func isNumber(v *ir.Scalar) bool {
	_, ok := wholeOf(v)
	return ok
}

// opaque is v as no constant: Go refuses those that wrap, overflow, divide by 0 or stand for
// an element before the first.
func (p *printer) opaque(v *ir.Scalar) *jen.Statement {
	if !p.inline[v] || !isNumber(v) {
		return p.ref(v)
	}
	return jen.Func().Params().Id(computed(v.DType)).Block(jen.Return(p.ref(v))).Call()
}

func intText(v *ir.Scalar) string {
	if v.DType == ir.U64 {
		return strconv.FormatUint(uint64(v.Int), 10)
	}
	return strconv.FormatInt(v.Int, 10)
}

// number prints a constant that stands alone.
func (p *printer) number(v *ir.Scalar) *jen.Statement {
	t := computed(v.DType)
	switch {
	case v.DType == ir.Bool:
		return jen.Lit(v.Int != 0)
	case !v.DType.IsFloat():
		return jen.Id(t).Call(jen.Op(intText(v)))
	case math.IsNaN(v.Float):
		return jen.Id(t).Call(jen.Qual("math", "NaN").Call())
	case math.IsInf(v.Float, 0):
		return jen.Id(t).Call(jen.Qual("math", "Inf").Call(jen.Lit(int(math.Copysign(1, v.Float)))))
	case v.Float == 0 && math.Signbit(v.Float):
		return jen.Id(t).Call(jen.Qual("math", "Copysign").Call(jen.Lit(0), jen.Lit(-1)))
	}
	return jen.Id(t).Call(jen.Op(floatText(v.Float, v.DType)))
}

// cast converts by the rules of NUMERICS: float to integer truncates and
// saturates and NaN gives 0, which Go's own conversion does not promise.
func (p *printer) cast(to ir.DType, v *ir.Scalar) *jen.Statement {
	x := p.opaque(v)
	switch {
	case v.DType == to:
		return x
	case to == ir.Bool:
		return jen.Parens(x.Op("!=").Lit(0))
	case v.DType == ir.Bool:
		return jen.Id(computed(to)).Call(jen.Qual(Runtime, "Byte").Call(x))
	case v.DType.IsFloat() && to.IsInt():
		return jen.Qual(Runtime, "ToInt").Index(jen.Id(computed(to))).Call(jen.Float64().Call(x))
	}
	return jen.Id(computed(to)).Call(x)
}

// start declares the accumulators of a reduction, fold takes one element in.
func (p *printer) start(v *ir.Scalar) []jen.Code {
	id, t := jen.Id(variable(v)), v.Args[0].DType
	row, ok := folds[v.Fn]
	if !ok {
		return []jen.Code{p.fail("portable Go cannot reduce by %v", v.Fn)}
	}
	first := row.identity(t)
	if first == nil {
		return []jen.Code{p.fail("portable Go cannot reduce %v by %v", t, v.Fn)}
	}
	if row.indexed {
		return []jen.Code{
			jen.Id(variable(v) + "Best").Op(":=").Id(computed(t)).Call(first),
			id.Clone().Op(":=").Int32().Call(jen.Lit(0)),
		}
	}
	return []jen.Code{id.Clone().Op(":=").Id(computed(t)).Call(first)}
}

func (p *printer) fold(v *ir.Scalar) []jen.Code {
	row := folds[v.Fn]
	if !row.indexed {
		return []jen.Code{row.step(variable(v), p.alone(v.Args[0]))}
	}
	best := variable(v) + "Best"
	at := ir.Size{}
	for _, o := range v.Over {
		at = at.Mul(o.Extent).Add(o.Index())
	}
	better := jen.Id("elem").Op(row.better).Id(best)
	if v.Args[0].DType.IsFloat() { // the first NaN wins over all numbers
		better.Op("||").Id("elem").Op("!=").Id("elem").Op("&&").Id(best).Op("==").Id(best)
	}
	return []jen.Code{jen.If(jen.Id("elem").Op(":=").Add(p.alone(v.Args[0])), better).Block(
		jen.List(jen.Id(best), jen.Id(variable(v))).Op("=").List(jen.Id("elem"), jen.Int32().Call(p.size(at))),
	)}
}

// inside is the condition that the guards hold; what the loops prove is left out.
func (p *printer) inside(guard []ir.Bound) *jen.Statement {
	cond := jen.Null()
	and := func(c *jen.Statement) {
		if len(*cond) > 1 {
			cond.Op("&&")
		}
		cond.Add(c)
	}
	for _, g := range guard {
		if !g.Index.NonNegative() {
			and(jen.Lit(0).Op("<=").Add(p.size(g.Index)))
		}
		if !g.Index.Less(g.Extent) {
			and(p.size(g.Index).Op("<").Add(p.size(g.Extent)))
		}
	}
	if len(*cond) == 1 {
		return jen.True()
	}
	return cond
}

// index is the index expression of a load or size.
func (p *printer) index(v *ir.Scalar) *jen.Statement {
	if b, ok := p.begins[v]; ok {
		return jen.Id(b.name).Op("+").Add(p.size(b.rest))
	}
	return p.bound(v, func() *jen.Statement { return p.size(v.Index) })
}

// bound prints with the variables that v binds standing for their scalars.
func (p *printer) bound(v *ir.Scalar, print func() *jen.Statement) *jen.Statement {
	outer := p.binds // of the scalar in whose index this one stands
	p.binds = map[string]*ir.Scalar{}
	for i, a := range v.Bind {
		p.binds[a.Name] = v.Args[i]
	}
	out := print()
	p.binds = outer
	return out
}
