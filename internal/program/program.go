//go:build darwin || mlxc_metal

package program

import (
	"fmt"
	"math"
	"slices"

	"github.com/mlxc/mlxc/codegen/metal"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
	"github.com/mlxc/mlxc/runtime/cpu"
	gpu "github.com/mlxc/mlxc/runtime/metal"
)

// Metal is the program of a module that was planned for target metal. Params have
// no positions.
func Metal(m *ir.Module) (*runtime.Program, error) {
	text, err := metal.Print(m)
	if err != nil {
		return nil, err
	}
	t := table{m, map[*ir.Kernel]int{}}
	p := &runtime.Program{Name: m.Name, Version: runtime.Version1, Align: 16}
	var kernels []gpu.Kernel
	names := metal.Names(m)
	for i, k := range m.Kernels {
		if t.number[k] = len(kernels); !k.OnGPU() {
			t.number[k] = len(p.Kernels)
			p.Kernels = append(p.Kernels, interpreted(k))
			continue
		}
		kernels = append(kernels, gpu.Kernel{Name: names[i], Threads: k.Schedule.Threads, LongDims: metal.LongDims(k), Pos: fmt.Sprint(k.Pos)})
	}
	p.Backend = gpu.Kernels(text, kernels)
	if len(p.Kernels) > 0 {
		p.Backend = runtime.WithCPU(p.Backend)
	}
	for _, d := range m.Dims {
		p.Dims = append(p.Dims, runtime.Dim{Name: d.Name, Min: d.Min, Max: d.Max, Session: d.Session})
	}
	for _, s := range m.States() {
		p.States = append(p.States, runtime.State{Name: s.Path, DType: runtime.DType(s.Type.DType), Shape: t.sizes(s.Type.Shape), Init: s.Init.Numbers()})
	}
	for _, w := range m.Weights() {
		param := runtime.Param{Name: w.Path, DType: runtime.DType(w.Type.DType), Init: w.Init.Numbers()}
		for _, s := range w.Type.Shape {
			n, _ := s.Int()
			param.Shape = append(param.Shape, int(n))
		}
		p.Params = append(p.Params, param)
	}
	for _, b := range m.Packed() {
		packed := runtime.Packed{DType: runtime.DType(b.Type.DType)}
		for _, s := range b.Type.Shape {
			n, _ := s.Int()
			packed.Shape = append(packed.Shape, int(n))
		}
		p.Packed = append(p.Packed, packed)
	}
	if m.Load != nil {
		awaits := m.Load.Awaits()
		for i, s := range m.Load.Steps {
			p.Load = append(p.Load, t.step(s, awaits[i], nil, true))
		}
	}
	for _, f := range m.Funcs {
		e := runtime.Entry{Name: f.Name, Where: t.facts(f.Where)}
		for _, d := range f.Dims {
			e.Given = append(e.Given, slices.Index(m.Dims, d))
		}
		for _, v := range f.Inputs {
			e.Inputs = append(e.Inputs, t.port(v.Name, v.Type))
		}
		for _, r := range f.Results {
			e.Outputs = append(e.Outputs, t.port(r.Name, r.Type))
		}
		for _, v := range f.Variants {
			e.Variants = append(e.Variants, t.variant(v))
		}
		p.Entries = append(p.Entries, e)
	}
	return p, nil
}

// interpreted is a kernel of the CPU, which has to run all its points at once.
func interpreted(k *ir.Kernel) cpu.Kernel {
	return func(c *cpu.Call, _, _ int) {
		dims := map[string]int64{}
		for i, d := range k.Dims {
			dims[d.Name] = c.Sizes[i]
		}
		if err := k.Eval(dims, c.Args); err != nil {
			panic(err)
		}
	}
}

type table struct {
	m      *ir.Module
	number map[*ir.Kernel]int // among those of its device
}

func (t table) port(name string, typ ir.Type) runtime.Port {
	return runtime.Port{Name: name, DType: runtime.DType(typ.DType), Shape: t.sizes(typ.Shape)}
}

var relations = map[ir.Relation]runtime.Relation{ir.EQ: runtime.EQ, ir.LE: runtime.LE, ir.LT: runtime.LT}

func (t table) facts(fs []ir.Fact) []runtime.Fact {
	var out []runtime.Fact
	for _, f := range fs {
		out = append(out, runtime.Fact{Left: t.size(f.Left), Rel: relations[f.Rel], Right: t.size(f.Right), Text: f.String()})
	}
	return out
}

var places = map[ir.Place]runtime.Place{ir.InInput: runtime.Input, ir.InOutput: runtime.Output, ir.InParam: runtime.Weight, ir.InState: runtime.Kept, ir.InPacked: runtime.Pack, ir.InArena: runtime.Arena}

func (t table) variant(v *ir.Variant) runtime.Variant {
	out := runtime.Variant{Guard: t.facts(v.Guard)}
	block := map[*ir.Buffer]int{}
	for i, b := range v.Plan.Blocks {
		for _, buf := range b.Buffers {
			block[buf] = i
		}
		out.Blocks = append(out.Blocks, runtime.Block{Bytes: t.size(b.Bytes)})
	}
	for _, s := range v.Plan.Stacks {
		out.Plans = append(out.Plans, runtime.Plan{Order: s.Order, On: s.On})
	}
	awaits := v.Awaits()
	for i, s := range v.Steps {
		out.Steps = append(out.Steps, t.step(s, awaits[i], block, s.Barrier != nil))
	}
	for _, l := range v.Loops {
		counter := slices.IndexFunc(t.m.Dims, func(d *ir.Dim) bool { return d.Name == l.Counter.Name })
		loop := runtime.Loop{First: l.First, End: l.End, Count: t.size(l.Count), Counter: counter}
		if l.Going != nil {
			loop.Ends, loop.Going = true, t.ref(l.Going, block)
		}
		out.Loops = append(out.Loops, loop)
	}
	return out
}

func (t table) step(s *ir.Step, awaits []ir.Hazard, block map[*ir.Buffer]int, barrier bool) runtime.Step {
	step := runtime.Step{Kernel: t.number[s.Kernel], OnCPU: !s.Kernel.OnGPU(), Grain: math.MaxInt, Sizes: t.sizes(s.Sizes), Grid: t.size(s.Grid()), Barrier: barrier, Pos: fmt.Sprint(s.Pos)}
	for _, b := range s.Args {
		step.Args = append(step.Args, t.ref(b, block))
	}
	for _, h := range awaits {
		step.Await = append(step.Await, h.After)
	}
	return step
}

// ref is the memory of a buffer; block numbers those of the arena.
func (t table) ref(b *ir.Buffer, block map[*ir.Buffer]int) runtime.Ref {
	ref := places[b.Place].At(b.Index)
	switch b.Place {
	case ir.InArena:
		ref.Index = block[b]
	case ir.InParam:
		ref.Index = slices.Index(t.m.Weights(), t.m.Params[b.Index])
	case ir.InState:
		ref.Index = slices.Index(t.m.States(), t.m.Params[b.Index])
	}
	return ref
}

func (t table) sizes(ss []ir.Size) []runtime.Size {
	var out []runtime.Size
	for _, s := range ss {
		out = append(out, t.size(s))
	}
	return out
}

func (t table) size(s ir.Size) runtime.Size {
	var out runtime.Size
	for _, term := range s.Terms() {
		r := runtime.Term{Coef: term.Coef}
		for _, a := range term.Atoms {
			f := runtime.Factor{Rem: a.Kind == ir.AtomRem}
			if a.Kind == ir.AtomDim {
				f.Dim = slices.IndexFunc(t.m.Dims, func(d *ir.Dim) bool { return d.Name == a.Dim.Name })
			} else {
				f.Num, f.Den = t.size(a.X), t.size(a.D)
			}
			r.Of = append(r.Of, f)
		}
		out = append(out, r)
	}
	return out
}
