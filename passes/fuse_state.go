package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// keepOld makes a value of its own of what a state was before a call, where that is there
// after a call that changes the state: a result, or the next value of another state.
func keepOld(f *ir.Func) error {
	changes := func(in *ir.Instr) bool {
		return slices.ContainsFunc(f.Writes, func(w ir.Write) bool { return isReadOf(in, w.State) && !isReadOf(w.Value.Instr, w.State) })
	}
	b := &ir.Emit{Body: f.Body, Pos: f.Pos, Facts: f.Where}
	kept := map[*ir.Value]*ir.Value{}
	for _, v := range f.Kept() {
		if kept[v] != nil || !changes(v.Instr) {
			continue
		}
		made, err := b.Op("reshape", ir.ShapeAttrs{Shape: v.Type.Shape}, v)
		if err != nil {
			return err
		}
		made.Device, made.Result().Name = v.Instr.Device, v.Name+"_before"
		kept[v] = made.Result()
	}
	f.Body = b.Body
	substituteResults(f, kept)
	return nil
}

// updateInPlace finds the updates that end in a write of the state that they begin with,
// while nothing else reads what the state was: what they put into it is stored where it
// will be, and the rest stays.
func (u *fusion) updateInPlace() {
	taken := map[*ir.Value]bool{} // parts of others
	for _, w := range u.fn.Writes {
		chain, ok := u.updates(w)
		if !ok || slices.ContainsFunc(chain, func(in *ir.Instr) bool { return taken[in.Args[1]] }) {
			continue
		}
		for _, in := range chain {
			u.inPlace[in.Result()], taken[in.Args[1]] = true, true
		}
	}
}

// updates is the chain of updates from a state to what is written to it, the last one
// first; false: there is none, or one that cannot be done in place.
func (u *fusion) updates(w ir.Write) (chain []*ir.Instr, ok bool) {
	for v := w.Value; ; {
		in := v.Instr
		if in == nil {
			return nil, false
		}
		if a, isRead := in.Attrs.(ir.ReadAttrs); isRead {
			return chain, a.State == w.State && len(chain) > 0
		}
		if _, isUpdate := in.Attrs.(ir.UpdateAttrs); !isUpdate {
			return nil, false
		}
		base, part := in.Args[0], in.Args[1]
		stored := part.Instr != nil && part.Instr.Op.Kind != ir.KindSource && part.Instr.Op.Kind != ir.KindKernel && !free(part)
		if !stored || u.result[part] || part.Instr.Device != in.Device || len(u.readers[base]) > 1 || u.result[base] || slices.ContainsFunc(chain, func(c *ir.Instr) bool { return c.Args[1] == part }) {
			return nil, false
		}
		chain, v = append(chain, in), base
	}
}

// overwriteLast lets kernels that store the next value of a state come after those that
// read what it is before, as far as these do not need what they store: then the state is
// written where it is. Else lower copies it in the end.
func (u *fusion) overwriteLast() {
	for _, w := range u.fn.Writes {
		g := u.group[w.Value]
		if g == nil {
			continue
		}
		var before []*group
		for _, h := range u.groups {
			if h != g && slices.ContainsFunc(u.fn.Body, func(in *ir.Instr) bool { return isReadOf(in, w.State) && h.reads[in.Result()] }) {
				before = append(before, h)
			}
		}
		if !slices.ContainsFunc(before, func(h *group) bool { return u.reaches(g, h) }) {
			u.after[g] = append(u.after[g], before...)
		}
	}
}

// isReadOf reports that an instruction reads a state.
func isReadOf(in *ir.Instr, state *ir.Param) bool {
	if in == nil {
		return false
	}
	a, ok := in.Attrs.(ir.ReadAttrs)
	return ok && a.State == state
}
