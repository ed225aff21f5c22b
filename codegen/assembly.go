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
	// rows are the parts of a kernel that it leaves to rows in assembly of their own; nil:
	// there are none.
	rows func(k *ir.Kernel, name string) []cpu.Part
}

// A routine is a function in assembly.
type routine struct {
	name, doc string
	params    []jen.Code
	text      func(name string) string
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
			{"copyRows", "makes n rows of a panel of rows that are step bytes apart", copyParams, cpu.CopyRows},
			{"copyColumns", "makes n rows of a panel of columns that are step bytes apart", copyParams, cpu.CopyColumns},
		}, nil},
		{"Vector", cpu.IsRows, cpu.Rows, nil, func(k *ir.Kernel, name string) []cpu.Part { return []cpu.Part{{Kernel: k, Name: name}} }},
	}
)

// InAssembly reports that a kernel of the CPU has a form in assembly for amd64, which
// takes the place of portable Go.
func InAssembly(k *ir.Kernel) bool {
	return slices.ContainsFunc(forms, func(f fast) bool { return f.is(k) })
}

// microRoutines are the micro-kernels for panels of a dtype, whose names end in suffix.
func microRoutines(panels ir.DType, suffix string) []routine {
	var routines []routine
	for _, m := range cpu.Micros {
		routines = append(routines, routine{m.Name + suffix, m.Doc, microParams, func(name string) string { return cpu.Micro(name, m.Shape, panels) }})
	}
	return routines
}

// productForm is the products whose panels are of a dtype.
func productForm(panels ir.DType, suffix string) fast {
	return fast{
		"Product",
		func(k *ir.Kernel) bool { return cpu.IsProduct(k, panels) },
		func(k *ir.Kernel, name string) (*jen.Statement, error) { return cpu.Product(k, name, suffix) },
		microRoutines(panels, suffix),
		cpu.ProductRows,
	}
}

// streamForm is the streams whose panels are of a dtype.
func streamForm(panels ir.DType, suffix string) fast {
	routines := microRoutines(panels, suffix)
	for _, w := range cpu.Weighers {
		routines = append(routines, routine{w.Name, w.Doc, weighParams, func(name string) string { return cpu.Weigh(name, w.AVX512) }})
	}
	return fast{
		"Stream",
		func(k *ir.Kernel) bool { return cpu.IsStream(k, panels) },
		func(k *ir.Kernel, name string) (*jen.Statement, error) { return cpu.Stream(k, name, suffix) },
		routines,
		cpu.StreamRows,
	}
}

// parts are what f.rows says, of any form.
func (f *fast) parts(k *ir.Kernel, name string) []cpu.Part {
	if f.rows == nil {
		return nil
	}
	return f.rows(k, name)
}

// routinesOf are those of some forms, each once.
func routinesOf(used []*fast) []routine {
	var routines []routine
	for _, u := range used {
		for _, r := range u.routines {
			if !slices.ContainsFunc(routines, func(s routine) bool { return s.name == r.name }) {
				routines = append(routines, r)
			}
		}
	}
	return routines
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
		for _, part := range of[i].parts(k, name) {
			routine := cpu.RoutineName(part.Name)
			code = append(code, jen.Comment(fmt.Sprintf("%s computes rows of n elements, step bytes apart in each stream; past: results go past the caches.", routine)).Line().
				Comment("").Line().Comment("//go:noescape").Line().Func().Id(routine).Params(rowsParams...))
		}
		code = append(code, text)
		swap = append(swap, jen.Id("program").Dot("Kernels").Index(jen.Lit(i)).Op("=").Id(name))
	}
	f.Func().Id("init").Params().Block(jen.If(jen.Qual(cpuPath, "AVX2")).Block(swap...))
	for _, r := range routinesOf(used) {
		f.Line()
		f.Comment(fmt.Sprintf("%s %s.", r.name, r.doc))
		f.Comment("")
		f.Comment("//go:noescape")
		f.Func().Id(r.name).Params(r.params...)
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
	for _, r := range routinesOf(used) {
		b.WriteString("\n" + r.text(r.name))
	}
	for i, k := range p.cpu.module.Kernels {
		if of[i] == nil {
			continue
		}
		for _, part := range of[i].parts(k, p.cpu.kernels[i]+of[i].suffix) {
			text, err := cpu.Lanes(part.Kernel, cpu.RoutineName(part.Name))
			if err != nil {
				return "", err
			}
			b.WriteString("\n" + text)
		}
	}
	return b.String(), nil
}
