package mlx

import (
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// Loop computes count rounds of body at run time, and gives what has become of carry. body
// gets the number of rounds that are done, which may be in indices but not in the sizes of
// values, and the values that the round before gave; it gives those for the next, of the
// same types. It is called once, and once more for states that it sets, which are carried
// too. All else that it computes belongs to the round.
func (e *Entry) Loop(counter string, count Dim, carry []Value, body func(t Dim, carry []Value) []Value) []Value {
	return e.loopOf(counter, count, false, carry, body)
}

// loopOf is Loop, which ends says may end by its first value.
func (e *Entry) loopOf(counter string, count Dim, ends bool, carry []Value, body func(t Dim, carry []Value) []Value) []Value {
	b := e.b
	what := "loop " + counter
	poison := make([]Value, len(carry))
	for i := range poison {
		poison[i] = Value{b: b}
	}
	if !e.isOpen(what) || !b.named("loop", counter) {
		return poison
	}
	pos := b.here()
	inits := make([]*ir.Value, len(carry))
	for i, v := range carry {
		x, ok := b.use(what, v)
		if !ok {
			return poison
		}
		inits[i] = x
	}
	count = e.Known(count)
	if err := b.checkSize(count); err != nil {
		b.errorf("%s: %v", what, err)
		return poison
	}
	most, ok := count.Max()
	if !ok || most >= unbounded {
		b.errorf("%s: its rounds, %s, have no bound", what, count)
		return poison
	}
	d := e.counter(counter, max(0, most-1))
	l := &loop{entry: e, what: what, count: count, ends: ends, counter: d, pos: pos, inits: inits}
	for again := true; again; {
		before := len(l.states)
		if !l.round(body) {
			return poison
		}
		again = len(l.states) > before
	}
	return l.finish()
}

// While computes rounds of body as long as going says so of what is carried, and most of
// them at most. Rounds beyond change nothing: the CPU leaves them out, and on a GPU they
// take their time.
func (e *Entry) While(most Dim, carry []Value, going func(carry []Value) Value, body func(carry []Value) []Value) []Value {
	b := e.b
	goes := b.Number(ir.Bool, 1)
	carried := e.loopOf("round", most, true, append([]Value{goes}, carry...), func(_ Dim, now []Value) []Value {
		states := map[*param]*ir.Value{}
		for p, v := range e.weights {
			states[p] = v
		}
		goes := now[0].And(going(now[1:]))
		next := append([]Value{goes}, body(now[1:])...)
		if len(next) != len(now) {
			return next[1:] // Loop says what is wrong
		}
		for i := range carry {
			next[1+i] = Where(goes, next[1+i], now[1+i])
		}
		for _, p := range e.loop.states {
			if old := states[p]; old != nil && old != e.weights[p] {
				if x, ok := b.use("while", Where(goes, Value{b: b, v: e.weights[p], e: e}, Value{b: b, v: old, e: e})); ok {
					e.weights[p] = x
				}
			}
		}
		return next
	})
	return carried[1:]
}

// A loop is one that is being built.
type loop struct {
	entry   *Entry
	what    string
	count   Dim
	ends    bool // by its first value
	counter *ir.Dim
	pos     *ir.Pos
	inits   []*ir.Value
	states  []*param // that the body sets: they are carried behind the others

	fn   *ir.Func // of the last round
	made map[*ir.Value]bool
}

// carried is what the loop starts with.
func (l *loop) carried() []*ir.Value {
	all := slices.Clone(l.inits)
	for _, p := range l.states {
		v, _ := l.entry.read(p)
		all = append(all, v)
	}
	return all
}

// round builds the body with what is carried so far, and finds the states that it sets.
func (l *loop) round(body func(t Dim, carry []Value) []Value) bool {
	e := l.entry
	b := e.b
	inits := l.carried()
	outer, emit, weights, facts := e.loop, e.emit, e.weights, e.rounds
	defer func() { e.loop, e.emit, e.weights, e.rounds = outer, emit, weights, facts }()
	e.loop, e.weights = l, map[*param]*ir.Value{}
	for p, v := range weights {
		if p.ir.State {
			e.weights[p] = v
		}
	}
	e.rounds = append(slices.Clip(facts), ir.Fact{Left: l.counter.Size(), Rel: ir.LT, Right: l.count, Pos: l.pos})
	e.emit = ir.Emit{Pos: l.pos, Facts: slices.Concat(e.fn.Where, e.rounds)}
	l.fn = &ir.Func{Name: e.fn.Name, Dims: []*ir.Dim{l.counter}, Where: e.rounds, Pos: l.pos}
	for i, v := range inits {
		in := &ir.Value{Name: v.Name, Type: v.Type}
		if in.Name == "" {
			in.Name = fmt.Sprintf("carried%d", i)
		}
		l.fn.Inputs = append(l.fn.Inputs, in)
	}
	for i, p := range l.states {
		e.weights[p] = l.fn.Inputs[len(l.inits)+i]
	}
	vals := make([]Value, len(l.inits))
	for i := range vals {
		vals[i] = Value{b: b, v: l.fn.Inputs[i], e: e}
	}
	wrong := len(b.errs)
	next := body(l.counter.Size(), vals)
	switch {
	case len(b.errs) > wrong || e.asked != nil:
		return false
	case len(next) != len(vals):
		b.errorf("%s: a round gives %d values, and carries %d", l.what, len(next), len(vals))
		return false
	}
	var results []*ir.Value
	for i, v := range next {
		x, ok := b.use(l.what, v)
		if !ok {
			return false
		}
		if want := inits[i].Type; !x.Type.Equal(want) {
			b.errorf("%s: %s is %s before it, and %s after a round", l.what, l.fn.Inputs[i].Name, want, x.Type)
			return false
		}
		results = append(results, x)
	}
	for _, p := range l.states {
		results = append(results, e.weights[p])
	}
	for i, x := range results {
		l.fn.Results = append(l.fn.Results, ir.Result{Name: fmt.Sprintf("next%d", i), Type: x.Type, Value: x})
	}
	l.fn.Body = e.emit.Body
	return true
}

// finish appends the loop to what it is in.
func (l *loop) finish() []Value {
	e := l.entry
	b := e.b
	carried := l.carried()
	captured, err := l.capture()
	in := &ir.Instr{Op: ir.LookupOp("loop"), Args: append(carried, captured...), Body: l.fn,
		Attrs: ir.LoopAttrs{Count: l.count, Carried: len(carried), Ends: l.ends}, Device: b.device, Facts: slices.Concat(e.fn.Where, e.rounds), Pos: l.pos}
	var types []ir.Type
	if err == nil {
		types, err = in.Infer()
	}
	out := make([]Value, len(l.inits))
	if err != nil {
		b.errorf("%v", err)
		for i := range out {
			out[i] = Value{b: b}
		}
		return out
	}
	for i, t := range types {
		in.Results = append(in.Results, &ir.Value{Type: t, Instr: in})
		if i < len(out) {
			out[i] = Value{b: b, v: in.Results[i], e: e}
		}
	}
	e.emit.Body = append(e.emit.Body, in)
	for v := range l.made {
		e.closed[v] = true
	}
	for i, p := range l.states {
		v := in.Results[len(out)+i]
		e.weights[p] = v
		e.set(p, v)
	}
	return out
}

// capture makes inputs of what the body takes from around it; what comes from no memory, or
// views alone make of a weight, it computes itself.
func (l *loop) capture() ([]*ir.Value, error) {
	l.made = map[*ir.Value]bool{}
	for _, v := range l.fn.Inputs {
		l.made[v] = true
	}
	own := &ir.Emit{Facts: slices.Concat(l.entry.fn.Where, l.fn.Where)}
	var outside []*ir.Value
	here := map[*ir.Value]*ir.Value{}
	var failed error
	take := func(v *ir.Value) *ir.Value {
		if l.made[v] {
			return v
		}
		if here[v] == nil && copies(v) {
			here[v], failed = again(own, v, here, failed)
		}
		if here[v] == nil {
			in := &ir.Value{Name: v.Name, Type: v.Type}
			if in.Name == "" {
				in.Name = fmt.Sprintf("from%d", len(outside))
			}
			here[v] = in
			outside = append(outside, v)
			l.fn.Inputs = append(l.fn.Inputs, in)
		}
		return here[v]
	}
	for _, in := range l.fn.Body {
		for i, a := range in.Args {
			in.Args[i] = take(a)
		}
		for _, r := range in.Results {
			l.made[r] = true
		}
	}
	for i, r := range l.fn.Results {
		l.fn.Results[i].Value = take(r.Value)
	}
	l.fn.Body = append(own.Body, l.fn.Body...)
	names := map[string]bool{}
	for _, v := range l.fn.Inputs {
		for n, base := 2, v.Name; names[v.Name]; n++ {
			v.Name = fmt.Sprintf("%s_%d", base, n)
		}
		names[v.Name] = true
	}
	return outside, failed
}

// copies reports that a value costs nothing to make anew.
func copies(v *ir.Value) bool {
	in := v.Instr
	switch {
	case in == nil || in.Body != nil:
		return false
	case in.Op.Kind == ir.KindSource:
		_, isState := in.Attrs.(ir.ReadAttrs)
		return !isState
	}
	return in.Op.Kind == ir.KindView && len(in.Args) == 1 && copies(in.Args[0])
}

// again appends what makes a value, once more.
func again(b *ir.Emit, v *ir.Value, here map[*ir.Value]*ir.Value, failed error) (*ir.Value, error) {
	args := make([]*ir.Value, len(v.Instr.Args))
	for i, a := range v.Instr.Args {
		if here[a] == nil {
			here[a], failed = again(b, a, here, failed)
		}
		args[i] = here[a]
	}
	if failed != nil {
		return nil, failed
	}
	b.Pos, b.Device = v.Instr.Pos, v.Instr.Device
	in, err := b.Op(v.Instr.Op.Name, v.Instr.Attrs, args...)
	if err != nil {
		return nil, err
	}
	in.Result().Name = v.Name
	return in.Result(), nil
}

// counter is a dim that counts up to most: one that no loop around has, but others may, so
// that equal loops have equal kernels.
func (e *Entry) counter(base string, most int64) *ir.Dim {
	b := e.b
	open := func(d *ir.Dim) bool {
		return slices.ContainsFunc(e.rounds, func(f ir.Fact) bool { return f.Left.Equal(d.Size()) })
	}
	name := base
	for n := 2; ; n++ {
		d := b.module.Dim(name)
		switch {
		case d == nil && !slices.Contains(b.names, name):
			d = &ir.Dim{Name: name, Max: most, Counter: true, Pos: b.here()}
			b.module.Dims = append(b.module.Dims, d)
			return d
		case d != nil && d.Counter && d.Max == most && !open(d):
			return d
		}
		name = fmt.Sprintf("%s_%d", base, n)
	}
}

// dropCounters removes the counters of loops that were built and not kept.
func dropCounters(m *ir.Module) {
	used := map[*ir.Dim]bool{}
	for _, f := range m.Bodies() {
		for _, d := range f.Dims {
			used[d] = true
		}
	}
	m.Dims = slices.DeleteFunc(m.Dims, func(d *ir.Dim) bool { return d.Counter && !used[d] })
}
