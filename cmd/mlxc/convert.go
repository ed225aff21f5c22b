package main

import (
	"encoding/binary"
	"math"

	"github.com/x448/float16"

	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// A codec reads and writes one element of a dtype: a float as itself, an integer
// by its bits.
type codec struct {
	dtype runtime.DType
	get   func(b []byte) (float64, int64)
	put   func(b []byte, f float64, i int64)
}

var le = binary.LittleEndian

var codecs = map[ir.DType]codec{
	ir.F64: {runtime.F64, func(b []byte) (float64, int64) { return math.Float64frombits(le.Uint64(b)), 0 },
		func(b []byte, f float64, _ int64) { le.PutUint64(b, math.Float64bits(f)) }},
	ir.F32: {runtime.F32, func(b []byte) (float64, int64) { return float64(math.Float32frombits(le.Uint32(b))), 0 },
		func(b []byte, f float64, _ int64) { le.PutUint32(b, math.Float32bits(float32(f))) }},
	ir.F16: {runtime.F16, func(b []byte) (float64, int64) { return float64(float16.Frombits(le.Uint16(b)).Float32()), 0 },
		func(b []byte, f float64, _ int64) { le.PutUint16(b, float16.Fromfloat32(float32(f)).Bits()) }},
	ir.BF16: {runtime.BF16, func(b []byte) (float64, int64) {
		return float64(math.Float32frombits(uint32(le.Uint16(b)) << 16)), 0
	}, func(b []byte, f float64, _ int64) {
		u := math.Float32bits(float32(f))
		le.PutUint16(b, uint16((u+0x7fff+u>>16&1)>>16))
	}},
	ir.I64:  {runtime.I64, func(b []byte) (float64, int64) { return 0, int64(le.Uint64(b)) }, put64},
	ir.U64:  {runtime.U64, func(b []byte) (float64, int64) { return 0, int64(le.Uint64(b)) }, put64},
	ir.I32:  {runtime.I32, func(b []byte) (float64, int64) { return 0, int64(int32(le.Uint32(b))) }, put32},
	ir.U32:  {runtime.U32, func(b []byte) (float64, int64) { return 0, int64(le.Uint32(b)) }, put32},
	ir.I16:  {runtime.I16, func(b []byte) (float64, int64) { return 0, int64(int16(le.Uint16(b))) }, put16},
	ir.U16:  {runtime.U16, func(b []byte) (float64, int64) { return 0, int64(le.Uint16(b)) }, put16},
	ir.I8:   {runtime.I8, func(b []byte) (float64, int64) { return 0, int64(int8(b[0])) }, put8},
	ir.U8:   {runtime.U8, func(b []byte) (float64, int64) { return 0, int64(b[0]) }, put8},
	ir.Bool: {runtime.Bool, func(b []byte) (float64, int64) { return 0, int64(b[0]) }, put8},
}

func put64(b []byte, _ float64, i int64) { le.PutUint64(b, uint64(i)) }
func put32(b []byte, _ float64, i int64) { le.PutUint32(b, uint32(i)) }
func put16(b []byte, _ float64, i int64) { le.PutUint16(b, uint16(i)) }
func put8(b []byte, _ float64, i int64)  { b[0] = byte(i) }

// toTensor copies an array for the reference evaluator, and for looking at.
func toTensor(a *runtime.Array) *ir.Tensor {
	d, _ := ir.ParseDType(a.DType().String()) // the two packages name dtypes alike
	t := ir.NewTensor(d, a.Shape()...)
	c := codecs[d]
	for i := range t.Len() {
		f, n := c.get(a.Bytes()[i*d.Size():])
		if t.F != nil {
			t.F[i] = f
		} else {
			t.I[i] = n
		}
	}
	return t
}

// toArray copies a tensor of the reference evaluator.
func toArray(t *ir.Tensor) (*runtime.Array, error) {
	c := codecs[t.DType]
	a, err := runtime.NewArray(c.dtype, t.Shape...)
	if err != nil {
		return nil, err
	}
	for i := range t.Len() {
		b := a.Bytes()[i*t.DType.Size():]
		if t.F != nil {
			c.put(b, t.F[i], 0)
		} else {
			c.put(b, 0, t.I[i])
		}
	}
	return a, nil
}

// number is element i of a tensor.
func number(t *ir.Tensor, i int) float64 {
	switch {
	case t.F != nil:
		return t.F[i]
	case t.DType == ir.U64:
		return float64(uint64(t.I[i]))
	}
	return float64(t.I[i])
}
