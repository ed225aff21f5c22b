package metal

import (
	"fmt"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// A helper is a function of two numbers x and y that Metal lacks and that is printed
// before the kernels, once for each dtype that needs it.
type helper struct {
	fn   ir.Fn
	of   class
	doc  string
	body func(t ir.DType) []string
}

var helpers = []helper{
	{ir.Max, float, "the larger, or NaN if one is; Metal's own prefers numbers", func(ir.DType) []string {
		return []string{"return isnan(x) || isnan(y) ? NAN : max(x, y);"}
	}},
	{ir.Min, float, "the smaller, or NaN if one is; Metal's own prefers numbers", func(ir.DType) []string {
		return []string{"return isnan(x) || isnan(y) ? NAN : min(x, y);"}
	}},
	{ir.Mod, float, "the remainder with the sign of y", func(ir.DType) []string {
		return []string{
			"const float rest = fmod(x, y);",
			"return rest != 0.0f && (rest < 0.0f) != (y < 0.0f) ? rest + y : rest;",
		}
	}},
	{ir.Div, integer, "x / y rounded down, 0 for y = 0", func(t ir.DType) []string {
		c := computed[t]
		if t.Class() == ir.Unsigned {
			return []string{fmt.Sprintf("return y == 0 ? %[1]s(0) : %[1]s(x / y);", c)}
		}
		return []string{
			"if (y == 0) {",
			fmt.Sprintf("    return %s(0);", c),
			"}",
			"if (y == -1) {", // of which the least number wraps, which Metal leaves undefined
			fmt.Sprintf("    return %s;", wrapping("-")(t, []string{"0", "x"})),
			"}",
			fmt.Sprintf("const %[1]s quotient = %[1]s(x / y);", c),
			fmt.Sprintf("return quotient * y != x && (x < 0) != (y < 0) ? %s(quotient - 1) : quotient;", c),
		}
	}},
	{ir.Mod, integer, "x - y * floor(x / y), 0 for y = 0", func(t ir.DType) []string {
		c := computed[t]
		if t.Class() == ir.Unsigned {
			return []string{fmt.Sprintf("return y == 0 ? %[1]s(0) : %[1]s(x %% y);", c)}
		}
		return []string{ // by the quotient, since remainders of negative numbers are undefined
			"if (y == 0 || y == -1) {",
			fmt.Sprintf("    return %s(0);", c),
			"}",
			fmt.Sprintf("const %[1]s rest = %[1]s(x - x / y * y);", c),
			fmt.Sprintf("return rest != 0 && (rest < 0) != (y < 0) ? %s(rest + y) : rest;", c),
		}
	}},
	{ir.Pow, integer, "x to the power y, wrapping; a negative power of anything but 1 and -1 is 0", func(t ir.DType) []string {
		c, u := computed[t], modular(t)
		var lines []string
		if t.Class() == ir.Signed {
			lines = []string{
				"if (y < 0) {",
				fmt.Sprintf("    return x == 1 || (x == -1 && (y & 1) == 0) ? %[1]s(1) : (x == -1 ? %[1]s(-1) : %[1]s(0));", c),
				"}",
			}
		}
		return append(lines,
			fmt.Sprintf("%s result = 1;", u),
			fmt.Sprintf("%[1]s square = %[1]s(x);", u),
			fmt.Sprintf("for (%[1]s rest = %[1]s(y); rest > 0; rest /= 2) {", u),
			"    if (rest % 2 == 1) {",
			"        result = result * square;",
			"    }",
			"    square = square * square;",
			"}",
			fmt.Sprintf("return %s(result);", c),
		)
	}},
}

func helperName(fn ir.Fn, t ir.DType) string { return fn.String() + "_" + computed[t] }

// helped calls the helper of a function.
func helped(fn ir.Fn) code {
	return func(t ir.DType, x []string) string { return call(helperName(fn, t))(t, x) }
}

// helpersOf prints the helpers that a module needs.
func helpersOf(m *ir.Module) string {
	var b strings.Builder
	for _, h := range helpers {
		for _, t := range ir.DTypes() {
			if computed[t] == "" || classOf(t) != h.of || !uses(m, h.fn, t) {
				continue
			}
			name := helperName(h.fn, t)
			fmt.Fprintf(&b, "\n// %s is %s.\n%s %s(%s x, %s y) {\n", name, h.doc, computed[t], name, computed[t], computed[t])
			for _, line := range h.body(t) {
				b.WriteString("    " + line + "\n")
			}
			b.WriteString("}\n")
		}
	}
	return b.String()
}

// uses reports that some kernel applies fn to numbers of dtype t, or folds them by it.
func uses(m *ir.Module, fn ir.Fn, t ir.DType) bool {
	for _, k := range m.Kernels {
		for _, v := range k.Values {
			if (v.Kind == ir.ScalarApply || v.Kind == ir.ScalarReduce) && v.Fn == fn && v.Args[0].DType == t {
				return true
			}
		}
	}
	return false
}
