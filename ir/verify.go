package ir

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Verify checks that a module holds together, at any stage. The error lists up
// to ten faults, each with its rule, its place in the source and the lines around
// it; any fault is a bug of the pass that made the module.
func Verify(m *Module) error {
	v := &verifier{module: m}
	v.dims()
	v.params()
	for i, f := range m.Funcs {
		v.fn(f)
		if last := i == len(m.Funcs)-1 || m.Funcs[i+1].Name != f.Name; last != (len(f.Guard) == 0) {
			v.fault(f.Pos, "func/guard", "func @%s: the last function of a name, and no other, has no guard", f.Name)
		}
	}
	names := map[string]bool{}
	for _, k := range m.Kernels {
		if names[k.Name] {
			v.fault(k.Pos, "kernel/name", "kernel @%s is there twice", k.Name)
		}
		names[k.Name] = true
		v.kernel(k)
	}
	if m.Load != nil {
		v.load(m.Load)
	}
	for _, f := range m.Funcs {
		for i, w := range f.Variants {
			if last := i == len(f.Variants)-1; last != (len(w.Guard) == 0) {
				v.fault(f.Pos, "variant/guard", "func @%s: the last variant, and no other, has no guard", f.Name)
			}
			v.variant(f, w)
		}
	}
	return errors.Join(v.faults...)
}

const maxFaults = 10

type verifier struct {
	module *Module
	faults []error
}

func (v *verifier) fault(pos *Pos, rule, format string, args ...any) {
	if len(v.faults) < maxFaults {
		v.faults = append(v.faults, fmt.Errorf("%s: %s: %s", pos, rule, fmt.Sprintf(format, args...)))
	}
}

// size: all dims are the module's, all axes in scope.
func (v *verifier) size(pos *Pos, what string, s Size, axes map[string]bool) {
	if s.Overflow() {
		v.fault(pos, "size/overflow", "%s leaves the range of 64 bits", what)
	}
	s.Walk(func(a *Atom) {
		switch {
		case a.Kind == AtomDim && v.module.Dim(a.Dim.Name) == nil:
			v.fault(pos, "size/dim", "%s: dim %s is not the module's", what, a.Dim.Name)
		case a.Kind == AtomAxis && !axes[a.Axis.Name]:
			v.fault(pos, "size/axis", "%s: axis %s is not in scope", what, a.Axis.Name)
		}
	})
}

func (v *verifier) typ(pos *Pos, what string, t Type) {
	if t.DType == Invalid {
		v.fault(pos, "type/dtype", "%s has no dtype", what)
	}
	if t.DType.IsQuantised() {
		v.fault(pos, "type/quantised", "%s is %s, which is kept in planes", what, t)
	}
	if t.Rank() > MaxRank {
		v.fault(pos, "type/rank", "%s has more than %d axes", what, MaxRank)
	}
	for _, s := range t.Shape {
		v.size(pos, what, s, nil)
		s.Walk(func(a *Atom) {
			if a.Kind == AtomDim && a.Dim.Counter {
				v.fault(pos, "type/counter", "%s: %s depends on the counter of a loop", what, t)
			}
		})
	}
	if _, ok := t.Bytes().Max(); !ok {
		v.fault(pos, "type/bytes", "%s: %s can be more than 64 bits address", what, t)
	}
}

func (v *verifier) dims() {
	seen := map[string]bool{}
	for _, d := range v.module.Dims {
		if seen[d.Name] {
			v.fault(d.Pos, "dim/name", "dim %s is there twice", d.Name)
		}
		seen[d.Name] = true
		if d.Min < 0 || d.Max < d.Min {
			v.fault(d.Pos, "dim/bounds", "dim %s has bounds %d..%d", d.Name, d.Min, d.Max)
		}
	}
}

func (v *verifier) params() {
	seen := map[string]bool{}
	for _, p := range v.module.Params {
		if seen[p.Name] {
			v.fault(p.Pos, "param/name", "param @%s is there twice", p.Name)
		}
		seen[p.Name] = true
		v.typ(p.Pos, "param @"+p.Name, p.Type)
		if p.Init != nil {
			if err := p.Init.Check(p.begins()); err != nil {
				v.fault(p.Pos, "param/init", "param @%s: %v", p.Name, err)
			}
		}
		if p.State && !p.Local && p.Init.Numbers() == nil {
			v.fault(p.Pos, "state/init", "state @%s begins with no numbers", p.Name)
		}
		if err := p.Of.check(p.Type); err != nil {
			v.fault(p.Pos, "param/plane", "param @%s: %v", p.Name, err)
		}
		for _, s := range p.Type.Shape {
			if _, ok := s.Int(); !ok && !p.State {
				v.fault(p.Pos, "param/constant", "param @%s: size %s is not a constant", p.Name, s)
			}
			s.Walk(func(a *Atom) {
				if d := v.module.Dim(a.key); a.Kind == AtomDim && d != nil && !d.Session && !p.Local {
					v.fault(p.Pos, "state/dim", "state @%s: dim %s is not one of the session", p.Name, d.Name)
				}
			})
		}
	}
}

func (v *verifier) fn(f *Func) {
	defined := map[*Value]bool{}
	define := func(pos *Pos, x *Value) {
		if defined[x] {
			v.fault(pos, "value/once", "value %s is defined twice", x.Name)
		}
		defined[x] = true
		v.typ(pos, "value "+x.Name, x.Type)
	}
	for _, x := range f.Inputs {
		define(f.Pos, x)
		if x.Name == "" {
			v.fault(f.Pos, "func/input", "func @%s: an input has no name", f.Name)
		}
	}
	for i, d := range f.Dims {
		if v.module.Dim(d.Name) != d || slices.Contains(f.Dims[:i], d) {
			v.fault(f.Pos, "func/dim", "func @%s: dim %s is not the module's, or is there twice", f.Name, d.Name)
		}
		for _, x := range f.Inputs {
			for _, s := range x.Type.Shape {
				s.Walk(func(a *Atom) {
					if a.Kind == AtomDim && a.Dim.Name == d.Name {
						v.fault(f.Pos, "func/dim", "func @%s: dim %s is given, and a size of %s as well", f.Name, d.Name, x.Name)
					}
				})
			}
		}
	}
	for _, w := range f.Where {
		v.size(w.Pos, "where", w.Left, nil)
		v.size(w.Pos, "where", w.Right, nil)
	}
	for _, g := range slices.Concat(f.Guard, f.Split) {
		v.size(g.Pos, "guard", g.Left, nil)
		v.size(g.Pos, "guard", g.Right, nil)
	}
	for i, in := range f.Body {
		for _, a := range in.Args {
			if !defined[a] {
				v.fault(in.Pos, "value/defined", "an operand is used before it is defined\n%s", around(f, i))
			}
		}
		switch a := in.Attrs.(type) {
		case WeightAttrs:
			if v.module.Param(a.Param.Name) != a.Param || a.Param.State {
				v.fault(in.Pos, "weight/param", "param @%s is not the module's, or a state\n%s", a.Param.Name, around(f, i))
			}
		case ReadAttrs:
			if v.module.Param(a.State.Name) != a.State || !EqualShapes(a.Shape, a.State.Type.Narrow(f.Guard).Shape) {
				v.fault(in.Pos, "read/state", "state @%s is not the module's, or of another shape\n%s", a.State.Name, around(f, i))
			}
		}
		if in.Body != nil {
			if missing := func(w Fact) bool { return !contains(in.Body.Where, w) }; slices.ContainsFunc(f.Where, missing) {
				v.fault(in.Pos, "loop/where", "the body does not know all that holds around it\n%s", around(f, i))
			}
			v.fn(in.Body)
		}
		known := *in
		known.Facts = f.Where // and no others
		types, err := known.Infer()
		var rule *RuleError
		switch {
		case errors.As(err, &rule):
			v.fault(in.Pos, rule.Rule, "%v\n%s", err, around(f, i))
		case err != nil:
			v.fault(in.Pos, in.Op.Name+"/type", "%v\n%s", err, around(f, i))
		case len(types) != len(in.Results):
			v.fault(in.Pos, "instr/results", "%s has %d results\n%s", in.Op.Name, len(types), around(f, i))
		}
		for j, r := range in.Results {
			if err == nil && j < len(types) && !types[j].Equal(r.Type) {
				v.fault(in.Pos, "instr/type", "%s gives %s, not %s\n%s", in.Op.Name, types[j], r.Type, around(f, i))
			}
			if r.Instr != in {
				v.fault(in.Pos, "value/instr", "a result does not name its instruction\n%s", around(f, i))
			}
			define(in.Pos, r)
		}
	}
	v.kernels(f)
	v.writes(f, defined)
	names := map[string]bool{}
	for _, r := range f.Results {
		if names[r.Name] || r.Name == "" {
			v.fault(f.Pos, "func/result", "func @%s: result %q has no name of its own", f.Name, r.Name)
		}
		names[r.Name] = true
		switch {
		case len(f.Variants) > 0:
		case !defined[r.Value]:
			v.fault(f.Pos, "func/ret", "func @%s: result %s is not defined", f.Name, r.Name)
		case !r.Value.Type.Equal(r.Type):
			v.fault(f.Pos, "func/type", "func @%s: result %s is %s, declared %s", f.Name, r.Name, r.Value.Type, r.Type)
		}
	}
}

func contains(facts []Fact, w Fact) bool {
	return slices.ContainsFunc(facts, func(f Fact) bool { return f.String() == w.String() })
}

// writes: a state is the module's, and written once, by a value of its type.
func (v *verifier) writes(f *Func, defined map[*Value]bool) {
	for i, w := range f.Writes {
		again := slices.ContainsFunc(f.Writes[:i], func(x Write) bool { return x.State == w.State })
		switch {
		case v.module.Param(w.State.Name) != w.State || !w.State.State || again:
			v.fault(f.Pos, "write/state", "func @%s: @%s is no state of the module, or written twice", f.Name, w.State.Name)
		case len(f.Variants) > 0:
		case w.Value == nil || !defined[w.Value]:
			v.fault(f.Pos, "write/defined", "func @%s: what state @%s becomes is not defined", f.Name, w.State.Name)
		case !w.Value.Type.Equal(w.State.Type.Narrow(f.Guard)):
			v.fault(f.Pos, "write/type", "func @%s: state @%s is %s, and becomes %s", f.Name, w.State.Name, w.State.Type, w.Value.Type)
		}
	}
}

// around is an instruction with its neighbours, as text.
func around(f *Func, i int) string {
	part := &Func{Name: f.Name, Inputs: f.Inputs, Body: f.Body[max(0, i-2):min(len(f.Body), i+3)]}
	p := &textPrinter{loc: map[*Pos]int{}, locText: map[string]int{}, indent: 1}
	n := &valueNames{used: map[string]bool{}, of: map[*Value]string{}}
	for _, in := range f.Body { // the numbers of the whole function
		for _, r := range slices.Concat(in.Args, in.Results) {
			n.name(r)
		}
	}
	p.body(n, part.Body)
	lines := strings.Split(strings.TrimRight(p.b.String(), "\n"), "\n")
	for k := range lines {
		if k == i-max(0, i-2) {
			lines[k] = "> " + strings.TrimPrefix(lines[k], "  ")
		}
	}
	return strings.Join(lines, "\n")
}
