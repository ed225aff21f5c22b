package dsl

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// join puts together a path in the checkpoint.
func join(path, step string) string {
	if path == "" || step == "" {
		return path + step
	}
	return path + "." + step
}

// child evaluates the value of a member: blocks that are made in it get path,
// those in a list path.0, path.1 and so on. Any other value is evaluated as it is.
func (c *context) child(e Expr, path string) value {
	switch e := e.(type) {
	case *Call:
		if typ, ok := c.blockType(e.Fn); ok {
			return c.make(e, typ, path)
		}
	case *List:
		out := list{}
		for i, item := range e.Items {
			out = append(out, c.element(item, path, i))
		}
		return out
	case *Comprehension:
		out := list{}
		c.each(e.In, e.Vars, func(in *context, i int) bool {
			out = append(out, in.element(e.Item, path, i))
			return true
		})
		return out
	case *Cond:
		yes, ok := c.condition(e.If, "if")
		switch {
		case !ok:
			return poison{}
		case yes:
			return c.child(e.Then, path)
		}
		return c.child(e.Else, path)
	}
	return c.eval(e)
}

// element evaluates element i of the list at a path, which may have another name than i.
func (c *context) element(e Expr, path string, i int) value {
	step := fmt.Sprint(i)
	if p, ok := e.(*Placed); ok {
		e, step = p.X, c.stepName(p.At)
	}
	return c.child(e, join(path, step))
}

// blockType finds the block that an expression names, if it names one.
func (c *context) blockType(e Expr) (*blockType, bool) {
	var v value
	switch e := e.(type) {
	case *Name:
		v, _ = c.scope.find(e.Name)
	case *Field:
		if n, ok := e.X.(*Name); ok {
			if m, _ := c.scope.find(n.Name); m != nil {
				if m, ok := m.(*module); ok {
					v = m.file.scope.vars[e.Name]
				}
			}
		}
	}
	typ, ok := v.(*blockType)
	return typ, ok
}

// make makes a block at a path.
func (c *context) make(e *Call, typ *blockType, path string) value {
	c.step(e.Span)
	if c.depth >= maxCalls {
		return c.errorf(e.Span, "more than %d blocks inside one another", maxCalls)
	}
	var args []argument
	for _, a := range e.Args {
		args = append(args, argument{a.Name, c.eval(a.Value), a.Value.span()})
	}
	return c.build(e.Span, typ, args, path)
}

// build makes a block at a path with arguments.
func (c *context) build(at Span, typ *blockType, args []argument, path string) value {
	what := "`" + typ.decl.Name.Name + "`"
	inst := &instance{typ: typ, path: path, scope: typ.file.scope.inner()}
	in := &context{compiler: c.compiler, file: typ.file, scope: inst.scope, owner: inst, from: c.at(at), depth: c.depth + 1}
	in.policy = in.annotated(typ.file.within(c.policy), typ.annos)
	inst.policy = in.policy
	matched, ok := c.match(at, what, typ.decl.Params, args)
	if !ok || !in.receive(c, what, typ.decl.Params, matched) {
		return poison{}
	}
	in.where(typ.decl.Where)
	in.members(typ.decl.Members, path)
	return inst
}

// members runs the body of a block or file. Functions may be used above the
// place where they stand, everything else only below.
func (c *context) members(ms []*Member, path string) {
	for _, m := range ms {
		if m.Fn != nil {
			c.define(m.Fn.Name, &function{decl: m.Fn, annos: m.Annos, file: c.file, owner: c.owner, scope: c.scope})
		}
	}
	for _, m := range ms {
		c.member(m, path)
	}
}

func (c *context) member(m *Member, path string) {
	if len(m.Annos) > 0 && m.Fn == nil {
		inner := *c
		inner.policy = c.annotated(c.policy, m.Annos)
		c = &inner
	}
	switch {
	case m.Tensor != nil:
		c.define(m.Tensor.Name, c.declareTensor(m.Tensor, path))
	case m.Child != nil:
		step := m.Child.Name.Name
		if m.Child.At != nil {
			step = c.stepName(m.Child.At)
		}
		c.define(m.Child.Name, c.child(m.Child.Value, join(path, step)))
	case m.Assert != nil:
		c.require(m.Assert.Cond, c.eval(m.Assert.Cond), string(m.Assert.Msg))
	case m.If != nil:
		for _, arm := range m.If.Arms {
			yes, ok := c.condition(arm.Cond, "if")
			if !ok {
				return
			}
			if yes {
				c.members(arm.Then, path)
				return
			}
		}
		c.members(m.If.Else, path)
	case m.For != nil:
		var vars []string
		for _, v := range m.For.Vars {
			vars = append(vars, v.Name)
		}
		v := c.eval(m.For.In)
		items, ok := v.(list)
		if !ok && !isPoison(v) {
			c.errorf(m.For.In.span(), "`for` needs a compile-time list or range, not %s", describeValue(v))
		}
		for _, item := range items {
			c.step(m.For.In.span())
			c.bindAll(m.For.In.span(), vars, item, c.scope.vars)
			c.members(m.For.Body, path)
		}
	}
}

// define gives a member its value.
func (c *context) define(name *Ident, v value) {
	if _, twice := c.scope.vars[name.Name]; twice {
		c.errorf(name.span(), "`%s` is declared twice", name.Name)
		return
	}
	c.scope.vars[name.Name] = v
}

func (i *Ident) span() Span { return Span{i.Pos, i.Pos.Column + len(i.Name)} }

var inBraces = regexp.MustCompile(`\{[^{}]*\}`)

// stepName is the step of a path that an `at` clause names. {name} in it stands
// for the value of a name.
func (c *context) stepName(at *Step) string {
	return inBraces.ReplaceAllStringFunc(string(at.Name), func(s string) string {
		name := strings.Trim(s, "{}")
		v, _ := c.scope.find(name)
		switch v := v.(type) {
		case ir.Size:
			return v.String()
		case string:
			return v
		}
		c.errorf(Span{at.Pos, 0}, "`%s` in this path is no int or string", s)
		return ""
	})
}

// declareTensor declares a param, or a state.
func (c *context) declareTensor(d *TensorDecl, path string) value {
	step := d.Name.Name
	if d.At != nil {
		step = c.stepName(d.At)
	}
	w := &weight{decl: d, path: join(path, step)}
	typ, ok := c.tensorType(d.Type)
	var options []mlx.ParamOption
	first := ir.Constant(0)
	if d.Init != nil && ok {
		first, ok = c.init(d.Init, typ)
	}
	if d.Load != nil {
		o, fine := c.load(d.Load)
		ok = ok && fine
		options = append(options, o)
	}
	if !ok {
		return poison{}
	}
	c.declareWeights()
	c.b.SetPos(c.at(d.Name.span()))
	if d.Kind == "state" {
		w.state = c.b.Sub(w.path).StateOf("", typ, first, options...)
		w.value = w.state.Get() // which no entry reads yet
		return w
	}
	if d.Init != nil {
		options = append(options, mlx.Init(first))
	}
	w.value = c.b.Sub(w.path).ParamOf("", typ, options...)
	return w
}

// init is the first value of a param: a number everywhere, a list with one for each
// element, or a distribution.
func (c *context) init(e Expr, typ ir.Type) (ir.Init, bool) {
	v := c.eval(e)
	if in, ok := v.(*ir.Init); ok {
		return *in, true
	}
	xs, shape, ok := numbers(v)
	switch {
	case isPoison(v):
		return ir.Init{}, false
	case !ok:
		c.errorf(e.span(), "an init is a number, a list of them, or a distribution such as `init.normal(0.02)`, not %s", describeValue(v))
	case shape != nil && !ir.EqualShapes(shape, typ.Shape):
		c.hintf(e.span(), "one number fills all; a list has one for each element", "the list is of sizes %s, and the type %s", ir.Type{DType: typ.DType, Shape: shape}, typ)
		ok = false
	}
	return ir.Constant(xs...), ok
}

// numbers are those of a value: one, of no shape, or those of nested lists of equal
// lengths, row-major.
func numbers(v value) (xs []float64, shape []ir.Size, ok bool) {
	items, isList := v.(list)
	if b, isBool := v.(bool); isBool {
		v = ir.N(0)
		if b {
			v = ir.N(1)
		}
	}
	if !isList {
		x, ok := number(v)
		return []float64{x}, nil, ok
	}
	var inner []ir.Size
	for i, item := range items {
		more, of, ok := numbers(item)
		if !ok || i > 0 && !ir.EqualShapes(inner, of) || len(of) >= ir.MaxRank || len(xs)+len(more) > maxList {
			return nil, nil, false
		}
		xs, inner = append(xs, more...), of
	}
	return xs, append([]ir.Size{ir.N(int64(len(items)))}, inner...), len(xs) > 0
}

// load is the clause `load rearrange(_, "pattern", axes...)` or `load transpose(_, perm)`, also
// written _.rearrange("pattern"). The tensor of the file is _.
func (c *context) load(e Expr) (mlx.ParamOption, bool) {
	call, ok := e.(*Call)
	var args []*Arg
	var name string
	if ok {
		args = call.Args
		switch fn := call.Fn.(type) {
		case *Name:
			name, ok = fn.Name, len(args) > 1 && args[0].Name == "" && isUnderscore(args[0].Value)
			args = args[min(1, len(args)):]
		case *Field:
			name, ok = fn.Name, len(args) > 0 && isUnderscore(fn.X)
		default:
			ok = false
		}
	}
	if ok && name == "transpose" && len(args) == 1 {
		pattern, ok := c.transposition(args[0].Value)
		return mlx.Load(pattern, nil), ok
	}
	if !ok || name != "rearrange" {
		c.hintf(e.span(), "`load rearrange(_, \"o i y x -> o y x i\")` and `load transpose(_, [1, 0])` are", "this `load` is not supported yet")
		return nil, false
	}
	pattern, isString := c.eval(args[0].Value).(string)
	if !isString || args[0].Name != "" && args[0].Name != "pattern" {
		c.errorf(args[0].Value.span(), "a pattern is a string")
		return nil, false
	}
	axes := mlx.Axes{}
	for _, a := range args[1:] {
		n, ok := c.size(a.Value, "a size")
		if !ok {
			return nil, false
		}
		axes[a.Name] = n
	}
	return mlx.Load(pattern, axes), true
}

// transposition is the pattern of an order of axes, [1, 0]: "a b -> b a".
func (c *context) transposition(e Expr) (string, bool) {
	v := c.eval(e)
	items, ok := v.(list)
	ok = ok && len(items) <= ir.MaxRank
	var from, to []string
	for i, item := range items {
		axis, isInt := smallInt(item)
		if ok = ok && isInt && axis >= 0 && axis < len(items); !ok {
			break
		}
		from, to = append(from, string(rune('a'+i))), append(to, string(rune('a'+axis)))
	}
	if !ok && !isPoison(v) {
		c.errorf(e.span(), "an order of axes is a list such as [1, 0], not %s", describeValue(v))
	}
	return strings.Join(from, " ") + " -> " + strings.Join(to, " "), ok
}

func isUnderscore(e Expr) bool {
	n, ok := e.(*Name)
	return ok && n.Name == "_"
}
