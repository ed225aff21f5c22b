package codegen

import (
	"github.com/dave/jennifer/jen"

	"github.com/mlxc/mlxc/codegen/cpu"
)

// The files of what is in assembly for amd64.
const (
	amd64File     = "kernels_amd64.go"
	amd64Assembly = "kernels_amd64.s"
	microName     = "micro"
)

// amd64Kernels are faster forms of kernels for processors with AVX2 and FMA, which take
// the place of portable Go where there is one; nil: there are none.
func (p *pkg) amd64Kernels() (*jen.File, error) {
	if p.cpu == nil {
		return nil, nil
	}
	products := cpu.Products(p.cpu.module.Kernels)
	if len(products) == 0 {
		return nil, nil
	}
	f := p.file()
	var swap, code []jen.Code
	for _, i := range products {
		name := p.cpu.kernels[i] + "Product"
		text, err := cpu.Product(p.cpu.module.Kernels[i], name, microName)
		if err != nil {
			return nil, err
		}
		code = append(code, text)
		swap = append(swap, jen.Id("program").Dot("Kernels").Index(jen.Lit(i)).Op("=").Id(name))
	}
	f.Func().Id("init").Params().Block(jen.If(jen.Qual(cpuPath, "AVX2")).Block(swap...))
	f.Line()
	f.Comment(microName + " computes rows of sums with one panel.")
	f.Comment("")
	f.Comment("//go:noescape")
	f.Func().Id(microName).Params(jen.Id("t").Op("*").Qual(cpuPath, "Micro"))
	for _, c := range code {
		f.Line()
		f.Add(c)
	}
	return f, nil
}

// amd64Text is the assembly of amd64Kernels.
func (p *pkg) amd64Text() string {
	if p.cpu == nil || len(cpu.Products(p.cpu.module.Kernels)) == 0 {
		return ""
	}
	return p.header() + "\n\n#include \"textflag.h\"\n\n" + cpu.Micro(microName)
}
