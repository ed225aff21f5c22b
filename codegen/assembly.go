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
	own      *micros   // and of each; nil: none
	// rows is what a kernel leaves to rows in assembly of its own, and the name of the
	// function that does; nil: nothing.
	rows func(k *ir.Kernel, name string) (*ir.Kernel, string)
}

// A routine is a function in assembly.
type routine struct {
	name, doc string
	params    []jen.Code
	text      func(a *cpu.Architecture, name string) string
}

// A micros is the micro-kernels for panels of a dtype, and the end of their names.
type micros struct {
	panels ir.DType
	suffix string
}

// name is that of the variable with those of an architecture.
func (m *micros) name() string { return "micros" + m.suffix }

func (m *micros) routines(a *cpu.Architecture) []routine {
	var rs []routine
	for _, k := range a.Micros {
		rs = append(rs, routine{k.Name + m.suffix, k.Doc, microParams, func(_ *cpu.Architecture, name string) string { return k.Text(name, m.panels) }})
	}
	return rs
}

// variable declares it.
func (m *micros) variable(a *cpu.Architecture) *jen.Statement {
	var fields []jen.Code
	for _, k := range a.Micros {
		fields = append(fields, jen.Id(k.Field).Op(":").Id(k.Name+m.suffix))
	}
	return jen.Comment(fmt.Sprintf("%s are those for panels of %s.", m.name(), m.panels)).Line().Var().Id(m.name()).Op("=").Qual(cpuPath, "Micros").Values(fields...)
}

var (
	microParams = []jen.Code{jen.Id("t").Op("*").Qual(cpuPath, "Micro")}
	rowsParams  = []jen.Code{jen.Id("at").Op("*").Qual("unsafe", "Pointer"), jen.Id("step").Op("*").Int(), jen.List(jen.Id("rows"), jen.Id("n")).Int(), jen.Id("past").Bool()}
	copyParams  = []jen.Code{jen.List(jen.Id("dst"), jen.Id("src")).Qual("unsafe", "Pointer"), jen.List(jen.Id("n"), jen.Id("step")).Int()}
	forms       = []fast{
		productForm(ir.F32, ""), productForm(ir.F16, "F16"), productForm(ir.BF16, "BF16"),
		{"Copy", cpu.IsPanels, func(k *ir.Kernel, name string) (*jen.Statement, error) {
			return cpu.Panels(k, name, "copyRows", "copyColumns")
		}, []routine{
			{"copyRows", "makes n rows of a panel of rows that are step bytes apart", copyParams, func(a *cpu.Architecture, name string) string { return a.CopyRows(name) }},
			{"copyColumns", "makes n rows of a panel of columns that are step bytes apart", copyParams, func(a *cpu.Architecture, name string) string { return a.CopyColumns(name) }},
		}, nil, nil},
		{"Vector", cpu.IsRows, cpu.Rows, nil, nil, func(k *ir.Kernel, name string) (*ir.Kernel, string) { return k, name }},
	}
)

// InAssembly reports that a kernel of the CPU has a form in assembly, which takes the
// place of portable Go.
func InAssembly(k *ir.Kernel) bool {
	return slices.ContainsFunc(forms, func(f fast) bool { return f.is(k) })
}

// productForm is the products whose panels are of a dtype; their micro-kernels have names
// that end in suffix.
func productForm(panels ir.DType, suffix string) fast {
	own := &micros{panels, suffix}
	return fast{
		"Product",
		func(k *ir.Kernel) bool { return cpu.IsProduct(k, panels) },
		func(k *ir.Kernel, name string) (*jen.Statement, error) { return cpu.Product(k, name, own.name()) },
		nil,
		own,
		func(k *ir.Kernel, name string) (*ir.Kernel, string) {
			return cpu.RowsEpilogue(k), cpu.EpilogueName(name)
		},
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
	if f.own != nil {
		names = append(names, f.own.name())
		for _, a := range cpu.Architectures {
			add(f.own.routines(a))
		}
	}
	return names
}

// rowsOf is what f.rows says, of any form.
func (f *fast) rowsOf(k *ir.Kernel, name string) (*ir.Kernel, string) {
	if f.rows == nil {
		return nil, ""
	}
	return f.rows(k, name)
}

// derivedNames are those of a kernel and of its fast forms.
func derivedNames(name string) []string {
	names := []string{name}
	for _, f := range forms {
		form := name + f.suffix
		names = append(names, form, cpu.EpilogueName(form), cpu.RoutineName(form), cpu.RoutineName(cpu.EpilogueName(form)))
	}
	return names
}

// fastForms is the form of each kernel that has one, and the forms in use.
func (p *pkg) fastForms() (of map[int]*fast, used []*fast) {
	if p.cpu == nil {
		return nil, nil
	}
	of = map[int]*fast{}
	for i := range forms {
		for n, k := range p.cpu.module.Kernels {
			if of[n] == nil && forms[i].is(k) {
				of[n] = &forms[i]
			}
		}
		if slices.ContainsFunc(p.cpu.module.Kernels, forms[i].is) {
			used = append(used, &forms[i])
		}
	}
	return of, used
}

// vectorKernels are the fast forms of kernels; nil: there are none.
func (p *pkg) vectorKernels() (*jen.File, error) {
	of, used := p.fastForms()
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
	for i, k := range p.cpu.module.Kernels {
		if of[i] == nil {
			continue
		}
		name := p.cpu.kernels[i] + of[i].suffix
		text, err := of[i].print(k, name)
		if err != nil {
			return nil, err
		}
		if rows, function := of[i].rowsOf(k, name); rows != nil {
			code = append(code, routine{name: cpu.RoutineName(function), doc: "computes rows of n elements, step bytes apart in each stream; past: results go past the caches", params: rowsParams}.declare())
		}
		code = append(code, text)
		swap = append(swap, jen.Id("program").Dot("Kernels").Index(jen.Lit(i)).Op("=").Id(name))
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
	f := p.file()
	_, used := p.fastForms()
	any := false
	for _, u := range used {
		if u.own == nil {
			continue
		}
		if any {
			f.Line()
		}
		any = true
		f.Add(u.own.variable(a))
		for _, r := range u.own.routines(a) {
			f.Line()
			f.Add(r.declare())
		}
	}
	if !any {
		return nil
	}
	return f
}

// assembly is the text of the routines for an architecture; empty: there are none.
func (p *pkg) assembly(a *cpu.Architecture) (string, error) {
	of, used := p.fastForms()
	if len(used) == 0 {
		return "", nil
	}
	var b strings.Builder
	b.WriteString(p.header() + "\n\n#include \"textflag.h\"\n")
	for _, u := range used {
		routines := u.routines
		if u.own != nil {
			routines = u.own.routines(a)
		}
		for _, r := range routines {
			b.WriteString("\n" + r.text(a, r.name))
		}
	}
	for i, k := range p.cpu.module.Kernels {
		if of[i] == nil {
			continue
		}
		rows, function := of[i].rowsOf(k, p.cpu.kernels[i]+of[i].suffix)
		if rows == nil {
			continue
		}
		text, err := a.Lanes(rows, cpu.RoutineName(function))
		if err != nil {
			return "", err
		}
		b.WriteString("\n" + text)
	}
	return b.String(), nil
}
