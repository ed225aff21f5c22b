package msl

import "regexp"

// The words of the language. What is neither here nor declared in the text is not in
// the language of our kernels.
var (
	scalars = set("bool", "char", "uchar", "short", "ushort", "int", "uint", "long", "ulong", "half", "bfloat", "float")
	vectors = set(
		"char2", "char4", "uchar2", "uchar4", "short2", "short4", "ushort2", "ushort3", "ushort4",
		"int2", "int4", "uint2", "uint3", "uint4", "long2", "ulong2",
		"half2", "half4", "bfloat2", "bfloat4", "float2", "float4",
	)
	matrices  = set("simdgroup_matrix", "simdgroup_float8x8", "simdgroup_half8x8", "simdgroup_bfloat8x8")
	templates = set("simdgroup_matrix", "as_type", "make_filled_simdgroup_matrix")
	spaces    = set("device", "constant", "threadgroup", "thread")
	// A name before a parenthesis that is no call.
	statements = set("if", "for", "while", "return")
)

// banned says why a word is refused. Most would be refused without: the reason is for
// the reader of the message.
var banned = map[string]string{
	"double":            "Metal has no double",
	"unsigned":          "write uint, ulong, ushort or uchar",
	"signed":            "write int, long, short or char",
	"size_t":            "write ulong",
	"virtual":           "Metal has no virtual functions",
	"new":               "Metal has no new",
	"delete":            "Metal has no delete",
	"try":               "Metal has no exceptions",
	"catch":             "Metal has no exceptions",
	"throw":             "Metal has no exceptions",
	"goto":              "Metal has no goto",
	"static":            "Metal has no static locals, and functions need no static",
	"inline":            "functions need no inline",
	"template":          "kernels are monomorphic",
	"typename":          "kernels are monomorphic",
	"class":             "kernels have no classes",
	"union":             "kernels have no unions",
	"enum":              "kernels have no enumerations",
	"namespace":         "kernels declare no namespaces",
	"typedef":           "kernels declare no types but structs",
	"operator":          "kernels declare no operators",
	"auto":              "every type is written out",
	"decltype":          "every type is written out",
	"volatile":          "kernels use no volatile memory",
	"reinterpret_cast":  "write ((device T *)p)",
	"static_cast":       "write T(x)",
	"const_cast":        "nothing casts const away",
	"dynamic_cast":      "Metal has no run-time types",
	"typeid":            "Metal has no run-time types",
	"asm":               "Metal has no asm",
	"switch":            "kernels use no switch",
	"do":                "kernels use no do",
	"sizeof":            "kernels use no sizeof",
	"thread_elements":   "the layout of simdgroup matrices is not specified",
	"fast":              "kernels compute precisely",
	"metal":             "names of the library are written without metal::",
	"msl":               "the name is used by the executor",
	"host_name":         "kernels are monomorphic",
	"function_constant": "kernels have no function constants",
	"texture2d":         "kernels use no textures",
	"main":              "a kernel cannot be called main",
}

// bannedForms are words refused by form.
var bannedForms = []struct {
	form   *regexp.Regexp
	reason string
}{
	{regexp.MustCompile(`^bool[234]$`), "comparisons of vectors differ between compilers: compare elements"},
	{regexp.MustCompile(`^(char|uchar|short|int|half|bfloat|float)3$`), "vectors of three are padded: use scalars"},
	{regexp.MustCompile(`^u?long[34]$`), "vectors are of at most 16 bytes"},
	{regexp.MustCompile(`^packed_`), "kernels use no packed vectors"},
	{regexp.MustCompile(`^(atomic|memory_order)`), "kernels use no atomics"},
	{regexp.MustCompile(`^(msl_|MSL_)|__`), "the name is used by the executor"},
}

var (
	integerLiteral = regexp.MustCompile(`^(0|[1-9][0-9]*|0[xX][0-9a-fA-F]+)([uU]?[lL]?)$`)
	floatLiteral   = regexp.MustCompile(`^(([0-9]+\.[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)f$`)
	bareFloat      = regexp.MustCompile(`^(([0-9]+\.[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)$`)
)

// directives are all lines with # that a text may have.
var directives = set("#include <metal_stdlib>", "#pragma clang loop unroll(full)")

// attributes of kernel arguments; those that say true are positions or sizes of up to
// three dimensions, uint or ushort vectors or scalars.
var attributes = map[string]bool{
	"thread_position_in_grid":        true,
	"threadgroup_position_in_grid":   true,
	"thread_position_in_threadgroup": true,
	"threads_per_threadgroup":        true,
	"threadgroups_per_grid":          true,
	"threads_per_grid":               true,
	"thread_index_in_threadgroup":    false,
	"thread_index_in_simdgroup":      false,
	"simdgroup_index_in_threadgroup": false,
	"simdgroups_per_threadgroup":     false,
	"threads_per_simdgroup":          false,
}

const maxBuffer = 30 // the last index

func set(words ...string) map[string]bool {
	s := map[string]bool{}
	for _, w := range words {
		s[w] = true
	}
	return s
}
