// Package runtime runs compiled models: shared memory, weights mapped from their
// checkpoint, and sessions that replay a plan. Generated packages are thin typed
// wrappers around it.
package runtime

import (
	"fmt"
	"reflect"
)

// A DType is the type of an array's elements.
type DType uint8

const (
	F64 DType = iota + 1
	F32
	F16
	BF16
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

// Half is a 16-bit float as it lies in memory: the Go type of f16 and bf16.
type Half uint16

var dtypes = [...]struct {
	name string
	size int
	goes reflect.Kind
	half bool
}{
	F64: {"f64", 8, reflect.Float64, false}, F32: {"f32", 4, reflect.Float32, false},
	F16: {"f16", 2, reflect.Uint16, true}, BF16: {"bf16", 2, reflect.Uint16, true},
	I64: {"i64", 8, reflect.Int64, false}, I32: {"i32", 4, reflect.Int32, false},
	I16: {"i16", 2, reflect.Int16, false}, I8: {"i8", 1, reflect.Int8, false},
	U64: {"u64", 8, reflect.Uint64, false}, U32: {"u32", 4, reflect.Uint32, false},
	U16: {"u16", 2, reflect.Uint16, false}, U8: {"u8", 1, reflect.Uint8, false},
	Bool: {"bool", 1, reflect.Bool, false},
}

func (d DType) String() string {
	if int(d) < len(dtypes) && d > 0 {
		return dtypes[d].name
	}
	return fmt.Sprintf("DType(%d)", uint8(d))
}

// Size is the number of bytes of one element.
func (d DType) Size() int { return dtypes[d].size }

func (d DType) float() bool { return d >= F64 && d <= BF16 }

// dtypeOf is the dtype whose elements have a Go type; 0 if there is none.
func dtypeOf(t reflect.Type) DType {
	if t == reflect.TypeFor[Half]() {
		return F16
	}
	for d := F64; d <= Bool; d++ {
		if !dtypes[d].half && dtypes[d].goes == t.Kind() {
			return d
		}
	}
	return 0
}
