package runtime

import "fmt"

// A DType is the type of an array's elements.
type DType uint8

// The dtypes. In memory a number is little endian, and a Bool is a byte, 0 or 1.
const (
	F64 DType = iota + 1
	F32
	F16  // IEEE binary16
	BF16 // the upper half of a float32
	I64
	I32
	I16
	I8
	U64
	U32
	U16
	U8
	Bool
)

type dtypeInfo struct {
	name, safetensors, npy string
	size                   int
}

// dtypes says of each dtype its name here and in checkpoints. NumPy has no bf16
// of its own; the package ml_dtypes saves it as two bytes of no meaning.
var dtypes = [...]dtypeInfo{
	{"invalid", "", "", 0},
	F64:  {"f64", "F64", "<f8", 8},
	F32:  {"f32", "F32", "<f4", 4},
	F16:  {"f16", "F16", "<f2", 2},
	BF16: {"bf16", "BF16", "<V2", 2},
	I64:  {"i64", "I64", "<i8", 8},
	I32:  {"i32", "I32", "<i4", 4},
	I16:  {"i16", "I16", "<i2", 2},
	I8:   {"i8", "I8", "|i1", 1},
	U64:  {"u64", "U64", "<u8", 8},
	U32:  {"u32", "U32", "<u4", 4},
	U16:  {"u16", "U16", "<u2", 2},
	U8:   {"u8", "U8", "|u1", 1},
	Bool: {"bool", "BOOL", "|b1", 1},
}

// findDType is the dtype that matches; 0 if there is none.
func findDType(match func(dtypeInfo) bool) DType {
	for d := F64; d.valid(); d++ {
		if match(dtypes[d]) {
			return d
		}
	}
	return 0
}

func (d DType) valid() bool { return d >= F64 && d <= Bool }

func (d DType) isFloat() bool { return d >= F64 && d <= BF16 }

// String is the dtype's name in the language: f32.
func (d DType) String() string {
	if !d.valid() {
		return fmt.Sprintf("dtype(%d)", uint8(d))
	}
	return dtypes[d].name
}

// Size is the number of bytes of one element.
func (d DType) Size() int {
	if !d.valid() {
		return 0
	}
	return dtypes[d].size
}

// typeString is a type as the language writes it: f32[2, 28, 28].
func typeString[N any](d DType, shape []N) string { return d.String() + sizesString(shape) }

func sizesString[N any](shape []N) string {
	s := ""
	for i, n := range shape {
		sep := ", "
		if i == 0 {
			sep = "["
		}
		s += fmt.Sprint(sep, n)
	}
	if len(shape) > 0 {
		s += "]"
	}
	return s
}
