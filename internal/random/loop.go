package random

import (
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// whole are dtypes whose arithmetic is the same wherever it is done.
var whole = []ir.DType{ir.I32, ir.I32, ir.I32, ir.I64, ir.I8, ir.U16, ir.U32, ir.Bool}

// Looped is a module with loops, of which some count dims, are in one another, index what
// they take by the number of the round, or end early. All its numbers are integers.
func Looped(seed uint64) *ir.Module {
	return generate(seed, loopKinds, true, whole)
}

// loopKinds are for integers, of which sums are exact too.
var loopKinds = slices.Concat(ByElement, []ir.Kind{ir.KindReduce, ir.KindGather, ir.KindLoop, ir.KindLoop, ir.KindLoop})

// exactLoopKinds are for floats.
var exactLoopKinds = slices.Concat(ByElement, []ir.Kind{ir.KindGather, ir.KindLoop, ir.KindLoop})

// mostLoops and mostDeep bound how many loops there are, and how deep they are in one another.
const (
	mostLoops = 12
	mostDeep  = 3
)

// loop appends a loop, if there is something that it could carry.
func (g *generator) loop() {
	if len(g.counters) == mostDeep || g.loops == mostLoops {
		return
	}
	g.loops++
	count := g.size()
	counter := g.counter(count)
	fact := ir.Fact{Left: counter.Size(), Rel: ir.LT, Right: count}
	body := &ir.Func{Name: g.f.Name, Dims: []*ir.Dim{counter}, Where: append(slices.Clip(g.b.Facts), fact)}
	ends := g.r.IntN(3) == 0
	var args []*ir.Value
	if ends {
		going := g.emit("const", ir.ConstAttrs{Value: 1, DType: ir.Bool})
		args = append(args, going)
	}
	for range 1 + g.r.IntN(3) {
		args = append(args, pick(g.r, g.values))
	}
	carried := len(args)
	for range g.r.IntN(3) {
		args = append(args, pick(g.r, g.values))
	}

	outer := *g
	g.f, g.b, g.values, g.counters = body, ir.Emit{Facts: body.Where}, nil, append(slices.Clip(g.counters), counter)
	for _, a := range args {
		g.input(a.Type)
	}
	g.round(counter, count)
	for range 2 + g.r.IntN(6) {
		g.draw()
	}
	g.close(body, carried, ends)
	outer.loops = g.loops
	*g = outer

	in := &ir.Instr{Op: ir.LookupOp("loop"), Args: args, Body: body, Facts: g.b.Facts, Attrs: ir.LoopAttrs{Count: count, Carried: carried, Ends: ends}}
	types, err := in.Infer()
	if err != nil {
		panic(fmt.Sprintf("random: %v", err))
	}
	for _, t := range types {
		in.Results = append(in.Results, &ir.Value{Type: t, Instr: in})
	}
	g.b.Body = append(g.b.Body, in)
	g.values = append(g.values, in.Results...)
}

// counter is a dim that counts up to a size, and that no loop around counts by.
func (g *generator) counter(count ir.Size) *ir.Dim {
	most, _ := count.Max()
	for _, d := range g.m.Dims {
		if d.Counter && d.Max == max(0, most-1) && !slices.Contains(g.counters, d) {
			return d
		}
	}
	d := &ir.Dim{Name: fmt.Sprintf("t%d", len(g.m.Dims)), Max: max(0, most-1), Counter: true}
	g.m.Dims = append(g.m.Dims, d)
	return d
}

// round takes what belongs to a round from the operands that have a row for each, and puts
// one there.
func (g *generator) round(counter *ir.Dim, count ir.Size) {
	for _, v := range slices.Clone(g.values) {
		if v.Type.Rank() == 0 || !v.Type.Shape[0].Equal(count) {
			continue
		}
		a := ir.SliceAttrs{Size: slices.Clone(v.Type.Shape)}
		for range v.Type.Shape {
			a.Start, a.Step = append(a.Start, ir.N(0)), append(a.Step, 1)
		}
		a.Start[0], a.Size[0] = counter.Size(), ir.N(1)
		if row := g.emit("slice", a, v); row != nil && g.r.IntN(2) == 0 {
			g.emit("update", ir.UpdateAttrs{Start: counter.Size()}, v, g.like(row.Type))
		}
	}
}

// close gives a body its results: of each operand that is carried what has become of it.
func (g *generator) close(body *ir.Func, carried int, ends bool) {
	next := slices.Clone(body.Inputs[:carried])
	for i, v := range next {
		fit := slices.DeleteFunc(slices.Clone(g.values), func(x *ir.Value) bool { return !x.Type.Equal(v.Type) })
		next[i] = fit[max(g.r.IntN(len(fit)), g.r.IntN(len(fit)))]
	}
	if ends { // once it is false nothing changes
		next[0] = g.emit("and", nil, body.Inputs[0], g.like(ir.Type{DType: ir.Bool}))
		for i, v := range next[1:] {
			going, stays := next[0], body.Inputs[1+i]
			if v.Type.Rank() > 0 {
				going = g.emit("broadcast", ir.ShapeAttrs{Shape: v.Type.Shape}, going)
			}
			if next[1+i] = stays; going != nil { // else it is too large
				next[1+i] = g.emit("where", nil, going, v, stays)
			}
		}
	}
	for i, v := range next {
		body.Results = append(body.Results, ir.Result{Name: fmt.Sprintf("next%d", i), Type: v.Type, Value: v})
	}
	body.Body = g.b.Body
}
