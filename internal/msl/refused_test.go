package msl

import (
	"strings"
	"testing"
)

// one is a text with one kernel.
func one(params, body string) string {
	return head + "kernel void k(" + params + ") {\n" + body + "\n}\n"
}

// What is near to something refused is accepted.
func TestAccepted(t *testing.T) {
	needClang(t)
	for _, text := range []string{
		one("device float4 *a [[buffer(0)]], device int4 *b [[buffer(1)]]", "const float4 v = a[0];\nif (v[0] < a[1][2] && (v[1] + v[2]) > 1.0f || as_type<uint>(v[3]) > 1u) {\na[0] = v[0] == 0.0f ? v : a[1];\nb[0] = as_type<int>(v[0]) < 0 ? b[1] : b[2];\n}"),
		one("device float *a [[buffer(0)]]", "const float x = a[0], y = a[1]; a[2] = (x)*(y); a[3] = x*y; if (x < y == true) { a[4] = -x; }"),
		head + "float f(thread const float *x, thread float &y) { y = x[0]; return x[1]; }\nkernel void k(device float *a [[buffer(0)]]) { float v[2] = {a[0], a[1]}; float w; a[2] = f(v, w); a[3] = w; }\n",
		head + "void f(thread simdgroup_matrix<float, 8, 8> &m, device float *a) { simdgroup_load(m, a, 8); }\nkernel void k(device float *a [[buffer(0)]]) { simdgroup_float8x8 m; f(m, a); simdgroup_store(m, a + 64, 8u, ulong2(0ul, 0ul), false); }\n",
		one("device float *a [[buffer(0)]],\n uint i [[\nthread_position_in_grid]]", "a[i] = 1.0f; /* x */"),
		"",
	} {
		if problems := Lint(text); len(problems) > 0 {
			t.Errorf("%s\n%v", text, problems)
		} else if err := Strict(text); err != nil {
			t.Errorf("%s\n%v", text, err)
		}
	}
}

// What Apple's compiler refuses, or the specification leaves open, is refused here, by
// the lint or by the strict pass.
func TestRefused(t *testing.T) {
	needClang(t)
	const f, i, b = "device float *a [[buffer(0)]]", "device int *a [[buffer(0)]]", "device bfloat *b [[buffer(0)]]"
	const tid = ", uint t [[thread_index_in_threadgroup]]"
	for _, test := range []struct{ name, text, pass, want string }{
		// Address spaces.
		{"pointer to another space", one(f, "float *p = a; p[0] = 1.0f;"), "lint", "4:7: error: a pointer or reference without an address space"},
		{"threadgroup to device", one(f, "threadgroup float s[4];\nthreadgroup float *p = a;\np[0] = s[0];"), "strict", "5:20: error: cannot initialize"},
		{"thread to device", one(f, "thread float *p = a;\np[0] = 1.0f;"), "strict", "4:15: error: cannot initialize"},
		{"device argument for threadgroup", head + "float g(threadgroup float *p) { return p[0]; }\nkernel void k(" + f + ") { a[0] = g(a); }\n", "strict", "no matching function"},
		{"write to constant", one("constant float &a [[buffer(0)]]", "a = 1.0f;"), "strict", "4:3: error: cannot assign"},
		{"write to device const", one("device const float *a [[buffer(0)]]", "a[0] = 1.0f;"), "strict", "4:6: error: "},
		{"cast away const", one("device const float *a [[buffer(0)]]", "((device float *)a)[0] = 1.0f;"), "strict", "drops const"},
		{"cast to another space", one("device const float *a [[buffer(0)]], device float4 *b [[buffer(1)]]", "b[0] = ((threadgroup const float4 *)a)[0];"), "lint", "4:10: error: a is no pointer to threadgroup memory"},
		{"cast of an expression", one("device float *a [[buffer(0)]], device float4 *b [[buffer(1)]]", "b[0] = ((device float4 *)(a + 4))[0];"), "lint", "a cast is of the name of a pointer"},
		{"unused variable", one(f, "const float x = a[0];"), "strict", "unused variable 'x'"},
		{"copy of a struct between spaces", head + "struct S { float x; };\nkernel void k(device S *a [[buffer(0)]]) { S s = a[0]; a[1].x = s.x; }\n", "strict", "no matching constructor"},
		{"threadgroup variable of a function", head + "void g(" + strings.Split(f, " [[")[0] + ") { threadgroup float s[2]; s[0] = a[0]; a[1] = s[0]; }\nkernel void k(" + f + ") { g(a); }\n", "lint", "declared in the outermost block"},
		{"threadgroup variable of a block", one(f, "if (a[0] > 0.0f) { threadgroup float s[2]; s[0] = a[0]; }"), "lint", "declared in the outermost block"},
		{"threadgroup variable with a value", one(f, "threadgroup float s = 0.0f; a[0] = s;"), "lint", "a threadgroup variable is"},
		{"threadgroup argument", one(f+", threadgroup float *s [[threadgroup(0)]]", "s[0] = a[0];"), "lint", "[[threadgroup ( 0 )]] is not in the language"},

		// Conversions.
		{"vector to vector", one("device float4 *a [[buffer(0)]], device half4 *h [[buffer(1)]]", "a[0] = h[0];"), "strict", "4:8: error: assigning"},
		{"float4 to int4", one("device int4 *a [[buffer(0)]], device float4 *h [[buffer(1)]]", "a[0] = h[0];"), "strict", "error: assigning"},
		{"cast of a vector", one("device int4 *a [[buffer(0)]], device float4 *h [[buffer(1)]]", "a[0] = (int4)h[0];"), "lint", "write int4(x)"},
		{"bfloat from float", one(b+", device float *f [[buffer(1)]]", "b[0] = f[0];"), "strict", "loses floating-point precision"},
		{"half from bfloat", one(b+", device half *h [[buffer(1)]]", "h[0] = b[0];"), "strict", "error: "},
		{"bfloat by half", one(b+", device half *h [[buffer(1)]], device float *f [[buffer(2)]]", "f[0] = float(b[0] * h[0]);"), "strict", "error: "},
		{"float from half", one(f+", device half *h [[buffer(1)]]", "a[0] = h[0];"), "strict", "increases floating-point precision"},
		{"int4 and uint4", one("device int4 *a [[buffer(0)]], device uint4 *u [[buffer(1)]]", "a[0] = a[0] + u[0];"), "strict", "error: "},
		{"float to int", one(i+", device float *f [[buffer(1)]]", "a[0] = f[0];"), "strict", "floating-point number into integer"},
		{"int to float", one(i+", device float *f [[buffer(1)]]", "f[0] = a[0];"), "strict", "may lose precision"},
		{"parts of another element type", one("device half4 *a [[buffer(0)]], device float2 *f [[buffer(1)]]", "a[0] = half4(f[0], f[1]);"), "strict", "the parts of a vector have its own element type"},
		{"too many parts", one("device float4 *a [[buffer(0)]], device float2 *f [[buffer(1)]]", "a[0] = float4(f[0], f[1], 1.0f);"), "strict", "the parts of a vector are as many"},
		{"other length", one("device float4 *a [[buffer(0)]], device float2 *f [[buffer(1)]]", "a[0] = float4(f[0]);"), "strict", "a vector has as many elements"},
		{"filled with another type", one("device float4 *a [[buffer(0)]]", "a[0] = float4(1);"), "strict", "filled with its own element type"},
		{"braces", one("device float4 *a [[buffer(0)]]", "a[0] = float4{1.0f};"), "lint", "a vector is made by float4(...)"},
		{"parentheses", one(f, "float x(1.0f); a[0] = x;"), "lint", "initialised by ="},
		{"double", one(f, "double d = a[0]; a[0] = float(d);"), "lint", "Metal has no double"},
		{"long long", one(i, "long long d = 1; a[0] = int(d);"), "lint", "Metal has no long long"},
		{"unsuffixed literal", one(f, "a[0] = 1.0;"), "lint", "4:8: error: 1.0 needs a suffix: 1.0f"},
		{"unsuffixed exponent", one(f, "a[0] = 1e-5;"), "lint", "1e-5 needs a suffix"},
		{"octal", one(i, "a[0] = 010;"), "lint", "010 is no number"},

		// Vectors of truth values.
		{"bool3", one("device float4 *f [[buffer(0)]]", "bool4 c = f[0] < f[1]; f[0] = select(f[0], f[1], c);"), "lint", "bool4: comparisons of vectors"},
		{"comparison of vectors", one("device float4 *f [[buffer(0)]], device int4 *a [[buffer(1)]]", "a[0] = f[0] < f[1];"), "lint", "< of vectors"},
		{"comparison with a scalar", one("device float4 *f [[buffer(0)]], device int4 *a [[buffer(1)]]", "const float4 v = f[0]; a[0] = (v + v) > 1.0f;"), "lint", "> of vectors"},
		{"vector condition", one("device int4 *a [[buffer(0)]]", "const int4 c = a[0]; a[0] = c ? a[1] : a[2];"), "lint", "? of vectors"},
		{"constructed vector compared", one("device int4 *a [[buffer(0)]]", "a[0] = int4(a[0][0]) == a[1];"), "lint", "== of vectors"},
		{"float3", one("device float4 *f [[buffer(0)]]", "float3 w = float3(f[0][0]); f[0][1] = w[0];"), "lint", "vectors of three are padded"},
		{"long4", one(i, "long4 w = long4(1L); a[0] = int(w[0]);"), "lint", "at most 16 bytes"},

		// Functions.
		{"unknown function", one(f, "a[0] = erf(a[0]);"), "lint", "erf is not in the table of functions"},
		{"function of C", one(f, "a[0] = expf(a[0]);"), "lint", "expf is not in the table"},
		{"fast", one(f, "a[0] = fast::exp(a[0]);"), "lint", "kernels compute precisely"},
		{"not precise", one(f, "a[0] = precise::floor(a[0]);"), "lint", "precise::floor is not in the table"},
		{"exp of bfloat", one(b, "b[0] = bfloat(exp(b[1]));"), "strict", "call to deleted function 'exp'"},
		{"exp of int", one(i, "a[0] = int(exp(a[1]));"), "strict", "call to deleted function 'exp'"},
		{"max of int and uint", one(i, "a[0] = max(a[0], 1u);"), "strict", "call to deleted function 'max'"},
		{"max of half and float", one("device half *a [[buffer(0)]]", "a[0] = half(max(a[0], 1.0f));"), "strict", "call to deleted function 'max'"},
		{"simd_sum of bool", one(i+tid, "a[t] = int(simd_sum(a[t] > 0));"), "strict", "call to deleted function 'simd_sum'"},
		{"simd_sum of long", one("device long *a [[buffer(0)]]"+tid, "a[t] = simd_sum(a[t]);"), "strict", "call to deleted function 'simd_sum'"},
		{"simd_sum of bfloat", one(b+tid, "b[t] = simd_sum(b[t]);"), "strict", "call to deleted function 'simd_sum'"},
		{"arguments", one(f, "a[0] = fma(a[0], a[1]);"), "lint", "fma does not take 2 arguments"},
		{"barrier with an order", one(f, "threadgroup_barrier(mem_flags::mem_threadgroup, 1);"), "lint", "threadgroup_barrier does not take 2 arguments"},
		{"barrier of texture memory", one(f, "threadgroup_barrier(mem_flags::mem_texture);"), "strict", "no member named 'mem_texture'"},
		{"barrier without flags", one(f, "threadgroup_barrier();"), "lint", "does not take 0 arguments"},
		{"as_type of another size", one("device float *f [[buffer(0)]], "+strings.Replace(i, "(0)", "(1)", 1), "a[0] = as_type<int>(half(f[0]));"), "strict", "error: call to deleted function 'as_type'"},
		{"as_type not in the table", one(i, "a[0] = int(as_type<short2>(a[0])[0]);"), "lint", "as_type<short2> is not in the table"},
		{"matrix of another shape", one(f, "simdgroup_matrix<float, 4, 4> m; a[0] = 1.0f;"), "strict", "simdgroup matrices are 8 by 8"},
		{"matrix of another type", one(f, "simdgroup_half8x8 m; simdgroup_load(m, a, 8);"), "strict", "no matching function"},
		{"thread_elements", one(f, "simdgroup_float8x8 m; a[0] = m.thread_elements()[0];"), "lint", "thread_elements: the layout"},
		{"atomics", one("device atomic_int *a [[buffer(0)]]", "atomic_fetch_add_explicit(a, 1, memory_order_relaxed);"), "lint", "kernels use no atomics"},
		{"unknown constant", one(f, "a[0] = M_E_F;"), "lint", "4:8: error: M_E_F is not declared"},
		{"hides the library", head + "float exp(float x) { return x; }\n", "lint", "exp is a function of the library"},

		// The language.
		{"mutable global", head + "float g = 1.0f;\n" + "kernel void k(" + f + ") { a[0] = g; }\n", "lint", "3:1: error: not a kernel"},
		{"recursion", head + "int fact(int n) { return n < 2 ? 1 : n * fact(n - 1); }\nkernel void k(" + i + ") { a[0] = fact(a[1]); }\n", "lint", "fact calls itself"},
		{"mutual recursion", head + "int g(int n);\nint f(int n) { return g(n); }\nint g(int n) { return f(n); }\n", "lint", "calls itself"},
		{"virtual", head + "struct V { virtual int f() { return 1; } };\n", "lint", "Metal has no virtual functions"},
		{"method", head + "struct V { int x; int f() { return x; } };\n", "lint", "a struct has plain fields only"},
		{"new", one(i, "thread int *p = new int; a[0] = *p;"), "lint", "Metal has no new"},
		{"exceptions", one(f, "try { a[0] = 1.0f; } catch (...) {}"), "lint", "Metal has no exceptions"},
		{"goto", one(f, "goto x; x: a[0] = 1.0f;"), "lint", "Metal has no goto"},
		{"static local", one(f, "static float s; s += 1.0f; a[0] = s;"), "lint", "Metal has no static locals"},
		{"function pointer", one(i, "int (*p)(int) = 0; a[0] = 1;"), "lint", "Metal has no function pointers"},
		{"template", head + "template <typename T> T twice(T x) { return x + x; }\n", "lint", "kernels are monomorphic"},
		{"host_name", head + "[[host_name(\"x\")]] kernel void k(" + f + ") { a[0] = 1.0f; }\n", "lint", "monomorphic"},
		{"macro", head + "#define N 4\n", "lint", "3:1: error: the directive is neither"},
		{"another header", "#include <metal_math>\n", "lint", "1:1: error: the directive is neither"},
		{"string", one(f, "a[0] = \"x\"[0];"), "lint", "is not in the language"},
		{"auto", one(f, "auto x = a[0]; a[0] = x;"), "lint", "every type is written out"},
		{"uninitialised variable", one(f, "float x; a[0] = x;"), "strict", "uninitialized"},
		{"array of varying size", one(i, "int n = a[0]; int v[n]; v[0] = 1; a[1] = v[0];"), "strict", "variable length array"},
		{"index outside an array", one(i, "int v[4]; v[4] = 1; a[1] = v[0];"), "strict", "past the end"},
		{"name of the executor", one(f, "a[0] = float(msl_now.simdgroups);"), "lint", "the name is used by the executor"},
		{"no end", head + "kernel void k(" + f + ") { a[0] = 1.0f;\n", "lint", "error: "},
		{"undeclared", one(f, "a[0] = c;"), "lint", "4:8: error: c is not declared"},

		{"function twice", head + "int f(int x) { return x; }\nint f(int x) { return x; }\n", "lint", "4:5: error: f is declared twice"},
		{"constant without a value", head + "constant float c;\n", "lint", "a constant has a value"},
		{"constant that does not end", head + "constant float c = 1.0f\n", "lint", "a constant ends with ;"},
		{"struct that does not end", head + "struct S { float x; }\n", "lint", "a struct is: struct NAME { FIELDS };"},
		{"using", head + "using metal::float4;\n", "lint", "the only using is"},
		{"arrow", one("device float *a [[buffer(0)]]", "a->x = 1.0f;"), "lint", "kernels use no ->"},
		{"attribute of a statement", one(f, "[[likely]] if (a[0] > 0.0f) { a[0] = 1.0f; }"), "lint", "attributes belong to parameters of kernels"},
		{"attribute of a function", head + "float f(float x [[buffer(0)]]) { return x; }\n", "lint", "only kernels have attributes"},
		{"two attributes", one("device float *a [[buffer(0)]] [[maybe_unused]]", "a[0] = 1.0f;"), "lint", "unexpected [["},
		{"const twice", one("device const const float *a [[buffer(0)]], device float *b [[buffer(1)]]", "b[0] = a[0];"), "lint", "const twice"},
		{"template without arguments", one(i, "a[0] = as_type<int>;"), "lint", "as_type takes types and arguments"},
		{"reference to a value", one(i, "thread int &&r = a[0]; a[1] = r;"), "lint", "no references to values"},
		{"pointer to a pointer", one(i, "thread int **p = 0; a[1] = 0;"), "lint", "no pointers to pointers"},
		{"reference to a matrix", head + "void f(simdgroup_matrix<float, 8, 8> &m) {}\n", "lint", "without an address space"},
		{"call of a kernel", head + "kernel void k(" + f + ") { a[0] = 1.0f; }\nkernel void l(" + f + ") { k(a); }\n", "lint", "a kernel is not called"},
		{"parameter without a name", head + "float f(float) { return 1.0f; }\n", "lint", "has no name"},
		{"threadgroup variable of a struct", head + "struct S { float x; };\nkernel void k(" + f + ") { threadgroup S s; s.x = a[0]; a[0] = s.x; }\n", "lint", "a threadgroup variable of S"},
		{"condition of a constructed vector", one("device int4 *a [[buffer(0)]]", "a[0] = int4(1) && a[1];"), "lint", "&& of vectors"},
		{"reference to a vector compared", one("device int4 *a [[buffer(0)]], constant int4 &c [[buffer(1)]]", "a[0] = a[0] <= c;"), "lint", "<= of vectors"},
		{"comment without an end", head + "/* x\n", "lint", "3:1: error: \"/*\" is not in the language"},
		{"stray brace", head + "}\n", "lint", "3:1: error: unexpected }"},
		{"kernel main", head + "kernel void main(" + f + ") { a[0] = 1.0f; }\n", "lint", "a kernel cannot be called main"},

		// Signatures.
		{"attribute of a buffer without a number", one("device float *a [[buffer]]", "a[0] = 1.0f;"), "lint", "[[buffer]] is not [[buffer(n)]]"},
		{"empty attribute", one("device float *a [[]]", "a[0] = 1.0f;"), "lint", "a has no attribute"},
		{"result", head + "kernel float k(" + f + ") { return a[0]; }\n", "lint", "kernel k does not return void"},
		{"buffer 31", one(f+", device float *b [[buffer(31)]]", "a[0] = b[0];"), "lint", "buffers are numbered 0 to 30, not 31"},
		{"buffer twice", one(f+", device float *b [[buffer(0)]]", "a[0] = b[0];"), "lint", "buffer 0 is taken"},
		{"buffer by value", one(f+", float x [[buffer(1)]]", "a[0] = x;"), "lint", "x is no pointer or reference"},
		{"buffer of bool", one("device bool *a [[buffer(0)]]", "a[0] = true;"), "lint", "a buffer of bool"},
		{"no attribute", one("device float *a", "a[0] = 1.0f;"), "lint", "a has no attribute"},
		{"misspelt attribute", one(f+", uint i [[thread_position_in_gird]]", "a[i] = 1.0f;"), "lint", "[[thread_position_in_gird]] is not in the language"},
		{"positions of two shapes", one(f+", uint2 i [[thread_position_in_grid]], uint j [[threadgroup_position_in_grid]]", "a[i[0]] = float(j);"), "lint", "positions and sizes of a kernel have one type"},
		{"position of int", one(f+", int i [[thread_position_in_grid]]", "a[i] = 1.0f;"), "lint", "is not int"},
		{"index of another width", one(f+", uint i [[thread_position_in_grid]], ushort j [[thread_index_in_threadgroup]]", "a[i] = float(j);"), "lint", "j is ushort, the positions are uint"},
		{"reference to nothing", one(f+", uint &i [[thread_position_in_grid]]", "a[i] = 1.0f;"), "lint", "error: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			pass, message := "", ""
			if problems := Lint(test.text); len(problems) > 0 {
				pass, message = "lint", problemsError(problems).Error()
			} else if err := Strict(test.text); err != nil {
				pass, message = "strict", err.Error()
			}
			if pass != test.pass || !strings.Contains(message, test.want) {
				t.Errorf("refused by %q: %s\nwant %q: %s\n%s", pass, message, test.pass, test.want, test.text)
			}
		})
	}
}
