package onnx

import (
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/frontend/onnx/pb"
)

// A scope has the values of a graph, or of a function's body, by name.
type scope struct {
	*importer
	parent *scope // the graph around a subgraph; nil of the outermost and of functions
	values map[string]*value
	opsets map[string]int64         // versions by domain
	attrs  map[string]*pb.Attribute // of the call of a function, that its nodes refer to
	depth  int
}

// maxDepth bounds how deep functions and subgraphs are nested.
const maxDepth = 64

// domain is the name of a domain; that of ONNX itself has two.
func domain(name string) string {
	if name == "ai.onnx" {
		return ""
	}
	return name
}

func opsets(of []*pb.OperatorSet) map[string]int64 {
	versions := map[string]int64{}
	for _, o := range of {
		versions[domain(o.Domain)] = max(o.Version, versions[domain(o.Domain)])
	}
	return versions
}

// inner is a scope for a subgraph.
func (s *scope) inner() *scope {
	if s.depth == maxDepth {
		fail("functions and subgraphs are nested deeper than %d, or without end", maxDepth)
	}
	return &scope{importer: s.importer, parent: s, values: map[string]*value{}, opsets: s.opsets, attrs: s.attrs, depth: s.depth + 1}
}

// lookup is the value of a name, nil if there is none.
func (s *scope) lookup(name string) *value {
	for ; s != nil; s = s.parent {
		if v := s.values[name]; v != nil {
			return v
		}
	}
	return nil
}

// initialisers defines the constants of a graph.
func (s *scope) initialisers(g *pb.Graph) {
	for _, t := range g.Initializer {
		s.values[t.Name] = constantValue(t.Name, s.constant(t))
	}
	for _, t := range g.SparseInitializer {
		s.values[t.Values.GetName()] = constantValue(t.Values.GetName(), s.dense(t))
	}
}

// run builds nodes, in the order of what they need: a file may have another.
func (s *scope) run(nodes []*pb.Node) {
	for _, n := range s.sorted(nodes) {
		s.node(n)
	}
}

// sorted puts nodes in an order in which each comes after what it reads. Of several the
// first in the file is first.
func (s *scope) sorted(nodes []*pb.Node) []*pb.Node {
	maker := map[string]int{} // of a name, the node
	for i, n := range nodes {
		for _, out := range n.Output {
			if out == "" {
				continue
			}
			if _, twice := maker[out]; twice || s.values[out] != nil {
				fail("%s: %s is computed twice", nodeName(n), out)
			}
			maker[out] = i
		}
	}
	var order []*pb.Node
	const open, done = 1, 2
	state := make([]byte, len(nodes))
	type step struct{ node, read int }
	for first := range nodes {
		stack := []step{{first, 0}}
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			n := nodes[top.node]
			if state[top.node] == done {
				stack = stack[:len(stack)-1]
				continue
			}
			state[top.node] = open
			reads := reads(n)
			if top.read == len(reads) {
				state[top.node] = done
				order = append(order, n)
				continue
			}
			name := reads[top.read]
			top.read++
			next, ours := maker[name]
			switch {
			case !ours && slices.Contains(n.Input, name) && s.lookup(name) == nil:
				fail("%s: nothing computes its input %s", nodeName(n), name)
			case ours && state[next] == open:
				fail("%s: its input %s depends on its own output", nodeName(n), name)
			case ours && state[next] != done:
				stack = append(stack, step{next, 0})
			}
		}
	}
	return order
}

// reads are the names that a node reads, those in its subgraphs included.
func reads(n *pb.Node) []string {
	names := slices.DeleteFunc(slices.Clone(n.Input), func(name string) bool { return name == "" })
	for _, a := range n.Attribute {
		for _, inner := range a.GetG().GetNode() {
			names = append(names, reads(inner)...)
		}
		for _, out := range a.GetG().GetOutput() {
			names = append(names, out.Name)
		}
	}
	return names
}

// shortName is the name of a node, or of its first output.
func shortName(n *pb.Node) string {
	if n.Name == "" && len(n.Output) > 0 {
		return n.Output[0]
	}
	return n.Name
}

// operatorName is the name of a node's operator, with the domain if it is not ONNX's.
func operatorName(n *pb.Node) string {
	if domain(n.Domain) == "" {
		return n.OpType
	}
	return n.Domain + "." + n.OpType
}

func nodeName(n *pb.Node) string { return fmt.Sprintf("node %s (%s)", shortName(n), operatorName(n)) }
