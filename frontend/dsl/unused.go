package dsl

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// The warnings about a file: what is declared and never used, and variables that
// hide what was probably meant.

// A namedDeclaration is a name that should be used.
type namedDeclaration struct {
	name string
	*declared
}

// note declares a name that should be used. kind is what a warning calls it. The branches
// of an `if` may declare one name each.
func (c *nameCheck) note(sc *nameScope, name, kind string, at Span) *declared {
	if d := sc.names[name]; d != nil && d.kind != "" {
		return d
	}
	d := sc.declare(name)
	d.kind, d.at = kind, at
	c.declared = append(c.declared, namedDeclaration{name, d})
	return d
}

// bounds reads the bounds of a dim, which is no use of the dim itself.
func (c *nameCheck) bounds(b *DimBound, sc *nameScope) {
	name := b.name()
	if cmp, ok := b.Bound.(*Compare); ok && name != nil {
		for _, arg := range cmp.Args {
			if arg != Expr(name) {
				c.expr(arg, sc)
			}
		}
		return
	}
	c.expr(b.Bound, sc)
}

// step reads the names in braces of the clause `at "name{i}"`.
func (c *nameCheck) step(at *Step, sc *nameScope) {
	if at == nil {
		return
	}
	for _, s := range inBraces.FindAllString(string(at.Name), -1) {
		if d := sc.find(strings.Trim(s, "{}")); d != nil {
			d.read = true
		}
	}
}

// hides looks at a variable n of a function that is assigned where d is in scope.
func (c *nameCheck) hides(n *Name, d *declared) {
	if d == nil || d.kind == "" || d.kind == "parameter" || n.Name == "_" {
		return
	}
	c.hidden = append(c.hidden, ir.Diagnostic{Pos: n.pos(), Warning: true,
		Msg:   fmt.Sprintf("the variable `%s` hides the %s `%s`", n.Name, d.kind, n.Name),
		Notes: []ir.Note{{Label: "declared", Text: fmt.Sprintf("at line %d", d.at.Pos.Line)}},
		Hint:  "give the variable another name"})
}

// runs reports whether something in a file can be run; else it is for others to import.
func (f *File) runs() bool {
	return slices.ContainsFunc(f.Decls, func(d *Decl) bool {
		return d.Test != nil || d.Member != nil && d.Member.Fn != nil && d.Member.Fn.Kind == "entry"
	})
}

// warnings are what looks like a mistake in a file. If others import it, only its
// imports and variables are looked at, for the others may use the rest.
func (c *nameCheck) warnings(main bool) ir.Diagnostics {
	var found ir.Diagnostics
	for _, d := range c.unread {
		d.Warning = true
		found = append(found, d)
	}
	found = append(found, c.hidden...)
	for _, d := range c.declared {
		if msg := c.unused(d); msg != "" && (main || d.kind == "import") {
			found = append(found, ir.Diagnostic{Pos: d.at.pos(), Msg: msg, Warning: true})
		}
	}
	slices.SortStableFunc(found, func(a, b ir.Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
	return found
}

// unused says that a declaration is of no use; empty: it is, as far as can be seen.
// Members may be named behind a `.`, and `forward` is what a call of a block calls.
func (c *nameCheck) unused(d namedDeclaration) string {
	member := d.kind != "dim" && d.kind != "parameter" && d.kind != "import"
	switch {
	case d.read, strings.HasPrefix(d.name, "_"), member && (c.fields[d.name] || d.name == "forward"):
		return ""
	case d.kind == "dim" && d.bound:
		return fmt.Sprintf("no entry and no state has the size `%s`", d.name)
	case d.kind == "function":
		return fmt.Sprintf("the function `%s` is never called", d.name)
	case d.kind == "import":
		return fmt.Sprintf("`%s` is imported and never used", d.name)
	}
	return fmt.Sprintf("the %s `%s` is never used", d.kind, d.name)
}
