package dsl

import (
	"github.com/mlxc/mlxc/frontend/mlx"
)

// run executes a body; done reports that it returned.
func (c *context) run(b *Body) (values []value, done bool) {
	for _, s := range b.Stmts {
		if values, done = c.stmt(s); done {
			return values, true
		}
	}
	return nil, false
}

func (c *context) stmt(s *Stmt) (values []value, done bool) {
	if len(s.Annos) > 0 {
		outer, inner := c, *c
		inner.policy = c.annotated(c.policy, s.Annos)
		defer func() { outer.returned = inner.returned }()
		c = &inner
	}
	switch {
	case s.Return != nil:
		return c.returns(s.Return), true
	case s.Assign != nil && s.Assign.Right == nil:
		c.exprStmt(s.Assign)
	case s.Assign != nil:
		c.assign(s.Assign)
	case s.Assert != nil && c.test != nil:
		c.check(s.Assert)
	case s.Assert != nil:
		c.require(s.Assert.Cond, c.eval(s.Assert.Cond), string(s.Assert.Msg))
	case s.If != nil:
		return c.ifStmt(s.If)
	case s.For != nil && s.For.Kind == "for":
		return c.forStmt(s.For)
	case s.For != nil:
		c.loopStmt(s.For)
	case s.While != nil:
		c.whileStmt(s.While)
	case s.Scope != nil:
		return c.run(s.Scope)
	}
	return nil, false
}

func (c *context) returns(r *Return) []value {
	at := Span{r.Pos, r.Pos.Column + len("return")}
	if len(r.Values) > 0 {
		at = r.Values[0].span()
	}
	c.returned = &at
	values := c.evalAll(r.Values)
	if len(values) == 1 {
		if t, ok := values[0].(*tuple); ok {
			return t.items
		}
	}
	return values
}

// exprStmt runs an expression that is a statement: a call that gives nothing.
func (c *context) exprStmt(a *Assign) {
	call, ok := a.Left[0].(*Call)
	if !ok || len(a.Left) > 1 {
		c.hintf(a.Left[0].span(), "assign it, or return it", "an expression alone does nothing")
		return
	}
	switch v := c.eval(call).(type) {
	case poison:
	case *tuple:
		if len(v.items) > 0 {
			c.hintf(call.Span, "assign it, to `_` if need be", "the %d values of this call are not used", len(v.items))
		}
	default:
		c.hintf(call.Span, "assign it, to `_` if need be", "the value of this call is not used")
	}
}

func (c *context) assign(a *Assign) {
	values := c.evalAll(a.Right)
	if len(values) == 1 && len(a.Left) > 1 {
		items, ok := unpack(values[0])
		switch {
		case isPoison(values[0]):
			items = make([]value, len(a.Left))
			for i := range items {
				items[i] = poison{}
			}
		case !ok || len(items) != len(a.Left):
			c.errorf(a.Left[0].span(), "%d names for %s", len(a.Left), describeValue(values[0]))
			c.poisonTargets(a)
			return
		}
		values = items
	}
	if len(values) != len(a.Left) {
		c.errorf(a.Left[0].span(), "%d names for %d values", len(a.Left), len(values))
		c.poisonTargets(a)
		return
	}
	for i, target := range a.Left {
		c.assignTo(target, values[i])
	}
}

func (c *context) assignTo(target Expr, v value) {
	switch t := target.(type) {
	case *Name:
		if _, local := c.scope.vars[t.Name]; !local {
			if old, _ := c.scope.find(t.Name); c.isState(old) {
				c.assignState(t.Span, old.(*weight), v)
				return
			}
		}
		if tu, ok := v.(*tuple); ok && len(tu.items) == 0 {
			c.errorf(t.Span, "`%s` is assigned the value of a call that gives none", t.Name)
			v = poison{}
		}
		if x, ok := v.(mlx.Value); ok {
			v = x.Label(t.Name)
		}
		c.scope.vars[t.Name] = v
	case *Index:
		c.assignPart(t, v)
	case *Field:
		if of, ok := c.eval(t.X).(*instance); ok {
			if w, ok := of.scope.vars[t.Name].(*weight); ok {
				c.assignState(t.Span, w, v)
				return
			}
		}
		c.errorf(t.Span, "only a state of another block can be assigned")
	default:
		c.errorf(target.span(), "this cannot be assigned")
	}
}

// assignState makes v what the next call finds in a state, and what the rest of this one
// reads.
func (c *context) assignState(at Span, w *weight, v value) {
	switch {
	case isPoison(v) || w.value.Poisoned():
		return
	case w.state == nil:
		c.unsupported(at, "assigning a param")
		return
	}
	if c.entry == nil {
		c.errorf(at, "a state is assigned in functions that an entry calls, not here")
		return
	}
	x, ok := c.operand(at, v, w.value.Type().DType)
	if !ok {
		return
	}
	c.b.SetPos(c.at(at))
	w.state.Set(x)
}

// assignPart makes x[...] = v a new value of the name x.
func (c *context) assignPart(t *Index, v value) {
	x := c.eval(t.X)
	if isPoison(x) || isPoison(v) {
		return
	}
	whole, ok := x.(mlx.Value)
	if !ok {
		c.errorf(t.X.span(), "a part of %s cannot be assigned", describeValue(x))
		return
	}
	y, ok := c.operand(t.Span, v, whole.Type().DType)
	if !ok {
		return
	}
	spans := make([]mlx.Span, len(t.Items))
	for i, item := range t.Items {
		if spans[i], ok = c.tensorSpan(item); !ok {
			return
		}
	}
	c.assignTo(t.X, c.built(t.Span, func() mlx.Value { return whole.SetAt(y, spans...) }))
}

func (c *context) isState(v value) bool { _, ok := v.(*weight); return ok }

func (c *context) poisonTargets(a *Assign) {
	for _, t := range a.Left {
		if n, ok := t.(*Name); ok {
			c.scope.vars[n.Name] = poison{}
		}
	}
}

// poisonAssigned gives poison to what a body that is not run would assign, so
// that one error is enough.
func (c *context) poisonAssigned(b *Body) {
	names := &nameScope{names: map[string]*declared{}}
	(&nameCheck{}).declareStmts(b.Stmts, names)
	for n := range names.names {
		if old, found := c.scope.find(n); !found || !c.isState(old) {
			c.scope.vars[n] = poison{}
		}
	}
}

func (c *context) ifStmt(s *If) (values []value, done bool) {
	for _, arm := range s.Arms {
		yes, ok := c.condition(arm.Cond, "if")
		if !ok {
			for _, a := range s.Arms {
				c.poisonAssigned(a.Then)
			}
			if s.Else != nil {
				c.poisonAssigned(s.Else)
			}
			return nil, false
		}
		if yes {
			return c.run(arm.Then)
		}
	}
	if s.Else != nil {
		return c.run(s.Else)
	}
	return nil, false
}

// forStmt unrolls a loop. Its variables are those of the function, as in Python.
func (c *context) forStmt(s *For) (values []value, done bool) {
	v := c.eval(s.In)
	items, ok := v.(list)
	if !ok {
		if !isPoison(v) {
			c.hintf(s.In.span(), "a run-time loop is `loop t in 0..T { }`", "`for` needs a compile-time list or range, not %s", describeValue(v))
		}
		c.poisonAssigned(s.Body)
		return nil, false
	}
	var vars []string
	for _, n := range s.Vars {
		vars = append(vars, n.Name)
	}
	for _, item := range items {
		c.step(s.In.span())
		c.bindAll(s.In.span(), vars, item, c.scope.vars)
		if values, done = c.run(s.Body); done {
			return values, true
		}
	}
	return nil, false
}
