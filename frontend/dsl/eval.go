package dsl

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// Limits on what compile-time code may do, so that a hostile model costs bounded
// time and memory.
const (
	maxSteps = 1 << 21 // expressions evaluated
	maxList  = 1 << 16 // elements of a list
	maxText  = 1 << 12 // bytes of a string
	maxCalls = 64      // functions and blocks inside one another
	maxWrong = 200     // errors
)

// A context is where an expression is evaluated: what it sees, and how it was
// reached.
type context struct {
	*compiler
	file   *source
	scope  *scope
	owner  *instance // the block whose body or function this is; nil: the file
	policy policy
	from   *ir.Pos // the call that led here
	depth  int
	entry  *entry     // nil outside entries, where there are no tensors
	test   *arrayFile // of the test whose body this is

	fn       *function // whose body this is, nil in the body of a block or file
	caller   *context  // of fn
	returned *Span     // what fn returned, once it has
}

// at is the position of a span, with the calls that led there.
func (c *context) at(s Span) *ir.Pos {
	p := s.pos()
	if c.owner != nil {
		p.In = c.owner.path
	}
	p.From = c.from
	return p
}

// errorf records an error. What it returns stands for the value that is missing.
func (c *context) errorf(s Span, format string, args ...any) value {
	return c.report(ir.Diagnostic{Pos: c.at(s), Msg: fmt.Sprintf(format, args...)})
}

func (c *context) hintf(s Span, hint, format string, args ...any) value {
	return c.report(ir.Diagnostic{Pos: c.at(s), Msg: fmt.Sprintf(format, args...), Hint: hint})
}

func (c *context) unsupported(s Span, what string) value {
	return c.errorf(s, "%s is not supported yet", what)
}

// report records a diagnostic with the builder, which so knows why a value is
// missing.
func (c *compiler) report(d ir.Diagnostic) value {
	c.b.SetPos(d.Pos)
	c.b.Fail(d.Msg, d.Hint, d.Notes...)
	c.failed()
	return poison{}
}

// failed counts an error that has been recorded.
func (c *compiler) failed() {
	if c.wrong++; c.wrong >= maxWrong {
		panic(giveUp{})
	}
}

// A giveUp unwinds the compiler where going on would not end.
type giveUp struct{}

func (c *context) step(s Span) {
	if c.steps++; c.steps > maxSteps {
		c.errorf(s, "this model takes more than %d steps to compile", maxSteps)
		panic(giveUp{})
	}
}

func (c *context) eval(e Expr) value {
	c.step(e.span())
	switch e := e.(type) {
	case *Literal:
		return c.literal(e)
	case *Name:
		return c.name(e)
	case *Tuple:
		return &tuple{items: c.evalAll(e.Items)}
	case *List:
		return list(c.evalAll(e.Items))
	case *Comprehension:
		var out list
		c.each(e.In, e.Vars, func(in *context, _ int) bool {
			out = append(out, in.eval(e.Item))
			return true
		})
		return out
	case *Placed:
		return c.hintf(e.Span, "`layers = [Layer() at \"first\", Layer() at \"last\"]`", "`at` gives an element of a list its place, where a member makes the list")
	case *Unary:
		return c.unary(e)
	case *Binary:
		return c.binary(e)
	case *Compare:
		return c.compare(e)
	case *Cond:
		yes, ok := c.condition(e.If, "if")
		switch {
		case !ok:
			return poison{}
		case yes:
			return c.eval(e.Then)
		}
		return c.eval(e.Else)
	case *Field:
		return c.field(e)
	case *Call:
		return c.call(e)
	case *Index:
		return c.index(e)
	}
	panic("an expression of unknown type")
}

func (c *context) evalAll(es []Expr) []value {
	out := make([]value, len(es))
	for i, e := range es {
		out[i] = c.eval(e)
	}
	return out
}

func (c *context) literal(e *Literal) value {
	switch e.Kind {
	case tString:
		s, _ := strconv.Unquote(e.Text) // tokenize has checked it
		return s
	case tFloat:
		f, err := strconv.ParseFloat(strings.ReplaceAll(e.Text, "_", ""), 64)
		if err != nil {
			return c.errorf(e.Span, "%s is beyond the range of f64", e.Text)
		}
		return f
	case tInt:
		text, hex := strings.CutPrefix(strings.ReplaceAll(e.Text, "_", ""), "0x")
		base := 10
		if hex {
			base = 16
		}
		n, err := strconv.ParseInt(text, base, 64)
		if err != nil {
			return c.errorf(e.Span, "%s is beyond the range of i64", e.Text)
		}
		return ir.N(n)
	}
	switch e.Text {
	case "true":
		return true
	case "false":
		return false
	}
	return none{}
}

func (c *context) name(e *Name) value {
	if v, ok := c.scope.find(e.Name); ok {
		return c.read(e.Span, v)
	}
	if v, ok := c.universe(e.Name); ok {
		return v
	}
	if c.file.declares[e.Name] {
		return c.hintf(e.Span, "top-level code runs from top to bottom", "`%s` is used before it is defined", e.Name)
	}
	return c.errorf(e.Span, "`%s` has no value here", e.Name)
}

// read is the value of a name: in an entry that of a weight is its tensor.
func (c *context) read(at Span, v value) value {
	switch v := v.(type) {
	case *weight:
		switch {
		case v.value.Poisoned():
			return poison{}
		case c.entry != nil && c.entry.test && !c.sized(at, v):
			return poison{}
		case c.entry != nil && v.state != nil:
			return v.state.Get()
		case c.entry != nil:
			return v.value
		}
	case dimName:
		if !v.own {
			return c.errorf(at, "`%s` is not bound by a parameter", v.dim.Name)
		}
		return c.known(v.dim.Size())
	case ir.Size:
		return c.known(v)
	}
	return v
}

// known is a size in the case of an entry that is being built.
func (c *context) known(s ir.Size) ir.Size {
	if c.entry == nil {
		return s
	}
	return c.entry.Known(s)
}

// universe finds the names that every file sees.
func (c *context) universe(name string) (value, bool) {
	switch name {
	case "compute":
		return c.policy.computeDType(), true
	case "accum":
		return c.policy.accumDType(), true
	}
	if t, ok := ir.ParseDType(name); ok {
		return t, true
	}
	if v, ok := constants[name]; ok {
		return v, true
	}
	if isBuiltin(name) {
		return builtin(name), true
	}
	v, ok := c.prelude.scope.vars[name]
	return v, ok
}

// each runs body for the elements of a compile-time list, with vars bound to
// one of them; body says whether to go on.
func (c *context) each(in Expr, vars []string, body func(in *context, i int) bool) {
	v := c.eval(in)
	items, ok := v.(list)
	if !ok {
		if v != (poison{}) {
			c.hintf(in.span(), "a run-time loop is `loop t in 0..T { }`", "`for` needs a compile-time list or range, not %s", describeValue(v))
		}
		return
	}
	for i, item := range items {
		inner := *c
		inner.scope = c.scope.inner()
		if !inner.bindAll(in.span(), vars, item, inner.scope.vars) || !body(&inner, i) {
			return
		}
	}
}

// bindAll gives a value, or the parts of one, to names.
func (c *context) bindAll(at Span, names []string, v value, into map[string]value) bool {
	if len(names) == 1 {
		into[names[0]] = v
		return true
	}
	items, ok := unpack(v)
	if ok && len(items) == len(names) {
		for i, n := range names {
			into[n] = items[i]
		}
		return true
	}
	if v != (poison{}) {
		c.errorf(at, "%d names for %s", len(names), describeValue(v))
	}
	for _, n := range names {
		into[n] = poison{}
	}
	return false
}

func unpack(v value) ([]value, bool) {
	switch v := v.(type) {
	case *tuple:
		return v.items, true
	case list:
		return v, true
	}
	return nil, false
}

// condition evaluates what must be known at compile time. ok is false after an
// error.
func (c *context) condition(e Expr, what string) (yes, ok bool) {
	switch v := c.eval(e).(type) {
	case bool:
		return v, true
	case poison:
	case facts:
		if c.entry == nil {
			c.errorf(e.span(), "`%s` on a dim decides for a call, which is of an entry", what)
			return false, false
		}
		for _, f := range v {
			c.b.SetPos(f.Pos)
			if !c.entry.If(f.Left, f.Rel, f.Right) {
				return false, true
			}
		}
		return true, true
	case mlx.Value:
		c.hintf(e.span(), "use `where(c, a, b)`", "`%s` needs a compile-time condition, not %s", what, describeValue(v))
	default:
		c.errorf(e.span(), "`%s` needs a compile-time condition, not %s", what, describeValue(v))
	}
	return false, false
}

func (c *context) field(e *Field) value { return c.fieldOf(c.eval(e.X), e) }

func (c *context) fieldOf(x value, e *Field) value {
	switch x := x.(type) {
	case poison:
		return x
	case *instance:
		v, ok := x.scope.vars[e.Name]
		if !ok {
			return c.hintf(e.Span, orList(meant(e.Name, keys(x.scope.vars)), keys(x.scope.vars)), "block `%s` has no member `%s`", x.typ.decl.Name.Name, e.Name)
		}
		return c.read(e.Span, v)
	case *module:
		v, ok := x.file.scope.vars[e.Name]
		if !ok {
			return c.hintf(e.Span, orList(meant(e.Name, keys(x.file.scope.vars)), keys(x.file.scope.vars)), "`%s` has no `%s`", x.file.name, e.Name)
		}
		return c.read(e.Span, v)
	case *arrayFile:
		return c.arrayOf(x, e)
	case namespace:
		return builtin(string(x) + "." + e.Name)
	case *tuple:
		for i, n := range x.names {
			if n == e.Name {
				return x.items[i]
			}
		}
		return c.hintf(e.Span, orList(didYouMean(e.Name, x.names), x.names), "there is no result `%s`", e.Name)
	case mlx.Value:
		if e.Name == "T" {
			return c.transposeLast(e.Span, x)
		}
		hint := habits[e.Name]
		if hint == "" {
			hint = fmt.Sprintf("a function is called: `x.%s(...)`", e.Name)
		}
		return c.hintf(e.Span, hint, "%s has no field `%s`", describeValue(x), e.Name)
	}
	return c.errorf(e.Span, "%s has no field `%s`", describeValue(x), e.Name)
}
