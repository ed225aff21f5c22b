package dsl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// kinds are the types that are not tensors.
var kinds = []string{"int", "float", "bool", "string", "dtype", "dim", "tensor", "param", "block"}

func typeNames() []string {
	names := slices.Clone(kinds)
	for _, d := range ir.DTypes() {
		names = append(names, d.String())
	}
	return append(names, "compute", "accum")
}

// dtype finds the dtype of a tensor type. `bool` alone is the compile-time type,
// which the caller must have looked at before.
func (c *context) dtype(t *TypeExpr) (ir.DType, bool) {
	at := Span{t.Pos, t.Pos.Column + len(t.Name)}
	if t.List != nil {
		c.errorf(at, "a list is no tensor")
		return ir.Invalid, false
	}
	v, found := c.scope.find(t.Name)
	if !found {
		v, found = c.universe(t.Name)
	}
	switch v := v.(type) {
	case ir.DType:
		return v, true
	case quantised:
		c.unsupported(at, "the quantised dtype "+string(v))
		return ir.Invalid, false
	case poison:
		return ir.Invalid, false
	}
	switch {
	case found:
		c.errorf(at, "`%s` is %s, not a dtype", t.Name, describeValue(v))
	default:
		c.errorf(at, "%s", notADType(t.Name))
	}
	return ir.Invalid, false
}

// tensorType evaluates a tensor type in which every name is known.
func (c *context) tensorType(t *TypeExpr) (ir.Type, bool) {
	d, ok := c.dtype(t)
	if !ok {
		return ir.Type{}, false
	}
	typ := ir.Type{DType: d}
	if t.Dims == nil {
		return typ, true
	}
	for _, item := range t.Dims.Items {
		if item.Rest {
			sizes, ok := c.rest(item)
			if !ok {
				return typ, false
			}
			typ.Shape = append(typ.Shape, sizes...)
			continue
		}
		n, ok := c.size(item.Expr, "a size")
		if !ok {
			return typ, false
		}
		typ.Shape = append(typ.Shape, n)
	}
	return typ, true
}

// rest gives the sizes that ...S was bound to.
func (c *context) rest(item *SizeItem) ([]ir.Size, bool) {
	v, _ := c.scope.find(item.Name)
	items, ok := v.(list)
	var sizes []ir.Size
	for _, x := range items {
		n, isSize := x.(ir.Size)
		ok = ok && isSize
		sizes = append(sizes, n)
	}
	if !ok && v != (poison{}) {
		c.errorf(Span{item.Pos, 0}, "`...%s` is not bound by a parameter", item.Name)
	}
	return sizes, ok
}

// size evaluates what must be an integer, or a size that a call knows.
func (c *context) size(e Expr, what string) (ir.Size, bool) {
	v := c.eval(e)
	if n, ok := size(v); ok {
		if k, known := n.Int(); known && k < 0 && what == "a size" {
			c.errorf(e.span(), "a size cannot be negative: %d", k)
			return n, false
		}
		return n, true
	}
	if !isPoison(v) {
		c.errorf(e.span(), "%s must be an integer, not %s", what, describeValue(v))
	}
	return ir.Size{}, false
}

// isKind reports whether a type is one of kinds; bool with sizes is a tensor.
func isKind(t *TypeExpr) bool { return t.Dims == nil && slices.Contains(kinds, t.Name) }

// bind binds the names in the type of a parameter that nothing has bound yet, to
// what the argument v has in their places: a dtype variable, ...S, bare sizes.
func (c *context) bind(t *TypeExpr, v value) {
	x, ok := v.(mlx.Value)
	if t == nil || t.List != nil || isKind(t) || !ok {
		return
	}
	typ := x.Type()
	if _, known := c.scope.find(t.Name); isDTypeVariable(t.Name) && !known {
		c.scope.vars[t.Name] = typ.DType
	}
	parts, _ := t.match(typ.Shape)
	for i, sizes := range parts {
		item := t.Dims.Items[i]
		name, bare := item.Expr.(*Name)
		switch {
		case item.Rest && item.Name != "":
			if _, known := c.scope.find(item.Name); !known {
				var l list
				for _, n := range sizes {
					l = append(l, n)
				}
				c.scope.vars[item.Name] = l
			}
		case bare:
			v, known := c.scope.find(name.Name)
			d, isDim := v.(dimName)
			if known && !isDim {
				continue
			}
			if n, isInt := sizes[0].Int(); isDim && isInt && n > d.dim.Max {
				c.errorf(name.Span, "%s is %d here, but `dim %s <= %d`", name.Name, n, name.Name, d.dim.Max)
			}
			c.scope.vars[name.Name] = sizes[0]
		}
	}
}

// match gives for each item of a type the sizes of a shape that it stands for:
// one, or any number for ...S. ok is false if there are too few or too many.
func (t *TypeExpr) match(shape []ir.Size) (parts [][]ir.Size, ok bool) {
	if t.Dims == nil {
		return nil, len(shape) == 0
	}
	items := t.Dims.Items
	more := len(shape) - len(items) // sizes beyond one for each item
	for _, item := range items {
		n := 1
		if item.Rest {
			n, more = 1+more, 0
		}
		if n < 0 || n > len(shape) {
			return nil, false
		}
		parts, shape = append(parts, shape[:n]), shape[n:]
	}
	return parts, len(shape) == 0
}

// accept checks a value against a type in which every name is known, and
// converts a number to what the type wants. problem says what does not fit; it
// is empty after an error that was reported, and ok is false.
func (c *context) accept(t *TypeExpr, v value) (out value, problem string, ok bool) {
	switch {
	case isPoison(v):
		return v, "", true
	case t == nil:
		return v, "", true
	case t.List != nil:
		items, isList := v.(list)
		if !isList {
			return v, describeValue(v) + " is no list", false
		}
		out := make(list, len(items))
		for i, item := range items {
			var problem string
			if out[i], problem, ok = c.accept(t.List, item); !ok {
				return v, problem, false
			}
		}
		return out, "", true
	case isKind(t):
		return c.acceptKind(t.Name, v)
	}
	return c.acceptTensor(t, v)
}

func (c *context) acceptKind(kind string, v value) (out value, problem string, ok bool) {
	switch kind {
	case "int", "dim":
		out, ok = size(v)
	case "float":
		out, ok = number(v)
	case "bool":
		out, ok = v.(bool)
		if t, isTensor := v.(mlx.Value); isTensor && t.Type().DType == ir.Bool && t.Type().Rank() == 0 {
			out, ok = v, true
		}
	case "string":
		out, ok = v.(string)
	case "dtype":
		out, ok = v.(ir.DType)
		if q, isQuantised := v.(quantised); isQuantised {
			out, ok = q, true
		}
	case "tensor":
		out, ok = v.(mlx.Value)
	case "param":
		out, ok = v.(*weight)
	case "block":
		out, ok = v.(*instance)
	}
	if !ok {
		return v, fmt.Sprintf("%s is no %s", describeValue(v), kind), false
	}
	return out, "", true
}

func (c *context) acceptTensor(t *TypeExpr, v value) (out value, problem string, ok bool) {
	x, isTensor := v.(mlx.Value)
	if f, isNumber := number(v); isNumber && c.entry != nil {
		d, ok := c.dtype(t)
		if !ok {
			return v, "", false
		}
		x, isTensor = c.number(Span{Pos: t.Pos}, d, f)
		if !isTensor {
			return v, "", false
		}
	}
	if !isTensor {
		return v, describeValue(v) + " is no tensor", false
	}
	have := x.Type()
	d, ok := c.dtype(t)
	if !ok {
		return v, "", false
	}
	if d != have.DType {
		return v, fmt.Sprintf("%s is not %s", have.DType, d), false
	}
	parts, fits := t.match(have.Shape)
	if !fits {
		return v, fmt.Sprintf("%d axes, not %d", have.Rank(), t.rank()), false
	}
	axis := 0
	for i, got := range parts {
		item := t.Dims.Items[i]
		var want []ir.Size
		if item.Rest {
			want, ok = c.rest(item)
		} else {
			var n ir.Size
			n, ok = c.size(item.Expr, "a size")
			want = []ir.Size{n}
		}
		switch {
		case !ok:
			return v, "", false
		case item.Rest && item.Name == "": // any
		case len(want) != len(got):
			return v, fmt.Sprintf("`...%s` is %d axes, not %d", item.Name, len(got), len(want)), false
		default:
			for j := range got {
				if !got[j].Equal(want[j]) {
					return v, fmt.Sprintf("axis %d is %s, not %s", axis+j, got[j], want[j]), false
				}
			}
		}
		axis += len(got)
	}
	return x, "", true
}

func (t *TypeExpr) rank() int {
	if t.Dims == nil {
		return 0
	}
	return len(t.Dims.Items)
}

// String is the type as it is written, for messages.
func (t *TypeExpr) String() string {
	if t.List != nil {
		return "[" + t.List.String() + "]"
	}
	if t.Dims == nil {
		return t.Name
	}
	var items []string
	for _, i := range t.Dims.Items {
		if i.Rest {
			items = append(items, "..."+i.Name)
		} else {
			items = append(items, exprText(i.Expr))
		}
	}
	return t.Name + "[" + strings.Join(items, ", ") + "]"
}
