package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// writeDirectly lets kernels store the next values of states where these are, if no kernel
// that comes later reads what the state was before, and the kernel itself only the element
// that it stores. Other states are copied in the end.
func (l *lowering) writeDirectly(groups [][]*ir.Value, whole map[*ir.Value]*ir.Value) error {
	taken := map[int]bool{} // kernels that store over a state that they read
	for _, w := range l.fn.Writes {
		n := slices.IndexFunc(groups, func(g []*ir.Value) bool { return slices.Contains(g, w.Value) })
		if n < 0 || l.buffers[w.Value] != nil || whole[w.Value] != nil ||
			slices.ContainsFunc(groups[n+1:], func(g []*ir.Value) bool { return readsState(g, w.State) }) {
			continue
		}
		if readsState(groups[n], w.State) {
			if isText(groups[n]) {
				continue
			}
			k, args, err := groupKernel(l.module, groups[n], stored, whole)
			if err != nil {
				return err
			}
			if taken[n] || !storesOver(k, args, w) {
				continue
			}
			taken[n] = true
			l.last = append(l.last, w.Value)
		}
		l.buffers[w.Value] = l.state(w.State)
	}
	return nil
}

// readsState reports that a kernel that stores the group computes something from a state.
func readsState(group []*ir.Value, state *ir.Param) bool {
	seen := map[*ir.Instr]bool{}
	var visit func(in *ir.Instr) bool
	visit = func(in *ir.Instr) bool {
		if in == nil || seen[in] {
			return false
		}
		seen[in] = true
		return isReadOf(in, state) || slices.ContainsFunc(in.Args, func(a *ir.Value) bool {
			return a.Instr != nil && (a.Instr.Kernel == 0 || slices.Contains(group, a)) && visit(a.Instr)
		})
	}
	return slices.ContainsFunc(group, func(v *ir.Value) bool { return visit(v.Instr) })
}

// storesOver reports that a kernel may store what is written to a state over the state:
// each point reads only the element that it stores then, after all else.
func storesOver(k *ir.Kernel, args []*ir.Value, w ir.Write) bool {
	if slices.ContainsFunc(k.Values, func(v *ir.Scalar) bool { return v.Kind == ir.ScalarReduce }) {
		return false
	}
	storeLast(k, args, []*ir.Value{w.Value})
	n := len(k.Stores) - 1
	only := *k
	only.Stores = k.Stores[n:]
	from := slices.IndexFunc(args, func(v *ir.Value) bool { return memory(v) == w.State })
	return args[k.Stores[n].Arg] == w.Value && len(k.Stores[n].Guard) == 0 && readsOnlyThere(&only, from, 0)
}

// storeLast puts the stores of some values behind all others.
func storeLast(k *ir.Kernel, args, last []*ir.Value) {
	isLast := func(s ir.Store) int {
		if slices.Contains(last, args[s.Arg]) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(k.Stores, func(a, b ir.Store) int { return isLast(a) - isLast(b) })
}

// state is the buffer of a state or local.
func (l *lowering) state(p *ir.Param) *ir.Buffer {
	switch {
	case l.buffers[p] != nil:
	case p.Local:
		l.buffers[p] = l.buffer(p.Name, ir.InArena, 0, p.Type)
	default:
		l.buffers[p] = l.buffer(p.Name, ir.InState, slices.Index(l.module.Params, p), p.Type.Narrow(l.fn.Guard))
	}
	return l.buffers[p]
}
