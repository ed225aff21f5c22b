package ir

import "slices"

// primitives are the ops without an expansion, in the order of the reference.
var primitives = slices.Concat(sourceOps, pointwiseOps, viewOps, gatherOps, []*Op{dequant, mergeOp}, reduceOps, windowOps, contractOps)

// opTable is the op table. Expansions are written in primitives, which is why
// those come first: no op is defined by itself.
var opTable = slices.Concat(primitives, compositeOps, scatterOps, scanOps, sortOps, loopOps, kernelOps)

var (
	primitiveByName = byName(primitives)
	opByName        = byName(opTable)
)

func byName(ops []*Op) map[string]*Op {
	m := map[string]*Op{}
	for _, op := range ops {
		m[op.Name] = op
	}
	return m
}

// LookupOp finds an op by name; nil if there is none.
func LookupOp(name string) *Op { return opByName[name] }

// Ops lists the op table in its order.
func Ops() []*Op { return opTable }
