package metal

import (
	"fmt"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// powers are functions for the integers that a module raises to powers: Metal has
// none.
func powers(m *ir.Module) string {
	var b strings.Builder
	for _, t := range ir.DTypes() {
		if !t.IsInt() || !raises(m, t) {
			continue
		}
		fmt.Fprintf(&b, "\n// x to the power n, wrapping. A negative power of anything but 1 and -1 is 0.\n")
		fmt.Fprintf(&b, "%[1]s %[2]s(%[1]s x, %[1]s n) {\n", computed[t], powerName(t))
		if t.Class() == ir.Signed {
			fmt.Fprintf(&b, "    if (n < 0) {\n        return x == 1 || (x == -1 && (n & 1) == 0) ? %[1]s(1) : (x == -1 ? %[1]s(-1) : %[1]s(0));\n    }\n", computed[t])
		}
		fmt.Fprintf(&b, "    %[1]s result = 1;\n    %[1]s square = %[1]s(x);\n    for (%[1]s rest = %[1]s(n); rest > 0; rest /= 2) {\n", modular(t))
		fmt.Fprintf(&b, "        if (rest %% 2 == 1) {\n            result = result * square;\n        }\n        square = square * square;\n    }\n    return %s(result);\n}\n", computed[t])
	}
	return b.String()
}

func powerName(t ir.DType) string { return "power_" + computed[t] }

// raises reports that some kernel raises numbers of dtype t to a power.
func raises(m *ir.Module, t ir.DType) bool {
	for _, k := range m.Kernels {
		for _, v := range k.Values {
			if v.Kind == ir.ScalarApply && v.Fn == ir.Pow && v.DType == t {
				return true
			}
		}
	}
	return false
}
