package codegen

import (
	"fmt"

	"github.com/dave/jennifer/jen"
)

// sessionDims is what NewSession takes and passes on.
func (p *pkg) sessionDims() (params, args []jen.Code) {
	for _, d := range p.module.SessionDims() {
		args = append(args, jen.Id("d").Dot(goName(d.Name)))
	}
	if len(args) > 0 {
		params = []jen.Code{jen.Id("d").Id("Dims")}
	}
	return params, args
}

// dimsType is the type of the sizes of a session, if it has any.
func (p *pkg) dimsType(f *jen.File) {
	var members []jen.Code
	for _, d := range p.module.SessionDims() {
		members = append(members, jen.Id(goName(d.Name)).Int().Comment(fmt.Sprintf("%d to %d", d.Min, d.Max)))
	}
	if len(members) > 0 {
		f.Comment("Dims are the sizes that a session has all its life.")
		f.Type().Id("Dims").Struct(members...)
		f.Line()
	}
}

// exampleDims is what an example gives NewSession.
func (p *pkg) exampleDims() []jen.Code {
	var members []jen.Code
	for _, d := range p.module.SessionDims() {
		members = append(members, jen.Id(goName(d.Name)).Op(":").Lit(int(max(1, d.Min))))
	}
	if len(members) == 0 {
		return nil
	}
	return []jen.Code{jen.Id("Dims").Values(members...)}
}

// stateMethods are what a session does with its states.
func (p *pkg) stateMethods(f *jen.File) {
	method := func(name string, comment []string, params, args []jen.Code) {
		f.Line()
		for _, line := range comment {
			f.Comment(line)
		}
		f.Func().Params(jen.Id("s").Op("*").Id("Session")).Id(name).Params(params...).Error().Block(jen.Return(jen.Id("s").Dot("s").Dot(name).Call(args...)))
	}
	method("SaveState", []string{"SaveState writes all states, as safetensors."},
		[]jen.Code{jen.Id("w").Qual("io", "Writer")}, []jen.Code{jen.Id("w")})
	method("LoadState", []string{"LoadState reads what SaveState has written for a session of the same dims."},
		[]jen.Code{jen.Id("r").Qual("io", "Reader")}, []jen.Code{jen.Id("r")})
	lines := []string{"Reset gives the named states, or all if none is named, what they had at first:", ""}
	for _, s := range p.module.States() {
		lines = append(lines, "\t"+s.Path+"  "+s.Type.String())
	}
	method("Reset", lines, []jen.Code{jen.Id("names").Op("...").String()}, []jen.Code{jen.Id("names").Op("...")})
}
