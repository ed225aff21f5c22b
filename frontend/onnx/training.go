package onnx

import (
	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// training are the operators of the domain ai.onnx.preview.training that make a step of an
// optimiser. Their inputs are the rate and the count of updates, then all tensors, all
// gradients, and all of each kind of what the optimiser remembers.
var training = map[string]handler{
	"Adagrad": optimiser(1, adagrad), "Adam": optimiser(2, adam), "Momentum": optimiser(1, momentum),
}

// A step gives the new tensor, and what is remembered of it.
type step func(n *node, x, gradient mlx.Value, memory []mlx.Value) []mlx.Value

// optimiser is the handler of one that remembers so many tensors of each. A gradient has that
// of norm_coefficient*|x|²/2 added.
func optimiser(memories int, f step) handler {
	return func(n *node) {
		count := (len(n.in) - 2) / (2 + memories)
		if count < 1 || len(n.in) != 2+count*(2+memories) {
			n.fail("%d inputs, want 2 and %d for each tensor", len(n.in), 2+memories)
		}
		for i := range count {
			x := n.x(2 + i)
			gradient := x.MulN(n.attrFloat("norm_coefficient", 0)).Add(n.x(2 + count + i))
			memory := make([]mlx.Value, memories)
			for k := range memory {
				memory[k] = n.x(2 + (2+k)*count + i)
			}
			for k, v := range f(n, x, gradient, memory) {
				n.set(k*count+i, v)
			}
		}
	}
}

// updates are how many there were, as a number of x's dtype.
func (n *node) updates(x mlx.Value) mlx.Value { return n.x(1).Reshape().To(x.Type().DType) }

// rate is that of learning.
func (n *node) rate(x mlx.Value) mlx.Value { return n.x(0).Reshape().To(x.Type().DType) }

// apart is what is added to the root of h, which may be 0.
func (n *node) apart(h mlx.Value) mlx.Value {
	return mlx.Sqrt(h).AddN(n.attrFloat("epsilon", float64(float32(1e-6))))
}

func adagrad(n *node, x, g mlx.Value, memory []mlx.Value) []mlx.Value {
	h := memory[0].Add(g.Mul(g))
	rate := n.rate(x).Div(n.updates(x).MulN(n.attrFloat("decay_factor", 0)).AddN(1))
	return []mlx.Value{x.Sub(rate.Mul(g).Div(n.apart(h))), h}
}

func adam(n *node, x, g mlx.Value, memory []mlx.Value) []mlx.Value {
	alpha, beta := n.attrFloat("alpha", float64(float32(0.9))), n.attrFloat("beta", float64(float32(0.999)))
	v := memory[0].MulN(alpha).Add(g.MulN(1 - alpha))
	h := memory[1].MulN(beta).Add(g.Mul(g).MulN(1 - beta))
	t := n.updates(x)
	power := func(of float64) mlx.Value { return number(x, 1).Sub(number(x, of).Pow(t)) }
	rate := mlx.Where(t.GtN(0), n.rate(x).Mul(mlx.Sqrt(power(beta))).Div(power(alpha)), n.rate(x))
	y := x.Sub(rate.Mul(v).Div(n.apart(h)))
	return []mlx.Value{y.MulN(1 - n.attrFloat("norm_coefficient_post", 0)), v, h}
}

func momentum(n *node, x, g mlx.Value, memory []mlx.Value) []mlx.Value {
	alpha := n.attrFloat("alpha", 0)
	scale := mlx.Where(n.updates(x).GtN(0), number(x, n.attrFloat("beta", 0)), number(x, 1))
	v := memory[0].MulN(alpha).Add(scale.Mul(g))
	along := v
	switch mode := n.attrString("mode", ""); mode {
	case "standard":
	case "nesterov":
		along = g.Add(v.MulN(alpha))
	default:
		n.fail("there is no mode %q", mode)
	}
	return []mlx.Value{x.Sub(n.rate(x).Mul(along)), v}
}

// classical are those of the domain ai.onnx.ml.
var classical = map[string]handler{
	"Binarizer": one(func(n *node) mlx.Value {
		x := n.x(0)
		return x.Gt(n.b.Number(ir.F64, n.attrFloat("threshold", 0)).To(x.Type().DType)).To(x.Type().DType)
	}),
}
