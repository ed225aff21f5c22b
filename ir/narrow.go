package ir

import (
	"fmt"
	"reflect"
	"slices"
)

// Within is the bounds of a dim, narrowed by facts that compare it with a number. No
// value may be left: then lo > hi.
func (d *Dim) Within(facts []Fact) (lo, hi int64) {
	lo, hi = d.Min, d.Max
	for _, f := range facts {
		strict := int64(0)
		if f.Rel == LT {
			strict = 1
		}
		if n, ok := f.Right.Int(); ok && f.Left.Equal(d.Size()) {
			hi = min(hi, n-strict)
			if f.Rel == EQ {
				lo = max(lo, n)
			}
		}
		if n, ok := f.Left.Int(); ok && f.Right.Equal(d.Size()) {
			lo = max(lo, n+strict)
			if f.Rel == EQ {
				hi = min(hi, n)
			}
		}
	}
	return lo, hi
}

// Narrow is s where the facts hold: dims that they fix are numbers, and those that
// they limit have closer bounds, by which quotients may vanish.
func (s Size) Narrow(facts []Fact) Size {
	if len(facts) == 0 {
		return s
	}
	return s.Subst(func(a *Atom) (Size, bool) {
		if a.Kind != AtomDim {
			return Size{}, false
		}
		lo, hi := a.Dim.Within(facts)
		if lo >= hi {
			return N(lo), true
		}
		if lo == a.Dim.Min && hi == a.Dim.Max {
			return Size{}, false
		}
		d := *a.Dim
		d.Min, d.Max = lo, hi
		return d.Size(), true
	})
}

// Narrow is t where the facts hold.
func (t Type) Narrow(facts []Fact) Type {
	return Type{t.DType, narrowed(t.Shape, facts)}
}

func narrowed(sizes []Size, facts []Fact) []Size {
	var out []Size
	for _, s := range sizes {
		out = append(out, s.Narrow(facts))
	}
	return out
}

// Narrow is a copy of a function with a body for calls for which the guard holds.
// It fails where an op's rule holds for other sizes only.
func (f *Func) Narrow(guard []Fact) (*Func, error) {
	g := &Func{Name: f.Name, Dims: f.Dims, Guard: guard, Pos: f.Pos}
	to := map[*Value]*Value{}
	for _, v := range f.Inputs {
		to[v] = &Value{Name: v.Name, Type: v.Type.Narrow(guard)}
		g.Inputs = append(g.Inputs, to[v])
	}
	for _, w := range f.Where {
		w.Left, w.Right = w.Left.Narrow(guard), w.Right.Narrow(guard)
		if holds, err := w.Holds(nil); err != nil || !holds { // a constant one that holds says nothing
			g.Where = append(g.Where, w)
		}
	}
	for _, in := range f.Body {
		n := &Instr{Op: in.Op, Attrs: NarrowAttrs(in.Attrs, guard), Device: in.Device, Facts: g.Where, Pos: in.Pos}
		for _, a := range in.Args {
			n.Args = append(n.Args, to[a])
		}
		if in.Body != nil {
			var err error
			if n.Body, err = in.Body.Narrow(guard); err != nil {
				return nil, err
			}
		}
		types, err := n.Infer()
		if err != nil {
			return nil, err
		}
		for i, r := range in.Results {
			to[r] = &Value{Name: r.Name, Type: types[i], Instr: n}
			n.Results = append(n.Results, to[r])
		}
		g.Body = append(g.Body, n)
	}
	for _, r := range f.Results {
		g.Results = append(g.Results, Result{r.Name, r.Type.Narrow(guard), to[r.Value]})
	}
	for _, w := range f.Writes {
		g.Writes = append(g.Writes, Write{w.State, to[w.Value]})
	}
	return g, nil
}

// NarrowAttrs narrows the sizes among an op's attributes.
func NarrowAttrs(attrs any, guard []Fact) any {
	if attrs == nil || len(guard) == 0 {
		return attrs
	}
	v := reflect.New(reflect.TypeOf(attrs)).Elem()
	v.Set(reflect.ValueOf(attrs))
	for i := range v.NumField() {
		switch x := v.Field(i).Interface().(type) {
		case Size:
			v.Field(i).Set(reflect.ValueOf(x.Narrow(guard)))
		case []Size:
			v.Field(i).Set(reflect.ValueOf(narrowed(x, guard)))
		case []Type:
			types := make([]Type, len(x))
			for n, t := range x {
				types[n] = t.Narrow(guard)
			}
			v.Field(i).Set(reflect.ValueOf(types))
		}
	}
	return v.Interface()
}

// Serving is what serves a call of an entry with these inputs, the values of its dims that
// a call gives, and the states among params: the first function of that name whose guard
// holds and, where it is lowered, its first variant.
func (m *Module) Serving(entry string, params map[string]*Tensor, inputs []*Tensor, given ...int64) (*Func, *Variant, error) {
	var named []*Func
	for _, f := range m.Funcs {
		if f.Name == entry {
			named = append(named, f)
		}
	}
	if len(named) == 0 {
		return nil, nil, fmt.Errorf("there is no func @%s for these inputs", entry)
	}
	dims, err := m.SolveDims(named[len(named)-1], params, inputs, given) // the one without a guard
	if err != nil {
		return nil, nil, err
	}
	for _, f := range named {
		if !hold(f.Guard, dims) {
			continue
		}
		for _, v := range f.Variants {
			if hold(v.Guard, dims) {
				return f, v, nil
			}
		}
		return f, nil, nil
	}
	return nil, nil, fmt.Errorf("there is no func @%s for these inputs", entry)
}

func hold(facts []Fact, dims map[string]int64) bool {
	return !slices.ContainsFunc(facts, func(f Fact) bool {
		ok, err := f.Holds(dims)
		return !ok || err != nil
	})
}
