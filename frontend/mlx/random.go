package mlx

import (
	"math"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// A key is u32[2]. Random numbers are a function of a key and a shape, laid out as
// those of mlx.core.random: one key gives the same on every target. Bits, keys and
// uniform numbers from 0 to 1 are equal to the last bit.

// Seed is the key of a number.
func (b *Builder) Seed(n uint64) Value {
	return Stack(0, b.Number(ir.U32, float64(n>>32)), b.Number(ir.U32, float64(n&math.MaxUint32)))
}

// SplitKey makes n keys of one, of which nobody should use that one again.
func SplitKey(key Value, n int) []Value {
	return splitKeys(key, n)
}

// RandomBits are u32 numbers, all of which are equally likely.
func RandomBits(key Value, shape ...Dim) Value {
	return apply("threefry", ir.RandomAttrs{Shape: slices.Clone(shape)}, key)
}

// Uniform has numbers of a float dtype from low on and, but for rounding, below high.
func Uniform(key Value, t DType, low, high float64, shape ...Dim) Value {
	return uniform(key, t, low, high, shape)
}
