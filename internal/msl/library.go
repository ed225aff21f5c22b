package msl

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
)

//go:embed functions.tsv
var functionsTable string

// A libraryFunction is one overload of Metal's library: a row of functions.tsv.
type libraryFunction struct {
	name      string // with precise:: and template arguments
	arguments []string
	result    string
	evidence  string // A, B or spec
}

// library is the table, and for each name how many arguments it takes.
var library = sync.OnceValues(func() ([]libraryFunction, map[string][]int) {
	var rows []libraryFunction
	arities := map[string][]int{}
	for line := range strings.Lines(functionsTable) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		row := libraryFunction{name: f[0], arguments: splitTypes(f[1]), result: f[2], evidence: f[4]}
		rows = append(rows, row)
		arities[row.name] = append(arities[row.name], len(row.arguments))
	}
	return rows, arities
})

// splitTypes cuts at the commas outside <>.
func splitTypes(s string) []string {
	var out []string
	depth, start := 0, 0
	for i, c := range s {
		switch {
		case c == '<':
			depth++
		case c == '>':
			depth--
		case c == ',' && depth == 0:
			out = append(out, strings.TrimSpace(s[start:i]))
			start = i + 1
		}
	}
	return append(out, strings.TrimSpace(s[start:]))
}

// base is the name in the shim: without precise:: and template arguments.
func (r libraryFunction) base() string {
	name := strings.TrimPrefix(r.name, "precise::")
	name, _, _ = strings.Cut(name, "<")
	return name
}

func (r libraryFunction) precise() bool { return strings.HasPrefix(r.name, "precise::") }

// meets: does every lane, or every thread, come here?
func (r libraryFunction) meets() bool {
	return strings.HasPrefix(r.name, "simd") || r.name == "threadgroup_barrier"
}

// declaration is the overload in C++: it takes its exact types alone, since a template
// that is deleted is the better match for all others. Those that load and store
// matrices take every integer for a stride, as Metal does.
func (r libraryFunction) declaration() string {
	var params, args []string
	for i, t := range r.arguments {
		params = append(params, fmt.Sprintf("%s a%d", t, i))
		args = append(args, fmt.Sprintf("a%d", i))
	}
	if r.meets() {
		params = append(params, "msl_site s = {__builtin_LINE(), __builtin_COLUMN()}")
		args = append(args, "s")
	}
	name, prefix := strings.TrimPrefix(r.name, "precise::"), ""
	if strings.HasSuffix(name, ">") {
		prefix = "template <> "
		name = strings.TrimSuffix(name, ">") + ", " + strings.Join(r.arguments, ", ") + ">"
	}
	text := fmt.Sprintf("%sMSL_FN %s %s(%s) { return msl::f_%s::call<%s>(%s); }\n",
		prefix, r.result, name, strings.Join(params, ", "), r.base(), r.result, strings.Join(args, ", "))
	if strings.Contains(text, "threadgroup ") { // without address spaces it is the overload for device memory
		return "#ifdef MSL_STRICT\n" + text + "#endif\n"
	}
	return text
}

// declarations is the library in C++, over the shim.
func declarations() string {
	rows, _ := library()
	var b strings.Builder
	for _, precise := range []bool{false, true} {
		b.WriteString("namespace metal {\n")
		if precise {
			b.WriteString("namespace precise {\n")
		}
		last := ""
		for _, r := range rows {
			if r.precise() != precise {
				continue
			}
			loose := templates[r.base()] || r.base() == "simdgroup_load" || r.base() == "simdgroup_store"
			if r.name != last && !loose {
				fmt.Fprintf(&b, "template <class... A> void %s(A...) = delete;\n", r.base())
			}
			last = r.name
			b.WriteString(r.declaration())
		}
		if precise {
			b.WriteString("}\n")
		}
		b.WriteString("}\n")
	}
	for _, v := range sorted(vectors) {
		fmt.Fprintf(&b, "#define %[1]s(...) ::msl::make<metal::%[1]s>(__VA_ARGS__)\n", v)
	}
	return b.String()
}
