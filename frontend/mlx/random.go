package mlx

import (
	"math"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// Random numbers are a function of a key, which is u32[2], and a shape. They are those
// of mlx.core.random: bits, keys and numbers from 0 to 1 to the last bit, on every
// target. A key is for one call: SplitKey makes new ones.

// KeyOf is what a state begins with that is to be the key of a number.
func KeyOf(n uint64) ir.Init { return ir.Constant(float64(n>>32), float64(n&math.MaxUint32)) }

// Seed is the key of a number.
func (b *Builder) Seed(n uint64) Value {
	return b.Array(U32, KeyOf(n).Args...)
}

// SplitKey makes n keys of one.
func SplitKey(key Value, n int) []Value {
	keys := make([]Value, max(n, 1))
	bits := RandomBits(key, N(n), N(2))
	for i := range keys {
		keys[i] = bits.At(Pick(N(i)))
	}
	return keys
}

// RandomBits are u32 numbers, each as likely as any other.
func RandomBits(key Value, shape ...Dim) Value {
	return apply("threefry", ir.RandomAttrs{Shape: slices.Clone(shape)}, key)
}

// belowOne is the largest number less than 1; that of f64 is f32's, as are its numbers.
var belowOne = map[DType]float64{F64: 1 - 0x1p-24, F32: 1 - 0x1p-24, F16: 1 - 0x1p-11, BF16: 1 - 0x1p-8}

// Uniform has numbers of a float dtype, from low up to but, save for rounding, not
// including high. Those of f64 have 32 random bits.
func Uniform(key Value, t DType, low, high float64, shape ...Dim) Value {
	if k, ok := key.use("uniform"); ok && !t.IsFloat() {
		return key.b.misuse(k, "random numbers are floats, not %s", t)
	}
	u := RandomBits(key, shape...).To(F32).MulN(0x1p-32).To(t)
	u = Minimum(u, u.like(belowOne[t]))
	if low == 0 && high == 1 {
		return u
	}
	return u.Mul(u.like(high).Sub(u.like(low))).AddN(low)
}

// Normal has numbers of a float dtype whose mean is 0 and whose variance is 1. Those
// of all dtypes are f32's, rounded.
func Normal(key Value, t DType, shape ...Dim) Value {
	if !t.IsFloat() {
		return Uniform(key, t, 0, 1, shape...)
	}
	// erfinv of numbers between -1 and 1, in units of 2^-24, is steep near -1, where f32
	// has whole ones: the evaluator, which has more digits, is to take the same.
	u := Uniform(key, F32, 0, 1, shape...).MulN(0x1p25).AddN(1 - 0x1p24)
	u = Where(u.LtN(-0x1p23), Round(u), u).MulN(0x1p-24)
	return Erfinv(u).MulN(math.Sqrt2).To(t)
}

// Bernoulli is true with probability p, which stretches to the shape.
func Bernoulli(key, p Value, shape ...Dim) Value {
	const scale = 0x1p32 + 0x1p9 // what f32 has above 2^32, so that 1 is always true
	return RandomBits(key, shape...).To(F32).Lt(p.To(F32).MulN(scale))
}

// Categorical draws an index (i32) along an axis, which disappears, with the
// probabilities that a softmax of the logits gives.
func Categorical(key, logits Value, a int) Value {
	gumbel := Log(Log(Uniform(key, F32, 0, 1, logits.Type().Shape...)).Neg()).Neg()
	return ArgMax(logits.To(F32).Add(gumbel), a)
}
