package dsl

import (
	"fmt"
	"slices"
	"strings"
)

// What people write who know Python, PyTorch, NumPy or C, and what to write here.

// habits are names that are none here, and what to do instead.
var habits = map[string]string{
	"self": "members are named without `self.`",

	"True": "write `true`", "False": "write `false`", "None": "write `none`", "null": "write `none`",
	"nil": "write `none`", "lambda": "there are no function values", "def": "functions start with `fn`",
	"class": "modules start with `block`", "elif": "write `else if`", "range": "a range is `0..n`",
	"print": "there is no printing: return the value, as a result of the entry",

	"torch": "functions have no prefix: `relu(x)`", "np": "functions have no prefix: `exp(x)`",
	"numpy": "functions have no prefix: `exp(x)`", "jnp": "functions have no prefix: `exp(x)`",
	"mx": "functions have no prefix: `exp(x)`", "F": "functions have no prefix: `relu(x)`",
	"functional": "functions have no prefix: `relu(x)`",

	"view": "use `reshape(x, [2, n])`", "flatten": "use `x.rearrange(\"b y x c -> b (y x c)\")`",
	"permute": "use `transpose(x, [1, 0])` or `rearrange(x, \"a b -> b a\")`", "swapaxes": "use `transpose(x, [1, 0])`",
	"t": "use `x.T`, which swaps the last two axes", "unsqueeze": "a new axis is `x[..., none]`",
	"expand_dims": "a new axis is `x[..., none]`", "squeeze": "an index takes an axis away: `x[:, 0]`",
	"expand": "use `broadcast(x, [2, n])`", "cat": "use `concat([x, y], axis=0)`", "concatenate": "use `concat([x, y], axis=0)`",
	"mm": "use `x @ y`", "bmm": "use `x @ y`", "matmul": "use `x @ y`", "dot": "use `x @ y`",
	"size": "use `shape(x)[0]`", "ndim": "use `len(shape(x))`", "clamp": "use `clip(x, lo, hi)`",
	"masked_fill": "use `where(mask, a, x)`", "astype": "use `x.to(f32)`", "float": "use `x.to(f32)`",
	"half": "use `x.to(f16)`", "long": "use `x.to(i64)`", "item": "a number is a tensor of rank 0",
	"index_select": "use `take(x, i, axis=0)`", "embedding": "use `take(x, i, axis=0)`",

	"Sequential": "name the layers, and call them one after another: `b(a(x))`", "ModuleList": "a list is `[Layer(i) for i in 0..n]`",
	"ReLU": "use the function `relu(x)`", "GELU": "use the function `gelu(x)`", "SiLU": "use the function `silu(x)`",
	"Sigmoid": "use the function `sigmoid(x)`", "Tanh": "use the function `tanh(x)`", "Softmax": "use the function `softmax(x)`",
	"MaxPool2d": "use the function `max_pool(x, 2)`", "AvgPool2d": "use the function `avg_pool(x, 2)`",
	"Dense": "use `nn.Linear`", "BatchNorm1d": "use `nn.BatchNorm`", "BatchNorm2d": "use `nn.BatchNorm`",
}

// statementHabits are those that are more likely than a name to have led to a syntax
// error behind them.
var statementHabits = []string{"self", "lambda", "def", "class", "elif"}

// operatorHabits are symbols that are no operators here.
var operatorHabits = map[string]string{
	":=": "bind with `=`: `h = relu(x)`",
	"//": "`div(a, b)` divides and rounds down; comments start with `#`",
	"&&": "write `and`",
	"||": "write `or`",
	"!":  "write `not`",
	"+=": "write `x = x + ...`",
	"-=": "write `x = x - ...`",
	"*=": "write `x = x * ...`",
	"?":  "write `a if c else b`",
	";":  "one statement per line, no `;`",
	"'":  "strings stand between double quotes",
	"^":  "a power is `x ** 2`, an exclusive or `bit_xor(a, b)`",
	"~":  "write `not`, or `bit_not(x)` of integers",
}

// parameterHabits are other names of parameters.
var parameterHabits = map[string]string{
	"padding": "pad", "keepdim": "keep", "keepdims": "keep", "dim": "axis", "dims": "axis",
	"in_features": "in", "out_features": "out", "in_channels": "in", "out_channels": "out",
	"kernel_size": "size", "dilations": "dilation", "epsilon": "eps", "is_causal": "causal",
	"attn_mask": "mask", "negative_slope": "slope", "base": "theta",
}

// meant is a hint about a name that is none of the candidates: what it is called here, or
// the nearest of them; empty if nothing is near.
func meant(name string, candidates []string) string {
	if slices.Contains(stdNames(), name) {
		return fmt.Sprintf("add `import %s` at the top of the file", name)
	}
	if h, ok := habits[name]; ok {
		return h
	}
	return didYouMean(name, candidates)
}

// meantParameter is meant for the name of an argument.
func meantParameter(name string, params []string) string {
	if p, ok := parameterHabits[name]; ok && slices.Contains(params, p) {
		return fmt.Sprintf("it is called `%s`", p)
	}
	return orList(didYouMean(name, params), params)
}

// orList is a hint, or where there is none, what there is instead, if that is not much.
func orList(hint string, candidates []string) string {
	if hint != "" || len(candidates) == 0 || len(candidates) > 12 {
		return hint
	}
	return "it has " + strings.Join(candidates, ", ")
}

// usage is a hint that shows how a function is called, with its parameters.
func usage(name string, params []string) string {
	return fmt.Sprintf("`%s(%s)`", name, strings.Join(params, ", "))
}

// importHint says what can be imported.
const importHint = "`import nn` brings the library of layers; a file is imported by its path: `import \"./blocks.mlx\" as b`"
