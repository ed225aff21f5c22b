package mlx

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// Number is a constant of a dtype, of rank 0.
func (b *Builder) Number(t DType, x float64) Value { return b.Full(t, x) }

// Full has one number everywhere.
func (b *Builder) Full(t DType, x float64, shape ...Dim) Value {
	return b.Op("const", ir.ConstAttrs{Value: x, DType: t, Shape: slices.Clone(shape)})
}

// Zeros are 0 everywhere.
func (b *Builder) Zeros(t DType, shape ...Dim) Value { return b.Full(t, 0, shape...) }

// Ones are 1 everywhere.
func (b *Builder) Ones(t DType, shape ...Dim) Value { return b.Full(t, 1, shape...) }

// Array is the vector of the numbers.
func (b *Builder) Array(t DType, xs ...float64) Value {
	if len(xs) == 0 {
		return b.errorf("an array of no elements")
	}
	parts := make([]Value, len(xs))
	for i, x := range xs {
		parts[i] = b.Number(t, x)
	}
	return Stack(0, parts...)
}

// Arange is the vector 0, 1 ... n - 1.
func (b *Builder) Arange(t DType, n Dim) Value {
	return b.Op("iota", ir.IotaAttrs{DType: t, Shape: []Dim{n}})
}

// Eye is the matrix [n, m] with 1 on the diagonal, and 0 off it.
func (b *Builder) Eye(t DType, n, m Dim) Value {
	rows := b.Op("iota", ir.IotaAttrs{DType: I32, Shape: []Dim{n, m}})
	columns := b.Op("iota", ir.IotaAttrs{DType: I32, Shape: []Dim{n, m}, Axis: 1})
	return rows.Eq(columns).To(t)
}
