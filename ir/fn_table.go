package ir

import (
	"math"
	"math/bits"
)

// fnRow is all that is known of a scalar function. A nil column means that the
// function does not take operands of that class.
type fnRow struct {
	name  string
	arity int
	float func(x []float64) float64
	int   func(x []int64, t DType) int64 // the result is wrapped to t afterwards
	bool  func(x []int64) int64
	slope func(x []S, y S) []S // derivatives by each operand, y being the result, each like y; nil: none
}

// fnTable describes every Fn. Comparisons and classification give 0 or 1 in the
// float column too. Five functions are evaluated by rules of their own: Select,
// which takes a bool and two operands of any class, the folds ArgMax and ArgMin, and
// Bits and FromBits, which are defined on one dtype alone.
var fnTable = [...]fnRow{
	NoFn: {name: "none"},

	Add: {"add", 2, f2(func(a, b float64) float64 { return a + b }), i2(func(a, b int64) int64 { return a + b }), nil,
		func(x []S, y S) []S { return []S{x[0].Num(1), x[0].Num(1)} }},
	Sub: {"sub", 2, f2(func(a, b float64) float64 { return a - b }), i2(func(a, b int64) int64 { return a - b }), nil,
		func(x []S, y S) []S { return []S{x[0].Num(1), x[0].Num(-1)} }},
	Mul: {"mul", 2, f2(func(a, b float64) float64 { return a * b }), i2(func(a, b int64) int64 { return a * b }), nil,
		func(x []S, y S) []S { return []S{x[1], x[0]} }},
	Div: {"div", 2, f2(func(a, b float64) float64 { return a / b }), intDiv, nil,
		func(x []S, y S) []S { return []S{x[0].Num(1).Div(x[1]), y.Neg().Div(x[1])} }},
	Mod: {"mod", 2, f2(floatMod), intMod, nil,
		func(x []S, y S) []S { return []S{x[0].Num(1), x[0].Div(x[1]).Fn(Floor).Neg()} }},
	// The builtin max and min let NaN win; math.Max(+Inf, NaN) is +Inf.
	Max: {"max", 2, f2(func(a, b float64) float64 { return max(a, b) }), intMax, nil,
		func(x []S, y S) []S { return firstWins(x[1].Fn(Le, x[0]), x[0]) }},
	Min: {"min", 2, f2(func(a, b float64) float64 { return min(a, b) }), intMin, nil,
		func(x []S, y S) []S { return firstWins(x[0].Fn(Le, x[1]), x[0]) }},
	Neg: {"neg", 1, f1(func(a float64) float64 { return -a }), i1(func(a int64) int64 { return -a }), nil,
		func(x []S, y S) []S { return []S{x[0].Num(-1)} }},
	Abs: {"abs", 1, f1(math.Abs), intAbs, nil,
		func(x []S, y S) []S { return []S{x[0].Fn(Sign)} }},
	Sign: {"sign", 1, f1(floatSign), intSign, nil, flat},

	Sqrt: {"sqrt", 1, f1(math.Sqrt), nil, nil,
		func(x []S, y S) []S { return []S{x[0].Num(0.5).Div(y)} }},
	Rsqrt: {"rsqrt", 1, f1(func(a float64) float64 { return 1 / math.Sqrt(a) }), nil, nil,
		func(x []S, y S) []S { return []S{y.Div(x[0]).Mul(x[0].Num(-0.5))} }},
	Exp:  {"exp", 1, f1(math.Exp), nil, nil, func(x []S, y S) []S { return []S{y} }},
	Exp2: {"exp2", 1, f1(math.Exp2), nil, nil, func(x []S, y S) []S { return []S{y.Mul(x[0].Num(math.Ln2))} }},
	Expm1: {"expm1", 1, f1(math.Expm1), nil, nil,
		func(x []S, y S) []S { return []S{y.Add(x[0].Num(1))} }},
	Log: {"log", 1, f1(math.Log), nil, nil,
		func(x []S, y S) []S { return []S{x[0].Num(1).Div(x[0])} }},
	Log2: {"log2", 1, f1(math.Log2), nil, nil,
		func(x []S, y S) []S { return []S{x[0].Num(1 / math.Ln2).Div(x[0])} }},
	Log1p: {"log1p", 1, f1(math.Log1p), nil, nil,
		func(x []S, y S) []S { return []S{x[0].Num(1).Div(x[0].Add(x[0].Num(1)))} }},
	Sin: {"sin", 1, f1(math.Sin), nil, nil, func(x []S, y S) []S { return []S{x[0].Fn(Cos)} }},
	Cos: {"cos", 1, f1(math.Cos), nil, nil, func(x []S, y S) []S { return []S{x[0].Fn(Sin).Neg()} }},
	Tan: {"tan", 1, f1(math.Tan), nil, nil, func(x []S, y S) []S { return []S{y.Mul(y).Add(y.Num(1))} }},
	Asin: {"asin", 1, f1(math.Asin), nil, nil,
		func(x []S, y S) []S { return []S{one(x[0]).Sub(x[0].Mul(x[0])).Fn(Rsqrt)} }},
	Acos: {"acos", 1, f1(math.Acos), nil, nil,
		func(x []S, y S) []S { return []S{one(x[0]).Sub(x[0].Mul(x[0])).Fn(Rsqrt).Neg()} }},
	Atan: {"atan", 1, f1(math.Atan), nil, nil,
		func(x []S, y S) []S { return []S{one(x[0]).Div(x[0].Mul(x[0]).Add(one(x[0])))} }},
	Sinh: {"sinh", 1, f1(math.Sinh), nil, nil, func(x []S, y S) []S { return []S{x[0].Fn(Cosh)} }},
	Cosh: {"cosh", 1, f1(math.Cosh), nil, nil, func(x []S, y S) []S { return []S{x[0].Fn(Sinh)} }},
	Tanh: {"tanh", 1, f1(math.Tanh), nil, nil, func(x []S, y S) []S { return []S{one(y).Sub(y.Mul(y))} }},
	Asinh: {"asinh", 1, f1(math.Asinh), nil, nil,
		func(x []S, y S) []S { return []S{x[0].Mul(x[0]).Add(one(x[0])).Fn(Rsqrt)} }},
	Acosh: {"acosh", 1, f1(math.Acosh), nil, nil,
		func(x []S, y S) []S { return []S{x[0].Mul(x[0]).Sub(one(x[0])).Fn(Rsqrt)} }},
	Atanh: {"atanh", 1, f1(math.Atanh), nil, nil,
		func(x []S, y S) []S { return []S{one(x[0]).Div(one(x[0]).Sub(x[0].Mul(x[0])))} }},
	Erf: {"erf", 1, f1(math.Erf), nil, nil, // 2/sqrt(pi) exp(-x²)
		func(x []S, y S) []S {
			return []S{x[0].Mul(x[0]).Neg().Fn(Exp).Mul(y.Num(2 / math.Sqrt(math.Pi)))}
		}},
	Erfc: {"erfc", 1, f1(math.Erfc), nil, nil, // -2/sqrt(pi) exp(-x²)
		func(x []S, y S) []S {
			return []S{x[0].Mul(x[0]).Neg().Fn(Exp).Mul(y.Num(-2 / math.Sqrt(math.Pi)))}
		}},
	Erfinv: {"erfinv", 1, f1(math.Erfinv), nil, nil,
		func(x []S, y S) []S { return []S{y.Mul(y).Fn(Exp).Mul(y.Num(math.Sqrt(math.Pi) / 2))} }},
	Gelu: {"gelu", 1, f1(floatGelu), nil, nil, // the integral up to x of the normal density, and x times that
		func(x []S, y S) []S {
			normal := x[0].Mul(x[0]).Mul(y.Num(-0.5)).Fn(Exp).Mul(y.Num(1 / math.Sqrt(2*math.Pi)))
			return []S{x[0].Mul(y.Num(-math.Sqrt2 / 2)).Fn(Erfc).Mul(y.Num(0.5)).Add(x[0].Mul(normal))}
		}},
	Pow: {"pow", 2, f2(math.Pow), intPow, nil,
		func(x []S, y S) []S { return []S{x[1].Mul(x[0].Fn(Pow, x[1].Sub(one(x[1])))), y.Mul(x[0].Fn(Log))} }},
	Floor: {"floor", 1, f1(math.Floor), nil, nil, flat},
	Ceil:  {"ceil", 1, f1(math.Ceil), nil, nil, flat},
	Round: {"round", 1, f1(math.RoundToEven), nil, nil, flat},
	Trunc: {"trunc", 1, f1(math.Trunc), nil, nil, flat},

	Eq:    {"eq", 2, test(func(a, b float64) bool { return a == b }), intTest(func(a, b int64) bool { return a == b }), boolTest(func(a, b int64) bool { return a == b }), nil},
	Ne:    {"ne", 2, test(func(a, b float64) bool { return a != b }), intTest(func(a, b int64) bool { return a != b }), boolTest(func(a, b int64) bool { return a != b }), nil},
	Lt:    {"lt", 2, test(func(a, b float64) bool { return a < b }), intLess(func(c int) bool { return c < 0 }), nil, nil},
	Le:    {"le", 2, test(func(a, b float64) bool { return a <= b }), intLess(func(c int) bool { return c <= 0 }), nil, nil},
	IsNaN: {"isnan", 1, f1(func(a float64) float64 { return truth(math.IsNaN(a)) }), nil, nil, nil},
	IsInf: {"isinf", 1, f1(func(a float64) float64 { return truth(math.IsInf(a, 0)) }), nil, nil, nil},

	And: {"and", 2, nil, i2(func(a, b int64) int64 { return a & b }), b2(func(a, b int64) int64 { return a & b }), nil},
	Or:  {"or", 2, nil, i2(func(a, b int64) int64 { return a | b }), b2(func(a, b int64) int64 { return a | b }), nil},
	Xor: {"xor", 2, nil, i2(func(a, b int64) int64 { return a ^ b }), b2(func(a, b int64) int64 { return a ^ b }), nil},
	Not: {"not", 1, nil, i1(func(a int64) int64 { return ^a }), func(x []int64) int64 { return 1 - x[0] }, nil},
	Shl: {"shl", 2, nil, intShl, nil, nil},
	Shr: {"shr", 2, nil, intShr, nil, nil},
	Popcount: {"popcount", 1, nil, func(x []int64, t DType) int64 {
		return int64(bits.OnesCount64(uint64(x[0]) << (64 - 8*t.Size())))
	}, nil, nil},

	Select: {"select", 3, nil, nil, nil, // the condition has no derivative
		func(x []S, y S) []S { return []S{{}, x[0].Select(one(y), zero(y)), x[0].Select(zero(y), one(y))} }},
	ArgMax: {"argmax", 1, nil, nil, nil, nil},
	ArgMin: {"argmin", 1, nil, nil, nil, nil},

	FMA: {"fma", 3, func(x []float64) float64 { return math.FMA(x[0], x[1], x[2]) }, nil, nil,
		func(x []S, y S) []S { return []S{x[1], x[0], one(y)} }},
	Ldexp:     {"ldexp", 2, f2(func(a, b float64) float64 { return math.Ldexp(a, int(b)) }), nil, nil, nil},
	CopySign:  {"copysign", 2, f2(math.Copysign), nil, nil, nil},
	Bits:      {"bits", 1, nil, nil, nil, nil},
	FromBits:  {"from_bits", 1, nil, nil, nil, nil},
	RoundF16:  {"round_f16", 1, f1(roundF16), nil, nil, nil},
	RoundBF16: {"round_bf16", 1, f1(roundBF16), nil, nil, nil},
}

func (fn Fn) String() string { return fnTable[fn].name }

// Arity is the number of operands.
func (fn Fn) Arity() int { return fnTable[fn].arity }

// LookupFn finds a scalar function by name.
func LookupFn(name string) (Fn, bool) {
	for i, row := range fnTable {
		if row.name == name && Fn(i) != NoFn {
			return Fn(i), true
		}
	}
	return NoFn, false
}

// Accepts reports whether fn is defined on operands of dtype t.
func (fn Fn) Accepts(t DType) bool {
	switch fn {
	case Select:
		return true
	case ArgMax, ArgMin:
		return t != Bool
	case Bits:
		return t == F32
	case FromBits:
		return t == I32
	}
	switch row := fnTable[fn]; t.Class() {
	case Float:
		return row.float != nil
	case Boolean:
		return row.bool != nil
	default:
		return row.int != nil
	}
}

// Slope gives the derivatives of y = fn(x...) by each operand as scalar
// expressions; nil if fn has none. At a corner it is that of one side.
func (fn Fn) Slope(x []S, y S) []S {
	if s := fnTable[fn].slope; s != nil {
		return s(x, y)
	}
	return nil
}

func f1(f func(a float64) float64) func([]float64) float64 {
	return func(x []float64) float64 { return f(x[0]) }
}
func f2(f func(a, b float64) float64) func([]float64) float64 {
	return func(x []float64) float64 { return f(x[0], x[1]) }
}
func i1(f func(a int64) int64) func([]int64, DType) int64 {
	return func(x []int64, _ DType) int64 { return f(x[0]) }
}
func i2(f func(a, b int64) int64) func([]int64, DType) int64 {
	return func(x []int64, _ DType) int64 { return f(x[0], x[1]) }
}
func b2(f func(a, b int64) int64) func([]int64) int64 {
	return func(x []int64) int64 { return f(x[0], x[1]) }
}

func one(s S) S  { return s.Num(1) }
func zero(s S) S { return s.Num(0) }

// flat is the derivative of a step function, away from its steps.
func flat(x []S, y S) []S { return []S{x[0].Num(0)} }

// firstWins gives the whole slope to the first operand of max or min where it is
// chosen, else to the second.
func firstWins(chosen, x S) []S {
	return []S{chosen.Select(x.Num(1), x.Num(0)), chosen.Select(x.Num(0), x.Num(1))}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func test(f func(a, b float64) bool) func([]float64) float64 {
	return func(x []float64) float64 { return truth(f(x[0], x[1])) }
}
func intTest(f func(a, b int64) bool) func([]int64, DType) int64 {
	return func(x []int64, _ DType) int64 { return bit(f(x[0], x[1])) }
}
func boolTest(f func(a, b int64) bool) func([]int64) int64 {
	return func(x []int64) int64 { return bit(f(x[0], x[1])) }
}
func intLess(f func(c int) bool) func([]int64, DType) int64 {
	return func(x []int64, t DType) int64 { return bit(f(compareInts(x[0], x[1], t))) }
}

func floatMod(a, b float64) float64 {
	r := math.Mod(a, b)
	if r != 0 && (r < 0) != (b < 0) {
		r += b
	}
	return r
}

// floatGelu cuts x off where the result has long been 0, which no infinity meets.
func floatGelu(x float64) float64 { return max(x, -64) * math.Erfc(-x*(math.Sqrt2/2)) / 2 }

func floatSign(a float64) float64 {
	switch {
	case a > 0:
		return 1
	case a < 0:
		return -1
	}
	return a
}
