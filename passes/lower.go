package passes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// lower makes the kernels that fuse decided, by pulling from the indices of what
// they store through what is not stored to buffers. Equal kernels are made once.
func lower(m *ir.Module) error {
	once := map[string]*ir.Kernel{}
	names := map[string]bool{}
	var funcs []*ir.Func
	var variants []*ir.Variant // of the functions of one name
	for _, f := range m.Funcs {
		l := newLowering(m, f)
		if err := l.run(); err != nil {
			return err
		}
		for _, s := range l.variant.Steps {
			s.Kernel.Guard = about(f.Guard, s.Kernel.Dims)
			key := kernelKey(s)
			if k := once[key]; k != nil {
				s.Kernel = k
				continue
			}
			once[key] = s.Kernel
			s.Kernel.Name = unique(names, s.Kernel.Name)
			m.Kernels = append(m.Kernels, s.Kernel)
		}
		for i, s := range l.variant.Steps {
			s.Epoch = i
		}
		slices.SortStableFunc(l.variant.Loops, func(a, b ir.Loop) int {
			return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(b.End, a.End))
		})
		l.variant.Guard = f.Guard
		if variants = append(variants, l.variant); len(f.Guard) > 0 {
			continue
		}
		f.Variants, variants = variants, nil
		funcs = append(funcs, f)
		f.Body = nil
		for i := range f.Results {
			f.Results[i].Value = nil
		}
		f.Writes = nil
	}
	m.Funcs = funcs
	m.Params = slices.DeleteFunc(m.Params, func(p *ir.Param) bool { return p.Local })
	return nil
}

// about is the facts that mention one of the dims.
func about(facts []ir.Fact, dims []*ir.Dim) []ir.Fact {
	var out []ir.Fact
	for _, f := range facts {
		if slices.ContainsFunc(dims, func(d *ir.Dim) bool { return mentions(f.Left, d) || mentions(f.Right, d) }) {
			out = append(out, f)
		}
	}
	return out
}

// mentions reports whether a size depends on a dim.
func mentions(s ir.Size, d *ir.Dim) bool {
	found := false
	s.Walk(func(a *ir.Atom) { found = found || a.Kind == ir.AtomDim && a.Dim.Name == d.Name })
	return found
}

// kernelKey is the key of a step's kernel, and its device.
func kernelKey(s *ir.Step) string { return string(s.Device) + "\n" + s.Kernel.Key() }

func unique(used map[string]bool, name string) string {
	for try, n := name, 2; ; try, n = fmt.Sprintf("%s_%d", name, n), n+1 {
		if !used[try] {
			used[try] = true
			return try
		}
	}
}

// A lowering turns one function into a variant.
type lowering struct {
	module  *ir.Module
	fn      *ir.Func
	variant *ir.Variant
	buffers map[any]*ir.Buffer // of inputs, stored values and params
	names   map[string]bool    // of buffers
	last    []*ir.Value        // that are stored behind all else, since they replace what is read
}

func newLowering(m *ir.Module, f *ir.Func) *lowering {
	return &lowering{module: m, fn: f, variant: &ir.Variant{}, buffers: map[any]*ir.Buffer{}, names: map[string]bool{}}
}

func (l *lowering) run() error {
	for i, v := range l.fn.Inputs {
		l.buffers[v] = l.buffer(v.Name, ir.InInput, i, v.Type)
	}
	outs := make([]*ir.Buffer, len(l.fn.Results))
	for i, r := range l.fn.Results {
		outs[i] = l.buffer(r.Name, ir.InOutput, i, r.Type)
		if p, isParam := memory(r.Value).(*ir.Param); isParam && p.Local && l.buffers[p] == nil {
			l.buffers[p] = outs[i] // what the last loop makes of it is the result
		}
		if l.buffers[r.Value] == nil && stored(r.Value) && memory(r.Value) == r.Value {
			l.buffers[r.Value] = outs[i] // its kernel writes the result itself
		}
	}
	if err := l.code(); err != nil {
		return err
	}
	for i, r := range l.fn.Results {
		if l.bufferOf(r.Value) != outs[i] { // an input, a weight, a constant, or a second name
			l.copy(r.Value, outs[i], wholes(l.fn))
		}
	}
	l.writes()
	return nil
}

// code appends the steps of the function, those of its loops first.
func (l *lowering) code() error {
	loops, _ := l.fn.Straight()
	for _, in := range loops {
		if err := l.loop(in); err != nil {
			return err
		}
	}
	whole := wholes(l.fn)
	groups := storedTogether(l.fn)
	if err := l.writeDirectly(groups, whole); err != nil {
		return err
	}
	for _, group := range groups {
		for _, v := range group {
			if w := whole[v]; w != nil {
				v = w
			}
			if l.buffers[v] == nil && memory(v) == v {
				l.buffers[v] = l.buffer(valueName(v), ir.InArena, 0, v.Type)
			}
		}
		if isText(group) {
			l.text(group[0].Instr, whole)
			continue
		}
		k, args, err := groupKernel(l.module, group, stored, whole)
		if err != nil {
			return fmt.Errorf("%s: kernel %d: %w", group[0].Instr.Pos, group[0].Instr.Kernel, err)
		}
		storeLast(k, args, l.last)
		main := largest(group)
		name := valueName(main)
		if out := l.buffers[main]; out != nil && out.Place == ir.InOutput {
			name = out.Name
		}
		l.step(k, args, nil, main.Instr.Pos, main.Instr.Device, name)
	}
	return nil
}

// writes copies to states what no kernel has stored there.
func (l *lowering) writes() {
	for _, w := range l.fn.Writes {
		if to := l.state(w.State); memory(w.Value) != w.State && l.buffers[w.Value] != to {
			l.copy(w.Value, to, wholes(l.fn))
		}
	}
}

// loop appends the steps of a round.
func (l *lowering) loop(in *ir.Instr) error {
	body := *l
	body.fn, body.last = in.Body, nil
	for i, v := range in.Body.Inputs {
		l.buffers[v] = l.buffers[in.Args[i]]
	}
	first := len(l.variant.Steps)
	if err := body.code(); err != nil {
		return err
	}
	body.writes()
	if end := len(l.variant.Steps); len(in.Body.Dims) > 0 && end > first {
		a := in.Attrs.(ir.LoopAttrs)
		loop := ir.Loop{First: first, End: end, Count: a.Count, Counter: in.Body.Dims[0]}
		if a.Ends {
			loop.Going = l.state(in.Body.Writes[0].State)
		}
		l.variant.Loops = append(l.variant.Loops, loop)
	}
	return nil
}

// isText reports that a group is what a kernel stores that is written by hand.
func isText(group []*ir.Value) bool { return group[0].Instr.Op.Kind == ir.KindKernel }

// text appends the step of a kernel that is written by hand, after the steps that copy to
// memory those operands that are not there: constants, and parts of a whole.
func (l *lowering) text(in *ir.Instr, whole map[*ir.Value]*ir.Value) {
	k := in.Written(l.module)
	step := &ir.Step{Kernel: k, Device: in.Device, Pos: in.Pos}
	for _, v := range in.Args {
		_, inParam := memory(v).(*ir.Param)
		b := l.buffers[memory(v)]
		switch {
		case whole[v] == nil && inParam:
			b = l.bufferOf(v)
		case whole[v] != nil || b == nil:
			b = l.buffer(valueName(v), ir.InArena, 0, v.Type)
			l.copy(v, b, whole)
		}
		step.Args = append(step.Args, b)
	}
	for _, v := range in.Results {
		step.Args = append(step.Args, l.bufferOf(v))
	}
	k.Name = l.kernelName(in.Pos, k.Name)
	for _, d := range k.Dims {
		step.Sizes = append(step.Sizes, d.Size())
	}
	l.variant.Steps = append(l.variant.Steps, step)
}

// copy appends the step that copies a value to a buffer.
func (l *lowering) copy(v *ir.Value, to *ir.Buffer, whole map[*ir.Value]*ir.Value) {
	k, args := copyKernel(l.module, v, stored, whole)
	pos, device := l.fn.Pos, copiedOn(l.module, v)
	if in := v.Instr; in != nil {
		pos, device = in.Pos, in.Device
	}
	l.step(k, args, to, pos, device, "copy")
}

// stored reports whether a kernel stores v.
func stored(v *ir.Value) bool { return v.Instr != nil && v.Instr.Kernel != 0 }

// wholes tells for each value that is stored as a part what it is a part of.
func wholes(f *ir.Func) map[*ir.Value]*ir.Value {
	of := map[*ir.Value]*ir.Value{}
	for _, in := range f.Body {
		if in.Parts {
			for _, a := range partsOfWhole(in) {
				of[a] = in.Result()
			}
		}
	}
	return of
}

// partsOfWhole are the operands that an instruction puts together where it is stored in
// parts: what an update replaces a part of is there already.
func partsOfWhole(in *ir.Instr) []*ir.Value {
	if _, isUpdate := in.Attrs.(ir.UpdateAttrs); isUpdate {
		return in.Args[1:]
	}
	return in.Args
}

// storedTogether is the stored values of a function, by kernel, in the order of the
// kernels and of the body.
func storedTogether(f *ir.Func) [][]*ir.Value {
	var groups [][]*ir.Value
	for _, in := range f.Body {
		if in.Kernel == 0 || in.Parts {
			continue
		}
		for len(groups) < in.Kernel {
			groups = append(groups, nil)
		}
		groups[in.Kernel-1] = append(groups[in.Kernel-1], in.Results...)
	}
	return slices.DeleteFunc(groups, func(g []*ir.Value) bool { return len(g) == 0 })
}

// step appends the step that runs k on the buffers of args, the last of which is out
// if that is given.
func (l *lowering) step(k *ir.Kernel, args []*ir.Value, out *ir.Buffer, pos *ir.Pos, device ir.Device, name string) {
	k.Name, k.Pos = l.kernelName(pos, name), pos
	step := &ir.Step{Kernel: k, Device: device, Pos: pos}
	names := map[string]bool{} // a state may be read and written
	for i, v := range args {
		b := out
		if out == nil || i < len(args)-1 {
			b = l.bufferOf(v)
		}
		k.Args[i].Name = unique(names, b.Name)
		step.Args = append(step.Args, b)
	}
	for _, d := range k.Dims {
		step.Sizes = append(step.Sizes, d.Size())
	}
	l.variant.Steps = append(l.variant.Steps, step)
}

// kernelName is the entry, the block in which the source says it, and the value:
// read_net_conv1_y.
func (l *lowering) kernelName(pos *ir.Pos, value string) string {
	parts := []string{l.fn.Name}
	if pos != nil && pos.In != "" {
		parts = append(parts, pos.In)
	}
	return strings.ReplaceAll(strings.Join(append(parts, value), "_"), ".", "_")
}

func valueName(v *ir.Value) string {
	if v.Name != "" {
		return v.Name
	}
	return v.Instr.Op.Name
}

func (l *lowering) buffer(name string, place ir.Place, index int, t ir.Type) *ir.Buffer {
	b := &ir.Buffer{Name: unique(l.names, name), Place: place, Index: index, Type: t}
	l.variant.Buffers = append(l.variant.Buffers, b)
	return b
}

// bufferOf is the buffer that a value is loaded from or stored in; of a weight, that
// of its param.
func (l *lowering) bufferOf(v *ir.Value) *ir.Buffer {
	b := l.buffers[memory(v)]
	p, ok := memory(v).(*ir.Param)
	switch {
	case ok && p.State:
		return l.state(p)
	case ok && b == nil:
		b = l.buffer(p.Name, ir.InParam, slices.Index(l.module.Params, p), p.Type)
		l.buffers[p] = b
	}
	return b
}
