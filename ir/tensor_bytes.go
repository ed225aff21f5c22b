package ir

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/x448/float16"
)

// Bytes is the tensor as stored: little-endian elements of its dtype, floats
// rounded to it, bool as 0 or 1.
func (t *Tensor) Bytes() []byte {
	b := make([]byte, t.Len()*t.DType.Size())
	for i := range t.Len() {
		t.DType.encode(b, i, t.at(i))
	}
	return b
}

// TensorOf reads a tensor from its bytes, which must be as many as it needs.
func TensorOf(t DType, shape []int, b []byte) (*Tensor, error) {
	n := int64(t.Size())
	for _, s := range shape {
		var ok bool
		if n, ok = mulInt(n, int64(s)); !ok || s < 0 {
			n = -1
			break
		}
	}
	if n != int64(len(b)) {
		return nil, fmt.Errorf("%s%v does not take %d bytes", t, shape, len(b))
	}
	out := NewTensor(t, shape...)
	for i := range out.Len() {
		out.set(i, t.decode(b, i))
	}
	return out, nil
}

// decode reads element i.
func (t DType) decode(b []byte, i int) number {
	b = b[i*t.Size():]
	switch t {
	case F64:
		return number{f: math.Float64frombits(binary.LittleEndian.Uint64(b))}
	case F32:
		return number{f: float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))}
	case F16:
		return number{f: float64(float16.Frombits(binary.LittleEndian.Uint16(b)).Float32())}
	case BF16:
		return number{f: float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16))}
	case I64, U64:
		return number{i: int64(binary.LittleEndian.Uint64(b))}
	case I32, U32:
		return number{i: wrap(int64(binary.LittleEndian.Uint32(b)), t)}
	case I16, U16:
		return number{i: wrap(int64(binary.LittleEndian.Uint16(b)), t)}
	}
	return number{i: wrap(int64(b[0]), t)}
}

// encode writes element i.
func (t DType) encode(b []byte, i int, v number) {
	b = b[i*t.Size():]
	switch t {
	case F64:
		binary.LittleEndian.PutUint64(b, math.Float64bits(v.f))
	case F32:
		binary.LittleEndian.PutUint32(b, math.Float32bits(float32(v.f)))
	case F16:
		binary.LittleEndian.PutUint16(b, float16.Fromfloat32(float32(v.f)).Bits())
	case BF16:
		binary.LittleEndian.PutUint16(b, uint16(math.Float32bits(float32(roundBF16(v.f)))>>16))
	case I64, U64:
		binary.LittleEndian.PutUint64(b, uint64(v.i))
	case I32, U32:
		binary.LittleEndian.PutUint32(b, uint32(v.i))
	case I16, U16:
		binary.LittleEndian.PutUint16(b, uint16(v.i))
	default:
		b[0] = byte(v.i)
	}
}
