package dsl

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// The check of names looks at a file before anything in it is evaluated: that
// every name is declared somewhere visible, in functions that nothing calls too,
// and that what a function assigns is read. It does not follow the flow of
// control.

type nameScope struct {
	names map[string]*declared
	up    *nameScope
}

type declared struct {
	pos     *ir.Pos // of a variable of a function: where it is first assigned
	written bool    // a param or state: an assignment writes it
	dim     bool    // bound afresh by a parameter's type
	read    bool

	kind  string // what a warning calls it; empty: none is given
	at    Span   // where it is declared, if it has a kind
	bound bool   // a dim that the type of a function's parameter binds afresh
}

func (s *nameScope) inner() *nameScope { return &nameScope{map[string]*declared{}, s} }

func (s *nameScope) find(name string) *declared {
	for ; s != nil; s = s.up {
		if d := s.names[name]; d != nil {
			return d
		}
	}
	return nil
}

func (s *nameScope) declare(name string) *declared {
	d := &declared{}
	s.names[name] = d
	return d
}

// visible are all names that can be seen from s, sorted.
func (s *nameScope) visible() (names []string) {
	for ; s != nil; s = s.up {
		for n := range s.names {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

type nameCheck struct {
	diags    ir.Diagnostics
	unread   ir.Diagnostics // variables of functions that are assigned and never read
	hidden   ir.Diagnostics
	declared []namedDeclaration
	fields   map[string]bool // names behind a `.`
	missing  map[string]bool // names that are not defined, of the declaration that is checked
	sizes    bool            // the sizes of a type are checked
}

// checkNames checks one file, given what is in scope in every file.
func checkNames(f *File, universe []string) *nameCheck {
	c := &nameCheck{fields: map[string]bool{}}
	root := &nameScope{names: map[string]*declared{}}
	for _, n := range universe {
		root.declare(n)
	}
	file := root.inner()
	for _, d := range f.Decls {
		c.declare(d, file)
	}
	for _, d := range f.Decls {
		c.missing = map[string]bool{}
		switch {
		case d.Config != nil:
			for _, field := range d.Config.Fields {
				c.expr(field.Default, file)
			}
		case d.Const != nil:
			c.expr(d.Const.Value, file)
		case d.Dims != nil:
			for _, b := range d.Dims.Items {
				c.bounds(b, file)
			}
		case d.Weights != nil:
			in := file.inner()
			in.declare("_")
			for _, r := range d.Weights.Renames {
				c.expr(r.Load, in)
			}
		case d.Block != nil:
			in := file.inner()
			c.params(d.Block.Params, in, true)
			c.declareMembers(d.Block.Members, in)
			c.exprs(d.Block.Where, in)
			c.members(d.Block.Members, in)
		case d.Kernel != nil:
			c.kernel(d.Kernel, file)
		case d.Test != nil:
			in := file.inner()
			if d.Test.As != nil {
				c.note(in, d.Test.As.Name, "array file", d.Test.As.span())
			}
			c.body(d.Test.Body, in)
		case d.Member != nil:
			c.member(d.Member, file)
		}
	}
	return c
}

func (c *nameCheck) declare(d *Decl, sc *nameScope) {
	switch {
	case d.Import != nil:
		for _, item := range d.Import.Items {
			c.note(sc, item.alias(), "import", Span{item.Pos, 0})
		}
	case d.Config != nil:
		for _, f := range d.Config.Fields {
			c.note(sc, f.Name.Name, "config", f.Name.span())
		}
	case d.Const != nil:
		c.note(sc, d.Const.Name.Name, "const", d.Const.Name.span())
	case d.Dims != nil:
		for _, b := range d.Dims.Items {
			if n := b.name(); n != nil {
				c.note(sc, n.Name, "dim", n.Span).dim = true
			}
		}
	case d.Block != nil:
		c.note(sc, d.Block.Name.Name, "block", d.Block.Name.span())
	case d.Kernel != nil:
		c.note(sc, d.Kernel.Name.Name, "kernel", d.Kernel.Name.span())
	case d.Member != nil:
		c.declareMembers([]*Member{d.Member}, sc)
	}
}

// alias is the name that an import gets in the file.
func (i *ImportItem) alias() string {
	switch {
	case i.As != nil:
		return i.As.Name
	case i.Std != "":
		return i.Std
	}
	path := string(i.Path)
	return strings.TrimSuffix(path[strings.LastIndex(path, "/")+1:], ".mlx")
}

// name is the dim of a bound: B <= 8, 1 <= B <= 8.
func (b *DimBound) name() *Name {
	if c, ok := b.Bound.(*Compare); ok && len(c.Args) <= 3 {
		n, _ := c.Args[len(c.Args)-2].(*Name)
		return n
	}
	n, _ := b.Bound.(*Name)
	return n
}

func (c *nameCheck) declareMembers(ms []*Member, sc *nameScope) {
	for _, m := range ms {
		switch {
		case m.Fn != nil && m.Fn.Kind == "fn":
			c.note(sc, m.Fn.Name.Name, "function", m.Fn.Name.span())
		case m.Fn != nil:
			sc.declare(m.Fn.Name.Name)
		case m.Tensor != nil:
			c.note(sc, m.Tensor.Name.Name, m.Tensor.Kind, m.Tensor.Name.span()).written = true
		case m.Child != nil:
			c.note(sc, m.Child.Name.Name, "member", m.Child.Name.span())
		case m.If != nil:
			for _, arm := range m.If.Arms {
				c.declareMembers(arm.Then, sc)
			}
			c.declareMembers(m.If.Else, sc)
		case m.For != nil:
			for _, v := range m.For.Vars {
				sc.declare(v.Name)
			}
			c.declareMembers(m.For.Body, sc)
		}
	}
}

func (c *nameCheck) members(ms []*Member, sc *nameScope) {
	for _, m := range ms {
		c.member(m, sc)
	}
}

func (c *nameCheck) member(m *Member, sc *nameScope) {
	switch {
	case m.Fn != nil:
		in := sc.inner()
		c.params(m.Fn.Params, in, m.Fn.Kind == "fn")
		c.results(m.Fn.Results, in)
		c.exprs(m.Fn.Where, in)
		c.body(m.Fn.Body, in)
	case m.Tensor != nil:
		c.typ(m.Tensor.Type, sc, false)
		in := sc.inner()
		in.declare("_")
		c.expr(m.Tensor.Load, in)
		c.expr(m.Tensor.Init, sc)
		c.step(m.Tensor.At, sc)
	case m.Child != nil:
		c.expr(m.Child.Value, sc)
		c.step(m.Child.At, sc)
	case m.Assert != nil:
		c.expr(m.Assert.Cond, sc)
	case m.If != nil:
		for _, arm := range m.If.Arms {
			c.expr(arm.Cond, sc)
			c.members(arm.Then, sc)
		}
		c.members(m.If.Else, sc)
	case m.For != nil:
		c.expr(m.For.In, sc)
		c.members(m.For.Body, sc)
	}
}

// kernel checks the reference of a kernel, its launch and its derivative. What its text
// names is used: the lint of Metal looks at the rest.
func (c *nameCheck) kernel(k *Kernel, sc *nameScope) {
	in := sc.inner()
	c.params(k.Params, in, true)
	c.results(k.Results, in)
	c.exprs(k.Where, in)
	c.body(k.Ref, in)
	for _, a := range k.Launch.Args {
		c.expr(a.Value, in)
	}
	for _, word := range metalWord.FindAllString(k.Metal.Text, -1) {
		if d := in.names[word]; d != nil {
			d.read = true
		}
	}
	if k.VJP != nil {
		of := in.inner()
		c.params(k.VJP.Params, of, true)
		c.body(k.VJP.Body, of)
	}
}

var metalWord = regexp.MustCompile(`[A-Za-z_]\w*`)

func (c *nameCheck) results(r *Results, sc *nameScope) {
	if r == nil {
		return
	}
	c.typ(r.Single, sc, false)
	for _, t := range r.Tuple {
		c.typ(t.Type, sc, false)
	}
}

// params declares parameters, and what their types bind; those of an entry bind
// nothing.
func (c *nameCheck) params(ps []*Param, sc *nameScope, binds bool) {
	for _, p := range ps {
		if p.Name.Name == "self" {
			c.diags = append(c.diags, ir.Diagnostic{Pos: p.Name.span().pos(), Msg: "a function has no parameter `self`", Hint: "leave it out: " + habits["self"]})
		}
		d := c.note(sc, p.Name.Name, "parameter", p.Name.span())
		d.written = p.Type != nil && p.Type.Name == "param"
	}
	for _, p := range ps {
		if binds {
			c.bind(p.Type, sc)
		}
	}
	for _, p := range ps {
		c.typ(p.Type, sc, true)
		c.expr(p.Default, sc)
	}
}

// bind declares what a parameter's type binds: dtype variables, ...S, and bare
// names of sizes that are not known, or are dims.
func (c *nameCheck) bind(t *TypeExpr, sc *nameScope) {
	if t == nil || t.List != nil || t.Dims == nil {
		return
	}
	if isDTypeVariable(t.Name) && sc.find(t.Name) == nil {
		sc.declare(t.Name)
	}
	for _, item := range t.Dims.Items {
		n := item.Name
		if name, ok := item.Expr.(*Name); ok {
			n = name.Name
		}
		if d := sc.find(n); n != "" && (d == nil || d.dim) {
			if d != nil {
				d.bound = true
			}
			sc.declare(n).dim = true
		}
	}
}

// isDTypeVariable: an unknown dtype in a parameter is one capital letter.
func isDTypeVariable(name string) bool { return len(name) == 1 && name[0] >= 'A' && name[0] <= 'Z' }

func (c *nameCheck) typ(t *TypeExpr, sc *nameScope, param bool) {
	if t == nil {
		return
	}
	if t.List != nil {
		c.typ(t.List, sc, param)
		return
	}
	if sc.find(t.Name) == nil {
		c.unknownType(t, sc)
	} else {
		sc.find(t.Name).read = true
	}
	if t.Dims == nil {
		return
	}
	c.sizes = true
	defer func() { c.sizes = false }()
	for _, item := range t.Dims.Items {
		if item.Rest && item.Name != "" && sc.find(item.Name) == nil {
			c.undefined(Span{item.Pos, 0}, item.Name, sc)
		}
		c.expr(item.Expr, sc)
	}
}

func (c *nameCheck) unknownType(t *TypeExpr, sc *nameScope) {
	if c.missing[t.Name] {
		return
	}
	c.missing[t.Name] = true
	pos := Span{t.Pos, t.Pos.Column + len(t.Name)}.pos()
	d := ir.Diagnostic{Pos: pos, Msg: notADType(t.Name)}
	if !strings.Contains(d.Msg, "did you mean") {
		d.Hint = didYouMean(t.Name, typeNames())
	}
	c.diags = append(c.diags, d)
}

// undefined reports a name once for each declaration.
func (c *nameCheck) undefined(at Span, name string, sc *nameScope) {
	if c.missing[name] {
		return
	}
	c.missing[name] = true
	hint := meant(name, sc.visible())
	if hint == "" && c.sizes {
		hint = fmt.Sprintf("a size that a call knows is declared: `dim %s <= 64`", name)
	}
	c.diags = append(c.diags, ir.Diagnostic{Pos: at.pos(), Msg: fmt.Sprintf("`%s` is not defined", name), Hint: hint})
}

// body checks a function's body. Its variables are those of the whole body: a
// name first assigned in a branch is known behind it.
func (c *nameCheck) body(b *Body, sc *nameScope) {
	in := sc.inner()
	c.declareStmts(b.Stmts, in)
	c.stmts(b.Stmts, in)
	for name, d := range in.names {
		if up := sc.names[name]; up != nil && d.read { // a parameter that is assigned
			up.read = true
		}
		if !d.read && d.pos != nil && name != "_" {
			c.unread = append(c.unread, ir.Diagnostic{Pos: d.pos, Msg: fmt.Sprintf("`%s` is assigned and never read", name), Hint: "use it, or assign to `_`"})
		}
	}
}

func (c *nameCheck) declareStmts(ss []*Stmt, sc *nameScope) {
	for _, s := range ss {
		switch {
		case s.Assign != nil && s.Assign.Right != nil:
			for _, l := range s.Assign.Left {
				n, ok := l.(*Name)
				if !ok || sc.names[n.Name] != nil {
					continue
				}
				if d := sc.find(n.Name); d == nil || !d.written {
					c.hides(n, d)
					sc.declare(n.Name).pos = n.pos()
				} else {
					d.read = true // by the next call
				}
			}
		case s.If != nil:
			for _, arm := range s.If.Arms {
				c.declareStmts(arm.Then.Stmts, sc)
			}
			if s.If.Else != nil {
				c.declareStmts(s.If.Else.Stmts, sc)
			}
		case s.For != nil:
			for _, v := range s.For.Vars {
				if sc.names[v.Name] == nil {
					sc.declare(v.Name)
				}
			}
			c.declareStmts(s.For.Body.Stmts, sc)
		case s.While != nil:
			c.declareStmts(s.While.Body.Stmts, sc)
		case s.Scope != nil:
			c.declareStmts(s.Scope.Stmts, sc)
		}
	}
}

func (c *nameCheck) stmts(ss []*Stmt, sc *nameScope) {
	for _, s := range ss {
		switch {
		case s.Return != nil:
			c.exprs(s.Return.Values, sc)
		case s.Assert != nil:
			c.expr(s.Assert.Cond, sc)
		case s.Assign != nil:
			c.exprs(s.Assign.Right, sc)
			for _, l := range s.Assign.Left {
				if _, ok := l.(*Name); !ok || s.Assign.Right == nil {
					c.expr(l, sc)
				}
			}
		case s.If != nil:
			for _, arm := range s.If.Arms {
				c.expr(arm.Cond, sc)
				c.stmts(arm.Then.Stmts, sc)
			}
			if s.If.Else != nil {
				c.stmts(s.If.Else.Stmts, sc)
			}
		case s.For != nil:
			c.expr(s.For.In, sc)
			c.stmts(s.For.Body.Stmts, sc)
		case s.While != nil:
			c.expr(s.While.Cond, sc)
			c.expr(s.While.Max, sc)
			c.stmts(s.While.Body.Stmts, sc)
		case s.Scope != nil:
			c.stmts(s.Scope.Stmts, sc)
		}
	}
}

func (c *nameCheck) exprs(es []Expr, sc *nameScope) {
	for _, e := range es {
		c.expr(e, sc)
	}
}

func (c *nameCheck) expr(e Expr, sc *nameScope) {
	switch e := e.(type) {
	case *Name:
		if d := sc.find(e.Name); d != nil {
			d.read = true
		} else {
			c.undefined(e.Span, e.Name, sc)
		}
	case *Placed:
		c.expr(e.X, sc)
		c.step(e.At, sc)
	case *Comprehension:
		c.expr(e.In, sc)
		in := sc.inner()
		for _, v := range e.Vars {
			in.declare(v)
		}
		c.expr(e.Item, in)
	default:
		if f, ok := e.(*Field); ok {
			c.fields[f.Name] = true
		}
		for _, x := range parts(e) {
			c.expr(x, sc)
		}
	}
}

// parts are the expressions that an expression is made of, those with names of
// their own excepted.
func parts(e Expr) []Expr {
	switch e := e.(type) {
	case *Tuple:
		return e.Items
	case *List:
		return e.Items
	case *Unary:
		return []Expr{e.X}
	case *Binary:
		return []Expr{e.X, e.Y}
	case *Compare:
		return e.Args
	case *Cond:
		return []Expr{e.If, e.Then, e.Else}
	case *Field:
		return []Expr{e.X}
	case *Call:
		xs := []Expr{e.Fn}
		for _, a := range e.Args {
			xs = append(xs, a.Value)
		}
		return xs
	case *Index:
		xs := []Expr{e.X}
		for _, i := range e.Items {
			xs = append(xs, i.Lo, i.Hi, i.Step)
		}
		return slices.DeleteFunc(xs, func(x Expr) bool { return x == nil })
	}
	return nil
}
