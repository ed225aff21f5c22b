package codegen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/mlxc/mlxc/codegen/cpu"
	"github.com/mlxc/mlxc/ir"
)

// vectorFile is the Go of what is in assembly, which is the same for all architectures.
const vectorFile = "kernels_vector.go"

// architectureFile is a file of kernels for one architecture alone.
func architectureFile(a *cpu.Architecture, extension string) string {
	return "kernels_" + a.Name + extension
}

// A fast is a form of kernels for processors with vectors, which takes the place of
// portable Go where there is one: Go that calls routines in assembly, which kernels share.
type fast struct {
	suffix   string // of its name
	is       func(k *ir.Kernel) bool
	print    func(k *ir.Kernel, name string) (*jen.Statement, error)
	routines []routine // of all architectures
	choices  []choice  // and of each
	// rows are the parts of a kernel that it leaves to rows in assembly of their own; nil:
	// there are none.
	rows func(k *ir.Kernel, name string) []cpu.Part
}

// A routine is a function in assembly.
type routine struct {
	name, doc string
	params    []jen.Code
	text      func(a *cpu.Architecture, name string) string
}

// A choice is a variable of a type of the runtime's with routines that an architecture has
// of its own.
type choice struct {
	name, doc, kind string
	params          []jen.Code
	routines        func(a *cpu.Architecture) []cpu.Routine
	panels          ir.DType
	suffix          string // of the routines' names
}

func microsOf(panels ir.DType, suffix string) choice {
	return choice{"micros" + suffix, "are micro-kernels for panels of " + panels.String(), "Micros", microParams,
		func(a *cpu.Architecture) []cpu.Routine { return a.Micros }, panels, suffix}
}

var weighers = choice{name: "weighers", doc: "make weights of scores", kind: "Weighers", params: weighParams,
	routines: func(a *cpu.Architecture) []cpu.Routine { return a.Weighers }}

// of are the routines of an architecture.
func (c *choice) of(a *cpu.Architecture) []routine {
	var rs []routine
	for _, r := range c.routines(a) {
		rs = append(rs, routine{r.Name + c.suffix, r.Doc, c.params, func(_ *cpu.Architecture, name string) string { return r.Text(name, c.panels) }})
	}
	return rs
}

// declare is the variable for an architecture.
func (c *choice) declare(a *cpu.Architecture) *jen.Statement {
	var fields []jen.Code
	for _, r := range c.routines(a) {
		fields = append(fields, jen.Id(r.Field).Op(":").Id(r.Name+c.suffix))
	}
	return jen.Comment(c.name+" "+c.doc+".").Line().
		Var().Id(c.name).Op("=").Qual(cpuPath, c.kind).Values(fields...)
}

var (
	weighParams = []jen.Code{jen.Id("w").Op("*").Qual(cpuPath, "Weights")}
	microParams = []jen.Code{jen.Id("t").Op("*").Qual(cpuPath, "Micro")}
	rowsParams  = []jen.Code{jen.Id("at").Op("*").Qual("unsafe", "Pointer"), jen.Id("step").Op("*").Int(), jen.List(jen.Id("rows"), jen.Id("n")).Int(), jen.Id("past").Bool()}
	copyParams  = []jen.Code{jen.List(jen.Id("dst"), jen.Id("src")).Qual("unsafe", "Pointer"), jen.List(jen.Id("n"), jen.Id("step")).Int()}
	forms       = []fast{
		productForm(ir.F32, ""), productForm(ir.F16, "F16"), productForm(ir.BF16, "BF16"),
		streamForm(ir.F32, ""), streamForm(ir.F16, "F16"), streamForm(ir.BF16, "BF16"),
		{"Copy", cpu.IsPanels, func(k *ir.Kernel, name string) (*jen.Statement, error) {
			return cpu.Panels(k, name, "copyRows", "copyColumns")
		}, []routine{
			{"copyRows", "makes n rows of a panel of rows that are step bytes apart", copyParams, func(a *cpu.Architecture, name string) string { return a.CopyRows(name) }},
			{"copyColumns", "makes n rows of a panel of columns that are step bytes apart", copyParams, func(a *cpu.Architecture, name string) string { return a.CopyColumns(name) }},
		}, nil, nil},
		{"Vector", cpu.IsRows, cpu.Rows, nil, nil, func(k *ir.Kernel, name string) []cpu.Part { return []cpu.Part{{Kernel: k, Name: name}} }},
	}
)

// WhyPortable is why a kernel of the CPU has no form in assembly; empty: it has one.
func WhyPortable(k *ir.Kernel) string {
	if InAssembly(k) {
		return ""
	}
	return cpu.NoRows(k).Error()
}

// InAssembly reports that a kernel of the CPU has a form in assembly, which takes the
// place of portable Go.
func InAssembly(k *ir.Kernel) bool {
	return fastForm(k) != nil
}

// productForm is the products whose panels are of a dtype; their micro-kernels have names
// that end in suffix.
func productForm(panels ir.DType, suffix string) fast {
	micros := microsOf(panels, suffix)
	return fast{
		"Product",
		func(k *ir.Kernel) bool { return cpu.IsProduct(k, panels) },
		func(k *ir.Kernel, name string) (*jen.Statement, error) { return cpu.Product(k, name, micros.name) },
		nil,
		[]choice{micros},
		cpu.ProductRows,
	}
}

// streamForm is the streams whose panels are of a dtype.
func streamForm(panels ir.DType, suffix string) fast {
	micros := microsOf(panels, suffix)
	return fast{
		"Stream",
		func(k *ir.Kernel) bool { return cpu.IsStream(k, panels) },
		func(k *ir.Kernel, name string) (*jen.Statement, error) {
			return cpu.Stream(k, name, micros.name, weighers.name)
		},
		nil,
		[]choice{micros, weighers},
		cpu.StreamRows,
	}
}

// names are those that the form's routines and variables have.
func (f *fast) names() []string {
	var names []string
	add := func(rs []routine) {
		for _, r := range rs {
			names = append(names, r.name)
		}
	}
	add(f.routines)
	for _, c := range f.choices {
		names = append(names, c.name)
		for _, a := range cpu.Architectures {
			add(c.of(a))
		}
	}
	return names
}

// parts are what f.rows says, of any form.
func (f *fast) parts(k *ir.Kernel, name string) []cpu.Part {
	if f.rows == nil {
		return nil
	}
	return f.rows(k, name)
}

// choicesOf are those of some forms, each once.
func choicesOf(used []*fast) []choice {
	var choices []choice
	for _, u := range used {
		for _, c := range u.choices {
			if !slices.ContainsFunc(choices, func(d choice) bool { return c.name == d.name }) {
				choices = append(choices, c)
			}
		}
	}
	return choices
}

// derivedNames are those of a kernel and of its fast forms.
func derivedNames(name string) []string {
	names := []string{name}
	for _, f := range forms {
		form := name + f.suffix
		for _, part := range []string{form, cpu.EpilogueName(form), cpu.ScoreName(form)} {
			names = append(names, part, cpu.RoutineName(part))
		}
	}
	return names
}

// fastForm is the form that a kernel has; nil: none.
func fastForm(k *ir.Kernel) *fast {
	if i := slices.IndexFunc(forms, func(f fast) bool { return f.is(k) }); i >= 0 {
		return &forms[i]
	}
	return nil
}

// fastForms are the forms in use.
func (p *pkg) fastForms() (used []*fast) {
	for i := range forms {
		if slices.ContainsFunc(p.kernels, func(k goKernel) bool { return k.fast == &forms[i] }) {
			used = append(used, &forms[i])
		}
	}
	return used
}

// vectorKernels are the fast forms of kernels; nil: there are none.
func (p *pkg) vectorKernels() (*jen.File, error) {
	used := p.fastForms()
	if len(used) == 0 {
		return nil, nil
	}
	f := p.file()
	var names []string
	for _, a := range cpu.Architectures {
		names = append(names, a.Name)
	}
	f.HeaderComment("//go:build " + strings.Join(names, " || "))
	var swap, code []jen.Code
	for i, k := range p.kernels {
		if k.fast == nil {
			continue
		}
		name := k.name + k.fast.suffix
		text, err := k.fast.print(k.Kernel, name)
		if err != nil {
			return nil, err
		}
		for _, part := range k.fast.parts(k.Kernel, name) {
			code = append(code, routine{name: cpu.RoutineName(part.Name), doc: "computes rows of n elements, step bytes apart in each stream; past: results go past the caches", params: rowsParams}.declare())
		}
		code = append(code, text)
		swap = append(swap, jen.Id("kernels").Index(jen.Lit(i)).Op("=").Id(name))
	}
	f.Func().Id("init").Params().Block(jen.If(jen.Qual(cpuPath, "Vectors")).Block(swap...))
	for _, u := range used {
		for _, r := range u.routines {
			f.Line()
			f.Add(r.declare())
		}
	}
	for _, c := range code {
		f.Line()
		f.Add(c)
	}
	return f, nil
}

// declare is the Go declaration of a routine.
func (r routine) declare() *jen.Statement {
	return jen.Comment(fmt.Sprintf("%s %s.", r.name, r.doc)).Line().
		Comment("").Line().Comment("//go:noescape").Line().Func().Id(r.name).Params(r.params...)
}

// architectureKernels are the routines that an architecture has of its own; nil: it has
// none.
func (p *pkg) architectureKernels(a *cpu.Architecture) *jen.File {
	used := p.fastForms()
	choices := choicesOf(used)
	if len(choices) == 0 {
		return nil
	}
	f := p.file()
	for i, c := range choices {
		if i > 0 {
			f.Line()
		}
		f.Add(c.declare(a))
		for _, r := range c.of(a) {
			f.Line()
			f.Add(r.declare())
		}
	}
	return f
}

// assembly is the text of the routines for an architecture; empty: there are none.
func (p *pkg) assembly(a *cpu.Architecture) (string, error) {
	used := p.fastForms()
	if len(used) == 0 {
		return "", nil
	}
	var b strings.Builder
	b.WriteString(p.header() + "\n\n#include \"textflag.h\"\n")
	add := func(rs []routine) {
		for _, r := range rs {
			b.WriteString("\n" + r.text(a, r.name))
		}
	}
	for _, c := range choicesOf(used) {
		add(c.of(a))
	}
	for _, u := range used {
		add(u.routines)
	}
	same := map[string]string{} // the first routine of a text, by that without its name
	for _, k := range p.kernels {
		if k.fast == nil {
			continue
		}
		for _, part := range k.fast.parts(k.Kernel, k.name+k.fast.suffix) {
			name := cpu.RoutineName(part.Name)
			text, err := a.Lanes(part.Kernel, name)
			if err != nil {
				return "", err
			}
			key := strings.ReplaceAll(text, name, "")
			if first := same[key]; first != "" {
				text = cpu.Jump(name, first)
			} else {
				same[key] = name
			}
			b.WriteString("\n" + text)
		}
	}
	return b.String(), nil
}
