package onnx

import (
	"math"
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// pointwise are the operators that compute each element from those at its place.
var pointwise = map[string]handler{
	"Abs": unary(mlx.Abs), "Acos": unary(mlx.Acos), "Acosh": unary(mlx.Acosh), "Asin": unary(mlx.Asin), "Asinh": unary(mlx.Asinh),
	"Atan": unary(mlx.Atan), "Atanh": unary(mlx.Atanh), "BitwiseNot": unary(mlx.Value.Not), "Ceil": unary(mlx.Ceil), "Cos": unary(mlx.Cos),
	"Cosh": unary(mlx.Cosh), "Erf": unary(mlx.Erf), "Exp": unary(mlx.Exp), "Floor": unary(mlx.Floor), "IsNaN": unary(mlx.IsNaN),
	"Log": unary(mlx.Log), "Neg": unary(mlx.Value.Neg), "Not": unary(mlx.Value.Not), "Relu": unary(mlx.ReLU), "Round": unary(mlx.Round),
	"Sigmoid": unary(mlx.Sigmoid), "Sign": unary(mlx.Sign), "Sin": unary(mlx.Sin), "Sinh": unary(mlx.Sinh), "Softplus": unary(mlx.Softplus),
	"Sqrt": unary(mlx.Sqrt), "Tan": unary(mlx.Tan), "Tanh": unary(mlx.Tanh),

	"Reciprocal": unary(func(x mlx.Value) mlx.Value { return number(x, 1).Div(x) }),
	"HardSwish": unary(func(x mlx.Value) mlx.Value {
		return x.Mul(mlx.Clip(x.DivN(6).AddN(0.5), number(x, 0), number(x, 1)))
	}),
	"Softsign": unary(func(x mlx.Value) mlx.Value { return x.Div(mlx.Abs(x).AddN(1)) }),
	"Mish":     unary(func(x mlx.Value) mlx.Value { return x.Mul(mlx.Tanh(mlx.Softplus(x))) }),

	"Add": pairwise(mlx.Value.Add), "Sub": pairwise(mlx.Value.Sub), "Mul": pairwise(mlx.Value.Mul), "Div": pairwise(div), "Pow": one(pow),
	"Mod": one(mod), "And": pairwise(mlx.Value.And), "Or": pairwise(mlx.Value.Or), "Xor": pairwise(mlx.Value.Xor),
	"BitwiseAnd": pairwise(mlx.Value.And), "BitwiseOr": pairwise(mlx.Value.Or), "BitwiseXor": pairwise(mlx.Value.Xor),
	"Equal": pairwise(mlx.Value.Eq), "Greater": pairwise(mlx.Value.Gt), "GreaterOrEqual": pairwise(mlx.Value.Ge),
	"Less": pairwise(mlx.Value.Lt), "LessOrEqual": pairwise(mlx.Value.Le), "BitShift": one(bitShift),
	"PRelu": one(prelu),

	"Max": variadic(mlx.Maximum), "Min": variadic(mlx.Minimum), "Sum": variadic(mlx.Value.Add),
	"Mean": one(func(n *node) mlx.Value { return n.folded(mlx.Value.Add).DivN(float64(len(n.in))) }),

	"BitCast":  bitCast,
	"Identity": func(n *node) { n.setValue(0, n.arg(0)) },
	"Where":    one(func(n *node) mlx.Value { return mlx.Where(n.x(0), n.x(1), n.x(2)) }),
	"Clip":     one(clip), "Cast": one(cast), "CastLike": one(func(n *node) mlx.Value { return n.x(0).To(n.typ(1).DType) }),
	"IsInf": one(isInf), "Gelu": one(gelu), "Elu": one(elu), "Celu": one(celu), "Selu": one(selu),
	"HardSigmoid": one(hardSigmoid), "LeakyRelu": one(leakyReLU), "ThresholdedRelu": one(thresholded), "Shrink": one(shrink), "Swish": one(swish),
}

func unary(f func(x mlx.Value) mlx.Value) handler {
	return one(func(n *node) mlx.Value { return f(n.x(0)) })
}

func pairwise(f func(x, y mlx.Value) mlx.Value) handler {
	return one(func(n *node) mlx.Value { return f(n.pair()) })
}

func variadic(f func(x, y mlx.Value) mlx.Value) handler {
	return one(func(n *node) mlx.Value { return n.folded(f) })
}

// folded applies f to the inputs, from the left.
func (n *node) folded(f func(x, y mlx.Value) mlx.Value) mlx.Value {
	x := n.x(0)
	for i := 1; i < len(n.in); i++ {
		x = f(x, n.x(i))
	}
	return x
}

// number is a constant of x's dtype.
func number(x mlx.Value, v float64) mlx.Value { return x.Builder().Number(x.Type().DType, v) }

// pair are two inputs that broadcast. Before opset 7 an attribute says so, and where the
// axes of the second are in the first.
func (n *node) pair() (x, y mlx.Value) {
	x, y = n.x(0), n.x(1)
	if n.version >= 7 || n.attrInt("broadcast", 0) == 0 || !n.given("axis") {
		return x, y
	}
	rank, shape := x.Type().Rank(), slices.Clone(y.Type().Shape)
	for range rank - n.axis(n.attrInt("axis", 0), rank) - len(shape) {
		shape = append(shape, ir.N(1))
	}
	return x, y.Reshape(shape...)
}

// div divides as C does: integers are truncated.
func div(x, y mlx.Value) mlx.Value {
	q := x.Div(y)
	if x.Type().DType.Class() != ir.Signed {
		return q
	}
	inexact := q.Mul(y).Ne(x).And(x.LtN(0).Ne(y.LtN(0)))
	return q.Add(inexact.To(q.Type().DType))
}

func mod(n *node) mlx.Value {
	x, y := n.pair()
	r := x.Mod(y)
	if n.attrInt("fmod", 0) == 0 || x.Type().DType.Class() == ir.Unsigned {
		return r
	}
	// fmod has the sign of x
	return mlx.Where(r.NeN(0).And(x.LtN(0).Ne(y.LtN(0))), r.Sub(y), r)
}

// pow has the dtype of its base.
func pow(n *node) mlx.Value {
	x, y := n.pair()
	t := x.Type().DType
	switch u := y.Type().DType; {
	case t == u:
		return x.Pow(y)
	case t.IsFloat():
		return x.Pow(y.To(t))
	case u.IsFloat():
		return x.To(u).Pow(y).To(t)
	}
	return x.Pow(y.To(t))
}

func bitShift(n *node) mlx.Value {
	x, y := n.pair()
	if n.attrString("direction", "") == "LEFT" {
		return mlx.Shl(x, y)
	}
	return mlx.Shr(x, y)
}

// prelu has a slope that broadcasts to x; before opset 7 one of rank 1 is that of channels.
func prelu(n *node) mlx.Value {
	x, slope := n.x(0), n.x(1)
	if n.version < 7 && slope.Type().Rank() == 1 {
		shape := slices.Clone(slope.Type().Shape)
		for range x.Type().Rank() - 2 {
			shape = append(shape, ir.N(1))
		}
		slope = slope.Reshape(shape...)
	}
	return mlx.Where(x.LtN(0), x.Mul(slope), x)
}

// clip has bounds as inputs since opset 11, as attributes before.
func clip(n *node) mlx.Value {
	x := n.x(0)
	if n.version < 11 {
		return mlx.Clip(x, number(x, n.attrFloat("min", math.Inf(-1))), number(x, n.attrFloat("max", math.Inf(1))))
	}
	if n.has(1) {
		x = mlx.Maximum(x, n.x(1))
	}
	if n.has(2) {
		x = mlx.Minimum(x, n.x(2))
	}
	return x
}

// cast converts. Before opset 6 the dtype is named by text.
func cast(n *node) mlx.Value {
	a := n.attribute("to")
	if a == nil {
		n.fail("attribute to is missing")
	}
	to := int32(a.I)
	if len(a.S) > 0 {
		to = oldDTypes[string(a.S)]
	}
	return n.x(0).To(dtypeOf(to, nodeName(n.pb)+": the result"))
}

var oldDTypes = map[string]int32{
	"FLOAT": 1, "UINT8": 2, "INT8": 3, "UINT16": 4, "INT16": 5, "INT32": 6, "INT64": 7, "STRING": 8, "BOOL": 9, "FLOAT16": 10, "DOUBLE": 11, "UINT32": 12, "UINT64": 13,
}

func isInf(n *node) mlx.Value {
	x := n.x(0)
	below, above := n.attrInt("detect_negative", 1) != 0, n.attrInt("detect_positive", 1) != 0
	switch {
	case below && above:
		return mlx.IsInf(x)
	case below:
		return x.EqN(math.Inf(-1))
	case above:
		return x.EqN(math.Inf(1))
	}
	return mlx.IsInf(x).And(mlx.IsInf(x).Not())
}

func gelu(n *node) mlx.Value {
	if n.attrString("approximate", "none") == "tanh" {
		return mlx.GELUTanh(n.x(0))
	}
	return mlx.GELU(n.x(0))
}

func elu(n *node) mlx.Value {
	x := n.x(0)
	return mlx.Where(x.GtN(0), x, mlx.Expm1(x).MulN(n.attrFloat("alpha", 1)))
}

func celu(n *node) mlx.Value {
	x, alpha := n.x(0), n.attrFloat("alpha", 1)
	return mlx.Where(x.GtN(0), x, mlx.Expm1(x.DivN(alpha)).MulN(alpha))
}

// selu has the constants of Klambauer et al., Self-Normalizing Neural Networks, 2017.
func selu(n *node) mlx.Value {
	x, alpha, gamma := n.x(0), n.attrFloat("alpha", 1.67326319217681884765625), n.attrFloat("gamma", 1.05070102214813232421875)
	return mlx.Where(x.GtN(0), x, mlx.Expm1(x).MulN(alpha)).MulN(gamma)
}

func hardSigmoid(n *node) mlx.Value {
	x := n.x(0)
	return mlx.Clip(x.MulN(n.attrFloat("alpha", float64(float32(0.2)))).AddN(n.attrFloat("beta", 0.5)), number(x, 0), number(x, 1))
}

func leakyReLU(n *node) mlx.Value {
	x := n.x(0)
	return mlx.LeakyReLU(x, number(x, n.attrFloat("alpha", float64(float32(0.01)))))
}

func thresholded(n *node) mlx.Value {
	x := n.x(0)
	return mlx.Where(x.GtN(n.attrFloat("alpha", 1)), x, number(x, 0))
}

func shrink(n *node) mlx.Value {
	x, lambda, bias := n.x(0), n.attrFloat("lambd", 0.5), n.attrFloat("bias", 0)
	return mlx.Where(x.LtN(-lambda), x.AddN(bias), mlx.Where(x.GtN(lambda), x.SubN(bias), number(x, 0)))
}

func swish(n *node) mlx.Value {
	x := n.x(0)
	return x.Mul(mlx.Sigmoid(x.MulN(n.attrFloat("alpha", 1))))
}
