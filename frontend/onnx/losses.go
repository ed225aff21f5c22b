package onnx

import (
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// losses are those of classes, whose axis is the second.
var losses = map[string]handler{
	"NegativeLogLikelihoodLoss": one(func(n *node) mlx.Value { return n.likelihoodLoss(n.x(0)) }),
	"SoftmaxCrossEntropyLoss": func(n *node) {
		y := mlx.LogSoftmax(n.x(0), 1)
		n.set(0, n.likelihoodLoss(y))
		n.set(1, y)
	},
}

// likelihoodLoss is of y, logarithms of the probabilities of classes. Input 1 has the right
// classes, and input 2 the weights of all.
func (n *node) likelihoodLoss(y mlx.Value) mlx.Value {
	class := n.x(1)
	shape := class.Type().Shape
	if len(shape) == 0 || y.Type().Rank() != len(shape)+1 {
		n.fail("classes %s for %s", class.Type(), y.Type())
	}
	loss := mlx.Gather(y, class.Reshape(slices.Insert(slices.Clone(shape), 1, ir.N(1))...), 1).Reshape(shape...).Neg()
	weight := n.b.Ones(y.Type().DType, shape...)
	if n.has(2) {
		weight = mlx.Take(n.x(2), class, 0)
		loss = loss.Mul(weight)
	}
	if n.given("ignore_index") {
		counts := class.NeN(float64(n.attrInt("ignore_index", 0)))
		loss, weight = mlx.Where(counts, loss, number(loss, 0)), mlx.Where(counts, weight, number(weight, 0))
	}
	switch reduction := n.attrString("reduction", "mean"); {
	case reduction == "none":
		return loss
	case reduction == "sum":
		return mlx.Sum(loss)
	case reduction != "mean":
		n.fail("there is no reduction %q", reduction)
	case n.has(2) || n.given("ignore_index"):
		return mlx.Sum(loss).Div(mlx.Sum(weight))
	}
	return mlx.Mean(loss)
}
