package ir

import "slices"

// kernels checks what the pass fuse says of a body: where one value is stored, all
// results are; a kernel has one device, and reads only what kernels before it store.
func (v *verifier) kernels(f *Func) {
	if !slices.ContainsFunc(f.Body, func(in *Instr) bool { return in.Kernel != 0 || in.Why != "" }) {
		return
	}
	for _, x := range f.Kept() {
		if in := x.Instr; in != nil && in.Kernel == 0 && in.Op.Kind != KindSource {
			v.fault(in.Pos, "fuse/result", "func @%s: result %s is not stored", f.Name, x.Name)
		}
	}
	device := map[int]Device{}
	for _, in := range f.Body {
		if (in.Kernel != 0) != (in.Why != "") {
			v.fault(in.Pos, "fuse/why", "func @%s: what is stored has a reason, and nothing else", f.Name)
		}
		if in.Kernel == 0 {
			continue
		}
		if in.Parts {
			v.parts(f, in)
			continue
		}
		if d, ok := device[in.Kernel]; ok && d != in.Device {
			v.fault(in.Pos, "fuse/device", "func @%s: kernel %d runs on %s and on %s", f.Name, in.Kernel, d, in.Device)
		}
		device[in.Kernel] = in.Device
		v.kernelReads(f, in)
	}
}

// parts: what is stored in parts is tensors behind one another, each stored by a kernel
// of the same device and part of nothing else.
func (v *verifier) parts(f *Func, in *Instr) {
	last := 0
	parts := in.Args
	_, isUpdate := in.Attrs.(UpdateAttrs)
	if isUpdate {
		parts = in.Args[1:]
		if base := in.Args[0].Instr; base == nil || !base.InMemory() && !base.Parts {
			v.fault(in.Pos, "fuse/parts", "func @%s: what is updated in place is not in the memory of a state", f.Name)
			return
		}
	}
	for i, a := range parts {
		if a.Instr == nil || a.Instr.Kernel == 0 || a.Instr.Parts || a.Instr.Device != in.Device || slices.Contains(parts[:i], a) {
			v.fault(in.Pos, "fuse/parts", "func @%s: operand %d of what is stored in parts is not stored by a kernel for it alone", f.Name, i)
			return
		}
		last = max(last, a.Instr.Kernel)
		for _, other := range f.Body {
			if other != in && other.Parts && slices.Contains(other.Args, a) {
				v.fault(in.Pos, "fuse/parts", "func @%s: operand %d is a part of two", f.Name, i)
			}
		}
	}
	if _, isConcat := in.Attrs.(AxisAttrs); !isConcat && !isUpdate || in.Op.Kind != KindView || last != in.Kernel {
		v.fault(in.Pos, "fuse/parts", "func @%s: %s is not stored in parts up to kernel %d", f.Name, in.Op.Name, in.Kernel)
	}
}

// kernelReads follows what the kernel of a stored value computes to what it loads.
func (v *verifier) kernelReads(f *Func, stored *Instr) {
	seen := map[*Instr]bool{}
	var visit func(in *Instr)
	visit = func(in *Instr) {
		if seen[in] {
			return
		}
		seen[in] = true
		if moves := in.Op.Kind == KindView || in.Op.Kind == KindSource; in.Device != stored.Device && !moves && !in.Free() {
			v.fault(in.Pos, "fuse/device", "func @%s: kernel %d on %s computes %s, which is on %s", f.Name, stored.Kernel, stored.Device, in.Op.Name, in.Device)
		}
		for _, a := range in.Args {
			switch from := a.Instr; {
			case from == nil:
			case from.Parts && from.Kernel == stored.Kernel:
				v.fault(in.Pos, "fuse/order", "func @%s: kernel %d reads what it stores a part of", f.Name, stored.Kernel)
			case from.Kernel == 0 || from.Kernel == stored.Kernel:
				visit(from)
			case from.Kernel > stored.Kernel:
				v.fault(in.Pos, "fuse/order", "func @%s: kernel %d reads what kernel %d stores", f.Name, stored.Kernel, from.Kernel)
			}
		}
	}
	visit(stored)
}

// Free reports whether an instruction is computed from no memory and at no cost:
// constants, and what converts and moves them.
func (in *Instr) Free() bool {
	if in.Op.Kind == KindSource {
		return !in.InMemory()
	}
	_, isCast := in.Attrs.(CastAttrs)
	return (isCast || in.Op.Kind == KindView) && !slices.ContainsFunc(in.Args, func(a *Value) bool { return a.Instr == nil || !a.Instr.Free() })
}
