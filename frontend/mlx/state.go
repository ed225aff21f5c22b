package mlx

import (
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// A State is a tensor that the session keeps between calls.
type State struct{ value Value }

// State declares a state: name is its last step in files, typ its type in text, whose dims
// are from then on dims of the session, and init what it is in a new session, unless the
// checkpoint has a tensor of its name.
func (k *Block) State(name, typ string, init ir.Init, options ...ParamOption) *State {
	t, ok := k.b.typ(typ)
	if !ok {
		return &State{Value{b: k.b}}
	}
	return k.StateOf(name, t, init, options...)
}

// StateOf is State with a type at hand.
func (k *Block) StateOf(name string, t ir.Type, init ir.Init, options ...ParamOption) *State {
	b := k.b
	pos := b.here()
	defer b.SetPos(pos)()
	if init.Numbers() == nil {
		b.Fail(fmt.Sprintf("state %s: it begins with numbers, not with the distribution %s", join(k.path, name), init.Name), "a number fills it, or a list has one for each element")
		return &State{b.Poison()}
	}
	return &State{k.tensor(name, t, true, append(options, Init(init)))}
}

// Get is the value of the state as it is now in the entry that is being built: what it has
// been set to, or what a call finds.
func (s *State) Get() Value {
	b := s.value.b
	if b == nil || b.entry == nil || s.value.p == nil {
		return s.value
	}
	v, ok := b.entry.read(s.value.p)
	if !ok {
		return Value{b: b}
	}
	return Value{b: b, v: v, e: b.entry}
}

// Set makes v the state's next value, in the entry that is being built.
func (s *State) Set(v Value) {
	b, p := s.value.b, s.value.p
	if b == nil || p == nil {
		return // it was declared wrongly
	}
	what := "state " + p.ir.Path
	if b.entry == nil {
		b.errorf("%s is set outside of an entry", what)
		return
	}
	x, ok := b.use(what, v)
	if !ok {
		return
	}
	e := b.entry
	if t := e.known(p.typ); !x.Type.Equal(t) {
		b.errorf("%s is %s, and is set to %s", what, t, x.Type)
		return
	}
	e.weights[p] = x
	e.set(p, x)
}

// SetAt sets the part of the state that Get().At(spans...) is.
func (s *State) SetAt(v Value, spans ...Span) { s.Set(s.Get().SetAt(v, spans...)) }

// set makes x what the entry writes to a state, or in a loop what the next round finds.
func (e *Entry) set(p *param, x *ir.Value) {
	if e.loop != nil {
		if !slices.Contains(e.loop.states, p) {
			e.loop.states = append(e.loop.states, p)
		}
		return
	}
	state := p.ir
	for i, w := range e.fn.Writes {
		if w.State == state {
			e.fn.Writes[i].Value = x
			return
		}
	}
	e.fn.Writes = append(e.fn.Writes, ir.Write{State: state, Value: x})
}

// settle makes params of the states that no entry writes: they are the same for all
// sessions, and what depends on them alone is computed once.
func settle(m *ir.Module) {
	written := map[*ir.Param]bool{}
	for _, f := range m.Funcs {
		for _, w := range f.Writes {
			written[w.State] = true
		}
	}
	for _, p := range m.States() {
		p.State = written[p] || slices.ContainsFunc(p.Type.Shape, func(n ir.Size) bool { _, ok := n.Int(); return !ok })
	}
	weight := ir.LookupOp("weight")
	for _, f := range m.Bodies() {
		for _, in := range f.Body {
			if a, ok := in.Attrs.(ir.ReadAttrs); ok && !a.State.State {
				in.Op, in.Attrs = weight, ir.WeightAttrs{Param: a.State}
			}
		}
	}
}
