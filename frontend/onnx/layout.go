package onnx

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// The channels of ONNX are the second axis, and those of the op table the last. So each
// operator turns round what it takes and what it gives; here these turns move towards the
// results, as far as what stands between them does not mind, and most of them meet another
// that undoes them. Of reshapes behind one another the last one is left.

// A turned is a value in another order of axes: axis i of it is axis perm[i] of v.
type turned struct {
	v    *ir.Value
	perm []int // nil: its own
}

// A layout rewrites one function.
type layout struct {
	ir.Emit
	at map[*ir.Value]turned // the values of the function, as they are made now
}

// turnLate moves the turns of all functions of a module.
func turnLate(m *ir.Module) error {
	for _, f := range m.Bodies() {
		l := &layout{at: map[*ir.Value]turned{}}
		for _, in := range f.Body {
			if err := l.instr(in); err != nil {
				return err
			}
		}
		for i, r := range f.Results {
			v, err := l.straight(r.Value)
			if err != nil {
				return err
			}
			f.Results[i].Value = v
		}
		for i, w := range f.Writes {
			v, err := l.straight(w.Value)
			if err != nil {
				return err
			}
			f.Writes[i].Value = v
		}
		f.Body = l.Body
		dropDead(f)
	}
	return ir.Verify(m)
}

// dropDead leaves a function the instructions that something is made of.
func dropDead(f *ir.Func) {
	live := map[*ir.Value]bool{}
	for _, v := range f.Kept() {
		live[v] = true
	}
	var body []*ir.Instr
	for _, in := range slices.Backward(f.Body) {
		if slices.ContainsFunc(in.Results, func(v *ir.Value) bool { return live[v] }) {
			body = append(body, in)
			for _, a := range in.Args {
				live[a] = true
			}
		}
	}
	slices.Reverse(body)
	f.Body = body
}

// of is a value as it is made now.
func (l *layout) of(v *ir.Value) turned {
	if t, ok := l.at[v]; ok {
		return t
	}
	return turned{v: v}
}

// straight is a value in its own order of axes.
func (l *layout) straight(v *ir.Value) (*ir.Value, error) {
	t := l.of(v)
	if t.perm == nil {
		return t.v, nil
	}
	in, err := l.Op("transpose", ir.PermAttrs{Perm: t.perm}, t.v)
	if err != nil {
		return nil, err
	}
	l.at[v] = turned{v: in.Result()}
	return in.Result(), nil
}

// instr appends an instruction, of operands as they are if it can take them so.
func (l *layout) instr(in *ir.Instr) error {
	l.Pos, l.Device, l.Facts = in.Pos, in.Device, in.Facts
	if len(in.Args) > 0 && len(in.Results) == 1 && in.Body == nil {
		if done, err := l.turn(in); done || err != nil {
			return err
		}
	}
	for i, a := range in.Args {
		v, err := l.straight(a)
		if err != nil {
			return err
		}
		in.Args[i] = v
	}
	l.Body = append(l.Body, in)
	return nil
}

// turn makes of an instruction one in another order of axes, if that saves turns.
func (l *layout) turn(in *ir.Instr) (done bool, err error) {
	x := l.of(in.Args[0])
	if a, ok := in.Attrs.(ir.PermAttrs); ok {
		if x.v.Instr != nil && x.v.Instr.InMemory() {
			return false, nil // weights are turned where they are used
		}
		perm := slices.Clone(a.Perm)
		for i, p := range a.Perm {
			perm[i] = x.axis(p)
		}
		l.is(in, x.v, perm)
		return true, nil
	}
	if in.Op.Kind == ir.KindElementwise {
		return l.elementwise(in)
	}
	if in.Op.Name == "reshape" && in.Result().Type.Equal(in.Args[0].Type) {
		l.is(in, x.v, x.perm)
		return true, nil
	}
	if in.Op.Name == "reshape" && x.perm == nil {
		l.reshape(in, x.v)
		return true, nil
	}
	if x.perm == nil {
		return false, nil
	}
	args := []*ir.Value{x.v}
	attrs, perm := in.Attrs, x.perm
	switch a := in.Attrs.(type) {
	case ir.ReduceAttrs:
		perm = x.without(a.Axes, a.Keep)
		a.Axes = x.axes(a.Axes)
		attrs = a
	case ir.IndexAttrs:
		perm = x.without([]int{a.Axis}, a.Keep)
		a.Axis = x.axis(a.Axis)
		attrs = a
	case ir.SoftmaxAttrs:
		a.Axis = x.axis(a.Axis)
		attrs = a
	case ir.PadAttrs:
		attrs = ir.PadAttrs{Lo: arranged(x, a.Lo), Hi: arranged(x, a.Hi), Value: a.Value}
	case ir.SliceAttrs:
		attrs = ir.SliceAttrs{Start: arranged(x, a.Start), Step: arranged(x, a.Step), Size: arranged(x, a.Size)}
	case ir.FlipAttrs:
		attrs = ir.FlipAttrs{Axes: x.axes(a.Axes)}
	case ir.AxisAttrs:
		if in.Op.Name != "concat" {
			return false, nil
		}
		for _, y := range in.Args[1:] {
			t := l.of(y)
			if !slices.Equal(t.perm, x.perm) {
				return false, nil
			}
			args = append(args, t.v)
		}
		attrs = ir.AxisAttrs{Axis: x.axis(a.Axis)}
	case ir.ShapeAttrs:
		if in.Op.Name != "reshape" || !x.inOrder() {
			return false, nil
		}
		perm = nil
	default:
		return false, nil
	}
	out, err := l.Op(in.Op.Name, attrs, args...)
	if err != nil {
		return false, err
	}
	l.is(in, out.Result(), perm)
	return true, nil
}

// reshape makes a reshape of v one of what v is a reshape of, if it is one.
func (l *layout) reshape(in *ir.Instr, v *ir.Value) {
	for v.Instr != nil && v.Instr.Op == in.Op {
		v = v.Instr.Args[0]
	}
	if v.Type.Equal(in.Result().Type) {
		l.is(in, v, nil)
		return
	}
	in.Args = []*ir.Value{v}
	l.Body = append(l.Body, in)
}

// is makes an instruction's result what v is in an order of axes.
func (l *layout) is(in *ir.Instr, v *ir.Value, perm []int) {
	if slices.IsSorted(perm) {
		perm = nil
	}
	if v.Name == "" && v.Instr != nil && in.Op == v.Instr.Op {
		v.Name = in.Result().Name
	}
	l.at[in.Result()] = turned{v, perm}
}

// elementwise makes an instruction of operands in the order of the first that is turned, if
// more of them are than are not.
func (l *layout) elementwise(in *ir.Instr) (done bool, err error) {
	var order []int
	turns := map[*ir.Value]bool{}
	for _, a := range in.Args {
		if t := l.of(a); t.perm != nil && (order == nil || slices.Equal(order, t.perm)) {
			order, turns[t.v] = t.perm, true
		}
	}
	if order == nil {
		return false, nil
	}
	t := turned{perm: order}
	shape := arranged(t, in.Result().Type.Shape)
	back := map[*ir.Value]bool{}
	for _, a := range in.Args {
		if !slices.Equal(l.of(a).perm, order) && stretched(a) == nil {
			back[a] = true
		}
	}
	if len(back) >= len(turns) {
		return false, nil
	}
	args := make([]*ir.Value, len(in.Args))
	for i, a := range in.Args {
		if args[i], err = l.arrange(a, t, shape); err != nil {
			return false, err
		}
	}
	out, err := l.Op(in.Op.Name, in.Attrs, args...)
	if err != nil {
		return false, err
	}
	l.is(in, out.Result(), order)
	return true, nil
}

// stretched is what a value stretches to its shape: a number, or what is broadcast; nil: nothing.
func stretched(v *ir.Value) *ir.Value {
	switch in := v.Instr; {
	case in == nil:
	case in.Op.Name == "broadcast":
		return in.Args[0]
	case in.Op.Name == "const":
		return v
	}
	return nil
}

// arrange is an operand in the order of axes of t, in which it has a shape.
func (l *layout) arrange(v *ir.Value, t turned, shape []ir.Size) (*ir.Value, error) {
	made := func(in *ir.Instr, err error) (*ir.Value, error) {
		if err != nil {
			return nil, err
		}
		return in.Result(), nil
	}
	if at := l.of(v); slices.Equal(at.perm, t.perm) {
		return at.v, nil
	}
	if a, ok := constOf(v); ok {
		a.Shape = shape
		return made(l.Op("const", a))
	}
	small := stretched(v)
	if small == nil {
		whole, err := l.straight(v)
		if err != nil {
			return nil, err
		}
		return made(l.Op("transpose", ir.PermAttrs{Perm: t.inverse()}, whole))
	}
	// The axes that it lacks come before its own.
	wide := slices.Concat(slices.Repeat([]ir.Size{ir.N(1)}, len(shape)-small.Type.Rank()), small.Type.Shape)
	whole, err := l.straight(small)
	if err != nil {
		return nil, err
	}
	if inverse := (turned{v: &ir.Value{Type: ir.Type{Shape: wide}}, perm: t.inverse()}); !inverse.inOrder() {
		if whole, err = made(l.Op("reshape", ir.ShapeAttrs{Shape: wide}, whole)); err != nil {
			return nil, err
		}
		if whole, err = made(l.Op("transpose", ir.PermAttrs{Perm: t.inverse()}, whole)); err != nil {
			return nil, err
		}
	} else {
		narrow := arranged(t, wide)
		root := whole // which may have one element in one axis: a layer's bias is left so
		for root.Instr != nil && root.Instr.Op.Name == "reshape" {
			root = root.Instr.Args[0]
		}
		for len(narrow) > min(1, root.Type.Rank()) && narrow[0].Is(1) {
			narrow = narrow[1:]
		}
		for whole.Instr != nil && whole.Instr.Op.Name == "reshape" && !ir.EqualShapes(narrow, whole.Type.Shape) {
			whole = whole.Instr.Args[0]
		}
		if !ir.EqualShapes(narrow, whole.Type.Shape) {
			if whole, err = made(l.Op("reshape", ir.ShapeAttrs{Shape: narrow}, whole)); err != nil {
				return nil, err
			}
		}
	}
	if ir.EqualShapes(whole.Type.Shape, shape) {
		return whole, nil
	}
	return made(l.Op("broadcast", ir.ShapeAttrs{Shape: shape}, whole))
}

func constOf(v *ir.Value) (a ir.ConstAttrs, ok bool) {
	if v.Instr != nil {
		a, ok = v.Instr.Attrs.(ir.ConstAttrs)
	}
	return a, ok
}

// axis is where axis a is in v.
func (t turned) axis(a int) int {
	if t.perm == nil {
		return a
	}
	return t.perm[a]
}

func (t turned) axes(as []int) []int {
	out := make([]int, len(as))
	for i, a := range as {
		out[i] = t.axis(a)
	}
	slices.Sort(out)
	return out
}

func (t turned) inverse() []int {
	out := make([]int, len(t.perm))
	for i, p := range t.perm {
		out[p] = i
	}
	return out
}

// arranged is what belongs to the axes, as v has them.
func arranged[T any](t turned, xs []T) []T {
	out := make([]T, len(xs))
	for i, x := range xs {
		out[t.perm[i]] = x
	}
	return out
}

// without is the order of axes that is left where some are folded.
func (t turned) without(axes []int, keep bool) []int {
	if keep {
		return t.perm
	}
	var left []int
	for i, p := range t.perm {
		if !slices.Contains(axes, i) {
			left = append(left, p)
		}
	}
	sorted := slices.Sorted(slices.Values(left))
	for i, p := range left {
		left[i] = slices.Index(sorted, p)
	}
	return left
}

// inOrder reports that only axes of size 1 are elsewhere, so that the elements are in one order.
func (t turned) inOrder() bool {
	var moved []int
	for _, p := range t.perm {
		if !t.v.Type.Shape[p].Is(1) {
			moved = append(moved, p)
		}
	}
	return slices.IsSorted(moved)
}
