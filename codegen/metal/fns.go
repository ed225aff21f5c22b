package metal

import (
	"fmt"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

type code func(t ir.DType, x []string) string

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

func infix(op string) code {
	return func(_ ir.DType, x []string) string { return x[0] + " " + op + " " + x[1] }
}

// wrapping is arithmetic modulo 2^n: signed overflow is undefined in Metal, so it
// is done unsigned, and no narrower than uint, since what is narrower becomes int.
func wrapping(op string) code {
	return func(t ir.DType, x []string) string {
		u := modular(t)
		return fmt.Sprintf("%s(%s(%s) %s %s(%s))", computed[t], u, x[0], op, u, x[1])
	}
}

// modular is the type in which integers of dtype t are computed modulo 2^n.
func modular(t ir.DType) string {
	if t.Size() == 8 {
		return "ulong"
	}
	return "uint"
}

// unsigned are the unsigned types by their bytes.
var unsigned = map[int]string{1: "uchar", 2: "ushort", 4: "uint", 8: "ulong"}

func prefix(op string) code {
	return func(_ ir.DType, x []string) string { return op + x[0] }
}

// call is a function of the library, in its precise variant where there is one.
func call(name string) code {
	return func(_ ir.DType, x []string) string { return name + "(" + strings.Join(x, ", ") + ")" }
}

// fns prints scalar functions, by the class of the last operand; nil: refused.
// What Metal lacks was rewritten by the pass legalise.
var fns = map[ir.Fn][classes]code{
	ir.Add: {infix("+"), wrapping("+")},
	ir.Sub: {infix("-"), wrapping("-")},
	ir.Mul: {infix("*"), wrapping("*")},
	ir.Div: {infix("/"), helped(ir.Div)},
	ir.Mod: {helped(ir.Mod), helped(ir.Mod)},
	ir.Max: {helped(ir.Max), call("max"), infix("||")},
	ir.Min: {helped(ir.Min), call("min"), infix("&&")},
	ir.Neg: {prefix("-"), func(t ir.DType, x []string) string { return wrapping("-")(t, []string{"0", x[0]}) }},
	ir.Abs: {call("abs"), func(t ir.DType, x []string) string {
		if t.Class() == ir.Unsigned {
			return x[0]
		}
		return fmt.Sprintf("(%s < 0 ? %s : %s)", x[0], wrapping("-")(t, []string{"0", x[0]}), x[0])
	}},
	ir.Sign: {func(_ ir.DType, x []string) string {
		return fmt.Sprintf("(%[1]s > 0.0f ? 1.0f : (%[1]s < 0.0f ? -1.0f : %[1]s))", x[0])
	}, func(t ir.DType, x []string) string {
		return fmt.Sprintf("%s((%s > 0) - (%s < 0))", computed[t], x[0], x[0])
	}},

	ir.Sqrt:  {call("precise::sqrt")},
	ir.Rsqrt: {call("precise::rsqrt")},
	ir.Exp:   {call("precise::exp")},
	ir.Exp2:  {call("precise::exp2")},
	ir.Log:   {call("precise::log")},
	ir.Log2:  {call("precise::log2")},
	ir.Sin:   {call("precise::sin")},
	ir.Cos:   {call("precise::cos")},
	ir.Tan:   {call("precise::tan")},
	ir.Asin:  {call("precise::asin")},
	ir.Acos:  {call("precise::acos")},
	ir.Atan:  {call("precise::atan")},
	ir.Sinh:  {call("precise::sinh")},
	ir.Cosh:  {call("precise::cosh")},
	ir.Tanh:  {call("precise::tanh")},
	ir.Asinh: {call("precise::asinh")},
	ir.Acosh: {call("precise::acosh")},
	ir.Atanh: {call("precise::atanh")},
	ir.Pow:   {call("precise::pow"), helped(ir.Pow)},
	ir.Floor: {call("floor")},
	ir.Ceil:  {call("ceil")},
	ir.Round: {call("rint")},
	ir.Trunc: {call("trunc")},

	ir.Eq:    {infix("=="), infix("=="), infix("==")},
	ir.Ne:    {infix("!="), infix("!="), infix("!=")},
	ir.Lt:    {infix("<"), infix("<")},
	ir.Le:    {infix("<="), infix("<=")},
	ir.IsNaN: {call("isnan")},
	ir.IsInf: {call("isinf")},

	ir.And: {nil, bitwise("&"), infix("&&")},
	ir.Or:  {nil, bitwise("|"), infix("||")},
	ir.Xor: {nil, bitwise("^"), infix("!=")},
	ir.Not: {nil, func(t ir.DType, x []string) string { return computed[t] + "(~" + x[0] + ")" }, prefix("!")},
	ir.Shl: {nil, shiftLeft},
	ir.Shr: {nil, shiftRight},
	ir.Popcount: {nil, func(t ir.DType, x []string) string {
		return fmt.Sprintf("%s(popcount(%s(%s)))", computed[t], unsigned[t.Size()], x[0])
	}},

	ir.Select: {ternary, ternary, ternary},

	ir.FMA: {call("fma")},
	ir.Ldexp: {func(_ ir.DType, x []string) string { // clamped as float, since not every float is an int
		return fmt.Sprintf("ldexp(%s, int(clamp(%s, -300.0f, 300.0f)))", x[0], x[1])
	}},
	ir.CopySign:  {call("copysign")},
	ir.Bits:      {call("as_type<int>")},
	ir.FromBits:  {nil, call("as_type<float>")},
	ir.RoundF16:  {func(_ ir.DType, x []string) string { return "float(half(" + x[0] + "))" }},
	ir.RoundBF16: {func(_ ir.DType, x []string) string { return "float(bfloat(" + x[0] + "))" }},
}

func ternary(_ ir.DType, x []string) string { return x[0] + " ? " + x[1] + " : " + x[2] }

func bitwise(op string) code {
	return func(t ir.DType, x []string) string { return computed[t] + "(" + x[0] + " " + op + " " + x[1] + ")" }
}

// Metal shifts by the low bits of the count; here a count of the width or more
// shifts everything out.
func shiftLeft(t ir.DType, x []string) string {
	return fmt.Sprintf("(ulong(%[2]s) >= %[3]dul ? %[4]s(0) : %[4]s(%[5]s(%[1]s) << %[2]s))", x[0], x[1], 8*t.Size(), computed[t], modular(t))
}

func shiftRight(t ir.DType, x []string) string {
	out := "0"
	if t.Class() == ir.Signed {
		out = fmt.Sprintf("%s < 0 ? -1 : 0", x[0])
	}
	return fmt.Sprintf("(ulong(%[2]s) >= %[3]dul ? %[4]s(%[5]s) : %[4]s(%[1]s >> %[2]s))", x[0], x[1], 8*t.Size(), computed[t], out)
}
