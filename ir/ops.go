package ir

import "slices"

var (
	opTable  []*Op
	opByName = map[string]*Op{}
)

// The op table, in the order of the reference. It is put together here, and not
// where it is declared, because expansions look ops up in it.
func init() {
	opTable = slices.Concat(sourceOps, pointwiseOps, viewOps, gatherOps, reduceOps, windowOps, contractOps, compositeOps)
	for _, op := range opTable {
		opByName[op.Name] = op
	}
}
