package ir

import "slices"

func (v *verifier) variant(f *Func, w *Variant) {
	fault := func(pos *Pos, rule, format string, args ...any) {
		v.fault(pos, rule, "func @"+f.Name+": "+format, args...)
	}
	known := map[*Buffer]bool{}
	names := map[string]bool{}
	for _, b := range w.Buffers {
		if names[b.Name] || b.Name == "" {
			fault(f.Pos, "buffer/name", "buffer %q has no name of its own", b.Name)
		}
		names[b.Name], known[b] = true, true
		var want Type
		var ok bool
		switch b.Place {
		case InInput:
			if ok = b.Index >= 0 && b.Index < len(f.Inputs); ok {
				want = f.Inputs[b.Index].Type.Narrow(w.Guard)
			}
		case InOutput:
			if ok = b.Index >= 0 && b.Index < len(f.Results); ok {
				want = f.Results[b.Index].Type.Narrow(w.Guard)
			}
		case InParam:
			if ok = b.Index >= 0 && b.Index < len(v.module.Params); ok {
				want = v.module.Params[b.Index].Type
			}
		case InState:
			if ok = b.Index >= 0 && b.Index < len(v.module.Params) && v.module.Params[b.Index].State; ok {
				want = v.module.Params[b.Index].Type.Narrow(w.Guard)
			}
		case InPacked:
			if packed := v.module.Packed(); b.Index >= 0 && b.Index < len(packed) {
				want, ok = packed[b.Index].Type, true
			}
		case InArena:
			want, ok = b.Type, true
		}
		if !ok || !want.Equal(b.Type) {
			fault(f.Pos, "buffer/place", "buffer %%%s: %s does not fit %s %d", b.Name, b.Type, b.Place, b.Index)
		}
		v.typ(f.Pos, "buffer %"+b.Name, b.Type)
	}
	written := map[*Buffer]int{} // the step that wrote it
	for i, s := range w.Steps {
		if !slices.Contains(v.module.Kernels, s.Kernel) {
			fault(s.Pos, "step/kernel", "step %d runs a kernel that is not the module's", i)
			continue
		}
		if len(s.Args) != len(s.Kernel.Args) || len(s.Sizes) != len(s.Kernel.Dims) {
			fault(s.Pos, "step/args", "step %d gives kernel @%s %d arguments and %d sizes", i, s.Kernel.Name, len(s.Args), len(s.Sizes))
			continue
		}
		for n, b := range s.Args {
			arg := s.Kernel.Args[n]
			if !known[b] {
				fault(s.Pos, "step/buffer", "step %d uses a buffer that is not the variant's", i)
				continue
			}
			if b.Type.DType != arg.DType {
				fault(s.Pos, "step/dtype", "step %d gives kernel @%s %%%s, %s, for %s", i, s.Kernel.Name, b.Name, b.Type, arg.DType)
			}
			if !substDims(arg.Len, s).Equal(b.Type.Elems()) {
				fault(s.Pos, "step/len", "step %d gives kernel @%s %%%s of %s elements for %s", i, s.Kernel.Name, b.Name, b.Type.Elems(), arg.Len)
			}
			_, isWritten := written[b]
			switch {
			case arg.Write && (b.Place == InInput || b.Place == InParam || b.Place == InPacked && w != v.module.Load):
				fault(s.Pos, "step/readonly", "step %d writes %s %%%s", i, b.Place, b.Name)
			case arg.Write:
			case b.Place == InPacked && w != v.module.Load:
			case b.Place != InInput && b.Place != InParam && b.Place != InState && !isWritten:
				fault(s.Pos, "step/written", "step %d reads %%%s before it is written", i, b.Name)
			}
		}
		for n, b := range s.Args {
			if s.Kernel.Args[n].Write {
				written[b] = i
			}
		}
		v.epochs(f, w, i)
	}
	for _, b := range w.Buffers {
		if _, ok := written[b]; !ok && b.Place == InOutput {
			fault(f.Pos, "variant/output", "output %%%s is never written", b.Name)
		}
	}
	for i, l := range w.Loops {
		ends := func(i int) bool { return i == 0 || i == len(w.Steps) || w.Steps[i].Epoch != w.Steps[i-1].Epoch }
		if l.First < 0 || l.End <= l.First || l.End > len(w.Steps) || !ends(l.First) || !ends(l.End) || !l.Counter.Counter {
			fault(f.Pos, "loop/steps", "loop %d of steps %d to %d is no loop of whole epochs", i, l.First, l.End)
			return
		}
		if g := l.Going; g != nil && !g.Type.Equal(Type{DType: Bool}) {
			fault(f.Pos, "loop/going", "loop %d goes on by %%%s, which is %s", i, g.Name, g.Type)
		}
		for _, outer := range w.Loops[:i] {
			if outer.Has(l.First) != outer.Has(l.End-1) || outer.First > l.First || l.First < outer.First && l.End > outer.First {
				fault(f.Pos, "loop/nested", "loop %d is not within one before it, nor behind it", i)
			}
		}
	}
	if w.Plan != nil {
		v.plan(f, w)
	}
}

// load: only params are read, and only packed tensors written, each of them.
func (v *verifier) load(w *Variant) {
	f := &Func{Name: "load"}
	v.variant(f, w)
	written := map[int]bool{}
	for _, s := range w.Steps {
		for n, b := range s.Args {
			switch {
			case b.Place != InParam && b.Place != InPacked:
				v.fault(s.Pos, "load/place", "load uses %%%s in the place %s", b.Name, b.Place)
			case s.Kernel.Args[n].Write:
				written[b.Index] = true
			case b.Place == InParam && b.Index < len(v.module.Params) && v.module.Params[b.Index].State:
				v.fault(s.Pos, "load/state", "load reads %%%s, which calls change", b.Name)
			}
		}
	}
	for i, b := range v.module.Packed() {
		if slices.ContainsFunc(b.Type.Shape, func(s Size) bool { _, ok := s.Int(); return !ok }) {
			v.fault(nil, "load/constant", "load: packed tensor %%%s is %s, and its sizes are no constants", b.Name, b.Type)
		}
		if b.Index != i || !written[i] {
			v.fault(nil, "load/packed", "load: packed tensor %%%s is out of order or never written", b.Name)
		}
	}
}

// substDims puts the sizes of a step in the place of its kernel's dims.
func substDims(s Size, step *Step) Size {
	return s.Subst(func(a *Atom) (Size, bool) {
		for i, d := range step.Kernel.Dims {
			if a.Kind == AtomDim && a.Dim.Name == d.Name {
				return step.Sizes[i], true
			}
		}
		return Size{}, false
	})
}

// epochs: no two steps of one epoch touch a buffer that one of them writes, unless they
// write parts of it; an epoch is on one device, and epochs never decrease.
func (v *verifier) epochs(f *Func, w *Variant, i int) {
	s := w.Steps[i]
	if i > 0 && s.Epoch < w.Steps[i-1].Epoch {
		v.fault(s.Pos, "step/epoch", "func @%s: step %d goes back to epoch %d", f.Name, i, s.Epoch)
	}
	if s.Kernel.Schedule != nil && s.Kernel.OnGPU() != (s.Device == OnGPU) {
		v.fault(s.Pos, "step/device", "func @%s: step %d on %s launches a kernel of the other device", f.Name, i, s.Device)
	}
	if i > 0 && s.Epoch == w.Steps[i-1].Epoch && s.Device != w.Steps[i-1].Device && s.Kernel.Schedule != nil {
		v.fault(s.Pos, "step/device", "func @%s: epoch %d is on two devices", f.Name, s.Epoch)
	}
	if i > 0 && s.Epoch > w.Steps[i-1].Epoch && s.Device == w.Steps[i-1].Device && w.Steps[i-1].Kernel.Schedule != nil && w.Plan != nil && s.Barrier == nil {
		v.fault(s.Pos, "step/barrier", "func @%s: epoch %d begins without a barrier", f.Name, s.Epoch)
	}
	for j := i - 1; j >= 0 && w.Steps[j].Epoch == s.Epoch; j-- {
		for n, b := range s.Args {
			for k, c := range w.Steps[j].Args {
				if b == c && (s.Kernel.Args[n].Write || w.Steps[j].Kernel.Args[k].Write) && !Apart(s, w.Steps[j], b) {
					v.fault(s.Pos, "step/hazard", "func @%s: steps %d and %d of epoch %d both use %%%s and one writes it", f.Name, j, i, s.Epoch, b.Name)
				}
			}
		}
	}
}

func (v *verifier) plan(f *Func, w *Variant) {
	fault := func(rule, format string, args ...any) {
		v.fault(f.Pos, rule, "func @"+f.Name+": "+format, args...)
	}
	p := w.Plan
	home := map[*Buffer]int{}
	for i, b := range p.Blocks {
		for _, buf := range b.Buffers {
			if _, ok := home[buf]; ok || buf.Place != InArena {
				fault("plan/block", "%%%s is in two blocks, or not in the arena", buf.Name)
			}
			home[buf] = i
			if !buf.Type.Bytes().Equal(b.Bytes) {
				fault("plan/bytes", "%%%s needs %s bytes, its block has %s", buf.Name, buf.Type.Bytes(), b.Bytes)
			}
		}
	}
	for _, s := range w.Steps {
		for _, b := range s.Args {
			if b.Place != InArena {
				continue
			}
			i, ok := home[b]
			if !ok {
				fault("plan/place", "%%%s has no block", b.Name)
				continue
			}
			if blk := p.Blocks[i]; s.Epoch < blk.First || s.Epoch > blk.Last {
				fault("plan/life", "%%%s is used in epoch %d, its block lives in %d..%d", b.Name, s.Epoch, blk.First, blk.Last)
			}
		}
	}
	v.share(f, w)
	if len(p.Blocks) > 0 && len(p.Stacks) == 0 {
		fault("plan/stack", "there is no stack")
	}
	for n, s := range p.Stacks {
		if !s.orders(len(p.Blocks)) {
			fault("plan/order", "stack %d is no order of the blocks from the bottom up", n)
			continue
		}
		below := s.below()
		for i, a := range p.Blocks {
			for j, b := range p.Blocks[:i] {
				if a.First <= b.Last && b.First <= a.Last && !below[i][j] && !below[j][i] {
					fault("plan/overlap", "stack %d: blocks %d and %d live at once and neither lies above the other", n, j, i)
				}
			}
		}
	}
}

// share: the buffers of one block are used one after the other. Only a step that may
// compute the next over the one before uses both.
func (v *verifier) share(f *Func, w *Variant) {
	users := map[*Buffer][]*Step{}
	for _, s := range w.Steps {
		for _, b := range s.Args {
			users[b] = append(users[b], s)
		}
	}
	for _, block := range w.Plan.Blocks {
		for j, next := range block.Buffers {
			for _, old := range block.Buffers[:j] {
				for _, s := range users[old] {
					for _, t := range users[next] {
						if s.Epoch >= t.Epoch && (s != t || !s.overwrites(next, old)) {
							v.fault(t.Pos, "plan/share", "func @%s: %%%s takes the place of %%%s, which is still in use in epoch %d", f.Name, next.Name, old.Name, s.Epoch)
						}
					}
				}
			}
		}
	}
}

// overwrites reports whether the step may write result where it reads operand, in all
// arguments that they are.
func (s *Step) overwrites(result, operand *Buffer) bool {
	if s.Kernel.Schedule == nil {
		return false
	}
	for p, b := range s.Args {
		for n, c := range s.Args {
			if b == result && c == operand && !slices.Contains(s.Kernel.Schedule.Over, [2]int{p, n}) {
				return false
			}
		}
	}
	return true
}

// orders reports whether the stack names each of n blocks once, each above what
// it rests on.
func (s Stack) orders(n int) bool {
	if len(s.Order) != n || len(s.On) != n {
		return false
	}
	placed := make([]bool, n)
	for _, i := range s.Order {
		if i < 0 || i >= n || placed[i] {
			return false
		}
		for _, j := range s.On[i] {
			if j < 0 || j >= n || !placed[j] {
				return false
			}
		}
		placed[i] = true
	}
	return true
}

// below tells for each block which others it lies above, through any chain.
func (s Stack) below() []map[int]bool {
	out := make([]map[int]bool, len(s.On))
	for _, i := range s.Order {
		out[i] = map[int]bool{}
		for _, j := range s.On[i] {
			out[i][j] = true
			for k := range out[j] {
				out[i][k] = true
			}
		}
	}
	return out
}
