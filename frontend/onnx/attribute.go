package onnx

import (
	"github.com/mlxc/mlxc/frontend/onnx/pb"
)

// attribute is the attribute of a name, nil if there is none. One that refers to an
// attribute of the function around the node is that one.
func (n *node) attribute(name string) *pb.Attribute {
	for _, a := range n.pb.Attribute {
		if a.Name != name {
			continue
		}
		if a.RefAttrName != "" {
			return n.attrs[a.RefAttrName]
		}
		return a
	}
	return nil
}

// has, of attributes.
func (n *node) given(name string) bool { return n.attribute(name) != nil }

func (n *node) attrInt(name string, missing int) int {
	if a := n.attribute(name); a != nil {
		return int(a.I)
	}
	return missing
}

func (n *node) attrFloat(name string, missing float64) float64 {
	if a := n.attribute(name); a != nil {
		return float64(a.F)
	}
	return missing
}

func (n *node) attrString(name, missing string) string {
	if a := n.attribute(name); a != nil {
		return string(a.S)
	}
	return missing
}

// attrInts are the numbers of a list; nil if it is not there.
func (n *node) attrInts(name string) []int {
	a := n.attribute(name)
	if a == nil {
		return nil
	}
	out := make([]int, len(a.Ints))
	for i, x := range a.Ints {
		out[i] = int(x)
	}
	return out
}

func (n *node) attrFloats(name string) []float64 {
	a := n.attribute(name)
	if a == nil {
		return nil
	}
	out := make([]float64, len(a.Floats))
	for i, x := range a.Floats {
		out[i] = float64(x)
	}
	return out
}

func (n *node) attrStrings(name string) (out []string) {
	for _, s := range n.attribute(name).GetStrings() {
		out = append(out, string(s))
	}
	return out
}

func (n *node) graph(name string) *pb.Graph {
	g := n.attribute(name).GetG()
	if g == nil {
		n.fail("attribute %s is missing", name)
	}
	return g
}
