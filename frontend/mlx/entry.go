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
	weights map[*param]*ir.Value
}

// Entry builds the entry called name; body is called once.
func (b *Builder) Entry(name string, body func(e *Entry)) {
	switch {
	case b.built:
		b.errorf(nil, "", "entry %s: the model is built already", name)
		return
	case b.entry != nil:
		b.errorf(nil, "", "entry %s: inside entry %s", name, b.entry.fn.Name)
		return
	case b.module.Func(name) != nil:
		b.errorf(nil, "", "entry %s is declared twice", name)
		return
	}
	e := &Entry{Block: b.Block, fn: &ir.Func{Name: name, Pos: b.where()}, weights: map[*param]*ir.Value{}}
	b.entry = e
	failed := len(b.errs)
	body(e)
	if len(e.fn.Results) == 0 && len(b.errs) == failed {
		b.errorf(nil, "", "entry %s has no output", name)
	}
	b.entry = nil
	e.fn.Body = e.emit.Body
	distinctNames(e.fn)
	b.module.Funcs = append(b.module.Funcs, e.fn)
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

// In declares an input; typ is its type in text.
func (e *Entry) In(name, typ string) Value {
	t, ok := e.b.typ(typ)
	if !ok {
		return e.b.poison()
	}
	return e.InOf(name, t)
}

// InOf is In with a type at hand.
func (e *Entry) InOf(name string, t ir.Type) Value {
	if slices.ContainsFunc(e.fn.Inputs, func(v *ir.Value) bool { return v.Name == name }) {
		e.b.errorf(nil, "", "input %s is declared twice", name)
		return e.b.poison()
	}
	v := &ir.Value{Name: name, Type: t}
	e.fn.Inputs = append(e.fn.Inputs, v)
	return Value{b: e.b, v: v}
}

// Out names a result.
func (e *Entry) Out(name string, v Value) {
	x, ok := e.b.use("output "+name, v)
	if !ok {
		return
	}
	if slices.ContainsFunc(e.fn.Results, func(r ir.Result) bool { return r.Name == name }) {
		e.b.errorf(nil, "", "output %s is declared twice", name)
		return
	}
	e.fn.Results = append(e.fn.Results, ir.Result{Name: name, Type: x.Type, Value: x})
}

// Where states a fact about sizes that each call must satisfy; rel is ==, <= or <.
func (e *Entry) Where(left Dim, rel ir.Relation, right Dim) {
	e.fn.Where = append(e.fn.Where, ir.Fact{Left: left, Rel: rel, Right: right, Pos: e.b.where()})
}
