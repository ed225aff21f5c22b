package codegen

import (
	"slices"

	"github.com/dave/jennifer/jen"

	"github.com/mlxc/mlxc/ir"
)

// exampleFile shows a caller of the first entry. Go compiles it with the
// package's tests and does not run it, since it needs a checkpoint.
func (p *pkg) exampleFile() (*jen.File, error) {
	if p.tables || len(p.module.Funcs) == 0 {
		return nil, nil
	}
	e := p.module.Funcs[0]
	name := goName(e.Name)
	f := p.file()
	checkpoint := "weights.safetensors"
	if c := p.module.Checkpoint; c != nil {
		checkpoint = c.File
	}
	fail := func() jen.Code {
		return jen.If(jen.Err().Op("!=").Nil()).Block(jen.Qual("log", "Fatal").Call(jen.Err()))
	}
	body := []jen.Code{
		jen.List(jen.Id("m"), jen.Err()).Op(":=").Id("Load").Call(jen.Lit(checkpoint)),
		fail(),
		jen.Defer().Id("m").Dot("Close").Call(),
		jen.List(jen.Id("s"), jen.Err()).Op(":=").Id("m").Dot("NewSession").Call(p.exampleDims()...),
		fail(),
		jen.Defer().Id("s").Dot("Close").Call(),
	}
	call := []jen.Code{jen.Qual("context", "Background").Call()}
	for _, in := range e.Inputs {
		arg := argName(e, in)
		var dims []jen.Code
		for _, d := range p.module.Dims {
			if mentions(in.Type.Shape, d) && !d.Session {
				dims = append(dims, jen.Lit(int(max(1, d.Min))))
			}
		}
		body = append(body,
			jen.List(jen.Id(arg), jen.Err()).Op(":=").Id("s").Dot(inputMethod(e, in)).Call(dims...).Comment("fill it, or pass an array of your own"),
			fail())
		call = append(call, jen.Id(arg))
	}
	for _, d := range e.Dims {
		call = append(call, jen.Lit(int(d.Min)))
	}
	called := jen.Id("s").Dot(name).Call(call...)
	if len(e.Results) == 0 {
		body = append(body, jen.Err().Op("=").Add(called), fail())
	} else {
		body = append(body, jen.List(jen.Id("out"), jen.Err()).Op(":=").Add(called), fail())
	}
	for _, r := range e.Results {
		out := jen.Id("out")
		if len(e.Results) > 1 {
			out.Dot(goName(r.Name))
		}
		body = append(body, jen.Qual("fmt", "Println").Call(out.Dot("Shape").Call()))
	}
	f.Func().Id("Example").Params().Block(body...)
	return f, nil
}

// argName is the Go name of an entry's input.
func argName(e *ir.Func, in *ir.Value) string {
	name := lowerName(in.Name)
	for _, other := range e.Inputs {
		if other == in {
			return name
		}
		if lowerName(other.Name) == name {
			name += "_"
		}
	}
	return name
}

// dimArg is the Go name of a size that a call gives.
func dimArg(e *ir.Func, d *ir.Dim) string {
	name := lowerName(d.Name)
	for slices.ContainsFunc(e.Inputs, func(in *ir.Value) bool { return argName(e, in) == name }) {
		name += "_"
	}
	return name
}

// inputMethod is the name of the method that gives an input in place.
func inputMethod(e *ir.Func, in *ir.Value) string {
	if len(e.Inputs) == 1 {
		return goName(e.Name) + "Input"
	}
	return goName(e.Name) + goName(in.Name)
}
