package dsl

import (
	"cmp"
	"math"
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// Arithmetic on compile-time values. Where an operand is a tensor, tensor.go
// takes over.

// isPoison reports whether one of the values, or an element of one, is missing
// because of an error.
func isPoison(vs ...value) bool {
	return slices.ContainsFunc(vs, func(v value) bool {
		switch v := v.(type) {
		case poison:
			return true
		case list:
			return isPoison(v...)
		}
		return false
	})
}

func isTensor(vs ...value) bool {
	return slices.ContainsFunc(vs, func(v value) bool { _, ok := v.(mlx.Value); return ok })
}

func (c *context) unary(e *Unary) value {
	x := c.eval(e.X)
	if isPoison(x) {
		return x
	}
	if t, ok := x.(mlx.Value); ok {
		return c.op(e.Span, map[string]string{"-": "neg", "not": "not"}[e.Op], nil, t)
	}
	switch v := x.(type) {
	case bool:
		if e.Op == "not" {
			return !v
		}
	case ir.Size:
		if e.Op == "-" {
			return c.checked(e.Span, ir.N(0).Sub(v))
		}
	case float64:
		if e.Op == "-" {
			return -v
		}
	}
	return c.errorf(e.Span, "`%s` does not apply to %s", e.Op, describeValue(x))
}

// checked reports arithmetic that left the range of int64.
func (c *context) checked(s Span, n ir.Size) value {
	if n.Overflow() {
		return c.errorf(s, "this integer is beyond the range of i64")
	}
	return n
}

func (c *context) binary(e *Binary) value {
	if e.Op == "and" || e.Op == "or" {
		return c.logic(e)
	}
	x, y := c.eval(e.X), c.eval(e.Y)
	switch {
	case isPoison(x, y):
		return poison{}
	case e.Op == "..":
		return c.interval(e, x, y)
	case isTensor(x, y):
		return c.tensorBinary(e, x, y)
	}
	switch x := x.(type) {
	case list:
		if y, ok := y.(list); ok && e.Op == "+" {
			if len(x)+len(y) > maxList {
				return c.errorf(e.Span, "a list of more than %d elements", maxList)
			}
			return slices.Concat(x, y)
		}
	case string:
		if y, ok := y.(string); ok && e.Op == "+" {
			if len(x)+len(y) > maxText {
				return c.errorf(e.Span, "a string of more than %d bytes", maxText)
			}
			return x + y
		}
	}
	m, isSize := x.(ir.Size)
	n, alsoSize := y.(ir.Size)
	if isSize && alsoSize {
		return c.sizeArith(e, m, n)
	}
	f, ok1 := number(x)
	g, ok2 := number(y)
	if !ok1 || !ok2 {
		return c.errorf(e.Span, "`%s` does not apply to %s and %s", e.Op, describeValue(x), describeValue(y))
	}
	return c.floatArith(e, f, g)
}

func (c *context) floatArith(e *Binary, f, g float64) value {
	switch e.Op {
	case "+":
		return f + g
	case "-":
		return f - g
	case "*":
		return f * g
	case "/":
		return f / g
	case "%":
		return f - g*math.Floor(f/g)
	case "**":
		return math.Pow(f, g)
	}
	return c.errorf(e.Span, "`%s` does not apply to numbers", e.Op)
}

// sizeArith computes with integers. A quotient that is exact is an integer; of
// two known integers it is otherwise a float, and of dims an error.
func (c *context) sizeArith(e *Binary, m, n ir.Size) value {
	switch e.Op {
	case "+":
		return c.checked(e.Span, m.Add(n))
	case "-":
		return c.checked(e.Span, m.Sub(n))
	case "*":
		return c.checked(e.Span, m.Mul(n))
	case "%":
		if !c.positive(e.Y.span(), n) {
			return poison{}
		}
		return c.checked(e.Span, m.Mod(n))
	case "/":
		if q, ok := m.Exact(n); ok {
			return c.checked(e.Span, q)
		}
	}
	f, ok1 := number(m)
	g, ok2 := number(n)
	switch {
	case !ok1 || !ok2:
		if e.Op == "/" {
			return c.hintf(e.Span, "`div(a, b)` rounds down", "%s is not always a multiple of %s", m, n)
		}
		return c.errorf(e.Span, "`%s` does not apply to %s and %s", e.Op, describeValue(m), describeValue(n))
	case e.Op == "**" && g >= 0:
		return c.intPower(e.Span, m, int64(g))
	case e.Op == "/" && g == 0:
		return c.errorf(e.Span, "division by zero")
	}
	return c.floatArith(e, f, g)
}

func (c *context) intPower(s Span, m ir.Size, n int64) value {
	out := ir.N(1)
	for bit := 62; bit >= 0; bit-- {
		out = out.Mul(out)
		if n>>bit&1 == 1 {
			out = out.Mul(m)
		}
		if out.Overflow() {
			break
		}
	}
	return c.checked(s, out)
}

// positive reports a divisor that is not known to be at least 1.
func (c *context) positive(at Span, n ir.Size) bool {
	if k, ok := n.Int(); ok && k < 1 {
		c.errorf(at, "the divisor must be at least 1, not %d", k)
		return false
	}
	return true
}

// interval is the list lo..hi, without hi.
func (c *context) interval(e *Binary, x, y value) value {
	lo, ok1 := size(x)
	hi, ok2 := size(y)
	from, ok3 := lo.Int()
	to, ok4 := hi.Int()
	switch {
	case !ok1 || !ok2:
		return c.errorf(e.Span, "a range needs integers, not %s and %s", describeValue(x), describeValue(y))
	case !ok3 || !ok4:
		return c.hintf(e.Span, "a run-time loop is `loop t in 0..T { }`", "the range %s..%s is known only at a call", lo, hi)
	case to-from > maxList:
		return c.errorf(e.Span, "a range of more than %d elements", maxList)
	}
	out := list{}
	for i := from; i < to; i++ {
		out = append(out, ir.N(i))
	}
	return out
}

// logic is and, or: with a compile-time left side that decides, the right side
// is not looked at.
func (c *context) logic(e *Binary) value {
	x := c.eval(e.X)
	if b, ok := x.(bool); ok {
		if b == (e.Op == "or") {
			return b
		}
		return c.eval(e.Y)
	}
	y := c.eval(e.Y)
	if isPoison(x, y) {
		return poison{}
	}
	if b, ok := y.(bool); ok && !isTensor(x) {
		if b == (e.Op == "or") {
			return b
		}
		return x
	}
	f, ok1 := x.(facts)
	g, ok2 := y.(facts)
	switch {
	case isTensor(x) && isTensor(y):
		return c.tensorBinary(e, x, y)
	case ok1 && ok2 && e.Op == "and":
		return slices.Concat(f, g)
	}
	return c.errorf(e.Span, "`%s` does not apply to %s and %s", e.Op, describeValue(x), describeValue(y))
}

// orders says for which results of cmp.Compare a comparison holds.
var orders = map[string]func(order int) bool{
	"==": func(o int) bool { return o == 0 },
	"!=": func(o int) bool { return o != 0 },
	"<":  func(o int) bool { return o < 0 },
	"<=": func(o int) bool { return o <= 0 },
	">":  func(o int) bool { return o > 0 },
	">=": func(o int) bool { return o >= 0 },
}

// compare is a chain of comparisons: all must hold.
func (c *context) compare(e *Compare) value {
	args := c.evalAll(e.Args)
	if isPoison(args...) {
		return poison{}
	}
	var out value = true
	for i, op := range e.Ops {
		at := e.Args[i].span().to(e.Args[i+1].span())
		v := c.compareTwo(at, op, args[i], args[i+1])
		switch w := v.(type) {
		case poison:
			return v
		case bool:
			if !w {
				return false
			}
		case facts:
			if f, ok := out.(facts); ok {
				v = slices.Concat(f, w)
			}
			out = v
		case mlx.Value:
			if t, ok := out.(mlx.Value); ok {
				v = c.op(at, "and", nil, t, w)
			}
			out = v
		}
	}
	return out
}

func (c *context) compareTwo(at Span, op string, x, y value) value {
	if eq, ok := equal(x, y); ok && (op == "==" || op == "!=") {
		return eq == (op == "==")
	}
	if isTensor(x, y) {
		return c.tensorCompare(at, op, x, y)
	}
	m, ok1 := size(x)
	n, ok2 := size(y)
	if ok1 && ok2 {
		a, known := m.Int()
		b, alsoKnown := n.Int()
		if known && alsoKnown {
			return orders[op](cmp.Compare(a, b))
		}
		return c.compareSizes(at, op, m, n)
	}
	f, ok1 := number(x)
	g, ok2 := number(y)
	if !ok1 || !ok2 {
		return c.errorf(at, "`%s` does not apply to %s and %s", op, describeValue(x), describeValue(y))
	}
	return orders[op](cmp.Compare(f, g))
}

// compareSizes decides a comparison of sizes where it can, for all values of
// the dims; else it is a fact for a call to check.
func (c *context) compareSizes(at Span, op string, m, n ir.Size) value {
	pos := c.at(at)
	switch op {
	case ">", ">=":
		return c.compareSizes(at, map[string]string{">": "<", ">=": "<="}[op], n, m)
	case "<":
		if n.Sub(m).Sub(ir.N(1)).NonNegative() {
			return true
		}
		return facts{{Left: m, Rel: ir.LT, Right: n, Pos: pos}}
	case "<=":
		if n.Sub(m).NonNegative() {
			return true
		}
		return facts{{Left: m, Rel: ir.LE, Right: n, Pos: pos}}
	case "==":
		return facts{{Left: m, Rel: ir.EQ, Right: n, Pos: pos}}
	}
	return c.hintf(at, "use `==`, `<` or `<=`", "%s %s %s is known only at a call", m, op, n)
}
