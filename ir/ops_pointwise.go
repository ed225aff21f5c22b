package ir

import (
	"errors"
	"fmt"
	"math"
)

// CastAttrs is the dtype to convert to.
type CastAttrs struct{ DType DType }

// Every row below is one op whose meaning is its scalar body: the evaluator, both
// backends and the derivative come from it.
var pointwiseOps = append([]*Op{
	unaryFn("neg", "-x", Neg, floats|ints, exact),
	unaryFn("abs", "|x|", Abs, floats|ints, exact),
	unaryFn("sign", "-1, 0 or 1", Sign, floats|ints, exact),
	unaryFn("sqrt", "the square root", Sqrt, floats, rounded).sample(SamplePositive),
	unaryFn("rsqrt", "1/sqrt(x)", Rsqrt, floats, ulps(2)).sample(SamplePositive),
	unaryFn("exp", "e to the power x", Exp, floats, ulps(2)),
	unaryFn("exp2", "2 to the power x", Exp2, floats, ulps(2)),
	unaryFn("expm1", "exp(x) - 1, exact near 0", Expm1, floats, ulps(2)),
	unaryFn("log", "the natural logarithm", Log, floats, ulps(2)).sample(SamplePositive),
	unaryFn("log2", "the logarithm to base 2", Log2, floats, ulps(2)).sample(SamplePositive),
	unaryFn("log1p", "log(1 + x), exact near 0", Log1p, floats, ulps(2)).sample(SamplePositive),
	unaryFn("sin", "the sine", Sin, floats, ulps(2)),
	unaryFn("cos", "the cosine", Cos, floats, ulps(2)),
	unaryFn("tan", "the tangent", Tan, floats, ulps(4)).sample(SampleUnit),
	unaryFn("asin", "the arc sine", Asin, floats, ulps(2)).sample(SampleUnit),
	unaryFn("acos", "the arc cosine", Acos, floats, ulps(2)).sample(SampleUnit),
	unaryFn("atan", "the arc tangent", Atan, floats, ulps(2)),
	unaryFn("sinh", "the hyperbolic sine", Sinh, floats, ulps(4)),
	unaryFn("cosh", "the hyperbolic cosine", Cosh, floats, ulps(4)),
	unaryFn("tanh", "the hyperbolic tangent", Tanh, floats, ulps(2)),
	unaryFn("asinh", "the inverse of sinh", Asinh, floats, ulps(4)),
	unaryFn("acosh", "the inverse of cosh, NaN below 1", Acosh, floats, ulps(4)).sample(SampleAboveOne),
	unaryFn("atanh", "the inverse of tanh", Atanh, floats, ulps(4)).sample(SampleUnit),
	unaryFn("erf", "the error function", Erf, floats, ulps(2)),
	unaryFn("erfc", "1 - erf(x), without its cancellation", Erfc, floats, ulps(16)),
	unaryFn("erfinv", "the inverse of erf", Erfinv, floats, ulps(4)).sample(SampleUnit),
	unaryFn("floor", "rounded down", Floor, floats, exact),
	unaryFn("ceil", "rounded up", Ceil, floats, exact),
	unaryFn("round", "rounded to nearest, half to even", Round, floats, exact),
	unaryFn("trunc", "rounded toward 0", Trunc, floats, exact),
	unaryFn("isnan", "whether x is NaN", IsNaN, floats, exact),
	unaryFn("isinf", "whether x is infinite", IsInf, floats, exact),
	unaryFn("not", "the opposite; of an integer, every bit", Not, ints|bools, exact),
	unaryFn("popcount", "the number of bits that are 1", Popcount, ints, exact),

	binaryFn("add", "x + y", Add, floats|ints, rounded).commutes(),
	binaryFn("sub", "x - y", Sub, floats|ints, rounded),
	binaryFn("mul", "x * y", Mul, floats|ints, rounded).commutes(),
	binaryFn("div", "x / y; of integers, rounded down, and 0 where y is 0", Div, floats|ints, rounded),
	binaryFn("mod", "x - y*floor(x/y), which has the sign of y; of integers, 0 where y is 0", Mod, floats|ints, ulps(2)),
	binaryFn("pow", "x to the power y", Pow, floats|ints, ulps(4)).sample(SamplePositive),
	binaryFn("maximum", "the larger; NaN if one is", Max, floats|ints, exact).commutes(),
	binaryFn("minimum", "the smaller; NaN if one is", Min, floats|ints, exact).commutes(),
	binaryFn("eq", "x == y", Eq, floats|ints|bools, exact).commutes(),
	binaryFn("ne", "x != y", Ne, floats|ints|bools, exact).commutes(),
	binaryFn("lt", "x < y", Lt, floats|ints, exact),
	binaryFn("le", "x <= y", Le, floats|ints, exact),
	binaryFn("and", "both; of integers, bit by bit", And, ints|bools, exact).commutes(),
	binaryFn("or", "either; of integers, bit by bit", Or, ints|bools, exact).commutes(),
	binaryFn("xor", "one of the two; of integers, bit by bit", Xor, ints|bools, exact).commutes(),
	binaryFn("shl", "x shifted left by y bits; 0 from the width on", Shl, ints, exact),
	binaryFn("shr", "x shifted right by y bits, keeping the sign", Shr, ints, exact),

	body("gt", "x > y", 2, floats|ints, exact, func(x ...S) S { return x[1].Lt(x[0]) }),
	body("ge", "x >= y", 2, floats|ints, exact, func(x ...S) S { return x[1].Fn(Le, x[0]) }),
	body("clip", "x within [lo, hi]; NaN stays", 3, floats|ints, exact, func(x ...S) S { return x[0].Fn(Max, x[1]).Fn(Min, x[2]) }),
	body("sigmoid", "1/(1 + exp(-x))", 1, floats, ulps(4), func(x ...S) S { return sigmoid(x[0]) }),
	body("relu", "max(x, 0)", 1, floats|ints, exact, func(x ...S) S { return x[0].Fn(Max, x[0].Num(0)) }),
	body("leaky_relu", "x where x > 0, else y*x", 2, floats, rounded, func(x ...S) S {
		return x[0].Num(0).Lt(x[0]).Select(x[0], x[0].Mul(x[1]))
	}),
	body("silu", "x*sigmoid(x)", 1, floats, vanishing(8), func(x ...S) S { return x[0].Mul(sigmoid(x[0])) }),
	unaryFn("gelu", "x*(1 + erf(x/sqrt(2)))/2, without its cancellation", Gelu, floats, vanishing(16)),
	body("gelu_tanh", "x*(1 + tanh(t))/2, as x*sigmoid(2*t), with t = sqrt(2/pi)*(x + 0.044715*x³)", 1, floats, vanishing(64), func(x ...S) S {
		inner := x[0].Mul(x[0]).Mul(x[0].Num(0.044715)).Add(x[0].Num(1)).Mul(x[0])
		return x[0].Mul(sigmoid(inner.Mul(x[0].Num(2 * math.Sqrt(2/math.Pi)))))
	}),
	body("gelu_quick", "x*sigmoid(1.702*x)", 1, floats, vanishing(8), func(x ...S) S {
		return x[0].Mul(sigmoid(x[0].Mul(x[0].Num(1.702))))
	}),
	body("softplus", "log(1 + exp(x)), as max(x, 0) + log1p(exp(-|x|))", 1, floats, ulps(8), func(x ...S) S {
		return x[0].Fn(Max, x[0].Num(0)).Add(x[0].Fn(Abs).Neg().Fn(Exp).Fn(Log1p))
	}),
}, where, cast)

// sigmoid computes with exp(-|x|), which neither overflows nor, for negative x,
// takes the result to 0 before its time.
func sigmoid(x S) S {
	t := x.Fn(Abs).Neg().Fn(Exp)
	return x.Lt(x.Num(0)).Select(t, x.Num(1)).Div(t.Add(x.Num(1)))
}

var where = &Op{
	Name: "where", Kind: KindElementwise, Operands: []string{"c", "x", "y"}, Grad: GradBody,
	Doc: "x where c holds, else y; it selects, so what is not chosen has no influence",
	Rules: []Rule{operands("where", 3), dtypeOf("where", 0, bools), sameType("where", 1), {"where/shape", "the condition has the shape of the others", func(in *Instr) error {
		if c, x := in.Args[0].Type, in.Args[1].Type; !EqualShapes(c.Shape, x.Shape) {
			return fmt.Errorf("shapes differ: %s and %s", c, x)
		}
		return nil
	}}},
	Type: likeArg(1),
	Body: func(x ...S) S { return x[0].Select(x[1], x[2]) },
}

var cast = &Op{
	Name: "cast", Kind: KindElementwise, Operands: []string{"x"}, Attrs: CastAttrs{}, Grad: GradPending,
	Doc: "converted: a float to an integer truncates and saturates, NaN gives 0; narrowing floats round to nearest even",
	Rules: []Rule{operands("cast", 1), {"cast/dtype", "the dtype is given, and elements have it", func(in *Instr) error {
		switch t := in.Attrs.(CastAttrs).DType; {
		case t == Invalid:
			return errors.New("the dtype is not given")
		case t.IsQuantised():
			return fmt.Errorf("only params are %s", t)
		}
		return nil
	}}},
	Tolerance: rounded,
	Type:      func(in *Instr) ([]Type, error) { return typed(in.Attrs.(CastAttrs).DType, in.Args[0].Type.Shape) },
	Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
		return p.Cast(in.Attrs.(CastAttrs).DType, p.Arg(in.Args[0], at))
	},
	Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
		return env.fill(in.Result().Type, func(out *Tensor, n int, _ []int) { out.set(n, convert(args[0].at(n), args[0].DType, out.DType)) })
	},
}

func unaryFn(name, doc string, fn Fn, c classes, tol Tolerance) *Op {
	return body(name, doc, 1, c, tol, func(x ...S) S { return x[0].Fn(fn) })
}

func binaryFn(name, doc string, fn Fn, c classes, tol Tolerance) *Op {
	return body(name, doc, 2, c, tol, func(x ...S) S { return x[0].Fn(fn, x[1]) })
}

func body(name, doc string, arity int, c classes, tol Tolerance, f func(x ...S) S) *Op {
	op := &Op{
		Name: name, Kind: KindElementwise, Operands: []string{"x", "y", "z"}[:arity], Doc: doc,
		Rules: []Rule{operands(name, arity)},
		Body:  f, Tolerance: tol,
	}
	if c&floats != 0 && bodyType(op, F32) != Bool {
		op.Grad = GradBody
	}
	if c != floats|ints|bools {
		op.Rules = append(op.Rules, dtypeOf(name, 0, c))
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
