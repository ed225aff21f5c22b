package onnx

import "github.com/mlxc/mlxc/frontend/onnx/pb"

// A functionKey names a function of the file.
type functionKey struct{ domain, name, overload string }

// call expands a function of the file.
func (n *node) call(f *pb.Function) {
	body := n.inner()
	body.parent, body.opsets, body.attrs = nil, opsets(f.OpsetImport), map[string]*pb.Attribute{}
	for _, a := range f.AttributeProto {
		body.attrs[a.Name] = a
	}
	for _, a := range n.pb.Attribute {
		if given := n.attribute(a.Name); given != nil {
			body.attrs[a.Name] = given
		}
	}
	for i, name := range f.Input {
		if n.has(i) {
			body.values[name] = n.in[i]
		}
	}
	body.run(f.Node)
	for i, name := range f.Output {
		v := body.lookup(name)
		if v == nil && n.wants(i) {
			n.fail("the function does not compute its output %s", name)
		}
		n.setValue(i, v)
	}
}
