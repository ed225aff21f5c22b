package dsl

import (
	"fmt"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// An entry is the entry that is being built.
type entry struct {
	*mlx.Entry
	facts map[string]bool
}

// requireAtCall makes a fact a condition of each call, once.
func (c *context) requireAtCall(f ir.Fact) {
	if key := f.String(); !c.entry.facts[key] {
		c.entry.facts[key] = true
		c.b.SetPos(f.Pos)
		c.entry.Where(f.Left, f.Rel, f.Right)
	}
}

// buildEntry runs an entry: its parameters are inputs, its results outputs.
func (c *context) buildEntry(decl *FnDecl, annos []*Anno) {
	if !c.checkSignature(decl) {
		return
	}
	c.b.SetPos(c.at(decl.Name.span()))
	c.b.Entry(decl.Name.Name, func(e *mlx.Entry) {
		fn := &function{decl: decl, annos: annos, file: c.file, scope: c.scope}
		in := &context{compiler: c.compiler, file: c.file, scope: c.scope.inner(),
			entry: &entry{e, map[string]bool{}}, fn: fn, depth: 1}
		in.policy = in.annotated(c.policy, annos)
		for _, p := range decl.Params {
			typ, ok := in.tensorType(p.Type)
			in.scope.vars[p.Name.Name] = poison{}
			if ok {
				c.b.SetPos(in.at(p.Name.span()))
				if v := e.InOf(p.Name.Name, typ); !v.Poisoned() {
					in.scope.vars[p.Name.Name] = v
				}
			}
		}
		in.where(decl.Where)
		values, _ := in.run(decl.Body)
		out := in.results(decl, values)
		results, ok := unpack(out)
		if !ok {
			results = []value{out}
		}
		for i, v := range results {
			if x, ok := v.(mlx.Value); ok && i < len(decl.Results.Tuple) {
				c.b.SetPos(c.at(decl.Results.Tuple[i].Name.span()))
				e.Out(decl.Results.Tuple[i].Name.Name, x)
			}
		}
	})
}

// checkSignature checks what an entry must have, and a fn need not.
func (c *context) checkSignature(decl *FnDecl) bool {
	name := "entry `" + decl.Name.Name + "`"
	for _, p := range decl.Params {
		at := p.Name.span()
		switch {
		case p.Type == nil:
			c.errorf(at, "parameter `%s` of %s needs a type", p.Name.Name, name)
			return false
		case p.Default != nil:
			c.errorf(at, "parameter `%s` of %s cannot have a default", p.Name.Name, name)
			return false
		case p.Type.Name == "dim" && p.Type.Dims == nil:
			c.unsupported(at, "a `dim` parameter of an entry")
			return false
		case p.Type.List != nil || isKind(p.Type) && p.Type.Name != "bool":
			c.errorf(at, "parameter `%s` of %s must be a tensor, not %s", p.Name.Name, name, p.Type)
			return false
		}
	}
	switch r := decl.Results; {
	case r == nil:
		c.unsupported(decl.Name.span(), "an entry without results")
		return false
	case r.Single != nil:
		c.hintf(Span{r.Pos, 0}, fmt.Sprintf("-> (y: %s)", r.Single), "the result of %s needs a name", name)
		return false
	default:
		for _, t := range r.Tuple {
			if t.Name == nil {
				c.errorf(Span{t.Type.Pos, 0}, "each result of %s needs a name", name)
				return false
			}
		}
	}
	return true
}

// checkSizes demands of each entry that every dim follows from its inputs: a
// size of an input is linear in one unknown.
func checkSizes(m *ir.Module) (wrong ir.Diagnostics) {
	for _, f := range m.Funcs {
		solved := map[string]bool{}
		for _, in := range f.Inputs {
			for _, n := range in.Type.Shape {
				d, ok := unknown(n)
				if !ok {
					wrong = append(wrong, ir.Diagnostic{Pos: f.Pos, Msg: fmt.Sprintf("input `%s` of entry `%s`: the size %s is not linear in one dim", in.Name, f.Name, n)})
				}
				solved[d] = true
			}
		}
		demand := func(t ir.Type, pos *ir.Pos) {
			for _, n := range t.Shape {
				n.Walk(func(a *ir.Atom) {
					if a.Kind == ir.AtomDim && !solved[a.Dim.Name] {
						solved[a.Dim.Name] = true
						wrong = append(wrong, ir.Diagnostic{Pos: pos, Msg: fmt.Sprintf("no input of entry `%s` has the size %s, so a call does not know it", f.Name, a.Dim.Name)})
					}
				})
			}
		}
		for _, in := range f.Body {
			for _, r := range in.Results {
				demand(r.Type, in.Pos)
			}
		}
		for _, w := range f.Where {
			demand(ir.Type{Shape: []ir.Size{w.Left, w.Right}}, w.Pos)
		}
	}
	return wrong
}

// unknown is the dim that a size a*D + c of an input determines; empty for a
// constant. ok is false for sizes of another form.
func unknown(n ir.Size) (dim string, ok bool) {
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
