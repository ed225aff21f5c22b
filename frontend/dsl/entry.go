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
	test  bool // it is made of a test block, which has no inputs with dims
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
			entry: &entry{Entry: e, facts: map[string]bool{}}, fn: fn, depth: 1}
		in.policy = in.annotated(c.policy, annos)
		for _, p := range decl.Params {
			if isDim(p.Type) {
				c.b.SetPos(in.at(p.Name.span()))
				in.scope.vars[p.Name.Name] = e.DimIn(p.Name.Name)
				continue
			}
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
		if decl.Results == nil && len(values) > 0 {
			in.hintf(*in.returned, "declare it: `-> (y: f32[4])`", "entry `%s` returns %s, but declares none", decl.Name.Name, count(len(values), "value"))
			return
		}
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

// isDim reports whether a parameter is a size that a call gives.
func isDim(t *TypeExpr) bool { return t.List == nil && t.Name == "dim" && t.Dims == nil }

// checkSignature checks what an entry must have, and a fn need not.
func (c *context) checkSignature(decl *FnDecl) bool {
	name := "entry `" + decl.Name.Name + "`"
	for _, p := range decl.Params {
		at := p.Name.span()
		switch {
		case p.Type == nil:
			c.hintf(at, fmt.Sprintf("`%s: f32[4, 8]`", p.Name.Name), "parameter `%s` of %s needs a type", p.Name.Name, name)
			return false
		case p.Default != nil:
			c.errorf(at, "parameter `%s` of %s cannot have a default", p.Name.Name, name)
			return false
		case isDim(p.Type):
		case p.Type.List != nil || isKind(p.Type) && p.Type.Name != "bool":
			c.errorf(at, "parameter `%s` of %s must be a tensor, not %s", p.Name.Name, name, p.Type)
			return false
		}
	}
	switch r := decl.Results; {
	case r == nil: // it sets states
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
