package passes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// lower makes kernels: one for each value that is stored, by pulling from the
// value's index through what is not stored to buffers. Equal kernels are made once.
func lower(m *ir.Module) error {
	once := map[string]*ir.Kernel{}
	names := map[string]bool{}
	var funcs []*ir.Func
	var variants []*ir.Variant // of the functions of one name
	for _, f := range m.Funcs {
		l := newLowering(m, f)
		l.run()
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
	}
	m.Funcs = funcs
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

// kernelKey is the text of a step's kernel without names, and its device: equal
// keys, equal code.
func kernelKey(s *ir.Step) string {
	k := *s.Kernel
	k.Name, k.Pos = "", nil
	k.Args = slices.Clone(k.Args)
	for i := range k.Args {
		k.Args[i].Name = fmt.Sprintf("a%d", i)
	}
	return string(s.Device) + "\n" + ir.PrintKernel(&k)
}

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
	buffers map[*ir.Value]*ir.Buffer // of stored values and inputs
	params  map[*ir.Param]*ir.Buffer
	kept    map[*ir.Value]bool // views that are stored all the same
	names   map[string]bool    // of buffers
}

func newLowering(m *ir.Module, f *ir.Func) *lowering {
	return &lowering{
		module: m, fn: f, variant: &ir.Variant{},
		buffers: map[*ir.Value]*ir.Buffer{}, params: map[*ir.Param]*ir.Buffer{},
		kept: keptViews(f.Body), names: map[string]bool{},
	}
}

func (l *lowering) run() {
	for i, v := range l.fn.Inputs {
		l.buffers[v] = l.buffer(v.Name, ir.InInput, i, v.Type)
	}
	outs := make([]*ir.Buffer, len(l.fn.Results))
	for i, r := range l.fn.Results {
		outs[i] = l.buffer(r.Name, ir.InOutput, i, r.Type)
		if l.buffers[r.Value] == nil && l.stored(r.Value) {
			l.buffers[r.Value] = outs[i] // its kernel writes the result itself
		}
	}
	for _, in := range l.fn.Body {
		if l.stored(in.Result()) {
			l.store(in.Result())
		}
	}
	for i, r := range l.fn.Results {
		if l.buffers[r.Value] != outs[i] { // a view, a constant, an input, or a second name
			l.step(outs[i], r.Value, "copy", l.load(r.Value))
		}
	}
}

// stored reports whether v has a kernel and memory of its own. Views, constants,
// index numbers and conversions of these are computed wherever they are used.
func (l *lowering) stored(v *ir.Value) bool {
	if v.Instr == nil || l.kept[v] {
		return v.Instr != nil
	}
	switch v.Instr.Op.Kind {
	case ir.KindView, ir.KindSource:
		return false
	case ir.KindElementwise:
		_, isCast := v.Instr.Attrs.(ir.CastAttrs)
		return !isCast || !free(v.Instr.Args[0])
	}
	return true
}

// free reports whether v is computed from no memory and at no cost.
func free(v *ir.Value) bool {
	if v.Instr == nil {
		return false
	}
	switch v.Instr.Attrs.(type) {
	case ir.ConstAttrs, ir.IotaAttrs:
		return true
	case ir.ShapeAttrs, ir.PermAttrs, ir.SliceAttrs, ir.CastAttrs:
		return free(v.Instr.Args[0])
	}
	return false
}

// store appends the step that computes a stored value.
func (l *lowering) store(v *ir.Value) {
	if l.buffers[v] == nil {
		l.buffers[v] = l.buffer(valueName(v), ir.InArena, 0, v.Type)
	}
	l.foldBetter(v.Instr)
	out, name := l.buffers[v], valueName(v)
	if out.Place == ir.InOutput {
		name = out.Name
	}
	l.step(out, v, name, l.compute(v.Instr))
}

// step appends the step that fills a buffer with the value v, pulled by root.
func (l *lowering) step(out *ir.Buffer, v *ir.Value, name string, root pull) {
	pos, device := l.fn.Pos, l.device()
	if v.Instr != nil {
		pos, device = v.Instr.Pos, v.Instr.Device
	}
	k, args := l.kernel(out, root)
	k.Name, k.Pos = l.kernelName(pos, name), pos
	step := &ir.Step{Kernel: k, Args: args, Device: device, Epoch: len(l.variant.Steps), Pos: pos}
	for _, d := range k.Dims {
		step.Sizes = append(step.Sizes, d.Size())
	}
	l.variant.Steps = append(l.variant.Steps, step)
}

// device is where what no instruction computes is copied.
func (l *lowering) device() ir.Device {
	if l.module.Target == ir.Metal {
		return ir.OnGPU
	}
	return ir.OnCPU
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

func (l *lowering) param(p *ir.Param) *ir.Buffer {
	if l.params[p] == nil {
		l.params[p] = l.buffer(p.Name, ir.InParam, slices.Index(l.module.Params, p), p.Type)
	}
	return l.params[p]
}
