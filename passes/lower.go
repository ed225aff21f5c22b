package passes

import (
	"fmt"

	"github.com/mlxc/mlxc/ir"
)

// lower makes kernels: one for each value that is no view, by pulling from the
// value's index through views and constants to buffers. A view is stored only
// where it is a result. Identical kernels are made once.
func lower(m *ir.Module) error {
	once := map[string]*ir.Kernel{}
	names := map[string]bool{}
	for _, f := range m.Funcs {
		l := &lowering{module: m, fn: f, buffers: map[*ir.Value]*ir.Buffer{}, params: map[*ir.Param]*ir.Buffer{}, names: map[string]bool{}}
		if err := l.run(); err != nil {
			return err
		}
		for _, s := range l.variant.Steps {
			key := kernelKey(s.Kernel)
			if k := once[key]; k != nil {
				s.Kernel = k
				continue
			}
			once[key] = s.Kernel
			s.Kernel.Name = unique(names, s.Kernel.Name)
			m.Kernels = append(m.Kernels, s.Kernel)
		}
		f.Variants = []*ir.Variant{l.variant}
		f.Body = nil
		for i := range f.Results {
			f.Results[i].Value = nil
		}
	}
	return nil
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
	buffers map[*ir.Value]*ir.Buffer // values that are stored
	params  map[*ir.Param]*ir.Buffer
	names   map[string]bool
}

func (l *lowering) run() error {
	l.variant = &ir.Variant{}
	for i, v := range l.fn.Inputs {
		l.buffers[v] = l.buffer(v.Name, ir.InInput, i, v.Type)
	}
	direct := map[*ir.Value]bool{} // results that their kernel writes itself
	for i, r := range l.fn.Results {
		b := l.buffer(r.Name, ir.InOutput, i, r.Type)
		if l.buffers[r.Value] == nil && stored(r.Value) {
			l.buffers[r.Value], direct[r.Value] = b, true
		}
	}
	for _, in := range l.fn.Body {
		v := in.Result()
		if !stored(v) {
			continue
		}
		if l.buffers[v] == nil {
			l.buffers[v] = l.buffer(valueName(v), ir.InArena, 0, v.Type)
		}
		if err := l.kernel(in.Op.Name, in.Pos, in.Device, l.buffers[v], func(p *ir.Puller, at []ir.Size) *ir.Scalar { return l.compute(p, in, at) }); err != nil {
			return err
		}
	}
	for _, r := range l.fn.Results {
		if b := l.result(r.Name); l.buffers[r.Value] != b { // a view, a constant, an input, or a second name
			err := l.kernel("copy", l.fn.Pos, deviceOf(l.module), b, func(p *ir.Puller, at []ir.Size) *ir.Scalar { return p.Arg(r.Value, at) })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func deviceOf(m *ir.Module) ir.Device {
	if m.Target == ir.Metal {
		return ir.OnGPU
	}
	return ir.OnCPU
}

// stored reports whether a value has a kernel and memory of its own.
func stored(v *ir.Value) bool {
	return v.Instr != nil && v.Instr.Op.Kind != ir.KindView && v.Instr.Op.Kind != ir.KindSource
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

func (l *lowering) result(name string) *ir.Buffer {
	for i, r := range l.fn.Results {
		if r.Name != name {
			continue
		}
		for _, b := range l.variant.Buffers {
			if b.Place == ir.InOutput && b.Index == i {
				return b
			}
		}
	}
	return nil
}

func (l *lowering) param(p *ir.Param) *ir.Buffer {
	if b := l.params[p]; b != nil {
		return b
	}
	for i, q := range l.module.Params {
		if q == p {
			l.params[p] = l.buffer(p.Name, ir.InParam, i, p.Type)
		}
	}
	return l.params[p]
}

// compute is the scalar of an instruction's result at an index.
func (l *lowering) compute(p *ir.Puller, in *ir.Instr, at []ir.Size) *ir.Scalar {
	if in.Op.Body == nil {
		return in.Op.Pull(p, in, at)
	}
	args := make([]ir.S, len(in.Args))
	for i, a := range in.Args {
		args[i] = p.Wrap(p.Arg(a, at))
	}
	return in.Op.Body(args...).V
}

// kernel appends the step that fills out.
func (l *lowering) kernel(op string, pos *ir.Pos, device ir.Device, out *ir.Buffer, root func(p *ir.Puller, at []ir.Size) *ir.Scalar) error {
	k := &ir.Kernel{Name: l.fn.Name + "_" + out.Name, Pos: pos}
	var args []*ir.Buffer
	arg := map[*ir.Buffer]int{}
	p := &ir.Puller{DAG: ir.NewDAG()}
	axes := 0
	p.Axis = func(extent ir.Size) *ir.Axis {
		axes++
		return &ir.Axis{Name: fmt.Sprintf("r%d", axes-1), Extent: extent}
	}
	load := func(b *ir.Buffer, at []ir.Size) *ir.Scalar {
		n, ok := arg[b]
		if !ok {
			n = len(args)
			arg[b] = n
			args = append(args, b)
			k.Args = append(k.Args, ir.KernelArg{Name: b.Name, DType: b.Type.DType, Len: b.Type.Elems()})
		}
		return p.Load(n, b.Type.DType, ir.Linear(at, b.Type.Shape))
	}
	p.Arg = func(v *ir.Value, at []ir.Size) *ir.Scalar {
		switch {
		case l.buffers[v] != nil && (v.Instr == nil || stored(v)):
			return load(l.buffers[v], at)
		case v.Instr.Op.Name == "weight":
			return load(l.param(v.Instr.Attrs.(ir.WeightAttrs).Param), at)
		}
		return l.compute(p, v.Instr, at)
	}
	at := make([]ir.Size, out.Type.Rank())
	for i, e := range out.Type.Shape {
		if e.Is(1) {
			continue
		}
		a := &ir.Axis{Name: fmt.Sprintf("i%d", i), Extent: e}
		k.Par = append(k.Par, a)
		at[i] = a.Index()
	}
	value := root(p, at)
	k.Args = append(k.Args, ir.KernelArg{Name: out.Name, DType: out.Type.DType, Len: out.Type.Elems(), Write: true})
	k.Stores = []ir.Store{{Arg: len(args), Index: ir.Linear(at, out.Type.Shape), Value: value}}
	k.Values = p.Values
	args = append(args, out)

	prune(k)
	dropUnitAxes(k)
	splitAxes(k)
	mergeAxes(k)
	chooseInner(k)
	recogniseContract(k)
	k.Dims = l.dims(k)
	step := &ir.Step{Kernel: k, Args: args, Device: device, Epoch: len(l.variant.Steps), Pos: pos}
	for _, d := range k.Dims {
		step.Sizes = append(step.Sizes, d.Size())
	}
	l.variant.Steps = append(l.variant.Steps, step)
	return nil
}

// dims are the dims that a kernel mentions, in the module's order.
func (l *lowering) dims(k *ir.Kernel) []*ir.Dim {
	used := map[string]bool{}
	eachSize(k, func(s ir.Size) {
		s.Walk(func(a *ir.Atom) {
			if a.Kind == ir.AtomDim {
				used[a.Dim.Name] = true
			}
		})
	})
	var dims []*ir.Dim
	for _, d := range l.module.Dims {
		if used[d.Name] {
			dims = append(dims, d)
		}
	}
	return dims
}
