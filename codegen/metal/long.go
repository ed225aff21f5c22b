package metal

import (
	"math"

	"github.com/mlxc/mlxc/ir"
)

// LongDims reports whether indices and dims of a kernel are long: they are int
// where the bounds prove that all fit.
func LongDims(k *ir.Kernel) bool {
	const most = math.MaxInt32 / 2 // room for padding around, and for what tiles jut out
	long := false
	check := func(s ir.Size) {
		n, ok := s.Max()
		long = long || !ok || n > most
	}
	guards := func(gs []ir.Bound) {
		for _, g := range gs {
			check(g.Index)
			check(g.Extent)
		}
	}
	check(product(k.Grid()))
	for _, d := range k.Dims {
		check(d.Size())
	}
	for _, a := range k.Args {
		check(a.Len)
	}
	for _, v := range k.Values {
		check(product(v.Over))
		guards(v.Guard)
		check(v.Index)
	}
	for _, s := range k.Stores {
		guards(s.Guard)
	}
	return long
}
