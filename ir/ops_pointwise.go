package ir

import (
	"fmt"
	"math"
)

// CastAttrs is the dtype to convert to.
type CastAttrs struct{ DType DType }

// Every row below is one op whose meaning is its scalar body: the evaluator, both
// backends and the derivative come from it.
var pointwiseOps = append([]*Op{
	unary("neg", "-x", Neg, floats|ints, exact),
	unary("abs", "|x|", Abs, floats|ints, exact),
	unary("sign", "-1, 0 or 1", Sign, floats|ints, exact),
	unary("sqrt", "the square root", Sqrt, floats, exact).sample(SamplePositive),
	unary("rsqrt", "1/sqrt(x)", Rsqrt, floats, ulps(2)).sample(SamplePositive),
	unary("exp", "e to the power x", Exp, floats, ulps(2)),
	unary("exp2", "2 to the power x", Exp2, floats, ulps(2)),
	unary("expm1", "exp(x) - 1, exact near 0", Expm1, floats, ulps(2)),
	unary("log", "the natural logarithm", Log, floats, ulps(2)).sample(SamplePositive),
	unary("log2", "the logarithm to base 2", Log2, floats, ulps(2)).sample(SamplePositive),
	unary("log1p", "log(1 + x), exact near 0", Log1p, floats, ulps(2)).sample(SamplePositive),
	unary("sin", "the sine", Sin, floats, ulps(2)),
	unary("cos", "the cosine", Cos, floats, ulps(2)),
	unary("tan", "the tangent", Tan, floats, ulps(4)).sample(SampleUnit),
	unary("asin", "the arc sine", Asin, floats, ulps(2)).sample(SampleUnit),
	unary("acos", "the arc cosine", Acos, floats, ulps(2)).sample(SampleUnit),
	unary("atan", "the arc tangent", Atan, floats, ulps(2)),
	unary("sinh", "the hyperbolic sine", Sinh, floats, ulps(4)),
	unary("cosh", "the hyperbolic cosine", Cosh, floats, ulps(4)),
	unary("tanh", "the hyperbolic tangent", Tanh, floats, ulps(2)),
	unary("asinh", "the inverse of sinh", Asinh, floats, ulps(4)),
	unary("acosh", "the inverse of cosh, NaN below 1", Acosh, floats, ulps(4)),
	unary("atanh", "the inverse of tanh", Atanh, floats, ulps(4)).sample(SampleUnit),
	unary("erf", "the error function", Erf, floats, ulps(2)),
	unary("erfinv", "the inverse of erf", Erfinv, floats, ulps(4)).sample(SampleUnit),
	unary("floor", "rounded down", Floor, floats, exact),
	unary("ceil", "rounded up", Ceil, floats, exact),
	unary("round", "rounded to nearest, half to even", Round, floats, exact),
	unary("trunc", "rounded toward 0", Trunc, floats, exact),
	unary("isnan", "whether x is NaN", IsNaN, floats, exact),
	unary("isinf", "whether x is infinite", IsInf, floats, exact),
	unary("not", "the opposite; of an integer, every bit", Not, ints|bools, exact).sample(SampleBool),
	unary("popcount", "the number of bits that are 1", Popcount, ints, exact),

	binary("add", "x + y", Add, floats|ints, exact).commutes(),
	binary("sub", "x - y", Sub, floats|ints, exact),
	binary("mul", "x * y", Mul, floats|ints, exact).commutes(),
	binary("div", "x / y; of integers, rounded down, and 0 where y is 0", Div, floats|ints, exact),
	binary("mod", "x - y*floor(x/y), which has the sign of y; of integers, 0 where y is 0", Mod, floats|ints, ulps(2)),
	binary("pow", "x to the power y", Pow, floats|ints, ulps(4)).sample(SamplePositive),
	binary("maximum", "the larger; NaN if one is", Max, floats|ints, exact).commutes(),
	binary("minimum", "the smaller; NaN if one is", Min, floats|ints, exact).commutes(),
	binary("eq", "x == y", Eq, floats|ints|bools, exact).commutes(),
	binary("ne", "x != y", Ne, floats|ints|bools, exact).commutes(),
	binary("lt", "x < y", Lt, floats|ints, exact),
	binary("le", "x <= y", Le, floats|ints, exact),
	binary("and", "both; of integers, bit by bit", And, ints|bools, exact).commutes().sample(SampleBool),
	binary("or", "either; of integers, bit by bit", Or, ints|bools, exact).commutes().sample(SampleBool),
	binary("xor", "one of the two; of integers, bit by bit", Xor, ints|bools, exact).commutes().sample(SampleBool),
	binary("shl", "x shifted left by y bits; 0 from the width on", Shl, ints, exact),
	binary("shr", "x shifted right by y bits, keeping the sign", Shr, ints, exact),

	body("gt", "x > y", 2, floats|ints, exact, func(x ...S) S { return x[1].Lt(x[0]) }),
	body("ge", "x >= y", 2, floats|ints, exact, func(x ...S) S { return x[1].Fn(Le, x[0]) }),
	body("clip", "x within [lo, hi]; NaN stays", 3, floats|ints, exact, func(x ...S) S { return x[0].Fn(Max, x[1]).Fn(Min, x[2]) }),
	body("square", "x²", 1, floats|ints, exact, func(x ...S) S { return x[0].Mul(x[0]) }),
	body("reciprocal", "1/x", 1, floats, exact, func(x ...S) S { return x[0].Num(1).Div(x[0]) }),
	body("sigmoid", "1/(1 + exp(-x))", 1, floats, ulps(4), func(x ...S) S { return sigmoid(x[0]) }),
	body("relu", "max(x, 0)", 1, floats|ints, exact, func(x ...S) S { return x[0].Fn(Max, x[0].Num(0)) }),
	body("leaky_relu", "x where x > 0, else slope*x", 2, floats, exact, func(x ...S) S {
		return x[0].Num(0).Lt(x[0]).Select(x[0], x[0].Mul(x[1]))
	}),
	body("silu", "x*sigmoid(x)", 1, floats, ulps(8), func(x ...S) S { return x[0].Mul(sigmoid(x[0])) }),
	body("gelu", "x*(1 + erf(x/sqrt(2)))/2", 1, floats, ulps(64), func(x ...S) S {
		return x[0].Mul(x[0].Num(0.5)).Mul(x[0].Mul(x[0].Num(math.Sqrt2 / 2)).Fn(Erf).Add(x[0].Num(1)))
	}),
	body("gelu_tanh", "x*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x³)))/2", 1, floats, ulps(64), func(x ...S) S {
		cube := x[0].Mul(x[0]).Mul(x[0]).Mul(x[0].Num(0.044715))
		t := x[0].Add(cube).Mul(x[0].Num(math.Sqrt(2 / math.Pi))).Fn(Tanh)
		return x[0].Mul(x[0].Num(0.5)).Mul(t.Add(x[0].Num(1)))
	}),
	body("gelu_quick", "x*sigmoid(1.702*x)", 1, floats, ulps(8), func(x ...S) S {
		return x[0].Mul(sigmoid(x[0].Mul(x[0].Num(1.702))))
	}),
	body("softplus", "log(1 + exp(x)), as max(x, 0) + log1p(exp(-|x|))", 1, floats, ulps(8), func(x ...S) S {
		return x[0].Fn(Max, x[0].Num(0)).Add(x[0].Fn(Abs).Neg().Fn(Exp).Fn(Log1p))
	}),
}, where, cast)

// sigmoid is stable at both ends: the exponential never overflows to where the
// quotient would be wrong, since 1/(1 + inf) is 0.
func sigmoid(x S) S { return x.Num(1).Div(x.Neg().Fn(Exp).Add(x.Num(1))) }

var where = &Op{
	Name: "where", Kind: KindElementwise, Operands: []string{"c", "x", "y"}, Grad: GradBody,
	Doc:   "x where c holds, else y; it selects, so what is not chosen has no influence",
	Rules: []Rule{operands("where", 3), dtypeOf("where", 0, bools), sameType("where", 1), {"where/shape", "the condition has the shape of the others", sameShape}},
	Type:  likeArg(1),
	Body:  func(x ...S) S { return x[0].Select(x[1], x[2]) },
}

var cast = &Op{
	Name: "cast", Kind: KindElementwise, Operands: []string{"x"}, Attrs: CastAttrs{}, Grad: GradPending,
	Doc:   "converted: a float to an integer truncates and saturates, NaN gives 0; narrowing floats round to nearest even",
	Rules: []Rule{operands("cast", 1)},
	Type:  func(in *Instr) ([]Type, error) { return typed(in.Attrs.(CastAttrs).DType, in.Args[0].Type.Shape) },
	Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
		return p.Cast(in.Attrs.(CastAttrs).DType, p.Arg(in.Args[0], at))
	},
	Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
		return env.fill(in.Result().Type, func(out *Tensor, n int, _ []int) { out.convertFrom(n, args[0], n) })
	},
}

func sameShape(in *Instr) error {
	if !EqualShapes(in.Args[0].Type.Shape, in.Args[1].Type.Shape) {
		return fmt.Errorf("shapes differ: %s and %s", in.Args[0].Type, in.Args[1].Type)
	}
	return nil
}

// exact is the tolerance of functions that IEEE rounds correctly: one rounding.
var exact = ulps(1)

// ulps is a tolerance of n units in the last place of f32.
func ulps(n float64) Tolerance {
	return Tolerance{Rel: n / (1 << 23), Abs: n * math.SmallestNonzeroFloat32}
}

func unary(name, doc string, fn Fn, c classes, tol Tolerance) *Op {
	return body(name, doc, 1, c, tol, func(x ...S) S { return x[0].Fn(fn) })
}

func binary(name, doc string, fn Fn, c classes, tol Tolerance) *Op {
	return body(name, doc, 2, c, tol, func(x ...S) S { return x[0].Fn(fn, x[1]) })
}

func body(name, doc string, arity int, c classes, tol Tolerance, f func(x ...S) S) *Op {
	op := &Op{
		Name: name, Kind: KindElementwise, Operands: []string{"x", "y", "z"}[:arity], Doc: doc,
		Rules: []Rule{operands(name, arity), dtypeOf(name, 0, c)},
		Body:  f, Grad: GradBody, Tolerance: tol,
	}
	if arity > 1 {
		op.Rules = append(op.Rules, sameType(name, 0))
	}
	op.Type = func(in *Instr) ([]Type, error) {
		x := in.Args[0].Type
		return typed(bodyType(op, x.DType), x.Shape)
	}
	return op
}

// bodyType is the dtype that a body gives for operands of dtype t.
func bodyType(op *Op, t DType) DType {
	d := NewDAG()
	var args []S
	for range op.Operands {
		args = append(args, d.Wrap(d.Add(Scalar{Kind: ScalarLoad, DType: t.Compute()})))
	}
	if out := op.Body(args...).V.DType; out != t.Compute() {
		return out
	}
	return t
}

func (op *Op) commutes() *Op { op.Commutative = true; return op }

func (op *Op) sample(s Sampler) *Op { op.Sample = s; return op }
