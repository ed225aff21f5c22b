package onnx

import (
	"maps"
	"slices"

	"github.com/mlxc/mlxc/frontend/onnx/pb"
)

// table has the handlers of operators by domain and name. It is put together at start,
// since some handlers build nodes themselves.
var table = map[string]map[string]handler{}

func init() {
	table["ai.onnx.preview.training"], table["ai.onnx.preview"], table["ai.onnx.ml"] = training, preview, classical
	table[""] = map[string]handler{}
	for _, family := range []map[string]handler{
		pointwise, reductions, shapes, products, convolutions, pools, norms, attentions, gathers, recurrent, quantised, resizing, signals, random, losses, control, sequences, grams,
	} {
		for name, f := range family {
			table[""][name] = f
		}
	}
}

// uncovered reports the operators that are not covered, in nodes and in what they contain
// or call.
func (s *scope) uncovered(nodes []*pb.Node) error {
	u := &Unsupported{}
	s.collect(nodes, u, map[*pb.Function]bool{})
	if len(u.Ops) > 0 {
		return u
	}
	return nil
}

func (s *scope) collect(nodes []*pb.Node, u *Unsupported, seen map[*pb.Function]bool) {
	for _, n := range nodes {
		f := s.functions[functionKey{domain(n.Domain), n.OpType, n.Overload}]
		switch {
		case f != nil && !seen[f]:
			seen[f] = true
			s.collect(f.Node, u, seen)
		case f == nil && table[domain(n.Domain)][n.OpType] == nil:
			u.add(operatorName(n), shortName(n))
		}
		for _, a := range n.Attribute {
			if a.G != nil {
				s.collect(a.G.Node, u, seen)
			}
		}
	}
}

// Operators are the names of the operators of a domain that are covered, in order.
func Operators(domain string) []string { return slices.Sorted(maps.Keys(table[domain])) }

// Domains are those that have operators, in order; ONNX's own is the empty one.
func Domains() []string { return slices.Sorted(maps.Keys(table)) }
