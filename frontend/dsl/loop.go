package dsl

import (
	"maps"

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
	carried, carry, ok := c.carried(at, s.Body)
	if !ok {
		fail()
		return
	}
	counter := s.Vars[0].Name
	before := maps.Clone(c.scope.vars)
	c.b.SetPos(c.at(at))
	var results []mlx.Value
	c.placed(func() {
		results = c.entry.Loop(counter, hi.Sub(lo), carry, func(t mlx.Dim, now []mlx.Value) []mlx.Value {
			c.begin(before, carried, now)
			c.scope.vars[counter] = t.Add(lo)
			return c.round(at, s.Body, carried, now)
		})
	})
	c.begin(before, carried, results)
}

// whileStmt builds a loop that ends early, as far as anybody sees.
func (c *context) whileStmt(s *While) {
	at := Span{s.Pos, s.Pos.Column + len("while")}
	if c.entry == nil {
		c.errorf(at, "tensors are computed in functions that an entry calls, not here")
		c.poisonAssigned(s.Body)
		return
	}
	most, ok := c.size(s.Max, "the most rounds of a loop")
	carried, carry, ok2 := c.carried(at, s.Body)
	if !ok || !ok2 {
		c.poisonAssigned(s.Body)
		return
	}
	before := maps.Clone(c.scope.vars)
	c.b.SetPos(c.at(at))
	going := func(now []mlx.Value) mlx.Value {
		c.begin(before, carried, now)
		cond := c.eval(s.Cond)
		v, isTensor := cond.(mlx.Value)
		if typ := v.Type(); !isTensor || typ.DType != ir.Bool || typ.Rank() > 0 {
			if !isPoison(cond) {
				c.hintf(s.Cond.span(), "`all` and `any` make one bool of many", "`while` asks for one bool of the run time, not %s", describeValue(cond))
			}
			return c.b.Number(ir.Bool, 0)
		}
		return v
	}
	var results []mlx.Value
	c.placed(func() {
		results = c.entry.While(most, carry, going, func(now []mlx.Value) []mlx.Value {
			c.begin(before, carried, now)
			return c.round(at, s.Body, carried, now)
		})
	})
	c.begin(before, carried, results)
}

// carried is the variables that exist and that the body of a loop assigns.
func (c *context) carried(at Span, b *Body) (names []string, values []mlx.Value, ok bool) {
	for _, n := range assigned(b) {
		switch v := c.scope.vars[n].(type) {
		case nil: // the body's own, or a state
		case mlx.Value:
			names, values = append(names, n), append(values, v)
		case poison:
			return nil, nil, false
		default:
			c.hintf(at, "a tensor of one number is `full([], 0, f32)`", "the loop assigns `%s`, which is %s before it: a loop carries tensors", n, describeValue(v))
			return nil, nil, false
		}
	}
	return names, values, true
}

// begin gives the variables of the function what they were before a loop, and those that
// are carried what they are now.
func (c *context) begin(before map[string]value, carried []string, now []mlx.Value) {
	clear(c.scope.vars)
	maps.Copy(c.scope.vars, before)
	for i, n := range carried {
		if now[i].Poisoned() {
			c.scope.vars[n] = poison{}
		} else {
			c.scope.vars[n] = now[i].Label(n)
		}
	}
}

// round runs the body of a loop, and gives what the carried variables have become.
func (c *context) round(at Span, b *Body, carried []string, now []mlx.Value) []mlx.Value {
	c.step(at)
	if _, done := c.run(b); done {
		c.errorf(at, "a loop of the run time cannot return")
	}
	next := make([]mlx.Value, len(carried))
	for i, n := range carried {
		v := c.scope.vars[n]
		if v == nil || isPoison(v) {
			return now
		}
		x, ok := c.operand(at, v, now[i].Type().DType)
		if !ok {
			return now
		}
		next[i] = x
	}
	c.b.SetPos(c.at(at))
	return next
}

// assigned is the variables that a body assigns, in the order in which it first does.
func assigned(b *Body) []string {
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
