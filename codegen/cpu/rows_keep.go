package cpu

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// costly is the functions from which on a value is kept rather than computed again.
const costly = 5

// maxKept is the elements of a row up to which what is kept lies in the frame: two rows
// fit the nearest cache.
const maxKept = 1 << 12

// keepsInFrame reports that what is kept lies in the frame.
func (e *emitter) keepsInFrame() bool {
	n, ok := e.axis.Extent.Max()
	return ok && n <= maxKept
}

// room is the place of what is kept: in the frame or, where that would be too large, where
// the result will lie.
func (e *emitter) room() func(u int) place {
	if !e.keepsInFrame() {
		return e.elements(e.kernel.Stores[0].Arg, e.kernel.Stores[0].Index, nil)
	}
	n, _ := e.axis.Extent.Max()
	e.set.toFrame(e, e.frame)
	e.frame += (int(n)*4+63)/64*64 + 64
	return func(u int) place { return place{kind: inRow, n: maxStreams, bytes: 4 * e.set.lanes * u} }
}

// keep is what the loop of a stage stores, so that stages after it need not compute it
// again: the last costly value that they have in common. Where the result will lie it may
// take the memory of what is loaded, so nothing is then loaded after it that varies along
// the lanes. nil: there is none.
func (e *emitter) keep(stage int, folds []*ir.Scalar) *ir.Scalar {
	if e.kept != nil || len(folds) == 0 || len(e.terms) > 0 || len(e.kernel.Stores) != 1 || !e.kernel.Stores[0].Value.Varies(e.axis) || !e.keepsInFrame() && e.kernel.Args[e.kernel.Stores[0].Arg].DType != ir.F32 {
		return nil
	}
	var now []sink
	for _, v := range folds {
		now = append(now, sink{value: v.Args[0]})
	}
	later := []sink{{value: e.kernel.Stores[0].Value}}
	for _, v := range e.kernel.Values {
		if e.need[v] && v.Kind == ir.ScalarReduce && v.Stage > stage+1 {
			later = append(later, sink{value: v.Args[0]})
		}
	}
	inTheWay := func(v *ir.Scalar) bool { return v.Kind == ir.ScalarLoad && !e.keepsInFrame() }
	values := e.along(now)
	for i := len(values) - 1; i >= 0 && !inTheWay(values[i]); i-- {
		v := values[i]
		with := *e
		with.kept = v
		rest := with.along(later)
		if v.DType == ir.F32 && len(e.along([]sink{{value: v}})) > costly && slices.Contains(rest, v) && !slices.ContainsFunc(rest, inTheWay) {
			return v
		}
	}
	return nil
}

// inMemory reports that a value is not computed.
func (e *emitter) inMemory(v *ir.Scalar) bool {
	return v.Kind == ir.ScalarLoad || v == e.kept || e.strip[v] != nil
}

// storedAs is the dtype that a value in memory has there.
func (e *emitter) storedAs(v *ir.Scalar) ir.DType {
	if v == e.kept || e.strip[v] != nil {
		return v.DType
	}
	return e.kernel.Args[v.Arg].DType
}

// isSum reports that a value is in registers as the sum of a loop's terms.
func (e *emitter) isSum(v *ir.Scalar) bool {
	_, ok := e.sums[v]
	return ok
}
