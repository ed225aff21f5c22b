package passes

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

// What an expert would write as one kernel is one, on both targets.
func TestOneKernel(t *testing.T) {
	const b40, weights = "f32[B, 40]", "%w: f32[40], %b: f32[40]"
	tests := []struct{ name, inputs, body, result string }{
		{"softmax", "%x: " + b40, "%y = softmax(%x, axis=1, acc=invalid) : " + b40, b40},
		{"softmax over columns", "%x: " + b40, "%y = softmax(%x, axis=0, acc=invalid) : " + b40, b40},
		{"log_softmax", "%x: " + b40, "%y = log_softmax(%x, axis=1, acc=invalid) : " + b40, b40},
		{"cross-entropy", "%x: " + b40 + ", %l: i32[B]", "%y = cross_entropy(%x, %l, acc=invalid) : f32[B]", "f32[B]"},
		{"layer norm", "%x: " + b40 + ", " + weights, "%y = layer_norm(%x, %w, %b, eps=0.00001, acc=invalid) : " + b40, b40},
		{"RMS norm", "%x: " + b40 + ", " + weights, "%y = rms_norm(%x, %w, eps=0.00001, acc=invalid) : " + b40, b40},
		{"RMS norm in f16", "%x: f16[B, 40], %w: f16[40]", "%y = rms_norm(%x, %w, eps=0.00001, acc=invalid) : f16[B, 40]", "f16[B, 40]"},
		{"group norm and silu", "%x: f32[B, 6, 7, 40], " + weights, `
			%0 = group_norm(%x, %w, %b, groups=8, eps=0.00001, acc=invalid) : f32[B, 6, 7, 40]
			%y = silu(%0) : f32[B, 6, 7, 40]`, "f32[B, 6, 7, 40]"},
		{"group norm of sizes that vary", "%x: f32[B, N, N, 40], " + weights,
			"%y = group_norm(%x, %w, %b, groups=8, eps=0.00001, acc=invalid) : f32[B, N, N, 40]", "f32[B, N, N, 40]"},
		{"var", "%x: " + b40, "%y = var(%x, axes=[1], keep=false) : f32[B]", "f32[B]"},
		{"argmax of a function", "%x: " + b40, "%0 = tanh(%x) : " + b40 + "\n%y = argmax(%0, axis=1, keep=false) : i32[B]", "i32[B]"},
		{"matmul, bias, gelu, residual", "%x: " + b40 + ", %m: f32[40, 40], " + weights, `
			%0 = matmul(%x, %m, acc=invalid) : f32[B, 40]
			%1 = broadcast(%b, shape=[B, 40]) : f32[B, 40]
			%2 = add(%0, %1) : f32[B, 40]
			%3 = gelu(%2) : f32[B, 40]
			%y = add(%3, %x) : f32[B, 40]`, b40},
		{"conv, bias, relu", "%x: f32[B, 6, 7, 40], %k: f32[40, 3, 3, 40], " + weights, `
			%0 = conv(%x, %k, stride=[1, 1], pad=[1, 1], dilation=[1, 1], groups=1, acc=invalid) : f32[B, 6, 7, 40]
			%1 = broadcast(%b, shape=[B, 6, 7, 40]) : f32[B, 6, 7, 40]
			%2 = add(%0, %1) : f32[B, 6, 7, 40]
			%y = relu(%2) : f32[B, 6, 7, 40]`, "f32[B, 6, 7, 40]"},
		{"a long chain", "%x: " + b40, chain(300), b40},
		{"attention", "%q: f32[B, 4, N, 16], %k: f32[B, 4, S, 16], %v: f32[B, 4, S, 24]",
			"%y = attention(%q, %k, %v, scale=0.25, causal=false, acc=invalid) : f32[B, 4, N, 24]", "f32[B, 4, N, 24]"},
		{"causal attention of groups in f16", "%q: f16[B, 4, N, 16], %k: f16[B, 2, S, 16], %v: f16[B, 2, S, 16]",
			"%y = attention(%q, %k, %v, scale=0.25, causal=true, acc=invalid) : f16[B, 4, N, 16]", "f16[B, 4, N, 16]"},
		{"attention with a mask that is added", "%q: f32[B, 4, N, 16], %k: f32[B, 4, S, 16], %m: f32[B, 1, N, S]",
			"%y = attention(%q, %k, %k, %m, scale=0.25, causal=true, acc=invalid) : f32[B, 4, N, 16]", "f32[B, 4, N, 16]"},
		{"attention with a mask that hides", "%q: bf16[B, 4, N, 16], %k: bf16[B, 1, S, 16], %v: bf16[B, 1, S, 16], %m: bool[B, 1, 1, S]",
			"%y = attention(%q, %k, %v, %m, scale=0.25, causal=false, acc=invalid) : bf16[B, 4, N, 16]", "bf16[B, 4, N, 16]"},
		{"attention of one query", "%q: f32[B, 8, 1, 16], %k: f32[B, 2, S, 16], %v: f32[B, 2, S, 16]",
			"%y = attention(%q, %k, %v, scale=0.25, causal=true, acc=invalid) : f32[B, 8, 1, 16]", "f32[B, 8, 1, 16]"},
		{"attention that scales q, splits and merges heads, and adds", "%q: f32[B, N, 64], %k: f32[B, S, 64], %v: f32[B, S, 64]", heads, "f32[B, N, 64]"},
	}
	for _, test := range tests {
		for _, target := range []ir.Target{ir.CPU, ir.Metal} {
			text := fmt.Sprintf("mlxir 1\nmodule \"one\" {\ndim B 1..64\ndim N 4..9\ndim S 1..300\nfunc @f(%s) -> (y: %s) {\n%s\nret(%%y)\n}\n}", test.inputs, test.result, test.body)
			m := parse(t, text)
			if err := Until(m, target, "lower"); err != nil {
				t.Errorf("%s on %s: %v", test.name, target, err)
				continue
			}
			for _, v := range m.Funcs[0].Variants {
				if n := len(v.Steps); n != 1 {
					t.Errorf("%s on %s: %d kernels:\n%s", test.name, target, n, ir.Print(m))
				}
			}
			k := m.Kernels[len(m.Kernels)-1] // that for any number of rows
			if stream := strings.Contains(test.body, "attention"); (k.Stream != nil) != stream {
				t.Errorf("%s on %s: is a stream: %v", test.name, target, k.Stream != nil)
			}
			if test.name == "attention of one query" && !k.Stream.Seen.Is(0) {
				t.Errorf("%s on %s: it sees the keys up to %s", test.name, target, k.Stream.Seen)
			}
			if product := strings.Contains(test.body, "matmul") || strings.Contains(test.body, "conv"); (k.Contract != nil) != product {
				t.Errorf("%s on %s: is a product: %v", test.name, target, k.Contract != nil)
			}
		}
	}
}

// On the GPU products of one left factor are one kernel where their results meet element by
// element, as many as a threadgroup has room for; on the CPU each has its own.
func TestGatedUnits(t *testing.T) {
	const product, gate = "%%%d = matmul(%%x, %%w%d, acc=invalid) : f32[B, 40]\n", "%a = silu(%0) : f32[B, 40]\n%y = mul(%a, %1) : f32[B, 40]"
	products := func(n int) (text string) {
		for i := range n {
			text += fmt.Sprintf(product, i, i)
		}
		return text
	}
	many := func(n int) string {
		text := products(n) + "%a0 = silu(%0) : f32[B, 40]\n"
		for i := range n - 1 {
			text += fmt.Sprintf("%%a%d = mul(%%a%d, %%%d) : f32[B, 40]\n", i+1, i, i+1)
		}
		return text + fmt.Sprintf("%%y = tanh(%%a%d) : f32[B, 40]", n-1)
	}
	for _, c := range []struct {
		name, body string
		target     ir.Target
		kernels    int
	}{
		{"two", products(2) + gate, ir.Metal, 1},
		{"two on the CPU", products(2) + gate, ir.CPU, 2},
		{"with a bias", products(2) + `
			%b1 = broadcast(%b, shape=[B, 40]) : f32[B, 40]
			%p = add(%0, %b1) : f32[B, 40]
			%a = tanh(%p) : f32[B, 40]
			%y = mul(%1, %a) : f32[B, 40]`, ir.Metal, 1},
		{"of another left factor", `
			%0 = matmul(%z, %w0, acc=invalid) : f32[B, 40]
			%1 = matmul(%x, %w1, acc=invalid) : f32[B, 40]` + "\n" + gate, ir.Metal, 2},
		{"one of them a result as a sum", products(2) + `
			%a = sum(%0, axes=[1], keep=true) : f32[B, 1]
			%a2 = broadcast(%a, shape=[B, 40]) : f32[B, 40]
			%y = mul(%a2, %1) : f32[B, 40]`, ir.Metal, 3},
		{"eleven", many(11), ir.Metal, 1},
		{"more than there is room for", many(12), ir.Metal, 2},
	} {
		text := "mlxir 1\nmodule \"gated\" {\ndim B 1..64\nfunc @f(%x: f32[B, 30], %z: f32[B, 30], %b: f32[40]"
		for i := range 12 {
			text += fmt.Sprintf(", %%w%d: f32[30, 40]", i)
		}
		m := parse(t, text+") -> (y: f32[B, 40]) {\n"+c.body+"\nret(%y)\n}\n}")
		if err := Until(m, c.target, "tile"); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		steps := m.Funcs[0].Variants[len(m.Funcs[0].Variants)-1].Steps
		steps = slices.DeleteFunc(slices.Clone(steps), func(s *ir.Step) bool { return strings.Contains(s.Kernel.Name, "panels") })
		if len(steps) != c.kernels {
			t.Errorf("%s: %d kernels, want %d:\n%s", c.name, len(steps), c.kernels, ir.Print(m))
		}
	}
}

// Convolution by Winograd is three kernels on the GPU, all elements of the tiles being one
// that computes each once; on the CPU, where vectors take no guards, the padded input and
// the results before they are moved are in memory.
func TestWinograd(t *testing.T) {
	for _, c := range []struct {
		target ir.Target
		steps  int
		inputs int // the kernel of the elements
	}{{ir.Metal, 3, 0}, {ir.CPU, 5, 1}} {
		m := parse(t, `mlxir 1
module "one" {
dim B 1..8
dim N 8..64
func @f(%x: f32[B, N, N, 40], %w: f32[40, 3, 3, 40]) -> (y: f32[B, N, N, 40]) {
%0 = conv_winograd(%x, %w, pad=[1, 1], acc=invalid) : f32[B, N, N, 40]
%y = relu(%0) : f32[B, N, N, 40]
ret(%y)
}
}`)
		if err := Until(m, c.target, "pack"); err != nil {
			t.Fatal(err)
		}
		steps := m.Funcs[0].Variants[0].Steps
		steps = slices.DeleteFunc(slices.Clone(steps), func(s *ir.Step) bool { // of weights, here an input
			return slices.ContainsFunc(s.Args, func(b *ir.Buffer) bool { return b.Name == "w" || b.Name == "concat_2" && len(s.Args) == 2 })
		})
		if len(steps) != c.steps {
			t.Fatalf("%d kernels on %s:\n%s", len(steps), c.target, ir.Print(m))
		}
		if k := steps[c.inputs].Kernel; len(k.Stores) != 16 || len(k.Args) != 2 {
			t.Errorf("the elements of tiles are %d stores to %d buffers on %s", len(k.Stores), len(k.Args)-1, c.target)
		}
	}
}

// A concatenation is stored in parts where these are products, or where products read it
// and it has one; not where its reader can compute it.
func TestConcatenationInParts(t *testing.T) {
	const product = "%p = matmul(%x, %m, acc=invalid) : f32[B, 40]\n"
	const point = "%q = tanh(%x) : f32[B, 40]\n"
	both := func(a, b string) string { return "%c = concat(%" + a + ", %" + b + ", axis=1) : f32[B, 80]\n" }
	for _, c := range []struct {
		body, result string
		want         bool
	}{
		{product + "%r = matmul(%x, %w, acc=invalid) : f32[B, 40]\n" + both("p", "r") + "%y = relu(%c) : f32[B, 80]", "f32[B, 80]", true},
		{product + point + both("p", "q") + "%y = matmul(%c, %v, acc=invalid) : f32[B, 40]", "f32[B, 40]", true},
		{product + point + both("p", "q") + "%y = relu(%c) : f32[B, 80]", "f32[B, 80]", false},
		{point + "%r = exp(%x) : f32[B, 40]\n" + both("q", "r") + "%y = matmul(%c, %v, acc=invalid) : f32[B, 40]", "f32[B, 40]", false},
		{manyPoints + "%p = slice(%c, start=[0, 0], step=[1, 1], size=[B, 40]) : f32[B, 40]\n%y = add(%p, %x) : f32[B, 40]", "f32[B, 40]", true}, // what reads it cannot store a part
		{point + both("q", "x") + "%y = matmul(%c, %v, acc=invalid) : f32[B, 40]", "f32[B, 40]", false},
	} {
		m := parse(t, fmt.Sprintf("mlxir 1\nmodule \"one\" {\ndim B 1..64\nfunc @f(%%x: f32[B, 40], %%m: f32[40, 40], %%w: f32[40, 40], %%v: f32[80, 40]) -> (y: %s) {\n%s\nret(%%y)\n}\n}", c.result, c.body))
		if err := Until(m, ir.CPU, "fuse"); err != nil {
			t.Fatal(err)
		}
		for _, in := range m.Funcs[0].Body {
			if in.Op.Name == "concat" && in.Parts != c.want {
				t.Errorf("in parts: %v\n%s", in.Parts, ir.Print(m))
			}
		}
	}
}

// manyPoints is a concatenation of 9 functions of one value.
var manyPoints = func() string {
	var b strings.Builder
	var all []string
	for i, fn := range strings.Fields("tanh exp sin cos sqrt erf sigmoid log softplus") {
		fmt.Fprintf(&b, "%%v%d = %s(%%x) : f32[B, 40]\n", i, fn)
		all = append(all, fmt.Sprintf("%%v%d", i))
	}
	return b.String() + "%c = concat(" + strings.Join(all, ", ") + ", axis=1) : f32[B, 360]\n"
}()

// heads is attention of 4 heads that lie beside each other, with a residual.
const heads = `
	%3 = const(value=0.25, dtype=f32, shape=[B, N, 64]) : f32[B, N, 64]
	%4 = mul(%q, %3) : f32[B, N, 64]
	%5 = reshape(%4, shape=[B, N, 4, 16]) : f32[B, N, 4, 16]
	%6 = transpose(%5, perm=[0, 2, 1, 3]) : f32[B, 4, N, 16]
	%7 = reshape(%k, shape=[B, S, 4, 16]) : f32[B, S, 4, 16]
	%8 = transpose(%7, perm=[0, 2, 1, 3]) : f32[B, 4, S, 16]
	%9 = reshape(%v, shape=[B, S, 4, 16]) : f32[B, S, 4, 16]
	%10 = transpose(%9, perm=[0, 2, 1, 3]) : f32[B, 4, S, 16]
	%11 = attention(%6, %8, %10, scale=1.0, causal=true, acc=invalid) : f32[B, 4, N, 16]
	%12 = transpose(%11, perm=[0, 2, 1, 3]) : f32[B, N, 4, 16]
	%13 = reshape(%12, shape=[B, N, 64]) : f32[B, N, 64]
	%y = add(%q, %13) : f32[B, N, 64]`

// chain is n functions of one another, each read twice.
func chain(n int) string {
	var b strings.Builder
	last := "%x"
	for i := range n {
		name := fmt.Sprintf("%%v%d", i)
		if i == n-1 {
			name = "%y"
		}
		fmt.Fprintf(&b, "%s = mul(%s, %s) : f32[B, 40]\n", name, last, last)
		last = name
	}
	return b.String()
}
