package runtime

import (
	"encoding/binary"
	"math"

	"github.com/mlxc/mlxc/runtime/cpu"
)

// convert is a copy of an array of floats as another dtype of floats, rounded
// once to nearest even.
func convert(a *Array, dtype DType) (*Array, error) {
	b, err := NewArray(dtype, a.shape...)
	if err != nil {
		return nil, err
	}
	for i := range a.Len() {
		putNumber(dtype, b.bytes[i*dtype.Size():], getFloat(a.dtype, a.bytes[i*a.dtype.Size():]))
	}
	return b, nil
}

// filled is an array of numbers, as many as it has elements, or one.
func filled(dtype DType, shape []int, numbers []float64) (*Array, error) {
	a, err := NewArray(dtype, shape...)
	if err != nil {
		return nil, err
	}
	a.fill(numbers)
	return a, nil
}

// fill stores numbers, as many as there are elements, or one everywhere.
func (a *Array) fill(numbers []float64) {
	size := a.dtype.Size()
	for i, x := range numbers[:min(len(numbers), a.Len())] {
		putNumber(a.dtype, a.bytes[i*size:], x)
	}
	for n := size * len(numbers); n > 0 && n < len(a.bytes); n *= 2 {
		copy(a.bytes[n:], a.bytes[:n])
	}
}

// Floats reads as many floats of a dtype from bytes as x has.
func Floats(dtype DType, b []byte, x []float64) {
	size := dtype.Size()
	for i := range x {
		x[i] = getFloat(dtype, b[i*size:])
	}
}

// PutFloats writes floats as a dtype of floats, rounded once to nearest even.
func PutFloats(dtype DType, b []byte, x []float64) {
	size := dtype.Size()
	for i := range x {
		putNumber(dtype, b[i*size:], x[i])
	}
}

func getFloat(dtype DType, b []byte) float64 {
	switch dtype {
	case F64:
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	case F32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	case F16:
		return float64(cpu.F16ToF32(binary.LittleEndian.Uint16(b)))
	}
	return float64(cpu.BF16ToF32(binary.LittleEndian.Uint16(b)))
}

func putNumber(dtype DType, b []byte, x float64) {
	bits := uint64(cpu.ToInt[int64](x))
	switch dtype {
	case F64:
		bits = math.Float64bits(x)
	case F32:
		bits = uint64(math.Float32bits(float32(x)))
	case F16:
		bits = uint64(cpu.F32ToF16(toOdd(x)))
	case BF16:
		bits = uint64(cpu.F32ToBF16(toOdd(x)))
	case U64:
		bits = cpu.ToInt[uint64](x)
	case Bool:
		bits = uint64(cpu.Byte(x != 0))
	}
	for i := range dtype.Size() {
		b[i] = byte(bits >> (8 * i))
	}
}

// toOdd narrows x such that a second rounding gives what one rounding of x would:
// an inexact result is the neighbour of x whose last bit is odd (Boldo and
// Melquiond, Emulation of FMA and correctly rounded sums, 2008).
func toOdd(x float64) float32 {
	y := math.Float32bits(float32(x))
	near := float64(math.Float32frombits(y))
	if x != x || near == x || y&1 != 0 {
		return math.Float32frombits(y)
	}
	if math.Abs(near) < math.Abs(x) {
		return math.Float32frombits(y + 1)
	}
	return math.Float32frombits(y - 1)
}
