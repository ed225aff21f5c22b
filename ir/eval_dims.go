package ir

import (
	"fmt"
	"slices"
)

// SolveDims finds the dims of a call from its inputs: the first size that is
// linear in one unknown dim gives its value, all others must agree. The values of
// f.Dims are given, in their order.
func SolveDims(f *Func, inputs []*Tensor, given ...int64) (map[string]int64, error) {
	return solveDims(f, map[string]int64{}, inputs, given)
}

// SolveDims is the function of that name where the shapes of states among params give the
// dims of a session.
func (m *Module) SolveDims(f *Func, params map[string]*Tensor, inputs []*Tensor, given []int64) (map[string]int64, error) {
	dims := map[string]int64{}
	for _, p := range m.Params {
		t := params[p.Name]
		if !p.State || t == nil {
			continue
		}
		for i, s := range p.Type.Shape {
			if d, scale, rest, ok := linear(s); ok && i < len(t.Shape) {
				dims[d.Name] = (int64(t.Shape[i]) - rest) / scale
			}
		}
	}
	dims, err := solveDims(f, dims, inputs, given)
	if err != nil {
		return nil, err
	}
	for _, p := range m.Params {
		t := params[p.Name]
		if !p.State || t == nil {
			continue
		}
		want, err := (&Env{Dims: dims}).sizes(p.Type.Shape)
		if err != nil {
			continue // of no concern for f
		}
		if t.DType != p.Type.DType || !slices.Equal(t.Shape, want) {
			return nil, fmt.Errorf("%s: state %s is %s%v, want %s = %s%v", f.Name, p.Name, t.DType, t.Shape, p.Type, p.Type.DType, want)
		}
	}
	return dims, nil
}

func solveDims(f *Func, known map[string]int64, inputs []*Tensor, given []int64) (map[string]int64, error) {
	if len(inputs) != len(f.Inputs) {
		return nil, fmt.Errorf("%s takes %s, got %d", f.Name, plural(len(f.Inputs), "input"), len(inputs))
	}
	if len(given) != len(f.Dims) {
		return nil, fmt.Errorf("%s takes %s, got %d", f.Name, plural(len(f.Dims), "dim"), len(given))
	}
	env := &Env{Dims: known}
	for i, d := range f.Dims {
		if err := d.check(f, given[i]); err != nil {
			return nil, err
		}
		env.Dims[d.Name] = given[i]
	}
	for i, v := range f.Inputs {
		x := inputs[i]
		mismatch := fmt.Errorf("%s: %s is %s%v, want %s", f.Name, v.Name, x.DType, x.Shape, v.Type)
		if x.DType != v.Type.DType || len(x.Shape) != v.Type.Rank() {
			return nil, mismatch
		}
		for j, s := range v.Type.Shape {
			d, scale, rest, ok := linear(s)
			if !ok {
				continue
			}
			if _, known := env.Dims[d.Name]; known {
				continue
			}
			n := (int64(x.Shape[j]) - rest) / scale
			if n*scale+rest != int64(x.Shape[j]) {
				return nil, mismatch
			}
			if err := d.check(f, n); err != nil {
				return nil, err
			}
			env.Dims[d.Name] = n
		}
	}
	for i, v := range f.Inputs {
		want, err := env.sizes(v.Type.Shape)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", f.Name, v.Name, err)
		}
		if !slices.Equal(want, inputs[i].Shape) {
			return nil, fmt.Errorf("%s: %s is %s%v, want %s = %s%v", f.Name, v.Name, v.Type.DType, inputs[i].Shape, v.Type, v.Type.DType, want)
		}
	}
	for _, fact := range f.Where {
		ok, err := fact.Holds(env.Dims)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("%s: %s does not hold", f.Name, fact)
		}
	}
	return env.Dims, nil
}

// check holds a value of a call to the bounds.
func (d *Dim) check(f *Func, n int64) error {
	if n < d.Min || n > d.Max {
		return fmt.Errorf("%s: %s = %d, but %d <= %s <= %d", f.Name, d.Name, n, d.Min, d.Name, d.Max)
	}
	return nil
}

// linear splits a size that is scale*dim + rest.
func linear(s Size) (d *Dim, scale, rest int64, ok bool) {
	for _, t := range s.Terms() {
		switch {
		case len(t.Atoms) == 0:
			rest = t.Coef
		case len(t.Atoms) == 1 && t.Atoms[0].Kind == AtomDim && d == nil:
			d, scale = t.Atoms[0].Dim, t.Coef
		default:
			return nil, 0, 0, false
		}
	}
	return d, scale, rest, d != nil
}

// proves reports whether s >= 0 follows from the bounds of its dims, or from some times one
// of the facts with them. A sum of quotients is not negative if nothing divided is.
func proves(facts []Fact, s Size) bool {
	if s.AtLeast(0) || !s.overflow && !slices.ContainsFunc(s.terms, func(t Term) bool { return !quotientsProven(facts, t) }) {
		return true
	}
	for _, f := range facts {
		room := f.Right.Sub(f.Left) // at least 0
		if f.Rel == LT {
			room = room.Sub(N(1))
		}
		for _, n := range s.likeTerms(room) {
			if (n > 0 || f.Rel == EQ) && s.Sub(room.Mul(N(n))).AtLeast(0) {
				return true
			}
		}
	}
	return false
}

func quotientsProven(facts []Fact, t Term) bool {
	return t.Coef >= 0 && !slices.ContainsFunc(t.Atoms, func(a *Atom) bool { return a.Kind == AtomQuo && !proves(facts, a.X) })
}

// Holds reports whether f holds for the given dims.
func (f Fact) Holds(dims map[string]int64) (bool, error) {
	e := &Env{Dims: dims}
	a, err := e.size(f.Left)
	if err != nil {
		return false, err
	}
	b, err := e.size(f.Right)
	if err != nil {
		return false, err
	}
	switch f.Rel {
	case EQ:
		return a == b, nil
	case LE:
		return a <= b, nil
	}
	return a < b, nil
}

func (e *Env) size(s Size) (int64, error) {
	n, ok := s.Eval(func(name string) (int64, bool) { v, ok := e.Dims[name]; return v, ok })
	if !ok {
		return 0, fmt.Errorf("size %s is not known", s)
	}
	return n, nil
}

func (e *Env) sizes(ss []Size) ([]int, error) {
	out := make([]int, len(ss))
	for i, s := range ss {
		n, err := e.size(s)
		if err != nil {
			return nil, err
		}
		if n < 0 {
			return nil, fmt.Errorf("size %s is %d", s, n)
		}
		out[i] = int(n)
	}
	return out, nil
}
