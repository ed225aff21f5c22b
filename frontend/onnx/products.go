package onnx

import (
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// products are the operators that multiply matrices.
var products = map[string]handler{
	"MatMul": pairwise(matmul),
	"Gemm":   one(gemm),
	"Einsum": one(einsum),
}

// matmul multiplies as NumPy does: vectors are rows or columns, and leading axes broadcast.
func matmul(a, b mlx.Value) mlx.Value {
	row, column := a.Type().Rank() == 1, b.Type().Rank() == 1
	if row {
		a = a.Reshape(ir.N(1), a.Type().Shape[0])
	}
	if column {
		b = b.Reshape(b.Type().Shape[0], ir.N(1))
	}
	y := a.MatMul(b)
	shape := slices.Clone(y.Type().Shape)
	if len(shape) < 2 { // poison
		return y
	}
	if column {
		shape = shape[:len(shape)-1]
	}
	if row {
		at := len(shape) - 2
		if column {
			at++
		}
		shape = slices.Delete(shape, at, at+1)
	}
	if row || column {
		y = y.Reshape(shape...)
	}
	return y
}

func gemm(n *node) mlx.Value {
	a, b := n.x(0), n.x(1)
	if n.attrInt("transA", 0) != 0 {
		a = a.T()
	}
	if n.attrInt("transB", 0) != 0 {
		b = b.T()
	}
	y := scaled(a.MatMul(b), n.attrFloat("alpha", 1))
	if n.has(2) {
		y = y.Add(scaled(n.x(2), n.attrFloat("beta", 1)))
	}
	return y
}

func scaled(x mlx.Value, by float64) mlx.Value {
	if by == 1 {
		return x
	}
	return x.MulN(by)
}
