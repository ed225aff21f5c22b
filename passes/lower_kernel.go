package passes

import (
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// A kernelMaker makes one kernel by pulling, from the indices of what it stores
// through what is not stored to what is in memory.
type kernelMaker struct {
	module *ir.Module
	stored func(v *ir.Value) bool  // in a kernel of its own, or in this one
	group  []*ir.Value             // what the kernel stores, in the order of the body
	whole  map[*ir.Value]*ir.Value // for values that are parts, what they are parts of

	puller *ir.Puller
	kernel *ir.Kernel
	reads  []*ir.Value // one for each argument so far
	writes []*ir.Value // one for each argument that is stored to
	number map[any]int // the argument of a value, or of a param
	route  map[*ir.Value][]ir.Size
}

// groupKernel makes the kernel that stores the values of a group. args are what it
// reads and then the group, one value for each argument, or what that is a part of;
// the arguments have no names yet. An error says why the values cannot be one kernel.
func groupKernel(m *ir.Module, group []*ir.Value, stored func(v *ir.Value) bool, whole map[*ir.Value]*ir.Value) (k *ir.Kernel, args []*ir.Value, err error) {
	b := newMaker(m, stored)
	b.group, b.whole = group, whole
	main := largest(group)
	at := b.grid(main.Type.Shape)
	value := map[*ir.Value]*ir.Scalar{main: b.puller.Pull(main.Instr, at)}
	b.route[main] = at
	for _, same := range []bool{true, false} { // the others may be pulled on the way
		for _, v := range slices.Backward(group) {
			if v == main || ir.EqualShapes(v.Type.Shape, main.Type.Shape) != same {
				continue
			}
			if same {
				b.route[v] = at
			} else if b.route[v] == nil {
				if b.route[v] = alongGrid(v.Instr, main.Type.Shape, at); b.route[v] == nil {
					return nil, nil, fmt.Errorf("%s is not computed on the way to %s", v.Type, main.Type)
				}
			}
			value[v] = b.puller.Pull(v.Instr, b.route[v])
		}
	}
	for _, v := range group {
		b.store(v, b.route[v], value[v])
	}
	k, args = b.finish()
	for i, v := range group {
		if k.Empty() && !v.Type.Elems().Is(0) {
			return nil, nil, fmt.Errorf("%s would be stored by a kernel without points", v.Type)
		}
		if !ir.EqualShapes(v.Type.Shape, main.Type.Shape) && whole[v] == nil && !k.Empty() {
			if err := storesAll(k, k.Stores[i]); err != nil {
				return nil, nil, err
			}
		}
	}
	return k, args, nil
}

// copyKernel makes the kernel that stores another copy of a value.
func copyKernel(m *ir.Module, v *ir.Value, stored func(v *ir.Value) bool, whole map[*ir.Value]*ir.Value) (k *ir.Kernel, args []*ir.Value) {
	b := newMaker(m, stored)
	b.whole = whole
	at := b.grid(v.Type.Shape)
	value := b.arg(v, at)
	b.whole = nil // the copy is none of the parts
	b.store(v, at, value)
	return b.finish()
}

func newMaker(m *ir.Module, stored func(v *ir.Value) bool) *kernelMaker {
	b := &kernelMaker{module: m, stored: stored, kernel: &ir.Kernel{}, puller: &ir.Puller{DAG: ir.NewDAG()},
		number: map[any]int{}, route: map[*ir.Value][]ir.Size{}}
	b.puller.Arg = b.arg
	return b
}

// largest is the value with the most elements, whose index the kernel's grid is; of
// several the last.
func largest(group []*ir.Value) *ir.Value {
	main := group[0]
	for _, v := range group {
		if elems(v) >= elems(main) {
			main = v
		}
	}
	return main
}

// alongGrid is where a reduction of a tensor of the grid's shape has its results;
// nil: in is none.
func alongGrid(in *ir.Instr, shape, at []ir.Size) []ir.Size {
	if in.Op.Kind != ir.KindReduce || !ir.EqualShapes(in.Args[0].Type.Shape, shape) {
		return nil
	}
	axes, keep := foldedAxes(in)
	rest := []ir.Size{}
	for i, index := range at {
		switch {
		case !slices.Contains(axes, i):
			rest = append(rest, index)
		case keep:
			rest = append(rest, ir.Size{})
		}
	}
	return rest
}

// foldedAxes are the axes that a reduction folds, and whether it leaves them with
// size 1.
func foldedAxes(in *ir.Instr) (axes []int, keep bool) {
	switch a := in.Attrs.(type) {
	case ir.ReduceAttrs:
		return a.Axes, a.Keep
	case ir.IndexAttrs:
		return []int{a.Axis}, a.Keep
	}
	return nil, false
}

// arg is the scalar of a value at an index: computed here, or loaded.
func (b *kernelMaker) arg(v *ir.Value, at []ir.Size) *ir.Scalar {
	here := slices.Contains(b.group, v)
	if here && b.route[v] == nil {
		b.route[v] = at
	}
	if here || v.Instr != nil && !v.Instr.InMemory() && !b.stored(v) {
		return b.puller.Pull(v.Instr, at)
	}
	home, index := b.home(v, at)
	n, ok := b.number[memory(home)]
	if !ok {
		n = len(b.reads)
		b.number[memory(home)] = n
		b.reads = append(b.reads, home)
		b.kernel.Args = append(b.kernel.Args, ir.KernelArg{DType: home.Type.DType, Len: home.Type.Elems()})
	}
	return b.puller.Load(n, v.Type.DType, index)
}

// home is the value in whose memory v is, and where in it its element at an index is.
func (b *kernelMaker) home(v *ir.Value, at []ir.Size) (*ir.Value, ir.Size) {
	whole := b.whole[v]
	if whole == nil {
		return v, ir.Linear(at, v.Type.Shape)
	}
	at = slices.Clone(at)
	switch a := whole.Instr.Attrs.(type) {
	case ir.UpdateAttrs:
		at[a.Axis] = at[a.Axis].Add(a.Start)
	case ir.AxisAttrs:
		for _, before := range whole.Instr.Args[:slices.Index(whole.Instr.Args, v)] {
			at[a.Axis] = at[a.Axis].Add(before.Type.Shape[a.Axis])
		}
	}
	return whole, ir.Linear(at, whole.Type.Shape)
}

// memory is what a value that is loaded is in: the param of a weight, the state that it
// is, or was before a part of it was stored anew, else its own.
func memory(v *ir.Value) any {
	if v.Instr == nil {
		return v
	}
	switch a := v.Instr.Attrs.(type) {
	case ir.WeightAttrs:
		return a.Param
	case ir.ReadAttrs:
		return a.State
	case ir.UpdateAttrs:
		if v.Instr.Parts {
			return memory(v.Instr.Args[0])
		}
	}
	return v
}

func isWeight(in *ir.Instr) bool {
	_, ok := in.Attrs.(ir.WeightAttrs)
	return ok
}

// grid makes the axes of a shape and the index that they are.
func (b *kernelMaker) grid(shape []ir.Size) []ir.Size {
	at := make([]ir.Size, len(shape))
	for i, e := range shape {
		if !e.Is(1) { // of an axis of size 1 the index is 0
			a := &ir.Axis{Name: fmt.Sprintf("i%d", i), Extent: e}
			b.kernel.Par = append(b.kernel.Par, a)
			at[i] = a.Index()
		}
	}
	return at
}

// store appends a store of v; its argument follows those that are read. Parts of one
// value have one.
func (b *kernelMaker) store(v *ir.Value, at []ir.Size, value *ir.Scalar) {
	k := b.kernel
	home, index := b.home(v, at)
	n := slices.Index(b.writes, home)
	if n < 0 {
		n = len(b.writes)
		b.writes = append(b.writes, home)
	}
	k.Stores = append(k.Stores, ir.Store{Arg: len(b.reads) + n, Index: index, Value: value})
}

// finish brings the kernel into its final form.
func (b *kernelMaker) finish() (k *ir.Kernel, args []*ir.Value) {
	k = b.kernel
	for _, v := range b.writes {
		k.Args = append(k.Args, ir.KernelArg{DType: v.Type.DType, Len: v.Type.Elems(), Write: true})
	}
	k.Values = b.puller.Values

	prune(k)
	dropUnitAxes(k)
	splitAxes(k)
	dropGuards(k)
	if !shareAxes(k) { // two axes of the grid may be one of a fold
		mergeAxes(k)
		shareAxes(k)
	}
	mergeAxes(k)
	chooseInner(k)
	renameAxes(k)
	if recogniseStream(k); k.Stream == nil {
		recogniseContract(k)
	}
	k.Dims = usedDims(b.module, k)
	all := append(b.reads, b.writes...)
	for _, n := range dropArgs(k) {
		args = append(args, all[n])
	}
	return k, args
}

// storesAll is an error if a store might not write each element of its argument once.
func storesAll(k *ir.Kernel, s ir.Store) error {
	n, axes := ir.N(1), slices.Concat(k.Grid(), k.Loops(s))
	for _, a := range axes {
		if n = n.Mul(a.Extent); !s.Index.Has(a) && !a.Extent.Is(1) {
			return fmt.Errorf("an element would be stored for each %s", a.Name)
		}
	}
	inScope := true
	s.Index.Walk(func(a *ir.Atom) { inScope = inScope && (a.Kind != ir.AtomAxis || contains(axes, a.Axis)) })
	if !inScope {
		return fmt.Errorf("an element would be stored at an index that is computed")
	}
	if size := k.Args[s.Arg].Len; !n.Equal(size) || !(ir.Bound{Index: s.Index, Extent: size}).Proven() {
		return fmt.Errorf("%s elements would be stored as %s", size, n)
	}
	return nil
}

// dropArgs removes the arguments that are never read, and returns the numbers that
// those have had that are left.
func dropArgs(k *ir.Kernel) []int {
	var left []int
	var kept []ir.KernelArg
	to := make([]int, len(k.Args))
	for i, a := range k.Args {
		to[i] = len(kept)
		if a.Write || slices.ContainsFunc(k.Values, func(v *ir.Scalar) bool { return v.Kind == ir.ScalarLoad && v.Arg == i }) {
			kept, left = append(kept, a), append(left, i)
		}
	}
	for _, v := range k.Values {
		if v.Kind == ir.ScalarLoad {
			v.Arg = to[v.Arg]
		}
	}
	for i := range k.Stores {
		k.Stores[i].Arg = to[k.Stores[i].Arg]
	}
	k.Args = kept
	return left
}

// usedDims are the dims that a kernel mentions, in the module's order.
func usedDims(m *ir.Module, k *ir.Kernel) []*ir.Dim {
	used := map[string]bool{}
	eachSize(k, func(s ir.Size) {
		s.Walk(func(a *ir.Atom) {
			if a.Kind == ir.AtomDim {
				used[a.Dim.Name] = true
			}
		})
	})
	return slices.DeleteFunc(slices.Clone(m.Dims), func(d *ir.Dim) bool { return !used[d.Name] })
}
