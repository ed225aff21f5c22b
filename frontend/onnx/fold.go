package onnx

import (
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/frontend/onnx/pb"
	"github.com/mlxc/mlxc/ir"
)

// folded is how many elements the operands and results of a node may have that is computed
// when it is imported.
const folded = 1 << 14

// fold computes a node whose inputs are small constants: a program of that node alone is
// evaluated.
func (n *node) fold() bool {
	total := 0
	for _, v := range n.in {
		if v == nil {
			continue
		}
		if v.data == nil {
			return false
		}
		total += v.data.Len()
	}
	if total > folded || table[domain(n.pb.Domain)][n.pb.OpType] == nil || n.subgraphs() {
		return false
	}
	im := newImporter("fold", n.dir, Options{})
	im.functions = n.functions
	inner := &node{
		scope: &scope{importer: im, values: map[string]*value{}, opsets: n.opsets, attrs: n.attrs, depth: n.depth},
		pb:    n.pb, version: n.version, out: make([]*value, len(n.out)),
	}
	for _, v := range n.in {
		if v != nil {
			v = constantValue(v.name, v.data)
		}
		inner.in = append(inner.in, v)
	}
	var results []*value // in the order of the entry's, of outputs that are not known yet
	lists := false
	im.b.Entry(Forward, func(e *mlx.Entry) {
		im.entry = e
		inner.handle()
		for i, v := range inner.out {
			lists = lists || v != nil && v.isList
			if v != nil && v.data == nil && v.sizes == nil && !v.isList {
				e.Out(fmt.Sprintf("y%d", i), v.t)
				results = append(results, v)
			}
		}
		if len(results) == 0 { // an entry without results computes nothing
			e.Out("none", im.b.Number(mlx.Bool, 0))
		}
	})
	im.check(nodeName(n.pb))
	if lists { // whose elements would be values of that program
		return false
	}
	for _, v := range results {
		if count, ok := v.t.Type().Elems().Int(); !ok || count > folded {
			return false
		}
	}
	p, err := im.b.Build()
	if err != nil {
		n.fail("%w", err)
	}
	params := map[string]*ir.Tensor{}
	for _, w := range im.weights {
		for _, p := range p.Module().Params {
			if p.Path == w.Path {
				params[p.Name] = w.Tensor()
			}
		}
	}
	ts, err := p.Eval(Forward, params)
	if err != nil {
		n.fail("%w", err)
	}
	for i, v := range results {
		v.data, v.t = constantOf(ts[i]), mlx.Value{}
	}
	copy(n.out, inner.out)
	return true
}

// subgraphs reports whether the node has graphs of its own, which may read any value.
func (n *node) subgraphs() bool {
	return slices.ContainsFunc(n.pb.Attribute, func(a *pb.Attribute) bool { return a.G != nil })
}
