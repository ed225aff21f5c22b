package cpu

import "unsafe"

// A Kernel computes the points [lo, hi) of its grid. Points are independent, so
// the result does not depend on how the grid is divided among workers.
type Kernel func(c *Call, lo, hi int)

// A Call is what one launch of a kernel works on.
type Call struct {
	Args  [][]byte // the buffers, whole
	Sizes []int64  // the values of the kernel's dims
}

// View is a buffer of the call as elements of type T, which must be that of the
// buffer as stored: f16 and bf16 are uint16, bool is a uint8 of 0 or 1. The
// slice has the bounds of the buffer.
func View[T any](c *Call, arg int) []T {
	b := c.Args[arg]
	var elem T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(elem)))
}
