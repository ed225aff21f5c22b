package codegen

import (
	"github.com/dave/jennifer/jen"

	"github.com/mlxc/mlxc/codegen/metal"
)

// metalAlign is the alignment in bytes of inputs and params that kernels with
// vectors want.
const metalAlign = 16

// metalFile holds the tables of the GPU and, in a package that has a CPU too, says
// that the GPU is where a model is loaded.
func (p *pkg) metalFile() (*jen.File, error) {
	if p.metal == nil {
		return nil, nil
	}
	f := p.file()
	f.HeaderComment("//go:build " + metalBuild)
	f.Anon("embed")
	if !p.tables {
		f.Comment("LoadMetal is Load on the GPU. An error of the device is a *runtime.DeviceError.")
		f.Func().Id("LoadMetal").Params(jen.Id("path").String()).Params(jen.Op("*").Id("Model"), jen.Error()).Block(
			jen.Return(jen.Id("load").Call(jen.Op("&").Id(p.metalProgram()), jen.Id("path"))))
		f.Line()
		p.load(f, jen.Return(jen.Id("LoadMetal").Call(jen.Id("path"))), "It runs on the GPU.")
		f.Line()
	}
	f.Comment("//go:embed model.metal")
	f.Var().Id("metalSource").String()
	f.Line()
	backend, err := p.backend()
	if err != nil {
		return nil, err
	}
	program, err := p.program(p.metal, p.metalProgram(), jen.Id("Backend").Op(":").Add(backend), jen.Id("Align").Op(":").Lit(metalAlign))
	if err != nil {
		return nil, err
	}
	f.Add(program)
	return f, nil
}

// metalProgram is the name of the GPU's tables.
func (p *pkg) metalProgram() string {
	if p.cpu == nil {
		return "program"
	}
	return "metalProgram"
}

// backend lists the kernels of the Metal text.
func (p *pkg) backend() (*jen.Statement, error) {
	var kernels []jen.Code
	names := metal.Names(p.metal.module)
	for i, k := range p.metal.module.Kernels {
		if !k.OnGPU() {
			continue
		}
		var pos, long jen.Code
		if k.Pos != nil {
			pos = jen.Lit(place(k.Pos))
		}
		if metal.LongDims(k) {
			long = jen.True()
		}
		kernels = append(kernels, fields("Name", jen.Lit(names[i]), "Threads", jen.Lit(k.Schedule.Threads), "LongDims", long, "Pos", pos))
	}
	gpu := jen.Qual(metalPath, "Kernels").Call(jen.Id("metalSource"), slice(jen.Qual(metalPath, "Kernel"), kernels))
	if p.metal.onCPU {
		return rt("WithCPU").Call(gpu), nil
	}
	return gpu, nil
}

// otherFile is what stands for the GPU where no Metal is.
func (p *pkg) otherFile() (*jen.File, error) {
	if p.metal == nil || p.tables {
		return nil, nil
	}
	f := p.file()
	f.HeaderComment("//go:build !(" + metalBuild + ")")
	if p.cpu != nil {
		p.load(f, jen.Return(jen.Id("LoadCPU").Call(jen.Id("path"))), "It runs on the CPU, as this build has no Metal.")
	} else {
		p.load(f, jen.Return(jen.Nil(), rt("ErrNoMetal")), "This build has no Metal: it always fails with runtime.ErrNoMetal.")
	}
	return f, nil
}
