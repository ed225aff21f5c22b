// Package random makes programs over the op table and inputs for them, for tests.
// The same seed makes the same program.
package random

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// ByElement are the kinds of ops that take elements one by one: a program of these
// alone adds nothing up, so that its results are exact to the sign of a zero.
var ByElement = []ir.Kind{ir.KindElementwise, ir.KindElementwise, ir.KindView, ir.KindView, ir.KindSource}

// AllKinds has those that are drawn most often most often.
var AllKinds = slices.Concat(ByElement, []ir.Kind{ir.KindReduce, ir.KindReduce, ir.KindContract, ir.KindWindow, ir.KindGather, ir.KindSearch, ir.KindComposite})

// Module makes a module of one entry, of up to some twenty instructions whose kinds
// are drawn from the given ones.
func Module(seed uint64, kinds []ir.Kind) *ir.Module { return generate(seed, kinds, false, nil) }

// Stateful is Module with states, some of which are written.
func Stateful(seed uint64, kinds []ir.Kind) *ir.Module { return generate(seed, kinds, true, nil) }

// Exact is Module with ops that take elements one by one and, of floats, do not round, so that
// there is one result, but for the sign of a zero and what a NaN is made of.
func Exact(seed uint64) *ir.Module {
	g := newGenerator(seed, ByElement)
	g.exact = true
	return g.module()
}

// Large is Module of sums and products, of which some are large enough for the tiles and
// vectors of kernels that have such, and few of their edges are even.
func Large(seed uint64) *ir.Module {
	kinds := slices.Concat(ByElement, []ir.Kind{ir.KindReduce, ir.KindReduce, ir.KindContract, ir.KindContract, ir.KindContract, ir.KindWindow, ir.KindComposite, ir.KindComposite})
	g := newGenerator(seed, kinds)
	g.sizes, g.most = []int64{1, 2, 8, 9, 16, 17, 33, 40}, 40
	return g.module()
}

// generate draws dtypes from the given ones; where there are none, sooner f32 than others.
func generate(seed uint64, kinds []ir.Kind, states bool, dtypes []ir.DType) *ir.Module {
	g := newGenerator(seed, kinds)
	g.states, g.dtypes = states, dtypes
	return g.module()
}

func newGenerator(seed uint64, kinds []ir.Kind) *generator {
	return &generator{r: rand.New(rand.NewPCG(seed, 1)), m: &ir.Module{Name: "random"}, kinds: kinds, sizes: []int64{1, 2, 2, 2, 3, 4}, most: 6, room: 1 << 16}
}

// module draws a module.
func (g *generator) module() *ir.Module {
	main := ir.F32
	if g.dtypes != nil {
		main = g.dtypes[0]
	}
	g.m.Dims = []*ir.Dim{{Name: "B", Min: 0, Max: g.most}, {Name: "N", Min: 1, Max: g.most}}
	for len(g.m.Funcs) < max(1, g.entries) {
		g.entry(main)
	}
	return g.m
}

// entry draws a function: the first is run, the others run1 and so on.
func (g *generator) entry(main ir.DType) {
	g.f, g.b, g.values = &ir.Func{Name: "run"}, ir.Emit{}, nil
	if n := len(g.m.Funcs); n > 0 {
		g.f.Name += fmt.Sprint(n)
	}
	g.m.Funcs = append(g.m.Funcs, g.f)
	for _, d := range g.m.Dims[:2] { // so that every dim can be solved
		g.input(ir.Type{DType: main, Shape: []ir.Size{d.Size(), ir.N(2)}})
	}
	for range 4 {
		if g.states {
			g.state(ir.Type{DType: main, Shape: []ir.Size{pick(g.r, g.m.Dims[:2]).Size(), ir.N(2)}})
		}
	}
	for tries := 4 + g.r.IntN(30); tries > 0; tries-- {
		g.draw()
	}
	g.f.Body = g.b.Body
	for i, v := range g.results() {
		g.f.Results = append(g.f.Results, ir.Result{Name: fmt.Sprintf("out%d", i), Type: v.Type, Value: v})
	}
	for _, p := range g.m.Params {
		if p.State && g.r.IntN(3) > 0 {
			g.write(p)
		}
	}
}

type generator struct {
	r      *rand.Rand
	m      *ir.Module
	f      *ir.Func
	b      ir.Emit
	values []*ir.Value
	kinds  []ir.Kind
	dtypes []ir.DType
	sizes  []int64
	most   int64 // of a dim
	room   int64 // for elements
	states bool  // there may be some
	exact  bool  // no op rounds

	entries int // functions; where they are several, they share params

	counters []*ir.Dim // of the loops whose body is drawn
	loops    int       // so far
}

// draw tries to append an instruction of a kind that is drawn.
func (g *generator) draw() {
	kind := pick(g.r, g.kinds)
	switch kind {
	case ir.KindLoop:
		g.loop()
		return
	case ir.KindDequant:
		g.dequant()
		return
	}
	g.instr(pick(g.r, slices.DeleteFunc(slices.Clone(ir.Ops()), func(op *ir.Op) bool { return op.Kind != kind })))
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// results are the values that nothing uses, or else the last, and now and then one
// that is used as well, or an input.
func (g *generator) results() []*ir.Value {
	used := map[*ir.Value]bool{}
	for _, in := range g.b.Body {
		for _, a := range in.Args {
			used[a] = true
		}
	}
	var out []*ir.Value
	for _, v := range g.values {
		if v.Instr != nil && !used[v] && len(out) < 4 {
			out = append(out, v)
		}
	}
	if len(out) == 0 || g.r.IntN(4) == 0 {
		out = append(out, pick(g.r, g.values))
	}
	return out
}

func (g *generator) dtype() ir.DType {
	if g.dtypes != nil {
		return pick(g.r, g.dtypes)
	}
	if g.r.IntN(3) > 0 {
		return ir.F32
	}
	return pick(g.r, ir.DTypes())
}

func (g *generator) size() ir.Size {
	if g.r.IntN(4) == 0 {
		return pick(g.r, g.m.Dims[:2]).Size() // of which the others count rounds
	}
	return ir.N(pick(g.r, g.sizes))
}

func (g *generator) typ() ir.Type {
	t := ir.Type{DType: g.dtype()}
	for range g.r.IntN(4) {
		t.Shape = append(t.Shape, g.size())
	}
	return t
}

func (g *generator) input(t ir.Type) *ir.Value {
	v := &ir.Value{Name: fmt.Sprintf("x%d", len(g.f.Inputs)), Type: t}
	g.f.Inputs = append(g.f.Inputs, v)
	g.values = append(g.values, v)
	return v
}

func isConstant(s ir.Size) bool { _, ok := s.Int(); return ok }

// leaf makes a source of the given type, or an input.
func (g *generator) leaf(t ir.Type) *ir.Value {
	constant := !slices.ContainsFunc(t.Shape, func(s ir.Size) bool { return !isConstant(s) })
	name, attrs := "const", any(ir.ConstAttrs{Value: pick(g.r, []float64{0, 1, 2}), DType: t.DType, Shape: t.Shape})
	inLoop := len(g.counters) > 0 // which has what it is given, and what comes from no memory
	switch kind := g.r.IntN(5); {
	case t.DType == ir.Bool && inLoop:
		attrs = ir.ConstAttrs{Value: float64(g.r.IntN(2)), DType: t.DType, Shape: t.Shape}
	case t.DType == ir.Bool:
		return g.input(t)
	case kind == 0:
	case kind == 1 && t.Rank() > 0:
		name, attrs = "iota", ir.IotaAttrs{DType: t.DType, Shape: t.Shape, Axis: g.r.IntN(t.Rank())}
	case kind == 3 && g.states && !inLoop:
		return g.state(t)
	case kind == 2 && constant:
		p := g.shared(t, false)
		if p == nil {
			p = &ir.Param{Name: fmt.Sprintf("w%d", len(g.m.Params)), Type: t}
			p.Path = p.Name
			g.m.Params = append(g.m.Params, p)
		}
		name, attrs = "weight", ir.WeightAttrs{Param: p}
	case inLoop:
	default:
		return g.input(t)
	}
	return g.emit(name, attrs)
}

// shared is a param of the type that is there, now and then.
func (g *generator) shared(t ir.Type, state bool) *ir.Param {
	if g.entries < 2 || g.r.IntN(3) == 0 {
		return nil
	}
	fit := slices.DeleteFunc(slices.Clone(g.m.Params), func(p *ir.Param) bool { return p.State != state || !p.Type.Equal(t) })
	if len(fit) == 0 {
		return nil
	}
	return pick(g.r, fit)
}

// state reads a state, one of its own where there is one entry.
func (g *generator) state(t ir.Type) *ir.Value {
	if p := g.shared(t, true); p != nil {
		return g.emit("read", ir.ReadAttrs{State: p, Shape: t.Shape})
	}
	for _, s := range t.Shape {
		s.Walk(func(a *ir.Atom) {
			if a.Kind == ir.AtomDim {
				a.Dim.Session = true
			}
		})
	}
	zero := ir.Constant(0)
	p := &ir.Param{Name: fmt.Sprintf("s%d", len(g.m.Params)), State: true, Type: t, Init: &zero}
	p.Path = p.Name
	g.m.Params = append(g.m.Params, p)
	return g.emit("read", ir.ReadAttrs{State: p, Shape: t.Shape})
}

// write writes some value of a state's type to it, sooner one that was made late.
func (g *generator) write(p *ir.Param) {
	fit := slices.DeleteFunc(slices.Clone(g.values), func(v *ir.Value) bool { return !v.Type.Equal(p.Type) })
	if len(fit) > 0 {
		n := max(g.r.IntN(len(fit)), g.r.IntN(len(fit)))
		g.f.Writes = append(g.f.Writes, ir.Write{State: p, Value: fit[n]})
	}
}

// emit appends an instruction, or gives nil where it breaks a rule.
func (g *generator) emit(name string, attrs any, args ...*ir.Value) *ir.Value {
	in, err := g.b.Op(name, attrs, args...)
	if err != nil {
		return nil
	}
	v := in.Result()
	if v.Type.Rank() > 6 || len(args) > 0 && !small(v.Type, g.room) || g.exact && v.Type.DType.IsFloat() && in.Op.Tolerance.Rel > 0 {
		g.b.Body = g.b.Body[:len(g.b.Body)-1]
		return nil
	}
	g.values = append(g.values, v)
	return v
}

// small keeps what is made of large sizes from taking long.
func small(t ir.Type, room int64) bool {
	n := ir.N(1)
	for _, s := range t.Shape {
		n = n.Mul(s)
	}
	most, ok := n.Max()
	return ok && most <= room
}

// like is a value of the type: one that is there, or a new one.
func (g *generator) like(t ir.Type) *ir.Value {
	var same []*ir.Value
	for _, v := range g.values {
		if v.Type.Equal(t) {
			same = append(same, v)
		}
	}
	if len(same) > 0 && g.r.IntN(3) > 0 {
		return pick(g.r, same)
	}
	return g.leaf(t)
}

// instr tries to append an instruction of the op.
func (g *generator) instr(op *ir.Op) {
	if len(op.Operands) == 0 {
		g.leaf(g.typ())
		return
	}
	x := pick(g.r, g.values)
	if g.r.IntN(3) > 0 { // go on with what was made last
		x = g.values[len(g.values)-1]
	}
	switch op.Kind {
	case ir.KindContract, ir.KindWindow:
		x = g.image()
	}
	switch op.Attrs.(type) {
	case ir.AttentionAttrs, ir.WinogradAttrs, ir.ConvTransposeAttrs:
		x = g.image()
	case ir.MergeAttrs:
		if x = g.halves(x); x == nil {
			return
		}
	case ir.QuantizeAttrs:
		x = g.input(ir.Type{DType: ir.F32, Shape: []ir.Size{g.size(), ir.N(32)}})
	case ir.RandomAttrs:
		x = g.like(ir.Type{DType: ir.U32, Shape: []ir.Size{ir.N(2)}})
	}
	args := []*ir.Value{x}
	switch {
	case strings.HasSuffix(op.Operands[0], "..."):
		for range g.r.IntN(3) {
			args = append(args, g.like(x.Type))
		}
	case op.Kind == ir.KindElementwise:
		for range op.Operands[1:] {
			args = append(args, g.like(x.Type))
		}
		if op.Name == "where" {
			args[0] = g.like(ir.Type{DType: ir.Bool, Shape: x.Type.Shape})
		}
	default:
		for _, name := range op.Operands[1:] {
			if strings.HasSuffix(name, "...") {
				break // it may be left out
			}
			y, ok := g.operand(op, name, x.Type)
			if !ok {
				return
			}
			args = append(args, g.like(y))
		}
	}
	attrs, ok := g.attrs(op.Attrs, x.Type, args)
	if ok {
		g.emit(op.Name, attrs, args...)
	}
}

// image is a value with room for a window, if one is there, or a new one.
func (g *generator) image() *ir.Value {
	var fit []*ir.Value
	for _, v := range g.values {
		if v.Type.Rank() > 2 && v.Type.DType.IsFloat() {
			fit = append(fit, v)
		}
	}
	if len(fit) > 0 && g.r.IntN(4) > 0 {
		return pick(g.r, fit)
	}
	t := ir.Type{DType: ir.F32, Shape: []ir.Size{g.size()}}
	for range 1 + g.r.IntN(2) {
		t.Shape = append(t.Shape, ir.N(int64(3+g.r.IntN(4))))
	}
	t.Shape = append(t.Shape, g.size())
	return g.input(t)
}

// halves is a value whose first axis has two halves in order, or nil.
func (g *generator) halves(x *ir.Value) *ir.Value {
	if x.Type.Rank() == 0 {
		return nil
	}
	sorted := g.emit("sort", ir.SortAttrs{}, x)
	if sorted == nil {
		return nil
	}
	return g.emit("concat", ir.AxisAttrs{}, sorted, sorted)
}

// operand is the type of a further operand of some name, for ops whose operands differ.
func (g *generator) operand(op *ir.Op, name string, x ir.Type) (ir.Type, bool) {
	if x.Rank() == 0 {
		return x, false
	}
	last := x.Shape[x.Rank()-1]
	switch op.Attrs.(type) {
	case ir.MatmulAttrs:
		y := ir.Type{DType: x.DType, Shape: []ir.Size{last, g.size()}}
		if x.Rank() > 2 && g.r.IntN(2) == 0 {
			y.Shape = slices.Concat(x.Shape[:x.Rank()-2], y.Shape)
		}
		return y, true
	case ir.ConvAttrs, ir.ConvTransposeAttrs:
		y := ir.Type{DType: x.DType, Shape: []ir.Size{ir.N(int64(1 + g.r.IntN(3)))}}
		for range x.Rank() - 2 {
			y.Shape = append(y.Shape, ir.N(int64(1+g.r.IntN(3))))
		}
		y.Shape = append(y.Shape, last)
		return y, x.Rank() > 2
	case ir.WinogradAttrs:
		return ir.Type{DType: x.DType, Shape: []ir.Size{ir.N(int64(1 + g.r.IntN(3))), ir.N(3), ir.N(3), last}}, x.Rank() == 4
	case ir.AttentionAttrs:
		return x, true
	case ir.LossAttrs:
		return ir.Type{DType: pick(g.r, []ir.DType{ir.I32, ir.U8, ir.I64}), Shape: x.Shape[:x.Rank()-1]}, true
	case ir.UpdateAttrs:
		y := ir.Type{DType: x.DType, Shape: slices.Clone(x.Shape)}
		if y.Shape[0] = ir.N(1); !x.Shape[0].AtLeast(1) {
			y.Shape[0] = ir.N(0)
		}
		return y, true
	case ir.AxisAttrs:
		return ir.Type{DType: pick(g.r, []ir.DType{ir.I32, ir.U8, ir.I64}), Shape: x.Shape[:g.r.IntN(2)]}, true
	case ir.GatherAttrs:
		if name == "y" {
			return x, true
		}
		return ir.Type{DType: pick(g.r, []ir.DType{ir.I32, ir.U8, ir.I64}), Shape: x.Shape}, true
	}
	return ir.Type{DType: x.DType, Shape: []ir.Size{last}}, true
}

// attrs draws attributes like zero for a first operand of type x.
func (g *generator) attrs(zero any, x ir.Type, args []*ir.Value) (any, bool) {
	r, rank := g.r, x.Rank()
	each := func(n int, f func() int) []int {
		out := make([]int, n)
		for i := range out {
			out[i] = f()
		}
		return out
	}
	upTo := func(n int) func() int { return func() int { return r.IntN(n) } }
	from1 := func(n int) func() int { return func() int { return 1 + r.IntN(n) } }
	switch zero.(type) {
	case nil:
		return nil, true
	case ir.CastAttrs:
		if g.dtypes != nil {
			return ir.CastAttrs{DType: pick(r, g.dtypes)}, true
		}
		return ir.CastAttrs{DType: pick(r, ir.DTypes())}, true
	case ir.ShapeAttrs:
		return ir.ShapeAttrs{Shape: g.shape(x.Shape)}, true
	case ir.PermAttrs:
		return ir.PermAttrs{Perm: r.Perm(rank)}, true
	case ir.SliceAttrs:
		return g.slice(x.Shape), true
	case ir.PadAttrs:
		return ir.PadAttrs{Lo: each(rank, upTo(3)), Hi: each(rank, upTo(3)), Value: float64(r.IntN(2))}, true
	case ir.ReduceAttrs:
		return ir.ReduceAttrs{Axes: r.Perm(rank)[:r.IntN(rank+1)], Keep: r.IntN(2) == 0}, true
	case ir.MatmulAttrs:
		return ir.MatmulAttrs{}, true
	case ir.NormAttrs:
		return ir.NormAttrs{Eps: 0.5}, true
	case ir.GroupNormAttrs:
		return ir.GroupNormAttrs{Groups: 1 + r.IntN(2), Eps: 0.5}, true
	case ir.AttentionAttrs:
		return ir.AttentionAttrs{Scale: 0.5, Causal: r.IntN(2) == 0}, true
	case ir.RopeAttrs:
		return ir.RopeAttrs{Pos: g.size(), Theta: 16, Interleaved: r.IntN(2) == 0, Factor: float64(1 + r.IntN(2))}, true
	case ir.LossAttrs:
		return ir.LossAttrs{}, true
	case ir.FFTAttrs:
		return ir.FFTAttrs{Inverse: r.IntN(2) == 0}, true
	case ir.RandomAttrs:
		return ir.RandomAttrs{Shape: g.typ().Shape}, true
	case ir.QuantizeAttrs:
		return ir.QuantizeAttrs{Format: pick(r, []ir.DType{ir.Q4G32, ir.Q8G32}), Plane: r.IntN(3)}, true
	}
	if rank == 0 {
		return nil, false
	}
	spatial := max(0, rank-2)
	switch zero.(type) {
	case ir.AxisAttrs:
		return ir.AxisAttrs{Axis: r.IntN(rank)}, true
	case ir.UpdateAttrs:
		room := x.Shape[0].Sub(args[1].Type.Shape[0])
		if n, ok := room.Int(); ok && n >= 0 {
			room = ir.N(r.Int64N(n + 1))
		}
		return ir.UpdateAttrs{Start: room}, true
	case ir.IndexAttrs:
		return ir.IndexAttrs{Axis: r.IntN(rank), Keep: r.IntN(2) == 0}, true
	case ir.GatherAttrs:
		return ir.GatherAttrs{Axis: r.IntN(rank)}, true
	case ir.ScanAttrs:
		return ir.ScanAttrs{Axis: r.IntN(rank), Exclusive: r.IntN(2) == 0, Reverse: r.IntN(2) == 0}, true
	case ir.SortAttrs:
		return ir.SortAttrs{Axis: r.IntN(rank), Descending: r.IntN(2) == 0}, true
	case ir.TopKAttrs:
		return ir.TopKAttrs{Axis: r.IntN(rank), K: 1 + r.IntN(2)}, true
	case ir.MergeAttrs:
		n, ok := x.Shape[0].Int()
		return ir.MergeAttrs{Count: 1 + r.IntN(int(max(1, n)))}, ok
	case ir.SoftmaxAttrs:
		return ir.SoftmaxAttrs{Axis: r.IntN(rank)}, true
	case ir.PoolAttrs:
		return ir.PoolAttrs{Size: each(spatial, from1(3)), Stride: each(spatial, from1(2)), Pad: each(spatial, upTo(2))}, true
	case ir.ConvAttrs:
		return ir.ConvAttrs{Stride: each(spatial, from1(2)), Pad: each(spatial, upTo(3)), Dilation: each(spatial, from1(2)), Groups: 1}, true
	case ir.FlipAttrs:
		return ir.FlipAttrs{Axes: r.Perm(rank)[:r.IntN(rank+1)]}, true
	case ir.ConvTransposeAttrs:
		return ir.ConvTransposeAttrs{Stride: each(spatial, from1(3)), Pad: each(spatial, upTo(3)), Dilation: each(spatial, from1(2)), OutPad: each(spatial, upTo(2)), Groups: 1}, true
	case ir.WinogradAttrs:
		return ir.WinogradAttrs{Pad: each(spatial, upTo(3))}, true
	}
	panic(fmt.Sprintf("random: attributes of type %T are not known", zero))
}

// shape is another shape for a reshape or a broadcast.
func (g *generator) shape(s []ir.Size) []ir.Size {
	s = slices.Clone(s)
	switch i := g.r.IntN(len(s) + 1); g.r.IntN(4) {
	case 0: // two axes become one
		if i+1 < len(s) {
			return slices.Concat(s[:i], []ir.Size{s[i].Mul(s[i+1])}, s[i+2:])
		}
	case 1: // one axis becomes two
		if i < len(s) {
			for _, d := range []int64{2, 3} {
				if n, ok := s[i].Exact(ir.N(d)); ok {
					return slices.Concat(s[:i], []ir.Size{ir.N(d), n}, s[i+1:])
				}
			}
		}
	case 2: // all axes, in another order
		g.r.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
		return s
	default: // stretched
		for i := range s {
			if s[i].Is(1) {
				s[i] = g.size()
			}
		}
		return append([]ir.Size{g.size()}, s...)
	}
	return append([]ir.Size{ir.N(1)}, s...)
}

func (g *generator) slice(shape []ir.Size) ir.SliceAttrs {
	var a ir.SliceAttrs
	for _, e := range shape {
		start, step, size := ir.Size{}, 1, e
		if n, ok := e.Int(); ok && n > 0 && g.r.IntN(2) == 0 {
			from := g.r.Int64N(n)
			step = 1 + g.r.IntN(2)
			start, size = ir.N(from), ir.N((n-from+int64(step)-1)/int64(step))
		}
		a.Start, a.Step, a.Size = append(a.Start, start), append(a.Step, step), append(a.Size, size)
	}
	return a
}

// Inputs draws params and inputs for the first entry of a module, at random sizes
// that make none negative; ok is false where none were found. With special, some
// floats are NaN, an infinity or a zero.
func Inputs(m *ir.Module, seed uint64, special bool) (params map[string]*ir.Tensor, inputs []*ir.Tensor, ok bool) {
	params, all, ok := Calls(&ir.Module{Dims: m.Dims, Params: m.Params, Funcs: m.Funcs[:1]}, seed, special)
	if !ok {
		return nil, nil, false
	}
	return params, all[0], true
}

// Calls is Inputs for each function of a module, all at the same sizes.
func Calls(m *ir.Module, seed uint64, special bool) (params map[string]*ir.Tensor, inputs [][]*ir.Tensor, ok bool) {
	r := rand.New(rand.NewPCG(seed, 2))
	for range 20 {
		d := draw{r: r, dims: map[string]int64{}, special: special}
		for _, dim := range m.Dims {
			d.dims[dim.Name] = dim.Min + r.Int64N(dim.Max-dim.Min+1)
		}
		params, inputs = map[string]*ir.Tensor{}, nil
		for _, p := range m.Params {
			params[p.Name] = d.tensor(p.Type)
		}
		for _, f := range m.Funcs {
			var of []*ir.Tensor
			for _, v := range f.Inputs {
				of = append(of, d.tensor(v.Type))
			}
			inputs = append(inputs, of)
		}
		if !d.failed {
			return params, inputs, true
		}
	}
	return nil, nil, false
}

type draw struct {
	r       *rand.Rand
	dims    map[string]int64
	special bool
	failed  bool
}

func (d *draw) tensor(t ir.Type) *ir.Tensor {
	shape := make([]int, t.Rank())
	for i, s := range t.Shape {
		n, ok := s.Eval(func(name string) (int64, bool) { n, ok := d.dims[name]; return n, ok })
		d.failed = d.failed || !ok || n < 0
		shape[i] = int(max(0, n))
	}
	x := ir.NewTensor(t.DType, shape...)
	ir.SampleNormal.Fill(d.r, x)
	for i := range x.F {
		if d.special && d.r.IntN(4) == 0 {
			x.F[i] = pick(d.r, []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1)})
		}
	}
	return x
}
