package metal_test

import (
	"fmt"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

// Products of all small sizes, in every form that they take.
func TestProducts(t *testing.T) {
	b := newBuilder(t, "products")
	ns := []int{1, 7, 31, 33, 64, 100}
	for i, m := range ns {
		for j, n := range ns {
			for l, k := range ns {
				for d, dtype := range []ir.DType{ir.F32, ir.F16, ir.BF16, ir.I32} {
					if d > 0 && (i+j+l+d)%4 > 0 {
						continue // one in four of the others
					}
					b.add(fmt.Sprintf("matmul_%s_%d_%d_%d", dtype, m, n, k), op("matmul", ir.MatmulAttrs{}), []ir.Type{typ(dtype, shape(m, k)), typ(dtype, shape(k, n))})
				}
			}
		}
	}
	count(t, b)
}
