// Package random makes programs over the op table and inputs for them, for tests.
// The same seed makes the same program.
package random

import (
	"fmt"
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
