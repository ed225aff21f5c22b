package onnx

import (
	"math"
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// random are the operators that draw numbers. Those of a seed are always the same, and not
// those of other implementations, which the specification leaves open.
var random = map[string]handler{
	"RandomNormal":      one(func(n *node) mlx.Value { return n.normal(ir.F32, sizesOf(n.attrInts("shape"))) }),
	"RandomNormalLike":  one(func(n *node) mlx.Value { return n.normal(n.typ(0).DType, n.typ(0).Shape) }),
	"RandomUniform":     one(func(n *node) mlx.Value { return n.uniform(ir.F32, sizesOf(n.attrInts("shape"))) }),
	"RandomUniformLike": one(func(n *node) mlx.Value { return n.uniform(n.typ(0).DType, n.typ(0).Shape) }),
	"Bernoulli":         one(bernoulli),
	"Multinomial":       one(multinomial),
}

// key is that of the seed.
func (n *node) key() mlx.Value {
	if !n.given("seed") {
		n.unsupported("random numbers have a seed here, so that calls give the same: give the node the attribute seed, or its output as an input")
	}
	return n.b.Seed(uint64(math.Float32bits(float32(n.attrFloat("seed", 0)))))
}

// floatAttr is the dtype of the attribute dtype, which must be a float.
func (n *node) floatAttr(missing ir.DType) ir.DType {
	t := n.dtypeAttr("dtype", missing)
	if !t.IsFloat() {
		n.fail("random numbers are floats, not %s", t)
	}
	return t
}

func (n *node) normal(t ir.DType, shape []ir.Size) mlx.Value {
	return mlx.Normal(n.key(), n.floatAttr(t), shape...).MulN(n.attrFloat("scale", 1)).AddN(n.attrFloat("mean", 0))
}

func (n *node) uniform(t ir.DType, shape []ir.Size) mlx.Value {
	return mlx.Uniform(n.key(), n.floatAttr(t), n.attrFloat("low", 0), n.attrFloat("high", 1), shape...)
}

func bernoulli(n *node) mlx.Value {
	p := n.x(0)
	t := n.dtypeAttr("dtype", p.Type().DType)
	return mlx.Bernoulli(n.key(), p, p.Type().Shape...).To(t)
}

// multinomial draws from rows of logarithms of probabilities.
func multinomial(n *node) mlx.Value {
	x, count := n.x(0), n.attrInt("sample_size", 1)
	shape := x.Type().Shape
	if len(shape) != 2 || count < 1 {
		n.fail("%d samples of %s", count, x.Type())
	}
	all := slices.Insert(slices.Clone(shape), 1, ir.N(int64(count)))
	x = x.Reshape(shape[0], ir.N(1), shape[1]).Broadcast(all...)
	return mlx.Categorical(n.key(), x, 2).To(n.dtypeAttr("dtype", ir.I32))
}
