package msl

import (
	"fmt"
	"strings"
)

// transform is a text that the lint accepts in C++: the same lines with attributes
// and the directive #include blank, threadgroup variables as references into memory
// of the executor, and after it, unless strict, the table of kernels.
func transform(text string, f *file, strict bool) string {
	var b strings.Builder
	b.WriteString("namespace msl_text {\n#line 1 \"metal\"\n")
	at := 0
	replace := func(from, to int, by string) {
		b.WriteString(text[at:from])
		b.WriteString(by)
		b.WriteString(strings.Repeat("\n", strings.Count(text[from:to], "\n")))
		at = to
	}
	end := func(i int) int { return f.tokens[i].pos + len(f.tokens[i].text) }

	threadgroup := map[int]int{} // first token of a variable → its number in the kernel
	for _, fn := range f.functions {
		if !fn.kernel {
			continue
		}
		count := 0
		for i := fn.body.from; i < fn.body.to; i++ {
			if _, ok := f.variable(i); ok && f.is(i, "threadgroup") {
				threadgroup[i] = count
				count++
			}
		}
	}
	for i := 0; i < len(f.tokens); i++ {
		t := f.tokens[i]
		switch {
		case t.kind == directive && strings.HasPrefix(t.text, "#include"):
			replace(t.pos, end(i), "")
		case f.is(i, "[["):
			last := f.match(i)
			blank := strings.Repeat(" ", end(last)-t.pos)
			if strings.Contains(text[t.pos:end(last)], "\n") {
				blank = ""
			}
			replace(t.pos, end(last), blank)
			i = last
		case f.is(i, "threadgroup"):
			if id, ok := threadgroup[i]; ok {
				v, _ := f.variable(i)
				replace(t.pos, end(v.end), threadgroupVariable(id, v, t))
				i = v.end
			}
		case matrices[t.text] && f.is(i+2, "["):
			if name, size, last, ok := f.matrixArray(i); ok {
				replace(t.pos, end(last), fmt.Sprintf("matrices<%s, %s> %s;", t.text, size, name))
				i = last
			}
		}
	}
	b.WriteString(text[at:])
	b.WriteString("\n#line 1 \"kernels\"\n")
	if strict {
		b.WriteString("}\n")
		return b.String()
	}
	b.WriteString(table(f.kernels()))
	return b.String()
}

// matrixArray reads a declaration MATRIX NAME[SIZE]; at i; last is its semicolon.
func (f *file) matrixArray(i int) (name, size string, last int, ok bool) {
	if !f.isIdent(i+1) || !f.is(i+2, "[") || f.match(i+2) != i+4 || !f.is(i+5, ";") {
		return "", "", 0, false
	}
	return f.tokens[i+1].text, f.tokens[i+3].text, i + 5, true
}

func threadgroupVariable(id int, v variable, t token) string {
	return fmt.Sprintf("typedef %[1]s msl_%[2]s%[3]s; threadgroup msl_%[2]s &%[2]s = *(threadgroup msl_%[2]s *)(metal::ulong)"+
		"msl_threadgroup_variable(%[4]d, \"%[2]s\", sizeof(msl_%[2]s), sizeof(%[1]s), {%[5]d, %[6]d});",
		v.typ, v.name, v.sizes, id, t.line, t.col)
}

// table is what the executor finds the kernels by. It ends the namespace of the text.
func table(kernels []Kernel) string {
	var entries, rows strings.Builder
	for n, k := range kernels {
		var values []string
		fmt.Fprintf(&entries, "static const msl_arg msl_args_%d[] = {", n)
		buffers := 0
		for _, a := range k.Arguments {
			if a.Attribute != "buffer" {
				values = append(values, fmt.Sprintf("msl::as<%s>(msl::%s())", a.Type, a.Attribute))
				continue
			}
			buffers++
			kind := "MSL_WRITE"
			switch {
			case a.Space == "constant":
				kind = "MSL_CONSTANT"
			case a.Const:
				kind = "MSL_READ"
			}
			fmt.Fprintf(&entries, "{%d, %s, sizeof(%s), alignof(%s), \"%s\"}, ", a.Index, kind, a.Type, a.Type, a.Name)
			value := fmt.Sprintf("(%s *)msl::buffer(%d)", a.Type, a.Index)
			if a.Indirect == "&" {
				value = "*" + value
			}
			values = append(values, value)
		}
		fmt.Fprintf(&entries, "{}};\nstatic void msl_entry_%d() { %s(%s); }\n", n, k.Name, strings.Join(values, ", "))
		fmt.Fprintf(&rows, "{\"%[1]s\", msl_text::msl_entry_%[2]d, msl_text::msl_args_%[2]d, %[3]d}, ", k.Name, n, buffers)
	}
	return entries.String() + "}\nextern \"C\" __attribute__((visibility(\"default\"))) const msl_kernel msl_kernels[] = {" + rows.String() + "{}};\n"
}
