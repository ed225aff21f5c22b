package onnx

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/mlxc/mlxc/frontend/onnx/pb"
	"github.com/mlxc/mlxc/ir"
)

// maxElements is how many elements a tensor may have.
const maxElements = 1 << 34

// dtypes are those of the format by their numbers in TensorProto.DataType.
var dtypes = map[int32]ir.DType{
	1: ir.F32, 2: ir.U8, 3: ir.I8, 4: ir.U16, 5: ir.I16, 6: ir.I32, 7: ir.I64, 9: ir.Bool,
	10: ir.F16, 11: ir.F64, 12: ir.U32, 13: ir.U64, 16: ir.BF16,
}

// foreign are the format's dtypes that mlxc has not, for messages.
var foreign = map[int32]string{
	0: "undefined", 8: "string", 14: "complex64", 15: "complex128", 17: "float8e4m3fn", 18: "float8e4m3fnuz",
	19: "float8e5m2", 20: "float8e5m2fnuz", 21: "uint4", 22: "int4", 23: "float4e2m1", 24: "float8e8m0", 25: "uint2", 26: "int2",
}

// dtypeOf is the dtype of a number of the format; what has it is for the message.
func dtypeOf(n int32, what string) ir.DType {
	t, ok := dtypes[n]
	if !ok {
		name := foreign[n]
		if name == "" {
			name = fmt.Sprintf("dtype %d", n)
		}
		unsupported("%s is %s, which mlxc does not have", what, name)
	}
	return t
}

// A Constant is a tensor that the file holds.
type Constant struct {
	DType ir.DType
	Shape []int
	Bytes []byte // little-endian, row-major
}

// Tensor is the constant for the evaluator.
func (c *Constant) Tensor() *ir.Tensor {
	t, err := ir.TensorOf(c.DType, c.Shape, c.Bytes)
	if err != nil {
		panic(err) // a Constant has the bytes that its shape takes
	}
	return t
}

// Len is the number of elements.
func (c *Constant) Len() int {
	n := 1
	for _, s := range c.Shape {
		n *= s
	}
	return n
}

func constantOf(t *ir.Tensor) *Constant { return &Constant{t.DType, t.Shape, t.Bytes()} }

// constant decodes a tensor of the file.
func (im *importer) constant(t *pb.Tensor) *Constant {
	c, err := decode(t, im.dir)
	if err != nil {
		fail("%w", err)
	}
	return c
}

// decode reads a tensor; dir is where external data are.
func decode(t *pb.Tensor, dir string) (c *Constant, err error) {
	defer caught(&err)
	what := "tensor " + t.Name
	c = &Constant{DType: dtypeOf(t.DataType, what), Shape: make([]int, len(t.Dims))}
	n := int64(1)
	for i, d := range t.Dims {
		if d < 0 || d > 0 && n > maxElements/d {
			fail("%s: shape %v is not possible", what, t.Dims)
		}
		n *= d
		c.Shape[i] = int(d)
	}
	size := n * int64(c.DType.Size())
	switch {
	case t.DataLocation == 1:
		c.Bytes = external(t, dir, size)
	case len(t.RawData) > 0 || n == 0:
		c.Bytes = t.RawData
	default:
		c.Bytes = listed(t, c.DType, n)
	}
	if int64(len(c.Bytes)) != size {
		fail("%s: %d bytes do not make the shape %v of %s", what, len(c.Bytes), t.Dims, c.DType)
	}
	return c, nil
}

// listed are the bytes of elements that stand in one of the message's lists.
func listed(t *pb.Tensor, d ir.DType, n int64) (out []byte) {
	put := binary.LittleEndian
	count := 0
	switch {
	case d == ir.F32:
		count = len(t.FloatData)
		for _, x := range t.FloatData {
			out = put.AppendUint32(out, math.Float32bits(x))
		}
	case d == ir.F64:
		count = len(t.DoubleData)
		for _, x := range t.DoubleData {
			out = put.AppendUint64(out, math.Float64bits(x))
		}
	case d == ir.I64:
		count = len(t.Int64Data)
		for _, x := range t.Int64Data {
			out = put.AppendUint64(out, uint64(x))
		}
	case d == ir.U64 || d == ir.U32:
		count = len(t.Uint64Data)
		for _, x := range t.Uint64Data {
			out = appendInt(out, d.Size(), x)
		}
	default: // f16 and bf16 by their bits
		count = len(t.Int32Data)
		for _, x := range t.Int32Data {
			out = appendInt(out, d.Size(), uint64(int64(x)))
		}
	}
	if int64(count) != n {
		fail("tensor %s: %d elements do not make the shape %v", t.Name, count, t.Dims)
	}
	return out
}

// appendInt appends the low bytes of x.
func appendInt(b []byte, size int, x uint64) []byte {
	for range size {
		b = append(b, byte(x))
		x >>= 8
	}
	return b
}
