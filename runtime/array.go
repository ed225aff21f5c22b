package runtime

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"unsafe"
)

// An Array is a tensor in shared memory: row-major, outside the Go heap. Arrays
// that a session returns are part of its memory; Clone keeps them.
type Array struct {
	dtype DType
	shape []int
	data  []byte
	mem   *memory // owned; nil if the array is part of other memory
}

// MaxRank is the largest number of axes of an array.
const MaxRank = 16

// NewArray returns an array of zeros.
func NewArray(t DType, shape ...int) (*Array, error) {
	n, err := byteSize(t, shape)
	if err != nil {
		return nil, err
	}
	m, err := allocate(n)
	if err != nil {
		return nil, err
	}
	return &Array{dtype: t, shape: slices.Clone(shape), data: m.bytes, mem: m}, nil
}

// byteSize is the memory of an array; an error says that there is no such array.
func byteSize(t DType, shape []int) (int, error) {
	if t < F64 || t > Bool {
		return 0, fmt.Errorf("there is no dtype %d", t)
	}
	if len(shape) > MaxRank {
		return 0, fmt.Errorf("%d axes are more than %d", len(shape), MaxRank)
	}
	n, empty := t.Size(), false
	for _, s := range shape {
		if s < 0 {
			return 0, fmt.Errorf("size %d of %s%v is negative", s, t, shape)
		}
		empty = empty || s == 0
	}
	if empty {
		return 0, nil
	}
	for _, s := range shape {
		if n > math.MaxInt/s {
			return 0, fmt.Errorf("%s%v is more than this machine addresses", t, shape)
		}
		n *= s
	}
	return n, nil
}

// From returns an array with a copy of xs, whose element type decides the dtype.
func From[T any](xs []T, shape ...int) (*Array, error) {
	t := dtypeOf(reflect.TypeFor[T]())
	if t == 0 {
		return nil, fmt.Errorf("%s is no element type", reflect.TypeFor[T]())
	}
	a, err := NewArray(t, shape...)
	if err != nil {
		return nil, err
	}
	if len(xs) != a.Len() {
		return nil, fmt.Errorf("%s has %d elements, got %d", a, a.Len(), len(xs))
	}
	view, err := Data[T](a)
	copy(view, xs)
	return a, err
}

// Data is the memory of an array as a slice, without a copy. T is the Go type of
// an element (Half for f16 and bf16), or an array type such as [28][28]float32
// that is as long as the array's last axes.
func Data[T any](a *Array) ([]T, error) {
	t := reflect.TypeFor[T]()
	elem, per := t, 1
	for elem.Kind() == reflect.Array {
		per *= elem.Len()
		elem = elem.Elem()
	}
	match := dtypeOf(elem) == a.dtype || elem == reflect.TypeFor[Half]() && dtypes[a.dtype].half
	if !match {
		return nil, fmt.Errorf("%s is no slice of %s", a, t)
	}
	last := len(a.shape)
	for e := t; e.Kind() == reflect.Array; e = e.Elem() {
		last--
	}
	if last < 0 || !sameLengths(t, a.shape[last:]) {
		return nil, fmt.Errorf("%s is no slice of %s", a, t)
	}
	if len(a.data) == 0 || per == 0 {
		return nil, nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&a.data[0])), a.Len()/per), nil
}

func sameLengths(t reflect.Type, shape []int) bool {
	for ; t.Kind() == reflect.Array; t = t.Elem() {
		if t.Len() != shape[0] {
			return false
		}
		shape = shape[1:]
	}
	return true
}

// DType is the type of the elements.
func (a *Array) DType() DType { return a.dtype }

// Shape is the sizes of the axes; the caller must not change it.
func (a *Array) Shape() []int { return a.shape }

// Len is the number of elements.
func (a *Array) Len() int { return len(a.data) / a.dtype.Size() }

// Bytes is the array's memory.
func (a *Array) Bytes() []byte { return a.data }

// String is the type: f32[2, 10].
func (a *Array) String() string { return typeText(a.dtype, a.shape) }

func typeText(t DType, shape []int) string {
	if len(shape) == 0 {
		return t.String()
	}
	return t.String() + strings.ReplaceAll(fmt.Sprint(shape), " ", ", ")
}

// Reshape gives the array another shape with the same number of elements.
func (a *Array) Reshape(shape ...int) error {
	n, err := byteSize(a.dtype, shape)
	if err == nil && n != len(a.data) {
		err = fmt.Errorf("%s has no shape %v", a, shape)
	}
	if err == nil {
		a.shape = slices.Clone(shape)
	}
	return err
}

// Clone is a copy in memory of its own.
func (a *Array) Clone() (*Array, error) {
	b, err := NewArray(a.dtype, a.shape...)
	if err == nil {
		copy(b.data, a.data)
	}
	return b, err
}

// Close frees the memory at once; without it that happens when nothing refers to
// the array. Slices of its data must not be used afterwards.
func (a *Array) Close() error {
	if a.mem == nil {
		return nil
	}
	a.data = nil
	return a.mem.free()
}
