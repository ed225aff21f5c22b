package cpu

import (
	"github.com/dave/jennifer/jen"

	"github.com/mlxc/mlxc/ir"
)

type code func(t ir.DType, x []*jen.Statement) *jen.Statement

// class is a column of the table below.
type class int

const (
	float class = iota
	integer
	boolean
	classes
)

func classOf(t ir.DType) class {
	switch {
	case t == ir.Bool:
		return boolean
	case t.IsInt():
		return integer
	}
	return float
}

// infix is x op y. Go computes narrow integers in their own width, so they wrap.
func infix(op string) code {
	return func(_ ir.DType, x []*jen.Statement) *jen.Statement { return jen.Add(x[0]).Op(op).Add(x[1]) }
}

func prefix(op string) code {
	return func(_ ir.DType, x []*jen.Statement) *jen.Statement { return jen.Op(op).Add(x[0]) }
}

// call is a function of the runtime's, generic over the dtype.
func call(name string) code {
	return func(_ ir.DType, x []*jen.Statement) *jen.Statement {
		return jen.Qual(Runtime, name).Call(list(x)...)
	}
}

func builtin(name string) code {
	return func(_ ir.DType, x []*jen.Statement) *jen.Statement { return jen.Id(name).Call(list(x)...) }
}

// lib is a function of package math, computed in float64 and rounded once.
func lib(name string) code {
	return func(t ir.DType, x []*jen.Statement) *jen.Statement {
		for i := range x {
			x[i] = jen.Float64().Call(x[i])
		}
		return jen.Id(computed(t)).Call(jen.Qual("math", name).Call(list(x)...))
	}
}

// fma is computed in f64, where a product of two f32 is exact: so it does not matter
// whether the compiler makes one step of the two, and all machines agree. The sum is
// rounded to f64 and then to f32. That is another number than rounding once gives
// only where the sum, rounded to f64, lies in the middle of two f32, which is one
// case in 2^28, and then by one unit in the last place.
func fma(t ir.DType, x []*jen.Statement) *jen.Statement {
	if t == ir.F64 {
		return jen.Qual("math", "FMA").Call(list(x)...)
	}
	wide := func(x *jen.Statement) *jen.Statement { return jen.Float64().Call(x) }
	return jen.Id(computed(t)).Call(wide(x[0]).Op("*").Add(wide(x[1])).Op("+").Add(wide(x[2])))
}

func list(x []*jen.Statement) []jen.Code {
	c := make([]jen.Code, len(x))
	for i := range x {
		c[i] = x[i]
	}
	return c
}

// fns prints scalar functions, by the class of the last operand; nil: refused.
var fns = map[ir.Fn][classes]code{
	ir.Add:  {infix("+"), infix("+"), nil},
	ir.Sub:  {infix("-"), infix("-"), nil},
	ir.Mul:  {infix("*"), infix("*"), nil},
	ir.Div:  {infix("/"), call("Div"), nil},
	ir.Mod:  {call("ModF"), call("Mod"), nil},
	ir.Max:  {builtin("max"), builtin("max"), infix("||")},
	ir.Min:  {builtin("min"), builtin("min"), infix("&&")},
	ir.Neg:  {prefix("-"), prefix("-"), nil},
	ir.Abs:  {lib("Abs"), call("Abs"), nil},
	ir.Sign: {call("SignF"), call("Sign"), nil},

	ir.Sqrt: {lib("Sqrt")},
	ir.Rsqrt: {func(t ir.DType, x []*jen.Statement) *jen.Statement {
		return jen.Id(computed(t)).Call(jen.Lit(1).Op("/").Qual("math", "Sqrt").Call(jen.Float64().Call(x[0])))
	}},
	ir.Exp:    {lib("Exp")},
	ir.Exp2:   {lib("Exp2")},
	ir.Expm1:  {lib("Expm1")},
	ir.Log:    {lib("Log")},
	ir.Log2:   {lib("Log2")},
	ir.Log1p:  {lib("Log1p")},
	ir.Sin:    {lib("Sin")},
	ir.Cos:    {lib("Cos")},
	ir.Tan:    {lib("Tan")},
	ir.Asin:   {lib("Asin")},
	ir.Acos:   {lib("Acos")},
	ir.Atan:   {lib("Atan")},
	ir.Sinh:   {lib("Sinh")},
	ir.Cosh:   {lib("Cosh")},
	ir.Tanh:   {lib("Tanh")},
	ir.Asinh:  {lib("Asinh")},
	ir.Acosh:  {lib("Acosh")},
	ir.Atanh:  {lib("Atanh")},
	ir.Erf:    {lib("Erf")},
	ir.Erfc:   {lib("Erfc")},
	ir.Erfinv: {lib("Erfinv")},
	ir.Gelu:   {call("Gelu")},
	ir.Pow:    {lib("Pow"), call("Pow"), nil},
	ir.Floor:  {lib("Floor")},
	ir.Ceil:   {lib("Ceil")},
	ir.Round:  {lib("RoundToEven")},
	ir.Trunc:  {lib("Trunc")},

	ir.Eq: {infix("=="), infix("=="), infix("==")},
	ir.Ne: {infix("!="), infix("!="), infix("!=")},
	ir.Lt: {infix("<"), infix("<"), nil},
	ir.Le: {infix("<="), infix("<="), nil},
	ir.IsNaN: {func(_ ir.DType, x []*jen.Statement) *jen.Statement {
		return jen.Add(x[0]).Op("!=").Add(x[0])
	}},
	ir.IsInf: {func(_ ir.DType, x []*jen.Statement) *jen.Statement {
		return jen.Qual("math", "IsInf").Call(jen.Float64().Call(x[0]), jen.Lit(0))
	}},

	ir.And:      {nil, infix("&"), infix("&&")},
	ir.Or:       {nil, infix("|"), infix("||")},
	ir.Xor:      {nil, infix("^"), infix("!=")},
	ir.Not:      {nil, prefix("^"), prefix("!")},
	ir.Shl:      {nil, call("Shl"), nil},
	ir.Shr:      {nil, call("Shr"), nil},
	ir.Popcount: {nil, call("Popcount"), nil},

	ir.FMA:      {fma},
	ir.Ldexp:    {call("Ldexp")},
	ir.CopySign: {lib("Copysign")},
	ir.Bits: {func(_ ir.DType, x []*jen.Statement) *jen.Statement {
		return jen.Int32().Call(jen.Qual("math", "Float32bits").Call(x[0]))
	}},
	ir.FromBits: {nil, func(_ ir.DType, x []*jen.Statement) *jen.Statement {
		return jen.Qual("math", "Float32frombits").Call(jen.Uint32().Call(x[0]))
	}},
	ir.RoundF16: {func(_ ir.DType, x []*jen.Statement) *jen.Statement {
		return jen.Qual(Runtime, "F16ToF32").Call(jen.Qual(Runtime, "F32ToF16").Call(x[0]))
	}},
	ir.RoundBF16: {func(_ ir.DType, x []*jen.Statement) *jen.Statement {
		return jen.Qual(Runtime, "BF16ToF32").Call(jen.Qual(Runtime, "F32ToBF16").Call(x[0]))
	}},
}

// A folding is a function that reductions may use.
type folding struct {
	identity func(t ir.DType) *jen.Statement // nil: not for this dtype
	step     func(acc string, x *jen.Statement) *jen.Statement
	indexed  bool   // the result is the index of the best element
	better   string // indexed: the comparison that replaces the best
}

var folds = map[ir.Fn]folding{
	ir.Add: {identity: constant(0), step: assignOp("+=")},
	ir.Mul: {identity: constant(1), step: assignOp("*=")},
	ir.Max: {identity: lowest, step: assignCall("max")},
	ir.Min: {identity: highest, step: assignCall("min")},
	ir.And: {identity: logical(true), step: assignLogical("&&")},
	ir.Or:  {identity: logical(false), step: assignLogical("||")},

	ir.ArgMax: {identity: lowest, indexed: true, better: ">"},
	ir.ArgMin: {identity: highest, indexed: true, better: "<"},
}

func constant(n int) func(ir.DType) *jen.Statement {
	return func(t ir.DType) *jen.Statement {
		if t == ir.Bool {
			return nil
		}
		return jen.Lit(n)
	}
}

func logical(b bool) func(ir.DType) *jen.Statement {
	return func(t ir.DType) *jen.Statement {
		if t != ir.Bool {
			return nil
		}
		return jen.Lit(b)
	}
}

func lowest(t ir.DType) *jen.Statement {
	switch t.Class() {
	case ir.Float:
		return jen.Qual("math", "Inf").Call(jen.Lit(-1))
	case ir.Signed:
		return jen.Qual("math", map[int]string{1: "MinInt8", 2: "MinInt16", 4: "MinInt32", 8: "MinInt64"}[t.Size()])
	case ir.Unsigned:
		return jen.Lit(0)
	}
	return nil
}

func highest(t ir.DType) *jen.Statement {
	switch t.Class() {
	case ir.Float:
		return jen.Qual("math", "Inf").Call(jen.Lit(1))
	case ir.Signed:
		return jen.Qual("math", map[int]string{1: "MaxInt8", 2: "MaxInt16", 4: "MaxInt32", 8: "MaxInt64"}[t.Size()])
	case ir.Unsigned:
		return jen.Op("^").Id(storage[t]).Call(jen.Lit(0))
	}
	return nil
}

func assignOp(op string) func(acc string, x *jen.Statement) *jen.Statement {
	return func(acc string, x *jen.Statement) *jen.Statement { return jen.Id(acc).Op(op).Add(x) }
}

func assignCall(name string) func(acc string, x *jen.Statement) *jen.Statement {
	return func(acc string, x *jen.Statement) *jen.Statement {
		return jen.Id(acc).Op("=").Id(name).Call(jen.Id(acc), x)
	}
}

func assignLogical(op string) func(acc string, x *jen.Statement) *jen.Statement {
	return func(acc string, x *jen.Statement) *jen.Statement {
		return jen.Id(acc).Op("=").Id(acc).Op(op).Parens(x)
	}
}
