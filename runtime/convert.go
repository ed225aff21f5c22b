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
	var x [512]float64
	for from, n := 0, a.Len(); from < n; from += len(x) {
		piece := x[:min(len(x), n-from)]
		Floats(a.dtype, a.bytes[from*a.dtype.Size():], piece)
		PutFloats(dtype, b.bytes[from*dtype.Size():], piece)
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
	le := binary.LittleEndian
	switch dtype {
	case F64:
		for i := range x {
			x[i] = math.Float64frombits(le.Uint64(b[8*i:]))
		}
	case F32:
		for i := range x {
			x[i] = float64(math.Float32frombits(le.Uint32(b[4*i:])))
		}
	case F16:
		for i := range x {
			x[i] = float64(cpu.F16ToF32(le.Uint16(b[2*i:])))
		}
	case BF16:
		for i := range x {
			x[i] = float64(cpu.BF16ToF32(le.Uint16(b[2*i:])))
		}
	}
}

// PutFloats writes floats as a dtype of floats, rounded once to nearest even.
func PutFloats(dtype DType, b []byte, x []float64) {
	size := dtype.Size()
	for i := range x {
		putNumber(dtype, b[i*size:], x[i])
	}
}

func putNumber(dtype DType, b []byte, x float64) {
	var bits uint64
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
	default:
		bits = uint64(cpu.ToInt[int64](x))
	}
	switch dtype.Size() {
	case 8:
		binary.LittleEndian.PutUint64(b, bits)
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(bits))
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(bits))
	case 1:
		b[0] = byte(bits)
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
