package passes

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

// reading tells how a kernel reads an argument.
type reading int

const (
	inStep  reading = iota // the element that it writes: may be overwritten
	counter                // from the other end: may not
	first                  // the first element, 0 if there is none
)

// program is a variant made by hand, before schedule.
type program struct {
	m      *ir.Module
	f      *ir.Func
	v      *ir.Variant
	p, q   *ir.Dim
	inputs []*ir.Buffer
}

// newProgram has two inputs, one of them empty at the least dims.
func newProgram() *program {
	g := &program{p: &ir.Dim{Name: "P", Min: 0, Max: 40}, q: &ir.Dim{Name: "Q", Min: 1, Max: 3}}
	g.v = &ir.Variant{}
	g.f = &ir.Func{Name: "f", Variants: []*ir.Variant{g.v}}
	g.m = &ir.Module{Name: "program", Target: ir.CPU, Dims: []*ir.Dim{g.p, g.q}, Funcs: []*ir.Func{g.f}}
	for i, d := range g.m.Dims {
		t := ir.Type{DType: ir.F32, Shape: []ir.Size{d.Size().Mul(ir.N(64))}}
		g.f.Inputs = append(g.f.Inputs, &ir.Value{Name: fmt.Sprint("in", i), Type: t})
		g.inputs = append(g.inputs, g.buffer(fmt.Sprint("in", i), ir.InInput, i, t))
	}
	return g
}

func (g *program) buffer(name string, place ir.Place, index int, t ir.Type) *ir.Buffer {
	b := &ir.Buffer{Name: name, Place: place, Index: index, Type: t}
	g.v.Buffers = append(g.v.Buffers, b)
	return b
}

func (g *program) arena(t ir.Type) *ir.Buffer {
	return g.buffer(fmt.Sprint("t", len(g.v.Buffers)), ir.InArena, 0, t)
}

func (g *program) result(t ir.Type) *ir.Buffer {
	n := len(g.f.Results)
	g.f.Results = append(g.f.Results, ir.Result{Name: fmt.Sprint("out", n), Type: t})
	return g.buffer(fmt.Sprint("out", n), ir.InOutput, n, t)
}

// step writes each element of out as a mixture of what it reads, another one for
// each step.
func (g *program) step(out *ir.Buffer, in []*ir.Buffer, how []reading) {
	n := len(g.v.Steps)
	i := &ir.Axis{Name: "i", Extent: out.Type.Elems()}
	k := &ir.Kernel{Name: fmt.Sprint("k", n), Dims: g.m.Dims, Par: []*ir.Axis{i}}
	d := ir.NewDAG()
	v := d.Wrap(d.Num(ir.F32, float64(n)))
	for a, b := range in {
		k.Args = append(k.Args, ir.KernelArg{Name: fmt.Sprint("a", a), DType: ir.F32, Len: b.Type.Elems()})
		load := ir.Scalar{Kind: ir.ScalarLoad, DType: ir.F32, Arg: a, Index: i.Index()}
		switch how[a] {
		case counter:
			load.Index = b.Type.Elems().Sub(i.Index()).Sub(ir.N(1))
		case first:
			load.Index = ir.N(0)
		}
		if how[a] != inStep {
			load.Guard = []ir.Bound{{Index: load.Index, Extent: b.Type.Elems()}}
		}
		v = v.Mul(v.Num(0.5)).Add(d.Wrap(d.Add(load)))
	}
	k.Args = append(k.Args, ir.KernelArg{Name: "out", DType: ir.F32, Len: out.Type.Elems(), Write: true})
	k.Values = d.Values
	k.Stores = []ir.Store{{Arg: len(in), Index: i.Index(), Value: v.V}}
	g.m.Kernels = append(g.m.Kernels, k)
	g.v.Steps = append(g.v.Steps, &ir.Step{Kernel: k, Args: append(slices.Clone(in), out),
		Sizes: []ir.Size{g.p.Size(), g.q.Size()}, Device: ir.OnCPU})
}

// randomProgram has n steps that read recent buffers; some write a buffer again that
// was read before, in the arena or a result.
func randomProgram(seed uint64, n int) *program {
	rng := rand.New(rand.NewPCG(seed, 9))
	g := newProgram()
	known := slices.Clone(g.inputs)
	types := []ir.Type{g.inputs[0].Type, g.inputs[1].Type,
		{DType: ir.F32, Shape: []ir.Size{g.p.Size(), g.q.Size().Mul(ir.N(64))}}, {DType: ir.F32, Shape: []ir.Size{ir.N(500)}}}
	for range n {
		var in []*ir.Buffer
		for range 1 + rng.IntN(3) {
			in = append(in, known[len(known)-1-rng.IntN(min(len(known), 6))])
		}
		var out *ir.Buffer
		switch old := known[rng.IntN(len(known))]; {
		case rng.IntN(6) == 0 && old.Place != ir.InInput && !slices.Contains(in, old):
			out = old
		case rng.IntN(8) == 0:
			out = g.result(types[rng.IntN(len(types))])
		case rng.IntN(2) == 0:
			out = g.arena(in[0].Type)
		default:
			out = g.arena(types[rng.IntN(len(types))])
		}
		how := make([]reading, len(in))
		for a, b := range in {
			switch {
			case !b.Type.Equal(out.Type):
				how[a] = first
			case rng.IntN(3) == 0:
				how[a] = counter
			}
		}
		g.step(out, in, how)
		if !slices.Contains(known, out) {
			known = append(known, out)
		}
	}
	last := known[len(known)-1]
	g.step(g.result(last.Type), []*ir.Buffer{last}, []reading{inStep})
	return g
}

// run interprets the variant: without a plan each buffer has memory of its own, with
// one those of the arena lie where it says, and steps of an epoch run in reverse.
func (g *program) run(t *testing.T, p, q int) []*ir.Tensor {
	t.Helper()
	inputs := []*ir.Tensor{ir.NewTensor(ir.F32, 64*p), ir.NewTensor(ir.F32, 64*q)}
	for _, x := range inputs {
		for i := range x.F {
			x.F[i] = float64(i%19) - 7
		}
	}
	outs, err := g.m.EvalVariant(g.f, g.v, nil, inputs)
	if err != nil {
		t.Fatal(err)
	}
	return outs
}

func (g *program) planned(t *testing.T) {
	t.Helper()
	for i, s := range g.v.Steps {
		s.Epoch = i // in turn, to begin with
	}
	for _, pass := range []func(*ir.Module) error{tile, schedule, plan} {
		if err := pass(g.m); err != nil {
			t.Fatal(err)
		}
		if err := ir.Verify(g.m); err != nil {
			t.Fatalf("%v\n%s", err, ir.Print(g.m))
		}
	}
}

// What a program computes stays the same, bit by bit, when its steps are put in
// another order, those of an epoch run in any, and buffers share memory.
func TestPlannedProgramsMeanTheSame(t *testing.T) {
	shared, packed := 0, 0
	for seed := range uint64(150) {
		g, want := randomProgram(seed, 14), randomProgram(seed, 14)
		for i, s := range want.v.Steps {
			s.Epoch = i
		}
		g.planned(t)
		for _, dims := range [][2]int{{40, 3}, {7, 1}, {1, 3}, {1, 1}, {0, 2}} {
			got, want := g.run(t, dims[0], dims[1]), want.run(t, dims[0], dims[1])
			for i := range want {
				if !slices.Equal(got[i].F, want[i].F) {
					t.Fatalf("seed %d at %v: result %d differs\n%s", seed, dims, i, ir.Print(g.m))
				}
			}
		}
		for _, b := range g.v.Plan.Blocks {
			shared += len(b.Buffers) - 1
		}
		packed += len(g.v.Steps) - 1 - g.v.Steps[len(g.v.Steps)-1].Epoch
	}
	if shared < 100 || packed < 100 {
		t.Errorf("%d buffers are computed over others, %d barriers are saved: too few to test", shared, packed)
	}
}

// Every two uses of a buffer of which one writes are in the order that the program
// had, in different epochs; and each barrier names one that needs it.
func TestHazards(t *testing.T) {
	kinds := map[ir.HazardKind]int{}
	for seed := range uint64(150) {
		g := randomProgram(seed, 14)
		before := slices.Clone(g.v.Steps)
		g.planned(t)
		steps := g.v.Steps
		for j, late := range before {
			for _, early := range before[:j] {
				for n, b := range late.Args {
					for k, c := range early.Args {
						if b == c && (late.Kernel.Args[n].Write || early.Kernel.Args[k].Write) && early.Epoch >= late.Epoch {
							t.Fatalf("seed %d: %s of epoch %d and %s of epoch %d both use %s", seed,
								early.Kernel.Name, early.Epoch, late.Kernel.Name, late.Epoch, b.Name)
						}
					}
				}
			}
		}
		for i, s := range steps {
			starts := i > 0 && s.Epoch != steps[i-1].Epoch
			if starts != (s.Barrier != nil) {
				t.Fatalf("seed %d: step %d has barrier %v", seed, i, s.Barrier)
			}
			if !starts {
				continue
			}
			h := s.Barrier
			kinds[h.Kind]++
			after := steps[h.After]
			if after.Epoch != steps[i-1].Epoch {
				t.Errorf("seed %d: the barrier of step %d waits for step %d, two epochs before", seed, i, h.After)
			}
			r1, w1 := uses(after, h.Buffer)
			named := h.Kind == ir.Reuse && h.Buffer.Place == ir.InArena &&
				!slices.ContainsFunc(steps[:i], func(s *ir.Step) bool { return slices.Contains(s.Args, h.Buffer) })
			for _, later := range steps[i:] {
				if r2, w2 := uses(later, h.Buffer); later.Epoch == s.Epoch {
					named = named || h.Kind == ir.RAW && w1 && r2 || h.Kind == ir.WAR && r1 && w2 || h.Kind == ir.WAW && w1 && w2
				}
			}
			if !named {
				t.Errorf("seed %d: step %d waits for step %d because of %s of %s, which is not so", seed, i, h.After, h.Kind, h.Buffer.Name)
			}
		}
	}
	for _, k := range []ir.HazardKind{ir.RAW, ir.WAR, ir.WAW, ir.Reuse} {
		if kinds[k] == 0 {
			t.Errorf("no barrier because of %s: %v", k, kinds)
		}
	}
}

// Two chains side by side: in turn each needs two buffers at a time, side by side
// four. So they run one after the other, and what keeps the second waiting is memory.
func TestMemoryKeepsEpochsApart(t *testing.T) {
	g := newProgram()
	large := ir.Type{DType: ir.F32, Shape: []ir.Size{g.p.Size().Mul(ir.N(1000))}}
	small := ir.Type{DType: ir.F32, Shape: []ir.Size{ir.N(8)}}
	var ends []*ir.Buffer
	for range 2 {
		a, b, c := g.arena(large), g.arena(large), g.arena(small)
		g.step(a, g.inputs[:1], []reading{first})
		g.step(b, []*ir.Buffer{a}, []reading{counter})
		g.step(c, []*ir.Buffer{a, b}, []reading{first, first})
		ends = append(ends, c)
	}
	g.step(g.result(small), ends, []reading{inStep, inStep})
	g.planned(t)
	var kinds []ir.HazardKind
	for _, s := range g.v.Steps {
		if s.Barrier != nil {
			kinds = append(kinds, s.Barrier.Kind)
			if s.Barrier.Kind == ir.Reuse && !s.Barrier.Buffer.Type.Equal(large) {
				t.Errorf("%s takes the memory, not a large buffer", s.Barrier.Buffer.Name)
			}
		}
	}
	if !slices.Equal(kinds, []ir.HazardKind{ir.RAW, ir.RAW, ir.Reuse, ir.RAW, ir.RAW, ir.RAW}) {
		t.Errorf("barriers because of %v\n%s", kinds, ir.Print(g.m))
	}
	if r := g.v.Plan.Report[0]; r.Live > 2*4*1000*40+3*ir.Align {
		t.Errorf("%d bytes are alive at once", r.Live)
	}
}

// A buffer that a step reads twice, once as what it may overwrite, is not overwritten.
func TestOneBufferForTwoArguments(t *testing.T) {
	g := newProgram()
	a := g.arena(g.inputs[1].Type)
	b := g.arena(a.Type)
	g.step(a, g.inputs[1:], []reading{inStep})
	g.step(b, []*ir.Buffer{a, a}, []reading{inStep, counter})
	g.step(g.result(a.Type), []*ir.Buffer{b}, []reading{inStep})
	g.planned(t)
	if n := len(g.v.Plan.Blocks); n != 2 {
		t.Errorf("%d blocks:\n%s", n, ir.Print(g.m))
	}
}

func TestPlansRepeat(t *testing.T) {
	for seed := range uint64(10) {
		a, b := randomProgram(seed, 30), randomProgram(seed, 30)
		a.planned(t)
		b.planned(t)
		if ir.Print(a.m) != ir.Print(b.m) {
			t.Errorf("seed %d: planned in two ways", seed)
		}
	}
}
