package onnxtest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// A Tolerance is how far results may be from what is wanted: by RTol of its value and ATol.
type Tolerance struct{ RTol, ATol float64 }

// Standard is the tolerance of ONNX's own runner.
var Standard = Tolerance{RTol: 1e-3, ATol: 1e-7}

// bf16Unit is one unit in the last place of bf16, by which its results may be off: a model
// may be computed in steps that round, or in one.
const bf16Unit = 1.0 / (1 << 7)

// compare says how a result differs from what is wanted; nil: it does not. What is left of
// sums that cancel, such as the zeros of a spectrum, may have the error of their terms: four
// units of f32 in the largest element.
func (o Tolerance) compare(got, want *ir.Tensor) error {
	if got.DType != want.DType || !slices.Equal(got.Shape, want.Shape) {
		return fmt.Errorf("got %s%v, want %s%v", got.DType, got.Shape, want.DType, want.Shape)
	}
	for _, w := range want.F {
		if !math.IsNaN(w) && !math.IsInf(w, 0) {
			o.ATol = max(o.ATol, math.Abs(w)*0x1p-22)
		}
	}
	if want.DType == ir.BF16 {
		o.RTol = max(o.RTol, bf16Unit)
	}
	far, worst, largest := 0, 0, -1.0
	for i := range got.Len() {
		if off := o.distance(got, want, i); off > 0 {
			far++
			if off > largest {
				worst, largest = i, off
			}
		}
	}
	if far == 0 {
		return nil
	}
	return fmt.Errorf("element %s is %v, want %v; %d of %d elements are off", place(got.Shape, worst), element(got, worst), element(want, worst), far, got.Len())
}

// distance is how far element i is off, 0 within the tolerance.
func (o Tolerance) distance(got, want *ir.Tensor, i int) float64 {
	if got.F == nil && got.I[i] == want.I[i] {
		return 0
	}
	g, w := got.Number(i), want.Number(i)
	d := math.Abs(g - w)
	switch {
	case math.IsNaN(g) && math.IsNaN(w), got.F != nil && g == w, !math.IsInf(w, 0) && d <= o.ATol+o.RTol*math.Abs(w):
		return 0
	case math.IsNaN(d):
		return math.Inf(1)
	}
	return max(d, math.SmallestNonzeroFloat64) // whole numbers beyond 2^53 may be one float
}

func element(t *ir.Tensor, i int) any {
	if t.F == nil {
		return t.I[i]
	}
	return t.F[i]
}

// place is where element i of a tensor of some shape is: [2, 0].
func place(shape []int, i int) string {
	at := make([]string, len(shape))
	for axis := len(shape) - 1; axis >= 0; axis-- {
		at[axis] = strconv.Itoa(i % shape[axis])
		i /= shape[axis]
	}
	return "[" + strings.Join(at, ", ") + "]"
}
