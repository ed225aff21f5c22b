package dsl

import (
	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// loopStmt builds a loop of the run time. Variables that exist before it and that its body
// assigns are carried from round to round; others that the body assigns are its own.
func (c *context) loopStmt(s *For) {
	at := Span{s.Pos, s.Pos.Column + len("loop")}
	fail := func() { c.poisonAssigned(s.Body) }
	if c.entry == nil {
		c.errorf(at, "tensors are computed in functions that an entry calls, not here")
		fail()
		return
	}
	span, isRange := s.In.(*Binary)
	if !isRange || span.Op != ".." || len(s.Vars) != 1 {
		c.hintf(s.In.span(), "`loop t in 0..T { }`", "`loop` counts in one variable over a range of sizes")
		fail()
		return
	}
	lo, ok := c.size(span.X, "a bound of a loop")
	hi, ok2 := c.size(span.Y, "a bound of a loop")
	if !ok || !ok2 {
		fail()
		return
	}
	names := c.assigned(s.Body)
	var carried []string
	var carry []mlx.Value
	for _, n := range names {
		switch v := c.scope.vars[n].(type) {
		case nil:
		case mlx.Value:
			carried, carry = append(carried, n), append(carry, v)
		case poison:
			fail()
			return
		default:
			c.hintf(at, "make it a tensor before: `full([], "+n+", f32)`", "`%s` is %s, and a loop carries tensors", n, describeValue(v))
			fail()
			return
		}
	}
	counter := s.Vars[0].Name
	before := map[string]value{}
	for name, v := range c.scope.vars {
		before[name] = v
	}
	c.b.SetPos(c.at(at))
	results := c.entry.Loop(counter, hi.Sub(lo), carry, func(t mlx.Dim, now []mlx.Value) []mlx.Value {
		c.step(at)
		c.restore(before)
		c.scope.vars[counter] = ir.Size(t).Add(lo)
		for i, n := range carried {
			c.scope.vars[n] = now[i]
		}
		if _, done := c.run(s.Body); done {
			c.errorf(at, "a loop of the run time cannot return")
		}
		next := make([]mlx.Value, len(carried))
		for i, n := range carried {
			x, ok := c.operand(at, c.scope.vars[n], now[i].Type().DType)
			if !ok {
				return nil
			}
			next[i] = x
		}
		c.b.SetPos(c.at(at))
		return next
	})
	c.restore(before)
	for i, n := range carried {
		if results[i].Poisoned() {
			c.scope.vars[n] = poison{}
			continue
		}
		c.scope.vars[n] = results[i].Label(n)
	}
}

// restore gives the variables of the function what they were.
func (c *context) restore(before map[string]value) {
	clear(c.scope.vars)
	for name, v := range before {
		c.scope.vars[name] = v
	}
}

// assigned is the variables that a body assigns, in the order in which it first does.
func (c *context) assigned(b *Body) []string {
	var names []string
	seen := map[string]bool{}
	var visit func(ss []*Stmt)
	target := func(e Expr) {
		for {
			i, isIndex := e.(*Index)
			if !isIndex {
				break
			}
			e = i.X
		}
		if n, ok := e.(*Name); ok && !seen[n.Name] {
			seen[n.Name] = true
			names = append(names, n.Name)
		}
	}
	visit = func(ss []*Stmt) {
		for _, s := range ss {
			switch {
			case s.Assign != nil && s.Assign.Right != nil:
				for _, l := range s.Assign.Left {
					target(l)
				}
			case s.If != nil:
				for _, arm := range s.If.Arms {
					visit(arm.Then.Stmts)
				}
				if s.If.Else != nil {
					visit(s.If.Else.Stmts)
				}
			case s.For != nil:
				visit(s.For.Body.Stmts)
			case s.While != nil:
				visit(s.While.Body.Stmts)
			case s.Scope != nil:
				visit(s.Scope.Stmts)
			}
		}
	}
	visit(b.Stmts)
	return names
}
