package runtime

import (
	"fmt"
	"math"
	"math/bits"
	"runtime"
	"slices"
	"unsafe"
)

// An Array is a tensor: row-major elements in memory outside the Go heap. Arrays
// of NewArray, From and Clone own their memory, which starts at a page. Arrays of
// a Session or of Weights are parts of its memory, and are closed with it.
//
// An Array may be read by several goroutines at a time. One that owns its memory
// is best closed: the collector frees it too, but does not see how large it is.
type Array struct {
	dtype DType
	shape []int
	bytes []byte // exactly the elements
	mem   *memory
	owned bool // mem is this array's alone
}

// MaxRank is the largest number of axes of an array.
const MaxRank = 16

// NewArray returns an array of zeros. No size, a scalar, is an array of one
// element; a size may be 0.
func NewArray(dtype DType, shape ...int) (*Array, error) {
	n, err := byteSize(dtype, shape)
	if err != nil {
		return nil, err
	}
	mem, err := newMemory(n)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", typeString(dtype, shape), err)
	}
	return &Array{dtype: dtype, shape: slices.Clone(shape), bytes: mem.bytes, mem: mem, owned: true}, nil
}

// byteSize is the number of bytes of an array, or why there is no such array.
func byteSize(dtype DType, shape []int) (int, error) {
	if !dtype.valid() {
		return 0, fmt.Errorf("%s is no dtype", dtype)
	}
	if len(shape) > MaxRank {
		return 0, fmt.Errorf("%d axes, but an array has at most %d", len(shape), MaxRank)
	}
	n := uint64(dtype.Size())
	empty := slices.Contains(shape, 0)
	for _, s := range shape {
		if s < 0 {
			return 0, fmt.Errorf("%s: negative size", typeString(dtype, shape))
		}
		hi, lo := bits.Mul64(n, uint64(s))
		if !empty && (hi != 0 || lo > math.MaxInt) {
			return 0, fmt.Errorf("%s: larger than the address space", typeString(dtype, shape))
		}
		n = lo
	}
	if empty {
		return 0, nil
	}
	return int(n), nil
}

// DType is the type of the elements.
func (a *Array) DType() DType { return a.dtype }

// Shape is the sizes, outermost first. The caller must not change it.
func (a *Array) Shape() []int { return a.shape }

// Len is the number of elements.
func (a *Array) Len() int { return len(a.bytes) / a.dtype.Size() }

// Bytes is the memory of the elements, nil once the array is closed. Like Data,
// it does not keep the array from being collected.
func (a *Array) Bytes() []byte {
	if a.closed() {
		return nil
	}
	return a.bytes
}

// offset is where in its memory, which starts at a page, the array begins.
func (a *Array) offset() int {
	if len(a.bytes) == 0 {
		return 0
	}
	return int(uintptr(unsafe.Pointer(&a.bytes[0])) - uintptr(unsafe.Pointer(&a.mem.bytes[0])))
}

func (a *Array) closed() bool { return a.mem.freed.Load() }

// String is the array's type: f32[2, 10].
func (a *Array) String() string { return typeString(a.dtype, a.shape) }

// Reshape is the same memory with other sizes. Closing one closes both.
func (a *Array) Reshape(shape ...int) (*Array, error) {
	n, err := byteSize(a.dtype, shape)
	if err != nil {
		return nil, err
	}
	if n != len(a.bytes) {
		return nil, fmt.Errorf("%s cannot have the shape of %s", a, typeString(a.dtype, shape))
	}
	b := *a
	b.shape = slices.Clone(shape)
	return &b, nil
}

// Clone copies the array into memory of its own.
func (a *Array) Clone() (*Array, error) {
	if a.closed() {
		return nil, fmt.Errorf("array %s: %w", a, ErrClosed)
	}
	b, err := NewArray(a.dtype, a.shape...)
	if err != nil {
		return nil, err
	}
	copy(b.bytes, a.bytes)
	runtime.KeepAlive(a)
	return b, nil
}

// Close frees the memory of an array that owns it, and does nothing to others.
// Slices of that memory must not be used any more.
func (a *Array) Close() error {
	if !a.owned {
		return nil
	}
	return a.mem.free()
}
