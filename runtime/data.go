package runtime

import (
	"fmt"
	"reflect"
	"slices"
	"unsafe"

	"github.com/mlxc/mlxc/runtime/cpu"
)

// A Float16 is the bits of an IEEE binary16 number: the Go element of F16.
type Float16 uint16

// Float32 is the number itself.
func (h Float16) Float32() float32 { return cpu.F16ToF32(uint16(h)) }

// NewFloat16 rounds x to nearest even.
func NewFloat16(x float32) Float16 { return Float16(cpu.F32ToF16(x)) }

// A BFloat16 is the bits of a bfloat16 number: the Go element of BF16.
type BFloat16 uint16

// Float32 is the number itself.
func (h BFloat16) Float32() float32 { return cpu.BF16ToF32(uint16(h)) }

// NewBFloat16 rounds x to nearest even.
func NewBFloat16(x float32) BFloat16 { return BFloat16(cpu.F32ToBF16(x)) }

// From copies xs into a new array. T is a Go element, or an array type of one
// such as [28][28]float32, whose sizes follow those of shape. Without a shape the
// array is as long as xs; an empty shape, []int{}..., is that of a scalar.
func From[T any](xs []T, shape ...int) (*Array, error) {
	dtype, inner, err := element[T]()
	if err != nil {
		return nil, err
	}
	if shape == nil {
		shape = []int{len(xs)}
	}
	outer, err := byteSize(U8, shape)
	if err != nil {
		return nil, err
	}
	shape = slices.Concat(shape, inner)
	if outer != len(xs) {
		return nil, fmt.Errorf("%d elements do not fill %s", len(xs)*count(inner), typeString(dtype, shape))
	}
	a, err := NewArray(dtype, shape...)
	if err != nil {
		return nil, err
	}
	copy(a.bytes, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(xs))), len(a.bytes)))
	return a, nil
}

// Data is the memory of the array as Go elements, not a copy: float32 for F32,
// Float16 for F16, bool for Bool, and so on. T may be an array type whose sizes
// are the last ones of the array's, sizes of 1 apart: [28][28]float32 for
// f32[B, 28, 28, 1]. The error says which element the array has, or is ErrClosed.
//
// The slice does not keep the array from being collected, and must not be used
// after that or after Close: keep the array, as a deferred Close does.
func Data[T any](a *Array) ([]T, error) {
	if a.closed() {
		return nil, fmt.Errorf("array %s: %w", a, ErrClosed)
	}
	dtype, inner, err := element[T]()
	if err != nil {
		return nil, err
	}
	if dtype != a.dtype || !endsWith(a.shape, inner) {
		return nil, fmt.Errorf("array %s is no slice of %s", a, reflect.TypeFor[T]())
	}
	size := dtype.Size() * count(inner)
	if size == 0 {
		return nil, nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(a.bytes))), len(a.bytes)/size), nil
}

// endsWith reports whether the sizes of shape other than 1 end with those of inner.
func endsWith(shape, inner []int) bool {
	i := len(shape)
	for j := len(inner) - 1; j >= 0; j-- {
		if inner[j] == 1 {
			continue
		}
		for i--; i >= 0 && shape[i] == 1; i-- {
		}
		if i < 0 || shape[i] != inner[j] {
			return false
		}
	}
	return true
}

func count(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}

// kinds are the dtypes of Go's kinds.
var kinds = map[reflect.Kind]DType{
	reflect.Float64: F64, reflect.Float32: F32,
	reflect.Int64: I64, reflect.Int32: I32, reflect.Int16: I16, reflect.Int8: I8,
	reflect.Uint64: U64, reflect.Uint32: U32, reflect.Uint16: U16, reflect.Uint8: U8,
	reflect.Bool: Bool,
}

// element is the dtype of T's elements, and T's sizes if it is an array type.
func element[T any]() (DType, []int, error) {
	t := reflect.TypeFor[T]()
	var inner []int
	for ; t.Kind() == reflect.Array; t = t.Elem() {
		inner = append(inner, t.Len())
	}
	switch t {
	case reflect.TypeFor[Float16]():
		return F16, inner, nil
	case reflect.TypeFor[BFloat16]():
		return BF16, inner, nil
	}
	if d, ok := kinds[t.Kind()]; ok {
		return d, inner, nil
	}
	return 0, nil, fmt.Errorf("%s is no element of an array: want one of a fixed size, such as float32 or int32", t)
}
