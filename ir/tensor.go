package ir

import (
	"math"

	"github.com/x448/float16"
)

// A Tensor is a value of the reference evaluator: floats of every width in
// float64, integers and bool in int64 (u64 by its bits), row-major.
type Tensor struct {
	DType DType
	Shape []int
	F     []float64 // floats
	I     []int64   // integers and bool
}

// NewTensor is a tensor of zeros.
func NewTensor(t DType, shape ...int) *Tensor {
	n := 1
	for _, s := range shape {
		n *= s
	}
	out := &Tensor{DType: t, Shape: shape}
	if t.IsFloat() {
		out.F = make([]float64, n)
	} else {
		out.I = make([]int64, n)
	}
	return out
}

// Len is the number of elements.
func (t *Tensor) Len() int { return len(t.F) + len(t.I) }

// offset is the element index of at.
func (t *Tensor) offset(at []int) int {
	n := 0
	for i, a := range at {
		n = n*t.Shape[i] + a
	}
	return n
}

func (t *Tensor) at(n int) number {
	if t.DType.IsFloat() {
		return number{f: t.F[n]}
	}
	return number{i: t.I[n]}
}

func (t *Tensor) set(n int, v number) {
	if t.DType.IsFloat() {
		t.F[n] = v.f
	} else {
		t.I[n] = v.i
	}
}

// setNumber stores x, which is integral where the dtype is an integer's.
func (t *Tensor) setNumber(n int, x float64) { t.set(n, numberOf(t.DType, x)) }

func (t *Tensor) copyFrom(n int, x *Tensor, m int) { t.set(n, x.at(m)) }

func (t *Tensor) convertFrom(n int, x *Tensor, m int) { t.set(n, convert(x.at(m), x.DType, t.DType)) }

// addProduct adds a product of elements to element n.
func (t *Tensor) addProduct(n int, a *Tensor, i int, b *Tensor, j int) {
	if t.DType.IsFloat() {
		t.F[n] += a.F[i] * b.F[j]
	} else {
		t.I[n] = wrap(t.I[n]+a.I[i]*b.I[j], t.DType)
	}
}

// A number is one element: f of a float dtype, i of an integer or bool.
type number struct {
	f float64
	i int64
}

func numberOf(t DType, x float64) number {
	switch {
	case t.IsFloat():
		return number{f: x}
	case t == U64 && x >= 1<<63:
		return number{i: int64(uint64(x))}
	}
	return number{i: wrap(int64(x), t)}
}

// convert follows NUMERICS: to an integer it truncates and saturates, NaN gives
// 0; to a narrower float it rounds to nearest even.
func convert(v number, from, to DType) number {
	x := v.f
	if !from.IsFloat() {
		x = float64(v.i)
		if from == U64 {
			x = float64(uint64(v.i))
		}
		if !to.IsFloat() {
			return number{i: wrap(v.i, to)}
		}
	}
	switch to.Class() {
	case Float:
		return number{f: roundTo(x, to)}
	case Boolean:
		return number{i: bit(x != 0)}
	}
	return number{i: saturate(x, to)}
}

func saturate(x float64, t DType) int64 {
	if math.IsNaN(x) {
		return 0
	}
	x = math.Trunc(x)
	width := 8 * t.Size()
	if t.Class() == Unsigned {
		switch limit := math.Ldexp(1, width); {
		case x <= 0:
			return 0
		case x >= limit:
			return wrap(-1, t)
		}
		return int64(uint64(x))
	}
	switch limit := math.Ldexp(1, width-1); {
	case x < -limit:
		return -1 << (width - 1)
	case x >= limit:
		return 1<<(width-1) - 1
	}
	return int64(x)
}

// roundTo rounds x to the nearest number of a float dtype.
func roundTo(x float64, t DType) float64 {
	switch t {
	case F32:
		return float64(float32(x))
	case F16:
		return roundF16(x)
	case BF16:
		return roundBF16(x)
	}
	return x
}

// Rounding through f32 is rounding twice, which differs from once only where f32
// lands on a tie that x is not on. The kernels do the same: they compute in f32.
func roundF16(x float64) float64 { return float64(float16.Fromfloat32(float32(x)).Float32()) }

func roundBF16(x float64) float64 {
	f := float32(x)
	if f != f {
		return x
	}
	b := math.Float32bits(f)
	b += 0x7fff + b>>16&1
	return float64(math.Float32frombits(b &^ 0xffff))
}

// eachIndex visits the indices of a shape in row-major order.
func eachIndex(shape []int, f func(at []int)) {
	n := 1
	for _, s := range shape {
		n *= s
	}
	at := make([]int, len(shape))
	for range n {
		f(at)
		for i := len(at) - 1; i >= 0; i-- {
			if at[i]++; at[i] < shape[i] {
				break
			}
			at[i] = 0
		}
	}
}
