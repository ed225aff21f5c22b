package dsl

import (
	"fmt"
	"math"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// op applies an op of the table. The builder checks it and records what is wrong.
func (c *context) op(at Span, name string, attrs any, args ...mlx.Value) value {
	return c.built(at, func() mlx.Value { return c.b.Op(name, attrs, args...) })
}

// built is what make makes with the builder for the code at a place, under the precision
// policy in force there.
func (c *context) built(at Span, make func() mlx.Value) value {
	if c.entry == nil {
		return c.errorf(at, "tensors are computed in functions that an entry calls, not here")
	}
	c.b.SetPos(c.at(at))
	defer c.b.Precision(c.policy.compute, c.policy.accum)()
	var v mlx.Value
	c.placed(func() { v = make() })
	if v.Poisoned() {
		c.failed()
		return poison{}
	}
	return v
}

// operand makes a tensor of an operand. A number takes the dtype of like.
func (c *context) operand(at Span, v value, like ir.DType) (mlx.Value, bool) {
	switch v := v.(type) {
	case mlx.Value:
		return v, true
	case bool:
		if like == ir.Bool {
			x := 0.0
			if v {
				x = 1
			}
			return c.number(at, like, x)
		}
	case ir.Size, float64:
		x, known := number(v)
		switch {
		case !known:
			n, ok := c.built(at, func() mlx.Value { return c.b.Size(v.(ir.Size)) }).(mlx.Value)
			return n, ok
		case like.IsInt() && x != math.Trunc(x):
			c.hintf(at, "`.to(f32)` makes a float of the tensor", "%s does not go with a %s tensor", describeValue(v), like)
			return mlx.Value{}, false
		case like != ir.Bool:
			return c.number(at, like, x)
		}
	case list:
		c.hintf(at, "`array(xs, f32)` makes a tensor of a list", "a tensor is needed, not %s", describeValue(v))
		return mlx.Value{}, false
	}
	c.errorf(at, "%s does not go with a %s tensor", describeValue(v), like)
	return mlx.Value{}, false
}

func (c *context) number(at Span, t ir.DType, x float64) (mlx.Value, bool) {
	v, ok := c.built(at, func() mlx.Value { return c.b.Number(t, x) }).(mlx.Value)
	return v, ok
}

// dtypeAmong is the dtype of the first tensor among vs.
func dtypeAmong(vs ...value) ir.DType {
	for _, v := range vs {
		if t, ok := v.(mlx.Value); ok {
			return t.Type().DType
		}
	}
	return ir.Invalid
}

// elementwise applies an op to operands of which at least one is a tensor.
func (c *context) elementwise(at Span, name string, spans []Span, vs ...value) value {
	like := dtypeAmong(vs...)
	if name == "where" {
		like = dtypeAmong(vs[1:]...)
		if like == ir.Invalid {
			return c.hintf(at, "give one of them a dtype: `full([], 1, f32)`", "`where` of two numbers has no dtype")
		}
	}
	args := make([]mlx.Value, len(vs))
	for i, v := range vs {
		t := like
		if name == "where" && i == 0 {
			t = ir.Bool
		}
		var ok bool
		if args[i], ok = c.operand(spans[i], v, t); !ok {
			return poison{}
		}
	}
	return c.op(at, name, nil, args...)
}

// operators are the ops that operators stand for.
var operators = map[string]string{
	"+": "add", "-": "sub", "*": "mul", "/": "div", "%": "mod", "**": "pow", "and": "and", "or": "or",
	"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge",
}

func (c *context) tensorBinary(e *Binary, x, y value) value {
	spans := []Span{e.X.span(), e.Y.span()}
	if d := dtypeAmong(x, y); e.Op == "/" && d.IsInt() {
		return c.hintf(e.Span, "`div(a, b)` rounds down; `.to(f32)` makes a float", "`/` does not apply to a tensor of %s", d)
	}
	if e.Op != "@" {
		return c.elementwise(e.Span, operators[e.Op], spans, x, y)
	}
	a, ok1 := x.(mlx.Value)
	b, ok2 := y.(mlx.Value)
	if !ok1 || !ok2 {
		return c.errorf(e.Span, "`@` does not apply to %s and %s", describeValue(x), describeValue(y))
	}
	if b.Type().DType.IsQuantised() { // whose product is in f32, whatever the policy says
		return c.built(e.Span, func() mlx.Value { return a.MatMul(b) })
	}
	return c.op(e.Span, "matmul", ir.MatmulAttrs{}, a, b)
}

func (c *context) tensorCompare(at Span, op string, x, y value) value {
	return c.elementwise(at, operators[op], []Span{at, at}, x, y)
}

func (c *context) transposeLast(at Span, x mlx.Value) value {
	return c.built(at, x.T)
}

// index is x[...] of a tensor, or of a compile-time list.
func (c *context) index(e *Index) value {
	switch x := c.eval(e.X).(type) {
	case poison:
		return x
	case list:
		return c.listIndex(e, x)
	case *tuple:
		return c.listIndex(e, x.items)
	case mlx.Value:
		var spans []mlx.Span
		for _, item := range e.Items {
			s, ok := c.tensorSpan(item)
			if !ok {
				return poison{}
			}
			spans = append(spans, s)
		}
		return c.built(e.Span, func() mlx.Value { return x.At(spans...) })
	default:
		return c.errorf(e.Span, "%s has no elements", describeValue(x))
	}
}

func (c *context) tensorSpan(item IndexItem) (mlx.Span, bool) {
	if item.Step != nil {
		return c.stepped(item)
	}
	var lo, hi ir.Size
	ok := true
	if item.Lo != nil {
		v := c.eval(item.Lo)
		if _, isNone := v.(none); isNone && !item.Slice {
			return mlx.NewAxis, true
		}
		if i, moves := v.(mlx.Value); moves {
			return c.window(item, i)
		}
		lo, ok = c.indexSize(item.Lo, v)
	}
	if item.Hi != nil && ok {
		hi, ok = c.indexSize(item.Hi, c.eval(item.Hi))
	}
	switch {
	case !ok:
		return mlx.Span{}, false
	case item.Rest:
		return mlx.Rest, true
	case !item.Slice:
		return mlx.Pick(lo), true
	case item.Lo == nil && item.Hi == nil:
		return mlx.Every, true
	case item.Hi == nil:
		return mlx.From(lo), true
	}
	return mlx.Range(lo, hi), true
}

// stepped is a slice that takes every step-th element.
func (c *context) stepped(item IndexItem) (mlx.Span, bool) {
	v := c.eval(item.Step)
	step, isInt := smallInt(v)
	if !isInt || step < 1 {
		if !isPoison(v) {
			c.hintf(item.Step.span(), "`flip(x, axis)` turns an axis round", "a step must be an integer of at least 1, not %s", describeValue(v))
		}
		return mlx.Span{}, false
	}
	item.Step = nil
	s, ok := c.tensorSpan(item)
	return s.By(step), ok
}

// window is the index x[i], or x[i:i + n], of an i that is computed.
func (c *context) window(item IndexItem, i mlx.Value) (mlx.Span, bool) {
	if t := i.Type(); t.DType != ir.I32 || t.Rank() != 0 {
		c.hintf(item.Lo.span(), "`take(x, i, axis=0)` takes many", "an index that is computed is an i32 number, not %s", describeValue(i))
		return mlx.Span{}, false
	}
	if !item.Slice {
		return mlx.PickAt(i), true
	}
	end, ok := item.Hi.(*Binary)
	if !ok || end.Op != "+" || exprText(end.X) != exprText(item.Lo) {
		c.hintf(item.Lo.span(), fmt.Sprintf("`%s:%s + 16`", exprText(item.Lo), exprText(item.Lo)), "a slice from a start that is computed needs a length")
		return mlx.Span{}, false
	}
	n, ok := c.size(end.Y, "a size")
	return mlx.Window(i, n), ok
}

func (c *context) indexSize(e Expr, v value) (ir.Size, bool) {
	n, ok := size(v)
	switch {
	case ok || isPoison(v):
	case isTensor(v):
		c.hintf(e.span(), "a start may be: `x[i:i + 16]`", "the end of a slice cannot be a tensor")
	default:
		c.errorf(e.span(), "an index must be an integer, not %s", describeValue(v))
	}
	return n, ok
}

func (c *context) listIndex(e *Index, items list) value {
	if len(e.Items) != 1 || e.Items[0].Rest || e.Items[0].Step != nil {
		return c.errorf(e.Span, "a list has one index, and no steps")
	}
	item := e.Items[0]
	at := func(x Expr, otherwise int) (int, bool) {
		if x == nil {
			return otherwise, true
		}
		n, ok := c.indexSize(x, c.eval(x))
		i, known := n.Int()
		if ok && !known {
			c.errorf(x.span(), "%s is known only at a call", n)
		}
		if i < 0 {
			i += int64(len(items))
		}
		return int(i), ok && known
	}
	lo, ok := at(item.Lo, 0)
	if !ok {
		return poison{}
	}
	if !item.Slice {
		if lo < 0 || lo >= len(items) {
			return c.errorf(e.Span, "index %s is outside a list of %d", exprText(item.Lo), len(items))
		}
		return items[lo]
	}
	hi, ok := at(item.Hi, len(items))
	if !ok {
		return poison{}
	}
	lo, hi = min(max(lo, 0), len(items)), min(max(hi, 0), len(items))
	return items[lo:max(lo, hi):max(lo, hi)]
}
