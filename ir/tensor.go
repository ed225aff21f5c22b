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

// setNumber stores x, which is integral where the dtype is no float's.
func (t *Tensor) setNumber(n int, x float64) { t.set(n, numberOf(t.DType, x)) }

func (t *Tensor) copyFrom(n int, x *Tensor, m int) { t.set(n, x.at(m)) }

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

// numberOf is x in a dtype; x is integral where that is no float's.
func numberOf(t DType, x float64) number {
	switch {
	case t.IsFloat():
		return number{f: roundTo(x, t)}
	case t == U64 && x >= 1<<63:
		return number{i: int64(uint64(x))}
	}
	return number{i: wrap(int64(x), t)}
}

// limits of an integer dtype: the least number, and the first that is too large.
func (t DType) limits() (lo, hi float64) {
	width := 8 * t.Size()
	if t.Class() == Unsigned {
		return 0, math.Ldexp(1, width)
	}
	hi = math.Ldexp(1, width-1)
	return -hi, hi
}

// holds reports whether x has a place in t; floats round, so theirs hold all.
func (t DType) holds(x float64) bool {
	switch t.Class() {
	case Float:
		return true
	case Boolean:
		return x == 0 || x == 1
	}
	lo, hi := t.limits()
	return x == math.Trunc(x) && lo <= x && x < hi
}

// convert follows NUMERICS: to an integer it truncates and saturates, NaN gives
// 0; to a narrower float it rounds to nearest even.
func convert(v number, from, to DType) number {
	switch {
	case from.IsFloat() && to.IsFloat():
		return number{f: roundTo(v.f, to)}
	case from.IsFloat():
		return number{i: truncate(v.f, to)}
	case !to.IsFloat():
		return number{i: wrap(v.i, to)}
	case to == F64 && from == U64:
		return number{f: float64(uint64(v.i))}
	case to == F64:
		return number{f: float64(v.i)}
	case from == U64: // at once, not by way of f64, which would round twice
		return number{f: roundTo(float64(float32(uint64(v.i))), to)}
	}
	return number{f: roundTo(float64(float32(v.i)), to)}
}

func truncate(x float64, t DType) int64 {
	if t == Bool {
		return bit(x != 0)
	}
	lo, hi := t.limits()
	switch x = math.Trunc(x); {
	case math.IsNaN(x):
		return 0
	case x < lo:
		x = lo
	case x >= hi:
		return wrap(-1, t) &^ int64(lo) // the greatest: all bits but the sign
	}
	if t == U64 {
		return int64(uint64(x))
	}
	return int64(x)
}

// roundTo rounds x to the nearest number of a float dtype; other dtypes leave it.
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

// Convert is a copy in another dtype, by the rules of casts.
func (t *Tensor) Convert(to DType) *Tensor {
	out := NewTensor(to, t.Shape...)
	for i := range t.Len() {
		out.set(i, convert(t.at(i), t.DType, to))
	}
	return out
}

// Number is element i as a float64, which large 64-bit integers are rounded to.
func (t *Tensor) Number(i int) float64 {
	switch {
	case t.F != nil:
		return t.F[i]
	case t.DType == U64:
		return float64(uint64(t.I[i]))
	}
	return float64(t.I[i])
}
