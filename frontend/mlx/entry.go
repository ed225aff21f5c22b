package mlx

import (
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// An Entry is a function of the model that the host calls, while it is built.
// Inputs and outputs have the order of the calls.
type Entry struct {
	*Block
	fn      *ir.Func
	emit    ir.Emit
	inputs  map[*ir.Value]*ir.Pos
	weights map[*param]*ir.Value
	open    map[*ir.Dim]int64 // dims that a call gives and no Dim has bounded, with their largest values so far

	loop   *loop              // whose body is being built; nil: none
	rounds []ir.Fact          // about the counters of the loops that are open
	closed map[*ir.Value]bool // values of loops that have ended

	given, denied []ir.Fact // what holds in the case that is being built, and what need not
	asked         *ir.Fact  // the first question that neither answers
}

// Entry builds the entry called name; body is called once, unless it asks If.
func (b *Builder) Entry(name string, body func(e *Entry)) {
	switch {
	case !b.open("entry "+name) || !b.named("entry", name):
		return
	case b.entry != nil:
		b.errorf("entry %s: inside entry %s", name, b.entry.fn.Name)
		return
	case b.module.Func(name) != nil:
		b.errorf("entry %s is declared twice", name)
		return
	}
	b.cases(name, body, nil, nil)
}

// distinctNames numbers the second and later values that the source gives one
// name: a name that is bound again is another value.
func distinctNames(f *ir.Func) {
	used := map[string]bool{}
	for _, v := range f.Inputs {
		used[v.Name] = true
	}
	for _, in := range f.Body {
		for _, v := range in.Results {
			base := v.Name
			for n := 2; base != "" && used[v.Name]; n++ {
				v.Name = fmt.Sprintf("%s_%d", base, n)
			}
			used[v.Name] = true
		}
	}
}

// DimIn declares a size that a call gives as a number, behind its inputs. Its bounds
// are those of Dim, if the builder has one of that name; else facts must follow that
// bound it, such as pos + T <= S.
func (e *Entry) DimIn(name string) Dim {
	what := "dim " + name
	if !e.isOpen(what) || !e.b.named("dim", name) {
		return Dim{}
	}
	d := e.b.module.Dim(name)
	switch {
	case d != nil && slices.Contains(e.fn.Dims, d):
		e.b.errorf("%s is declared twice", what)
		return d.Size()
	case d == nil:
		d = &ir.Dim{Name: name, Max: unbounded, Pos: e.b.here()}
		if !e.b.declare(name, d.Size()) {
			return Dim{}
		}
		e.b.module.Dims = append(e.b.module.Dims, d)
		e.open[d] = unbounded
	case e.b.byFacts[d]:
		e.open[d] = unbounded
	}
	e.fn.Dims = append(e.fn.Dims, d)
	return d.Size()
}

// unbounded is beyond what any dim may be.
const unbounded = 1 << 31

// narrow bounds the open dims of the entry by a fact left <= right.
func (e *Entry) narrow(left, right Dim) {
	for d, max := range e.open {
		rest := left.Sub(d.Size())
		mentions := false
		right.Sub(rest).Walk(func(a *ir.Atom) { mentions = mentions || a.Kind == ir.AtomDim && a.Dim == d })
		if n, ok := right.Sub(rest).Max(); ok && !mentions && n < max {
			e.open[d] = n
			if !e.b.byFacts[d] {
				d.Max = n
			}
		}
	}
}

// boundDims ends the search for bounds. A dim that several entries give has the
// widest.
func (e *Entry) boundDims() {
	for _, d := range e.fn.Dims {
		max, open := e.open[d]
		switch {
		case !open:
		case max == unbounded || max < 0:
			e.b.errorf("dim %s of entry %s has no bound: add a fact like %s <= 4096", d.Name, e.fn.Name, d.Name)
		case e.b.byFacts[d] && max > d.Max, !e.b.byFacts[d]:
			d.Max = max
		}
		if open {
			e.b.byFacts[d] = true
		}
	}
}

// isOpen reports whether the entry is the one that is being built.
func (e *Entry) isOpen(what string) bool {
	if e.b.entry != e {
		e.b.errorf("%s: entry %s is not being built", what, e.fn.Name)
	}
	return e.b.entry == e
}

// In declares an input; typ is its type in text.
func (e *Entry) In(name, typ string) Value {
	t, ok := e.b.typ(typ)
	if !ok {
		return Value{b: e.b}
	}
	return e.InOf(name, t)
}

// InOf is In with a type at hand.
func (e *Entry) InOf(name string, t ir.Type) Value {
	what := "input " + name
	if !e.isOpen(what) || !e.b.named("input", name) {
		return Value{b: e.b}
	}
	if slices.ContainsFunc(e.fn.Inputs, func(v *ir.Value) bool { return v.Name == name }) {
		return e.b.errorf("%s is declared twice", what)
	}
	if err := e.b.checkType(t); err != nil {
		return e.b.errorf("%s: %v", what, err)
	}
	v := &ir.Value{Name: name, Type: e.known(t)}
	e.fn.Inputs = append(e.fn.Inputs, v)
	e.inputs[v] = e.b.here()
	return Value{b: e.b, v: v, e: e}
}

// Out names a result.
func (e *Entry) Out(name string, v Value) {
	what := "output " + name
	if !e.isOpen(what) || !e.b.named("output", name) {
		return
	}
	x, ok := e.b.use(what, v)
	if !ok {
		return
	}
	if slices.ContainsFunc(e.fn.Results, func(r ir.Result) bool { return r.Name == name }) {
		e.b.errorf("%s is declared twice", what)
		return
	}
	e.fn.Results = append(e.fn.Results, ir.Result{Name: name, Type: x.Type, Value: x})
}

// Where states a fact about sizes that each call must satisfy; rel is ==, <= or <.
func (e *Entry) Where(left Dim, rel ir.Relation, right Dim) {
	f, ok := e.fact("where", left, rel, right)
	if !ok {
		return
	}
	switch rel {
	case ir.LE, ir.EQ:
		e.narrow(left, right)
	case ir.LT:
		e.narrow(left, right.Sub(N(1)))
	}
	for _, s := range []Dim{left, right} {
		if d := counterOf(s); d != nil {
			e.b.errorf("where: %s counts rounds, and a call knows nothing of them", d.Name)
			return
		}
	}
	e.fn.Where = append(e.fn.Where, f)
	e.emit.Facts = slices.Concat(e.fn.Where, e.rounds)
}

// fact is a checked comparison of sizes.
func (e *Entry) fact(what string, left Dim, rel ir.Relation, right Dim) (f ir.Fact, ok bool) {
	if !e.isOpen(what) {
		return f, false
	}
	if rel != ir.EQ && rel != ir.LE && rel != ir.LT {
		e.b.errorf("%s: there is no relation %q; use ==, <= or <", what, rel)
		return f, false
	}
	for _, s := range []Dim{left, right} {
		if err := e.b.checkSize(s); err != nil {
			e.b.errorf("%s: %v", what, err)
			return f, false
		}
	}
	return ir.Fact{Left: left, Rel: rel, Right: right, Pos: e.b.here()}, true
}

// read is a param's value: the checkpoint's tensor, rearranged, or a state. It is made
// once an entry.
func (e *Entry) read(p *param) (*ir.Value, bool) {
	if v := e.weights[p]; v != nil {
		return v, true
	}
	e.emit.Pos, e.emit.Device = p.ir.Pos, ir.OnAny // wherever it is used
	op, attrs := "weight", any(ir.WeightAttrs{Param: p.ir})
	if p.ir.State {
		op, attrs = "read", ir.ReadAttrs{State: p.ir, Shape: e.known(p.typ).Shape}
	}
	in, err := e.emit.Op(op, attrs)
	if err != nil {
		e.b.errorf("%v", err)
		return nil, false
	}
	in.Result().Name = p.ir.Name
	v := Value{b: e.b, v: in.Result(), e: e}
	for _, l := range slices.Backward(p.loads) {
		v = v.rearranged(l.pattern, l.axes)
	}
	e.weights[p] = v.v
	return v.v, v.v != nil
}
