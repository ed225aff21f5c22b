package ir

import (
	"fmt"
	"strings"
)

// A Type is a tensor's dtype and shape; no sizes mean a scalar.
type Type struct {
	DType DType
	Shape []Size
}

// Rank is the number of sizes.
func (t Type) Rank() int { return len(t.Shape) }

// Elems is the number of elements.
func (t Type) Elems() Size { return Product(t.Shape) }

// Bytes is the memory of the tensor, unpadded.
func (t Type) Bytes() Size { return t.Elems().Mul(N(int64(t.DType.Size()))) }

// Equal reports whether dtypes and all sizes are equal.
func (t Type) Equal(u Type) bool {
	if t.DType != u.DType {
		return false
	}
	return EqualShapes(t.Shape, u.Shape)
}

// EqualShapes reports whether two shapes have equal sizes.
func EqualShapes(a, b []Size) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !a[i].Equal(b[i]) {
			return false
		}
	}
	return true
}

// String is f32[B, 28, 28], or f32 for a scalar.
func (t Type) String() string {
	if len(t.Shape) == 0 {
		return t.DType.String()
	}
	s := make([]string, len(t.Shape))
	for i, e := range t.Shape {
		s[i] = e.String()
	}
	return fmt.Sprintf("%s[%s]", t.DType, strings.Join(s, ", "))
}
