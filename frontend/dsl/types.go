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
	for _, d := range slices.Concat(ir.DTypes(), ir.QuantisedDTypes()) {
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
		sizes, ok := c.sizes(item.Expr)
		if !ok {
			return typ, false
		}
		typ.Shape = append(typ.Shape, sizes...)
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

// sizes evaluates an item of a declared type: a size, or a list of them such as shape(w).
func (c *context) sizes(e Expr) ([]ir.Size, bool) {
	call, ok := e.(*Call)
	if !ok {
		n, ok := c.size(e, "a size")
		return []ir.Size{n}, ok
	}
	v := c.eval(call)
	items, isList := v.(list)
	if !isList {
		items = list{v}
	}
	var out []ir.Size
	for _, item := range items {
		n, ok := size(item)
		if k, known := n.Int(); !ok || known && k < 0 {
			if !isPoison(item) {
				c.errorf(e.span(), "a size is an integer of at least 0, not %s", describeValue(item))
			}
			return nil, false
		}
		out = append(out, n)
	}
	return out, true
}

// size evaluates what must be an integer, or a size that a call knows.
func (c *context) size(e Expr, what string) (ir.Size, bool) {
	v := c.eval(e)
	if n, ok := size(v); ok {
		if k, known := n.Int(); known && k < 0 && what == "a size" {
			c.hintf(e.span(), "a size that a call knows is a dim: `dim B <= 8`", "a size cannot be negative: %d", k)
			return n, false
		}
		return n, true
	}
	if !isPoison(v) {
		hint := ""
		if _, fraction := v.(float64); fraction {
			hint = "`div(a, b)` rounds down"
		}
		c.hintf(e.span(), hint, "%s must be an integer, not %s", what, describeValue(v))
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

// A misfit is why a value does not fit a type.
type misfit struct {
	problem string
	wanted  string // the type, with sizes as far as they are known
	hint    string // may be empty
}

// accept checks a value against a type in which every name is known, and
// converts a number to what the type wants. ok is false if it does not fit, and
// the misfit nil if that has been reported.
func (c *context) accept(t *TypeExpr, v value) (out value, wrong *misfit, ok bool) {
	switch {
	case t == nil || isPoison(v):
		return v, nil, true
	case t.List != nil:
		items, isList := v.(list)
		if !isList {
			return v, &misfit{problem: describeValue(v) + " is no list", wanted: t.String()}, false
		}
		out := make(list, len(items))
		for i, item := range items {
			if out[i], wrong, ok = c.accept(t.List, item); !ok {
				return v, wrong, false
			}
		}
		return out, nil, true
	case isKind(t):
		if out, ok = convert(t.Name, v); !ok {
			return v, &misfit{problem: fmt.Sprintf("%s is no %s", describeValue(v), t.Name), wanted: t.Name}, false
		}
		return out, nil, true
	}
	return c.acceptTensor(t, v)
}

// convert makes a value one of a kind, if it is one.
func convert(kind string, v value) (out value, ok bool) {
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
	case "tensor":
		out, ok = v.(mlx.Value)
	case "param":
		out, ok = v.(*weight)
	case "block":
		out, ok = v.(*instance)
	}
	return out, ok
}

func (c *context) acceptTensor(t *TypeExpr, v value) (out value, wrong *misfit, ok bool) {
	x, isTensor := v.(mlx.Value)
	_, isNumber := number(v)
	_, isSize := v.(ir.Size)
	if !isTensor && (!isNumber && !isSize || c.entry == nil || isDTypeVariable(t.Name)) {
		return v, &misfit{problem: describeValue(v) + " is no tensor", wanted: t.String()}, false
	}
	d, ok := c.dtype(t)
	if !ok {
		return v, nil, false
	}
	if !isTensor {
		if x, ok = c.operand(Span{Pos: t.Pos}, v, d); !ok {
			return v, nil, false
		}
	}
	have, want := x.Type(), ir.Type{DType: d}
	parts, fits := t.match(have.Shape)
	if !fits {
		return v, &misfit{problem: fmt.Sprintf("%d axes, not %d", have.Rank(), t.rank()), wanted: t.String()}, false
	}
	for i, got := range parts {
		item := t.Dims.Items[i]
		switch {
		case !item.Rest:
			n, ok := c.size(item.Expr, "a size")
			if !ok {
				return v, nil, false
			}
			want.Shape = append(want.Shape, n)
		case item.Name == "":
			want.Shape = append(want.Shape, got...)
		default:
			sizes, ok := c.rest(item)
			if !ok {
				return v, nil, false
			}
			want.Shape = append(want.Shape, sizes...)
		}
	}
	if problem := difference(have, want); problem != "" {
		wrong = &misfit{problem: problem, wanted: want.String()}
		if have.DType != want.DType {
			wrong.hint = fmt.Sprintf("nothing is converted silently: use .to(%s)", want.DType)
			if have.DType.IsQuantised() {
				wrong.hint = "`dequant` gives its elements, as f32"
			}
		}
		return v, wrong, false
	}
	return x, nil, true
}

// difference says in what a type is not the one wanted; empty if it is that.
func difference(have, want ir.Type) string {
	switch {
	case have.DType != want.DType:
		return fmt.Sprintf("%s is not %s", have.DType, want.DType)
	case have.Rank() != want.Rank():
		return fmt.Sprintf("%d axes, not %d", have.Rank(), want.Rank())
	}
	for i, n := range have.Shape {
		if !n.Equal(want.Shape[i]) {
			return fmt.Sprintf("axis %d is %s, not %s", i, n, want.Shape[i])
		}
	}
	return ""
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
