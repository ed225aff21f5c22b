package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// maxSplit is the parts of an axis up to which each has a kernel of its own, if all of them are
// worth so many times what a worker is woken for.
const (
	maxSplit   = 8
	worthSplit = 4
)

// A split is the kernel of one part, and which arguments of the whole it has.
type split struct {
	kernel *ir.Kernel
	args   []int
}

// splitJoined gives the parts of what is joined along the last axis kernels of their own on the
// CPU, unless they can be computed at the same points. The kernel of the whole would compute each
// element of all parts at every point.
func splitJoined(m *ir.Module) {
	on, names, splits := devices(m), map[string]bool{}, map[*ir.Kernel][]split{}
	for _, k := range m.Kernels {
		names[k.Name] = true
	}
	atLoad := ofParams(m)
	var kernels []*ir.Kernel
	for _, k := range m.Kernels {
		if on[k] == ir.OnCPU {
			takeApart(k)
		}
		if on[k] == ir.OnCPU && !atLoad[k] {
			splits[k] = splitOf(m, k, names)
		}
		if len(splits[k]) == 0 {
			kernels = append(kernels, k)
		}
		for _, s := range splits[k] {
			kernels = append(kernels, s.kernel)
		}
	}
	m.Kernels = kernels
	for _, f := range m.Funcs {
		for _, v := range f.Variants {
			splitSteps(v, splits)
		}
	}
}

// ofParams are the kernels of steps that read nothing but params. Those run at load, where one step
// writes what it makes.
func ofParams(m *ir.Module) map[*ir.Kernel]bool {
	of := map[*ir.Kernel]bool{}
	for _, f := range m.Funcs {
		for _, v := range f.Variants {
			for _, s := range v.Steps {
				called := false
				for n, b := range s.Args {
					called = called || !s.Kernel.Args[n].Write && b.Place != ir.InParam
				}
				of[s.Kernel] = of[s.Kernel] || !called
			}
		}
	}
	return of
}

// splitOf is the kernels of the parts that guards make of the last axis of a kernel; nil: they
// make none, some guards stay, or it is worth nothing.
func splitOf(m *ir.Module, k *ir.Kernel, names map[string]bool) []split {
	if k.Inner == nil || k.Contract != nil || k.Stream != nil || len(reducedAxes(k)) > 0 || !computes(k) {
		return nil
	}
	axis := k.Inner
	cuts, ok := cutsOf(k, axis)
	if parts := len(cuts) - 1; !ok || parts < 2 || parts > maxSplit || most(k.Grid()) < worthSplit*grainWork/pointWork(k) {
		return nil
	}
	var splits []split
	for i, from := range cuts[:len(cuts)-1] {
		one := *k
		one.Stores = slices.Clone(k.Stores)
		part := &ir.Axis{Name: axis.Name, Extent: ir.N(cuts[i+1] - from)}
		first := func(s ir.Size) ir.Size { return s.Replace(part, ir.N(0)) }
		edit{
			size: func(s ir.Size) ir.Size { return s.Replace(axis, part.Index().Add(ir.N(from))) },
			scalar: decided(func(g ir.Bound) (yes, known bool) { // of all points what holds of the first
				return isInside(ir.Bound{Index: first(g.Index), Extent: g.Extent})
			}),
		}.apply(&one)
		one.Par, one.Inner = append(slices.Clone(k.Par), part), nil
		if part.Extent.Is(1) {
			edit{size: first}.apply(&one)
			one.Par = k.Par
		}
		if slices.ContainsFunc(one.Values, func(v *ir.Scalar) bool { return len(v.Guard) > 0 }) {
			return nil
		}
		chooseInner(&one)
		renameAxes(&one)
		args := dropArgs(&one)
		one.Dims = usedDims(m, &one)
		one.Guard = about(k.Guard, one.Dims)
		splits = append(splits, split{&one, args})
	}
	delete(names, k.Name)
	for _, s := range splits {
		s.kernel.Name = unique(names, k.Name)
	}
	return splits
}

// cutsOf is where along an axis guards change, with both its ends; false: they may anywhere.
func cutsOf(k *ir.Kernel, a *ir.Axis) (cuts []int64, ok bool) {
	end, ok := a.Extent.Int()
	cuts = []int64{0, end}
	for _, v := range k.Values {
		for _, g := range v.Guard {
			coef, rest, affine := g.Index.Coef(a)
			if affine && coef.Is(0) {
				continue
			}
			from, known := rest.Int()
			n, constant := g.Extent.Int()
			ok = ok && affine && coef.Is(1) && known && constant && len(v.Bind) == 0
			cuts = append(cuts, -from, n-from)
		}
	}
	for _, s := range k.Stores {
		ok = ok && len(s.Guard) == 0
	}
	slices.Sort(cuts)
	cuts = slices.DeleteFunc(slices.Compact(cuts), func(at int64) bool { return at < 0 || at > end })
	return cuts, ok
}

// splitSteps puts the steps of parts in the place of the whole's.
func splitSteps(v *ir.Variant, splits map[*ir.Kernel][]split) {
	var steps []*ir.Step
	at := make([]int, len(v.Steps)+1) // where the steps of each begin
	for i, s := range v.Steps {
		if at[i] = len(steps); len(splits[s.Kernel]) == 0 {
			steps = append(steps, s)
		}
		for _, p := range splits[s.Kernel] {
			one := *s
			one.Kernel, one.Args, one.Sizes = p.kernel, pick(s.Args, p.args), sizesOf(p.kernel)
			steps = append(steps, &one)
		}
	}
	at[len(v.Steps)] = len(steps)
	for i, l := range v.Loops {
		v.Loops[i].First, v.Loops[i].End = at[l.First], at[l.End]
	}
	for i, s := range steps {
		s.Epoch = i
	}
	v.Steps = steps
}
