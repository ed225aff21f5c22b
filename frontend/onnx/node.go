package onnx

import (
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/frontend/onnx/pb"
	"github.com/mlxc/mlxc/ir"
)

// A node is one use of an operator while it is imported. Its methods are what handlers of
// operators are made of; each ends the import with a message where the node is not as the
// operator wants it.
type node struct {
	*scope
	pb      *pb.Node
	in      []*value // nil where an optional input is left out
	out     []*value
	version int64 // of the opset
}

// A handler builds a node: it sets its outputs.
type handler func(n *node)

// one is the handler of an operator with one output.
func one(f func(n *node) mlx.Value) handler {
	return func(n *node) { n.set(0, f(n)) }
}

// node builds one node.
func (s *scope) node(p *pb.Node) {
	version, ok := s.opsets[domain(p.Domain)]
	if !ok {
		fail("%s: the file names no opset of domain %q", nodeName(p), p.Domain)
	}
	n := &node{scope: s, pb: p, version: version, out: make([]*value, len(p.Output))}
	for _, name := range p.Input {
		var v *value
		if name != "" {
			v = s.lookup(name)
		}
		n.in = append(n.in, v)
	}
	restore := s.b.SetPos(&ir.Pos{File: nodeName(p)})
	n.build()
	restore()
	for i, name := range p.Output {
		if name == "" {
			continue
		}
		v := n.out[i]
		if v == nil {
			n.unsupported("its output %s is not covered", name)
		}
		if v.t.Ok() {
			v.t = v.t.Label(s.fresh(valueName(name)))
		}
		s.values[name] = &value{name: name, data: v.data, sizes: v.sizes, t: v.t, inputs: sources(append(n.in, v)...), isList: v.isList, list: v.list}
	}
	s.check(nodeName(p))
}

// build computes the node's outputs here if they are known, or else in the program.
func (n *node) build() {
	if f := n.functions[functionKey{domain(n.pb.Domain), n.pb.OpType, n.pb.Overload}]; f != nil {
		n.call(f)
		return
	}
	if n.fold() || n.foldSizes() {
		return
	}
	n.handle()
}

// handle calls the operator's handler. What the builder has refused has no type, so that a
// handler that goes on may go wrong; then the refusal is the failure.
func (n *node) handle() {
	defer func() {
		if r := recover(); r != nil {
			n.check(nodeName(n.pb))
			panic(r)
		}
	}()
	table[domain(n.pb.Domain)][n.pb.OpType](n)
}

// fail ends the import with a message about the node.
func (n *node) fail(format string, args ...any) {
	fail(nodeName(n.pb)+": "+format, args...)
}

// unsupported is fail for what the operator allows and mlxc does not have.
func (n *node) unsupported(format string, args ...any) {
	unsupported(nodeName(n.pb)+": "+format, args...)
}

// has reports whether input i is there.
func (n *node) has(i int) bool { return i < len(n.in) && n.in[i] != nil }

// arg is input i, which must be there.
func (n *node) arg(i int) *value {
	if !n.has(i) {
		n.fail("input %d is missing", i)
	}
	return n.in[i]
}

// x is input i in the program.
func (n *node) x(i int) mlx.Value { return n.tensor(n.arg(i)) }

// typ is the type of input i.
func (n *node) typ(i int) ir.Type { return n.arg(i).typ() }

// set makes v output i, if there is one.
func (n *node) set(i int, v mlx.Value) { n.setValue(i, &value{t: v}) }

func (n *node) setValue(i int, v *value) {
	if i < len(n.out) {
		n.out[i] = v
	}
}

// wants reports whether output i is used.
func (n *node) wants(i int) bool { return i < len(n.pb.Output) && n.pb.Output[i] != "" }

// sizes are the elements of input i, which must be integers that are known, or sizes.
// what they are is for the message.
func (n *node) sizes(i int, what string) []ir.Size {
	v := n.arg(i)
	if l := v.asSizes(); l != nil {
		return l.of
	}
	n.unknown(v, what)
	return nil
}

// ints are the elements of input i, which must be integers that are known.
func (n *node) ints(i int, what string) []int {
	var out []int
	for _, s := range n.sizes(i, what) {
		x, ok := s.Int()
		if !ok {
			n.fail("%s is %s, which is not known when the model is compiled; give the dim one size", what, s)
		}
		out = append(out, int(x))
	}
	return out
}

// int is the one integer that input i is.
func (n *node) int(i int, what string) int {
	xs := n.ints(i, what)
	if len(xs) != 1 {
		n.fail("%s is of %d numbers, want one", what, len(xs))
	}
	return xs[0]
}

// known is input i, which must be a constant.
func (n *node) known(i int, what string) *ir.Tensor {
	v := n.arg(i)
	if v.data == nil {
		n.unknown(v, what)
	}
	return v.data.Tensor()
}

// unknown ends the import because v decides on what, and is not known.
func (n *node) unknown(v *value, what string) {
	if len(v.inputs) > 0 {
		panic(failure{&Unbound{Inputs: v.inputs, What: nodeName(n.pb) + ": " + what}})
	}
	n.fail("%s is not known when the model is compiled", what)
}

// axis is an axis that may count from the end, of a rank.
func (n *node) axis(a, rank int) int {
	if a < -rank || a >= rank {
		n.fail("axis %d is out of range for rank %d", a, rank)
	}
	if a < 0 {
		a += rank
	}
	return a
}

// axes are those of a rank.
func (n *node) axes(as []int, rank int) []int {
	out := make([]int, len(as))
	for i, a := range as {
		out[i] = n.axis(a, rank)
		if slices.Contains(out[:i], out[i]) {
			n.fail("axis %d is named twice", a)
		}
	}
	return out
}

// maxMade is how many elements a tensor may have that an import makes.
const maxMade = 1 << 24

// made is a tensor for what the node fixes, such as indices.
func (n *node) made(t ir.DType, shape ...int) *ir.Tensor {
	count := 1
	for _, s := range shape {
		if s < 0 || s > 0 && count > maxMade/s {
			n.fail("a table of shape %v is too large", shape)
		}
		count *= s
	}
	return ir.NewTensor(t, shape...)
}

// fixed is such a tensor in the program; what names it.
func (n *node) fixed(what string, t *ir.Tensor) mlx.Value {
	return n.tensor(constantValue(n.pb.Output[0]+"."+what, constantOf(t)))
}
