package codegen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/mlxc/mlxc/ir"
)

// modelFile is what an app sees: Model, Session, one method per entry, and below
// them the tables of the CPU.
func (p *pkg) modelFile() (*jen.File, error) {
	f := p.file()
	if p.tables {
		f.Add(p.dims())
		f.Add(p.shared())
		return f, p.cpuProgram(f)
	}
	f.PackageComment(fmt.Sprintf("Package %s runs the model %s.", p.name, p.source))

	f.Comment("Model is the program with its weights, shared by all sessions.")
	f.Type().Id("Model").Struct(jen.Id("m").Op("*").Add(rt("Model")))
	f.Line()
	onCPU := jen.Return(jen.Id("load").Call(jen.Op("&").Id("program"), jen.Id("path")))
	switch {
	case p.metal == nil:
		p.load(f, onCPU, "")
		f.Line()
	case p.cpu != nil:
		f.Comment("LoadCPU is Load on the CPU.")
		f.Func().Id("LoadCPU").Params(jen.Id("path").String()).Params(jen.Op("*").Id("Model"), jen.Error()).Block(onCPU)
		f.Line()
	}
	f.Func().Id("load").Params(jen.Id("p").Op("*").Add(rt("Program")), jen.Id("path").String()).Params(jen.Op("*").Id("Model"), jen.Error()).Block(
		jen.List(jen.Id("m"), jen.Err()).Op(":=").Add(rt("Load")).Call(jen.Id("p"), jen.Id("path")),
		jen.If(jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Nil(), jen.Err())),
		jen.Return(jen.Op("&").Id("Model").Values(jen.Id("m")), jen.Nil()),
	)
	f.Line()
	p.dimsType(f)
	f.Comment("NewSession returns a session: the memory of one sequence of calls.")
	params, args := p.sessionDims()
	f.Func().Params(jen.Id("m").Op("*").Id("Model")).Id("NewSession").Params(params...).Params(jen.Op("*").Id("Session"), jen.Error()).Block(
		jen.List(jen.Id("s"), jen.Err()).Op(":=").Id("m").Dot("m").Dot("NewSession").Call(args...),
		jen.If(jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Nil(), jen.Err())),
		jen.Return(jen.Op("&").Id("Session").Values(jen.Id("s")), jen.Nil()),
	)
	f.Line()
	f.Comment("Close unmaps the weights once all sessions are closed too.")
	f.Func().Params(jen.Id("m").Op("*").Id("Model")).Id("Close").Params().Error().Block(jen.Return(jen.Id("m").Dot("m").Dot("Close").Call()))
	f.Line()
	f.Comment("Pack writes the weights as kernels read them to path, a file that Load takes in place")
	f.Comment("of the checkpoint, as long as model and checkpoint stay as they are.")
	f.Func().Params(jen.Id("m").Op("*").Id("Model")).Id("Pack").Params(jen.Id("ctx").Qual("context", "Context"), jen.Id("path").String()).Error().Block(jen.Return(jen.Id("m").Dot("m").Dot("Pack").Call(jen.Id("ctx"), jen.Id("path"), jen.Nil())))
	f.Line()
	f.Comment("Session serves one goroutine at a time.")
	f.Type().Id("Session").Struct(jen.Id("s").Op("*").Add(rt("Session")))
	f.Line()
	f.Comment("Close frees the session's memory, that of its results included.")
	f.Func().Params(jen.Id("s").Op("*").Id("Session")).Id("Close").Params().Error().Block(jen.Return(jen.Id("s").Dot("s").Dot("Close").Call()))
	if p.metal != nil {
		f.Line()
		f.Comment("DeviceTime is how long the GPU was at work in the last call; 0 on the CPU.")
		f.Func().Params(jen.Id("s").Op("*").Id("Session")).Id("DeviceTime").Params().Qual("time", "Duration").Block(jen.Return(jen.Id("s").Dot("s").Dot("DeviceTime").Call()))
	}
	if p.hasStates() {
		p.stateMethods(f)
	}
	for i, e := range p.module.Funcs {
		f.Line()
		p.method(f, i, e)
	}
	f.Line()
	f.Add(p.dims())
	f.Line()
	f.Add(p.shared())
	f.Line()
	return f, p.cpuProgram(f)
}

// load is the function Load; where says what it runs on.
func (p *pkg) load(f *jen.File, body jen.Code, where string) {
	f.Comment("Load maps the checkpoint at path and checks it against the model. An error is a")
	f.Comment("*runtime.WeightError that names the tensors.")
	if where != "" {
		f.Comment("")
		f.Comment(where)
	}
	f.Func().Id("Load").Params(jen.Id("path").String()).Params(jen.Op("*").Id("Model"), jen.Error()).Block(body)
}

func (p *pkg) cpuProgram(f *jen.File) error {
	if p.cpu == nil {
		return nil
	}
	program, err := p.program(p.cpu, "program")
	f.Add(program)
	return err
}

// dims numbers the dims in the tables.
func (p *pkg) dims() *jen.Statement {
	if len(p.module.Dims) == 0 {
		return jen.Null()
	}
	var names []jen.Code
	for i, d := range p.module.Dims {
		name := jen.Id(dimName(d))
		if i == 0 {
			name.Op("=").Iota()
		}
		names = append(names, name)
	}
	return jen.Const().Defs(names...)
}

// method is the typed wrapper of one entry.
func (p *pkg) method(f *jen.File, index int, e *ir.Func) {
	name := goName(e.Name)
	var params, args []jen.Code
	params = append(params, jen.Id("ctx").Qual("context", "Context"))
	for _, in := range e.Inputs {
		arg := argName(e, in)
		params = append(params, jen.Id(arg).Op("*").Add(rt("Array")))
		args = append(args, jen.Id(arg))
	}
	method, call := "Call", []jen.Code{jen.Id("ctx"), jen.Lit(index)}
	if len(e.Dims) > 0 {
		var given []jen.Code
		for _, d := range e.Dims {
			given = append(given, jen.Id(dimArg(e, d)))
		}
		params = append(params, jen.List(given...).Int())
		method, call = "CallAt", append(call, jen.Index().Int().Values(given...))
	}
	call = append(call, args...)
	result, returns := jen.Op("*").Add(rt("Array")), jen.Id("out").Index(jen.Lit(0))
	zero := jen.Nil()
	if len(e.Results) > 1 {
		p.results(f, name, e)
		var values []jen.Code
		for i := range e.Results {
			values = append(values, jen.Id("out").Index(jen.Lit(i)))
		}
		result, zero = jen.Id(name+"Out"), jen.Id(name+"Out").Values()
		returns = jen.Id(name + "Out").Values(values...)
	}
	for _, line := range methodDoc(name, e, p.module) {
		f.Comment(line)
	}
	of := f.Func().Params(jen.Id("s").Op("*").Id("Session")).Id(name).Params(params...)
	called := jen.Id("s").Dot("s").Dot(method).Call(call...)
	if len(e.Results) == 0 {
		of.Error().Block(jen.List(jen.Id("_"), jen.Err()).Op(":=").Add(called), jen.Return(jen.Err()))
	} else {
		of.Params(result, jen.Error()).Block(
			jen.List(jen.Id("out"), jen.Err()).Op(":=").Add(called),
			jen.If(jen.Err().Op("!=").Nil()).Block(jen.Return(zero, jen.Err())),
			jen.Return(returns, jen.Nil()),
		)
	}
	for i, in := range e.Inputs {
		p.input(f, index, i, e, in)
	}
}

// input gives an input in the session's own memory.
func (p *pkg) input(f *jen.File, entry, input int, e *ir.Func, in *ir.Value) {
	args := []jen.Code{jen.Lit(entry), jen.Lit(input)}
	var params []jen.Code
	for _, d := range p.module.Dims {
		if !mentions(in.Type.Shape, d) || d.Session {
			args = append(args, jen.Lit(0))
			continue
		}
		params = append(params, jen.Id(lowerName(d.Name)))
		args = append(args, jen.Id(lowerName(d.Name)))
	}
	if len(params) > 0 {
		params = []jen.Code{jen.List(params...).Int()}
	}
	method := inputMethod(e, in)
	f.Line()
	f.Comment(fmt.Sprintf("%s is the input %s of %s, %s, in the session's memory: fill it in place.", method, in.Name, goName(e.Name), in.Type))
	f.Func().Params(jen.Id("s").Op("*").Id("Session")).Id(method).Params(params...).Params(jen.Op("*").Add(rt("Array")), jen.Error()).Block(
		jen.Return(jen.Id("s").Dot("s").Dot("Input").Call(args...)),
	)
}

func mentions(shape []ir.Size, d *ir.Dim) bool {
	found := false
	for _, s := range shape {
		s.Walk(func(a *ir.Atom) { found = found || a.Kind == ir.AtomDim && a.Dim.Name == d.Name })
	}
	return found
}

func (p *pkg) results(f *jen.File, name string, e *ir.Func) {
	f.Comment(fmt.Sprintf("%sOut is what Session.%s returns, in the session's memory.", name, name))
	var members []jen.Code
	for _, r := range e.Results {
		members = append(members, jen.Id(goName(r.Name)).Op("*").Add(rt("Array")).Comment(r.Type.String()))
	}
	f.Type().Id(name + "Out").Struct(members...)
	f.Line()
}

// methodDoc documents an entry: the types of its arguments, the bounds of dims,
// and how long results live.
func methodDoc(name string, e *ir.Func, m *ir.Module) []string {
	lines := []string{fmt.Sprintf("%s runs the entry %s:", name, e.Name), ""}
	for _, in := range e.Inputs {
		lines = append(lines, fmt.Sprintf("\t%s  %s", argName(e, in), in.Type))
	}
	for _, d := range m.Dims {
		inShape := slices.ContainsFunc(e.Inputs, func(in *ir.Value) bool { return mentions(in.Type.Shape, d) })
		if inShape || slices.Contains(e.Dims, d) {
			lines = append(lines, fmt.Sprintf("\t%d <= %s <= %d", d.Min, d.Name, d.Max))
		}
	}
	for _, w := range e.Where {
		lines = append(lines, "\twhere "+w.String())
	}
	if len(e.Results) == 0 {
		return append(lines, "", "It returns nothing, and sets states.")
	}
	var results []string
	for _, r := range e.Results {
		results = append(results, strings.TrimSpace(r.Name+" "+r.Type.String()))
	}
	return append(lines, "",
		"It returns "+strings.Join(results, ", ")+", which live until the session's next call;",
		"Clone keeps them.")
}
