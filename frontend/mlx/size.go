package mlx

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// A Dim is a size: a number, a dim, or arithmetic of them.
type Dim = ir.Size

// N is the size n.
func N(n int) Dim { return ir.N(int64(n)) }

// typ reads a type in text.
func (b *Builder) typ(text string) (ir.Type, bool) {
	t, err := ir.ParseType(text, func(name string) (Dim, bool) { s, ok := b.scope[name]; return s, ok }, b.names)
	var wrong *ir.SyntaxError
	if errors.As(err, &wrong) {
		b.errorf("type %q: column %d: %s", text, wrong.Pos.Col, wrong.Msg)
	}
	return t, err == nil
}

// checkType reports a type that no tensor of the model can have.
func (b *Builder) checkType(t ir.Type) error {
	if t.DType.IsQuantised() {
		return fmt.Errorf("only params are %s", t.DType)
	}
	if t.Rank() > ir.MaxRank {
		return fmt.Errorf("%s has more than %d axes", t, ir.MaxRank)
	}
	for _, s := range t.Shape {
		if err := b.checkSize(s); err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
		if d := counterOf(s); d != nil {
			return fmt.Errorf("%s has a size that depends on %s, which counts the rounds of a loop: only indices may", t, d.Name)
		}
		if n, ok := s.Int(); ok && n < 0 {
			return fmt.Errorf("%s has a negative size", t)
		}
	}
	if _, ok := t.Bytes().Max(); !ok {
		return fmt.Errorf("%s can be more than 64 bits address", t)
	}
	return nil
}

// counterOf is a counter of a loop that a size mentions; nil: there is none.
func counterOf(s Dim) (counter *ir.Dim) {
	s.Walk(func(a *ir.Atom) {
		if a.Kind == ir.AtomDim && a.Dim.Counter {
			counter = a.Dim
		}
	})
	return counter
}

// checkSize reports a size that overflowed, or that is of another model.
func (b *Builder) checkSize(s Dim) (err error) {
	if s.Overflow() {
		return errors.New("a size leaves the range of 64 bits")
	}
	s.Walk(func(a *ir.Atom) {
		if a.Kind == ir.AtomDim && b.module.Dim(a.Dim.Name) != a.Dim {
			err = fmt.Errorf("dim %s is not of model %s", a.Dim.Name, b.module.Name)
		}
	})
	return err
}

// unknownSizes demands of each entry that every dim follows from its inputs: a
// size of an input is linear in one unknown.
func unknownSizes(m *ir.Module) (wrong ir.Diagnostics) {
	for _, f := range m.Funcs {
		solved := map[string]bool{}
		for _, d := range slices.Concat(f.Dims, m.SessionDims()) {
			solved[d.Name] = true
		}
		for _, in := range f.Inputs {
			for _, n := range in.Type.Shape {
				d, ok := unknown(n)
				if slices.ContainsFunc(f.Dims, func(given *ir.Dim) bool { return given.Name == d }) {
					wrong = append(wrong, ir.Diagnostic{Pos: f.Pos, Msg: fmt.Sprintf("input `%s` of entry `%s`: the size %s would give `%s`, which is a parameter", in.Name, f.Name, n, d)})
				}
				if !ok {
					wrong = append(wrong, ir.Diagnostic{Pos: f.Pos, Msg: fmt.Sprintf("input `%s` of entry `%s`: the size %s is not linear in one dim", in.Name, f.Name, n)})
				}
				solved[d] = true
			}
		}
		demand := func(pos *ir.Pos, sizes ...Dim) {
			for _, n := range sizes {
				n.Walk(func(a *ir.Atom) {
					if a.Kind == ir.AtomDim && !solved[a.Dim.Name] {
						solved[a.Dim.Name] = true
						wrong = append(wrong, ir.Diagnostic{Pos: pos, Msg: fmt.Sprintf("no input of entry `%s` has the size %s, so a call does not know it", f.Name, a.Dim.Name)})
					}
				})
			}
		}
		for _, g := range f.Bodies() {
			for _, in := range g.Body {
				for _, r := range in.Results {
					demand(in.Pos, r.Type.Shape...)
				}
			}
		}
		for _, w := range f.Where {
			demand(w.Pos, w.Left, w.Right)
		}
	}
	return wrong
}

// unknown is the dim that a size a*D + c of an input determines; empty for a
// constant. ok is false for sizes of another form.
func unknown(n Dim) (dim string, ok bool) {
	for _, t := range n.Terms() {
		switch {
		case len(t.Atoms) == 0:
		case len(t.Atoms) == 1 && dim == "" && t.Coef > 0 && t.Atoms[0].Kind == ir.AtomDim:
			dim = t.Atoms[0].Dim.Name
		default:
			return "", false
		}
	}
	return dim, true
}
