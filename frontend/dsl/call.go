package dsl

import (
	"fmt"
	"strings"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// An argument is an evaluated argument of a call.
type argument struct {
	name  string // empty: by place
	value value
	at    Span
}

// call evaluates a call. x.f(a) is f(x, a) where x is a tensor or a size.
func (c *context) call(e *Call) value {
	var fn value
	var args []argument
	if f, ok := e.Fn.(*Field); ok {
		x := c.eval(f.X)
		_, isSize := x.(ir.Size)
		if isTensor(x) || isSize {
			fn = c.method(f)
			args = append(args, argument{value: x, at: f.X.span()})
		} else {
			fn = c.fieldOf(x, f)
		}
	} else {
		fn = c.eval(e.Fn)
	}
	if isPoison(fn) {
		return fn
	}
	for _, a := range e.Args {
		args = append(args, argument{a.Name, c.eval(a.Value), a.Value.span()})
	}
	switch fn := fn.(type) {
	case builtin:
		return c.callBuiltin(e, fn, args)
	case *function:
		return c.callFunction(e.Span, fn, args)
	case *instance:
		forward, ok := fn.scope.vars["forward"].(*function)
		if !ok {
			return c.errorf(e.Span, "block `%s` has no function `forward`", fn.typ.decl.Name.Name)
		}
		return c.callFunction(e.Span, forward, args)
	case *kernel:
		return c.callKernel(e.Span, fn, args)
	case *blockType:
		return c.hintf(e.Span, fmt.Sprintf("name it in the block or file that owns its weights: `x = %s(...)`", fn.decl.Name.Name), "a block is made by a member only")
	}
	return c.errorf(e.Span, "%s cannot be called", describeValue(fn))
}

// method finds the function f of x.f(a), where x is a tensor.
func (c *context) method(f *Field) value {
	_, found := c.scope.find(f.Name)
	if _, known := c.universe(f.Name); !found && !known {
		return c.hintf(f.Span, meant(f.Name, c.universeNames()), "there is no function `%s`", f.Name)
	}
	return c.name(&Name{f.Span, f.Name})
}

// match gives the arguments of a call to parameters; the result has a nil value
// where there is none. what names the callee.
func (c *context) match(at Span, what string, params []*Param, args []argument) (matched []argument, ok bool) {
	matched = make([]argument, len(params))
	index := map[string]int{}
	var names []string
	for i, p := range params {
		index[p.Name.Name] = i
		names = append(names, p.Name.Name)
	}
	for i, a := range args {
		if a.name != "" {
			j, known := index[a.name]
			if !known {
				c.hintf(a.at, meantParameter(a.name, names), "%s has no parameter `%s`", what, a.name)
				return nil, false
			}
			i = j
		}
		if i >= len(params) {
			c.hintf(a.at, usage(strings.Trim(what, "`"), names), "%s takes %s, got %d", what, count(len(params), "argument"), len(args))
			return nil, false
		}
		if matched[i].value != nil {
			c.errorf(a.at, "parameter `%s` of %s is given twice", names[i], what)
			return nil, false
		}
		matched[i] = a
	}
	for i, p := range params {
		if matched[i].value == nil && p.Default == nil {
			c.hintf(at, usage(strings.Trim(what, "`"), names), "%s needs an argument `%s`", what, names[i])
			return nil, false
		}
	}
	return matched, true
}

// receive evaluates defaults, binds the names in the types of parameters and
// checks the arguments. c is the callee; caller is where the arguments stand. It
// reports whether the body can be run.
func (c *context) receive(caller *context, what string, params []*Param, args []argument) bool {
	for i, p := range params {
		a := &args[i]
		if a.value == nil {
			a.at = p.Default.span()
			a.value = c.eval(p.Default)
		}
		c.bind(p.Type, a.value)
		c.scope.vars[p.Name.Name] = a.value
	}
	fine := true
	for i, p := range params {
		a := args[i]
		if _, absent := a.value.(none); absent && p.optional() {
			continue
		}
		if isPoison(a.value) {
			fine = false
			continue
		}
		v, wrong, ok := c.accept(p.Type, a.value)
		c.scope.vars[p.Name.Name] = v
		if wrong != nil {
			if h := c.turned(a.value); wrong.hint == "" {
				wrong.hint = h
			}
			caller.mismatch(a.at, fmt.Sprintf("argument `%s` of %s", p.Name.Name, what), wrong, a.value, p.Type)
		}
		fine = fine && ok
	}
	return fine
}

// turned is a hint about an argument whose axes look exchanged with what the block of
// the function was made for; empty if they do not.
func (c *context) turned(v value) string {
	x, isTensor := v.(mlx.Value)
	if !isTensor || c.owner == nil || x.Type().Rank() < 2 {
		return ""
	}
	in, ok1 := c.owner.scope.vars["in"].(ir.Size)
	out, ok2 := c.owner.scope.vars["out"].(ir.Size)
	shape := x.Type().Shape
	switch {
	case !ok1 || !ok2 || shape[len(shape)-1].Equal(in):
	case shape[len(shape)-1].Equal(out):
		return fmt.Sprintf("`%s` is made with in = %s and out = %s: were they exchanged?", c.owner.typ.decl.Name.Name, in, out)
	case len(shape) > 2 && shape[1].Equal(in):
		return "images and sequences are channels last: [B, Y, X, C]"
	}
	return ""
}

// optional reports whether none may be passed for p.
func (p *Param) optional() bool {
	l, ok := p.Default.(*Literal)
	return ok && l.Text == "none"
}

// mismatch reports a value that does not fit a declared type, with both.
func (c *context) mismatch(at Span, what string, wrong *misfit, v value, t *TypeExpr) {
	got := describeValue(v)
	if x, ok := v.(mlx.Value); ok {
		got = x.Type().String()
	}
	declared := &ir.Pos{File: t.Pos.Filename, Line: t.Pos.Line, Col: t.Pos.Column}
	c.report(ir.Diagnostic{
		Pos:   c.at(at),
		Msg:   what + ": " + wrong.problem,
		Hint:  wrong.hint,
		Notes: []ir.Note{{Label: "given", Text: got}, {Label: "wanted", Text: fmt.Sprintf("%s  %s, at %s", wrong.wanted, t, declared)}},
	})
}

// callFunction inlines a function and checks it with the sizes of this use.
func (c *context) callFunction(at Span, fn *function, args []argument) value {
	in, ok := c.enter(at, fn, args)
	if !ok {
		return poison{}
	}
	values, _ := in.run(fn.decl.Body)
	return in.results(fn.decl, values)
}

// enter makes the context of a function's body, in which its parameters have values; ok is
// false if the body cannot be run.
func (c *context) enter(at Span, fn *function, args []argument) (in *context, ok bool) {
	what := "`" + fn.decl.Name.Name + "`"
	for up := c; up != nil; up = up.caller {
		if up.fn != nil && up.fn.decl == fn.decl && up.owner == fn.owner {
			c.hintf(at, "there is no recursion", "%s calls itself", what)
			return nil, false
		}
	}
	if c.depth >= maxCalls {
		c.errorf(at, "more than %d calls inside one another", maxCalls)
		return nil, false
	}
	in = &context{compiler: c.compiler, file: fn.file, scope: fn.scope.inner(), owner: fn.owner,
		policy: c.policyOf(fn), from: c.at(at), depth: c.depth + 1, entry: c.entry, fn: fn, caller: c}
	matched, ok := c.match(at, what, fn.decl.Params, args)
	if !ok || !in.receive(c, what, fn.decl.Params, matched) {
		return nil, false
	}
	in.where(fn.decl.Where)
	return in, true
}

// policyOf is the policy in force in a function: its own, that of its block, that of its
// file, that of the caller. A place that the caller names goes before that of the file.
func (c *context) policyOf(fn *function) policy {
	p := fn.file.within(c.policy)
	if fn.owner != nil {
		if p = fn.owner.policy; p.device == ir.OnAny {
			p.device = c.policy.device
		}
	}
	return c.annotated(p, fn.annos)
}

// results checks what a function returns against its signature. The result is
// the value of the call: one value, or a tuple, which may be empty.
func (c *context) results(decl *FnDecl, values []value) value {
	name := "`" + decl.Name.Name + "`"
	if decl.Results == nil {
		if len(values) == 1 {
			return values[0]
		}
		return &tuple{items: values}
	}
	want := decl.Results.Tuple
	if decl.Results.Single != nil {
		want = []*Result{{Type: decl.Results.Single}}
	}
	at := Span{decl.Results.Pos, 0}
	if c.returned != nil {
		at = *c.returned
	}
	if len(values) != len(want) {
		if isPoison(values...) {
			return poison{}
		}
		if c.returned == nil {
			return c.hintf(at, "end it with `return`", "%s returns nothing, but declares %s", name, count(len(want), "value"))
		}
		return c.errorf(at, "%s returns %s, but declares %d", name, count(len(values), "value"), len(want))
	}
	out := &tuple{}
	for i, r := range want {
		what := "the result of " + name
		if r.Name != nil {
			out.names = append(out.names, r.Name.Name)
			what = fmt.Sprintf("result `%s` of %s", r.Name.Name, name)
		}
		v, wrong, ok := c.accept(r.Type, values[i])
		if wrong != nil {
			c.mismatch(at, what, wrong, values[i], r.Type)
		}
		if !ok {
			v = poison{}
		}
		out.items = append(out.items, v)
	}
	if len(out.items) == 1 {
		return out.items[0]
	}
	return out
}

// where takes the facts of a function: those that hold are dropped, those that
// cannot hold are errors, the others are checked at each call of the entry.
func (c *context) where(conds []Expr) {
	for _, e := range conds {
		c.require(e, c.eval(e), "")
	}
}

// require demands a condition, now or at each call.
func (c *context) require(e Expr, v value, msg string) {
	switch v := v.(type) {
	case poison:
	case bool:
		if !v && msg != "" {
			c.errorf(e.span(), "%s", msg)
		} else if !v {
			c.errorf(e.span(), "`%s` does not hold", exprText(e))
		}
	case facts:
		if c.entry == nil {
			c.errorf(e.span(), "`%s` depends on a dim, which only a call knows", exprText(e))
			return
		}
		for _, f := range v {
			c.requireAtCall(f)
		}
	case mlx.Value, *closeness:
		c.hintf(e.span(), "what has been computed is compared in a `test` block", "`assert` needs a compile-time condition, not %s", describeValue(v))
	default:
		c.errorf(e.span(), "a condition is needed, not %s", describeValue(v))
	}
}
