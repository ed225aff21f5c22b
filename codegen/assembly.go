package codegen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/mlxc/mlxc/codegen/cpu"
	"github.com/mlxc/mlxc/ir"
)

// The files of what is in assembly for amd64.
const (
	amd64File     = "kernels_amd64.go"
	amd64Assembly = "kernels_amd64.s"
)

// A fast is a form of kernels for processors with AVX2 and FMA, which takes the place of
// portable Go where there is one: Go that calls routines in assembly, which kernels share.
type fast struct {
	suffix   string // of its name
	is       func(k *ir.Kernel) bool
	print    func(k *ir.Kernel, name string) (*jen.Statement, error)
	routines []routine
	// rows is what a kernel leaves to rows in assembly of its own, and the name of the
	// function that does; nil: nothing.
	rows func(k *ir.Kernel, name string) (*ir.Kernel, string)
}

// A routine is a function in assembly.
type routine struct {
	name, doc string
	params    []jen.Code
	text      func(name string) string
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
			{"copyRows", "makes n rows of a panel of rows that are step bytes apart", copyParams, cpu.CopyRows},
			{"copyColumns", "makes n rows of a panel of columns that are step bytes apart", copyParams, cpu.CopyColumns},
		}, nil},
		{"Vector", cpu.IsRows, cpu.Rows, nil, func(k *ir.Kernel, name string) (*ir.Kernel, string) { return k, name }},
	}
)

// InAssembly reports that a kernel of the CPU has a form in assembly for amd64, which
// takes the place of portable Go.
func InAssembly(k *ir.Kernel) bool {
	return slices.ContainsFunc(forms, func(f fast) bool { return f.is(k) })
}

// productForm is the products whose panels are of a dtype; their micro-kernels have names
// that end in suffix.
func productForm(panels ir.DType, suffix string) fast {
	var routines []routine
	for _, m := range cpu.Micros {
		routines = append(routines, routine{m.Name + suffix, m.Doc, microParams, func(name string) string { return cpu.Micro(name, m.Shape, panels) }})
	}
	return fast{
		"Product",
		func(k *ir.Kernel) bool { return cpu.IsProduct(k, panels) },
		func(k *ir.Kernel, name string) (*jen.Statement, error) { return cpu.Product(k, name, suffix) },
		routines,
		func(k *ir.Kernel, name string) (*ir.Kernel, string) {
			return cpu.RowsEpilogue(k), cpu.EpilogueName(name)
		},
	}
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

// amd64Kernels are the fast forms of kernels; nil: there are none.
func (p *pkg) amd64Kernels() (*jen.File, error) {
	of, used := p.fastForms()
	if len(used) == 0 {
		return nil, nil
	}
	f := p.file()
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
			routine := cpu.RoutineName(function)
			code = append(code, jen.Comment(fmt.Sprintf("%s computes rows of n elements, step bytes apart in each stream; past: results go past the caches.", routine)).Line().
				Comment("").Line().Comment("//go:noescape").Line().Func().Id(routine).Params(rowsParams...))
		}
		code = append(code, text)
		swap = append(swap, jen.Id("program").Dot("Kernels").Index(jen.Lit(i)).Op("=").Id(name))
	}
	f.Func().Id("init").Params().Block(jen.If(jen.Qual(cpuPath, "AVX2")).Block(swap...))
	for _, u := range used {
		for _, r := range u.routines {
			f.Line()
			f.Comment(fmt.Sprintf("%s %s.", r.name, r.doc))
			f.Comment("")
			f.Comment("//go:noescape")
			f.Func().Id(r.name).Params(r.params...)
		}
	}
	for _, c := range code {
		f.Line()
		f.Add(c)
	}
	return f, nil
}

// amd64Text is the assembly of the routines; empty: there are none.
func (p *pkg) amd64Text() (string, error) {
	of, used := p.fastForms()
	if len(used) == 0 {
		return "", nil
	}
	var b strings.Builder
	b.WriteString(p.header() + "\n\n#include \"textflag.h\"\n")
	for _, u := range used {
		for _, r := range u.routines {
			b.WriteString("\n" + r.text(r.name))
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
		text, err := cpu.Lanes(rows, cpu.RoutineName(function))
		if err != nil {
			return "", err
		}
		b.WriteString("\n" + text)
	}
	return b.String(), nil
}
