package dsl

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// builtinArgs are the arguments of a builtin, checked and converted to what its
// params say. An argument that may be left out and was is nil.
type builtinArgs struct {
	c    *context
	call *Call
	name string
	args []argument
	vals []any
	more mlx.Axes
}

// argKinds says what a kind of argument is called in messages, and converts to it.
var argKinds = map[string]struct {
	text    string
	convert func(v value) (any, bool)
}{
	"any":    {"a value", func(v value) (any, bool) { return v, true }},
	"tensor": {"a tensor", func(v value) (any, bool) { t, ok := v.(mlx.Value); return t, ok }},
	"type": {"a tensor or a param", func(v value) (any, bool) {
		if w, ok := v.(*weight); ok {
			return w.value.Type(), true
		}
		t, ok := v.(mlx.Value)
		return t.Type(), ok
	}},
	"tensors": {"a list of tensors", func(v value) (any, bool) {
		items, ok := unpack(v)
		out := make([]mlx.Value, len(items))
		for i, item := range items {
			t, isTensor := item.(mlx.Value)
			out[i], ok = t, ok && isTensor
		}
		return out, ok && len(items) > 0
	}},
	"list":   {"a list", func(v value) (any, bool) { items, ok := unpack(v); return list(items), ok }},
	"bool":   {"a bool", func(v value) (any, bool) { b, ok := v.(bool); return b, ok }},
	"string": {"a string", func(v value) (any, bool) { s, ok := v.(string); return s, ok }},
	"dtype":  {"a dtype", func(v value) (any, bool) { d, ok := v.(ir.DType); return d, ok }},
	"float":  {"a number", func(v value) (any, bool) { x, ok := number(v); return x, ok }},
	"int":    {"an integer", func(v value) (any, bool) { n, ok := smallInt(v); return n, ok }},
	"size":   {"a size", func(v value) (any, bool) { n, ok := size(v); return n, ok }},
	"ints": {"an integer or a list of integers", func(v value) (any, bool) {
		items, ok := v.(list)
		if !ok {
			items = list{v}
		}
		out := make([]int, len(items))
		for i, item := range items {
			if out[i], ok = smallInt(item); !ok {
				return nil, false
			}
		}
		return out, true
	}},
	"sizes": {"a list of sizes", func(v value) (any, bool) {
		items, ok := v.(list)
		out := make([]ir.Size, len(items))
		for i, item := range items {
			n, isSize := size(item)
			k, known := n.Int()
			out[i], ok = n, ok && isSize && !(known && k < 0)
		}
		return out, ok && len(items) <= ir.MaxRank
	}},
}

// smallInt is a known integer of at most 31 bits.
func smallInt(v value) (int, bool) {
	n, ok := size(v)
	k, known := n.Int()
	return int(k), ok && known && k >= math.MinInt32 && k <= math.MaxInt32
}

func (a *builtinArgs) match(params string, args []argument) bool {
	var names, kinds []string
	optional := map[int]bool{}
	open := false
	for i, p := range strings.Fields(params) {
		if p == "..." {
			open = true
			continue
		}
		name, kind, _ := strings.Cut(p, ":")
		kind, optional[i] = strings.CutSuffix(kind, "?")
		names, kinds = append(names, name), append(kinds, kind)
	}
	a.args, a.vals, a.more = make([]argument, len(names)), make([]any, len(names)), mlx.Axes{}
	for i, arg := range args {
		if arg.name != "" {
			i = slices.Index(names, arg.name)
		}
		if open && i >= 0 && arg.name != "" && a.vals[i] != nil {
			i = -1 // an axis may be called x as the tensor is
		}
		switch {
		case i < 0 && open:
			n, ok := size(arg.value)
			if !ok {
				a.c.errorf(arg.at, "`%s` of `%s` must be a size, not %s", arg.name, a.name, describeValue(arg.value))
				return false
			}
			a.more[arg.name] = n
			continue
		case i < 0:
			a.c.hintf(arg.at, meantParameter(arg.name, names), "`%s` has no parameter `%s`", a.name, arg.name)
			return false
		case i >= len(names):
			a.c.hintf(arg.at, usage(a.name, names), "`%s` takes at most %s, got %d", a.name, count(len(names), "argument"), len(args))
			return false
		case a.vals[i] != nil:
			a.c.errorf(arg.at, "parameter `%s` of `%s` is given twice", names[i], a.name)
			return false
		}
		kind := argKinds[kinds[i]]
		v, ok := kind.convert(arg.value)
		if !ok {
			a.c.hintf(arg.at, sizeHint(kinds[i], arg.value), "`%s` of `%s` must be %s, not %s", names[i], a.name, kind.text, describeValue(arg.value))
			return false
		}
		a.args[i], a.vals[i] = arg, v
	}
	for i, name := range names {
		if a.vals[i] == nil && !optional[i] {
			hint := usage(a.name, names)
			if name == "dtype" {
				hint = fmt.Sprintf("name one: `%s(..., f32)`", a.name)
			}
			a.c.hintf(a.call.Span, hint, "`%s` needs an argument `%s`", a.name, name)
			return false
		}
	}
	return true
}

// sizeHint is about a list of sizes with one that is left open; else empty.
func sizeHint(kind string, v value) string {
	items, isList := v.(list)
	if kind != "sizes" || !isList || !slices.ContainsFunc(items, func(v value) bool { n, ok := smallInt(v); return ok && n < 0 }) {
		return ""
	}
	return "every size is written: `numel(x)` is their product, `div(numel(x), 8)` a part of it"
}

func (a *builtinArgs) given(i int) bool { return a.vals[i] != nil }

// at is the place of an argument, that of the call if it was left out.
func (a *builtinArgs) at(i int) Span {
	if !a.given(i) {
		return a.call.Span
	}
	return a.args[i].at
}

func (a *builtinArgs) tensor(i int) mlx.Value    { return a.vals[i].(mlx.Value) }
func (a *builtinArgs) tensors(i int) []mlx.Value { return a.vals[i].([]mlx.Value) }
func (a *builtinArgs) typ(i int) ir.Type         { return a.vals[i].(ir.Type) }
func (a *builtinArgs) list(i int) list           { return a.vals[i].(list) }
func (a *builtinArgs) string(i int) string       { return a.vals[i].(string) }
func (a *builtinArgs) size(i int) ir.Size        { return a.vals[i].(ir.Size) }
func (a *builtinArgs) sizes(i int) []ir.Size     { return a.vals[i].([]ir.Size) }
func (a *builtinArgs) ints(i int) []int          { return a.vals[i].([]int) }

func (a *builtinArgs) int(i, otherwise int) int                 { return or(a.vals[i], otherwise) }
func (a *builtinArgs) float(i int, otherwise float64) float64   { return or(a.vals[i], otherwise) }
func (a *builtinArgs) bool(i int) bool                          { return or(a.vals[i], false) }
func (a *builtinArgs) dtype(i int, otherwise ir.DType) ir.DType { return or(a.vals[i], otherwise) }

func or[T any](v any, otherwise T) T {
	if v == nil {
		return otherwise
	}
	return v.(T)
}

// axis is an axis of the first argument, counted from the start.
func (a *builtinArgs) axis(i, otherwise int) int {
	n := a.int(i, otherwise)
	if n < 0 {
		n += a.tensor(0).Type().Rank()
	}
	return n
}

// axes are axes of the first argument; all, if none are given.
func (a *builtinArgs) axes(i int) []int {
	rank := a.tensor(0).Type().Rank()
	var out []int
	if !a.given(i) {
		for n := range rank {
			out = append(out, n)
		}
		return out
	}
	for _, n := range a.ints(i) {
		if n < 0 {
			n += rank
		}
		out = append(out, n)
	}
	return out
}

// spatial is the number of spatial axes of the first argument, [B, ...S, C].
func (a *builtinArgs) spatial() int { return max(0, a.tensor(0).Type().Rank()-2) }

// each is a number for each of n axes: as given, one for all, or the default.
func (a *builtinArgs) each(i, n, otherwise int) []int {
	given := []int{otherwise}
	if a.given(i) {
		given = a.ints(i)
	}
	if len(given) == 1 {
		return slices.Repeat(given, n)
	}
	return given
}

func (a *builtinArgs) op(name string, attrs any, args ...mlx.Value) value {
	return a.c.op(a.call.Span, name, attrs, args...)
}

func (a *builtinArgs) built(make func() mlx.Value) value { return a.c.built(a.call.Span, make) }

// full is a tensor of one number; its shape is the first argument.
func (a *builtinArgs) full(x float64, dtype int) value {
	return a.built(func() mlx.Value { return a.c.b.Full(a.dtype(dtype, ir.Invalid), x, a.sizes(0)...) })
}

var mathFns = map[string]func(x float64) float64{
	"abs": math.Abs, "neg": func(x float64) float64 { return -x }, "sqrt": math.Sqrt, "rsqrt": func(x float64) float64 { return 1 / math.Sqrt(x) },
	"exp": math.Exp, "exp2": math.Exp2, "expm1": math.Expm1, "log": math.Log, "log2": math.Log2, "log1p": math.Log1p,
	"sin": math.Sin, "cos": math.Cos, "tan": math.Tan, "tanh": math.Tanh, "erf": math.Erf,
	"floor": math.Floor, "ceil": math.Ceil, "round": math.RoundToEven, "trunc": math.Trunc,
}

var mathFns2 = map[string]func(x, y float64) float64{"maximum": math.Max, "minimum": math.Min, "pow": math.Pow}

// compileTime applies an elementwise op to numbers. The larger and smaller of
// integers are integers, and so is the absolute value of one.
func (c *context) compileTime(e *Call, name string, vs []value) value {
	xs := make([]float64, len(vs))
	ints := true
	for i, v := range vs {
		x, ok := number(v)
		if !ok {
			return c.errorf(e.Span, "`%s` does not apply to %s", name, describeValue(v))
		}
		_, isInt := v.(ir.Size)
		xs[i], ints = x, ints && isInt
	}
	f, g := mathFns[name], mathFns2[name]
	var out float64
	switch {
	case f != nil:
		out = f(xs[0])
	case g != nil:
		out = g(xs[0], xs[1])
	default:
		return c.errorf(e.Span, "`%s` needs a tensor, not %s", name, describeValue(vs[0]))
	}
	if n, ok := size(out); ok && ints && (name == "maximum" || name == "minimum" || name == "abs") {
		return n
	}
	return out
}
