package passes

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

// What stands for a function that a target lacks is compared with Go's, in
// float64, at the error that its formula states. That of erf is absolute.
func TestMissingFunctions(t *testing.T) {
	tests := []struct {
		fn       ir.Fn
		want     func(float64) float64
		lo, hi   float64
		rel, abs float64
	}{
		{ir.Erf, math.Erf, -6, 6, 0, 1.5e-7},
		{ir.Erfc, math.Erfc, -6, 9, 1.3e-7, 0},
		{ir.Expm1, math.Expm1, -40, 20, 1e-14, 0},
		{ir.Log1p, math.Log1p, -0.99, 1e6, 1e-14, 0},
	}
	const n = 1000
	for _, test := range tests {
		in, out := make([]byte, 8*n), make([]byte, 8*n)
		x := func(i int) float64 { return test.lo + (test.hi-test.lo)*float64(i)/n }
		for i := range n {
			binary.LittleEndian.PutUint64(in[8*i:], math.Float64bits(x(i)))
		}
		axis := &ir.Axis{Name: "i", Extent: ir.N(n)}
		d := ir.NewDAG()
		load := d.Wrap(d.Add(ir.Scalar{Kind: ir.ScalarLoad, DType: ir.F64, Index: axis.Index()}))
		value := missing[ir.Metal][test.fn]([]ir.S{load})
		k := &ir.Kernel{
			Name: test.fn.String(), Par: []*ir.Axis{axis}, Values: d.Values,
			Args:   []ir.KernelArg{{Name: "x", DType: ir.F64, Len: ir.N(n)}, {Name: "y", DType: ir.F64, Len: ir.N(n), Write: true}},
			Stores: []ir.Store{{Arg: 1, Index: axis.Index(), Value: value.V}},
		}
		if err := k.Eval(nil, [][]byte{in, out}); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			got, want := math.Float64frombits(binary.LittleEndian.Uint64(out[8*i:])), test.want(x(i))
			if !(math.Abs(got-want) <= test.rel*math.Abs(want)+test.abs) {
				t.Errorf("%s(%g) = %g, want %g", test.fn, x(i), got, want)
				break
			}
		}
	}
}
