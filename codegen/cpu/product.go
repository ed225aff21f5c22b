package cpu

import (
	"fmt"
	"slices"

	"github.com/dave/jennifer/jen"

	"github.com/mlxc/mlxc/ir"
)

// Product prints a kernel of the form FormPanels as a function over its tiles that
// leaves the sums to a micro-kernel in assembly. What follows the sums is a kernel of
// its own, named after it, in portable Go.
func Product(k *ir.Kernel, name, micro string) (*jen.Statement, error) {
	panels, err := k.Panels()
	if err != nil {
		return nil, fmt.Errorf("kernel %s: %w", k.Name, err)
	}
	p := &printer{kernel: k, names: newNames(k), dims: map[string]bool{}}
	walk := func(a *ir.Axis) jen.Code {
		fields := jen.Dict{jen.Id("N"): p.size(a.Extent)}
		for field, w := range map[string]ir.Walk{"A": panels.A, "B": panels.B, "C": panels.C} {
			if step, ok := w.Stride[a.Name]; ok && !step.Is(0) {
				fields[jen.Id(field)] = p.size(step)
			}
		}
		return jen.Values(fields)
	}
	walks := func(axes []*ir.Axis) *jen.Statement {
		var list []jen.Code
		for _, a := range axes {
			list = append(list, walk(a))
		}
		return jen.Index().Qual(Runtime, "Walk").Values(list...)
	}
	last := len(panels.Terms) - 1
	t := k.Schedule.Tile
	fields := []jen.Code{
		jen.Id("Micro").Op(":").Id(micro),
		jen.Id("TileM").Op(":").Lit(t.M), jen.Id("TileN").Op(":").Lit(t.N), jen.Id("TileK").Op(":").Lit(t.K),
		jen.Id("Rows").Op(":").Add(walks(panels.Rows)),
		jen.Id("K").Op(":").Add(p.size(panels.Terms[last].Extent)),
		jen.Id("N").Op(":").Add(p.size(panels.Column.Extent)),
	}
	optional := func(field string, value *jen.Statement, wanted bool) {
		if wanted {
			fields = append(fields, jen.Id(field).Op(":").Add(value))
		}
	}
	optional("Batch", walks(panels.Batch), len(panels.Batch) > 0)
	optional("Terms", walks(panels.Terms[:last]), last > 0)
	for i, w := range []ir.Walk{panels.A, panels.B, panels.C} {
		letter := string(rune('A' + i))
		optional(letter, jen.Lit(w.Arg), w.Arg > 0)
		optional("First"+letter, p.size(w.First), len(w.First.Terms()) > 0)
	}
	optional("Epilogue", jen.Id(name+"Epilogue"), !panels.Stored)
	var body []jen.Code
	for i, d := range k.Dims {
		if p.dims[d.Name] {
			body = append(body, jen.Id(p.names.dim[d.Name]).Op(":=").Int().Call(jen.Id("call").Dot("Sizes").Index(jen.Lit(i))))
		}
	}
	body = append(body,
		jen.Id("p").Op(":=").Qual(Runtime, "Product").Custom(jen.Options{Open: "{", Close: "}", Separator: ",", Multi: true}, fields...),
		jen.Id("p").Dot("Run").Call(jen.Id("call"), jen.Id("lo"), jen.Id("hi")))
	if p.err != nil {
		return nil, fmt.Errorf("kernel %s: %w", k.Name, p.err)
	}
	f := jen.Comment(fmt.Sprintf("%s computes tiles of %s.", name, summary(k))).Line()
	f.Func().Id(name).Params(
		jen.Id("call").Op("*").Qual(Runtime, "Call"),
		jen.List(jen.Id("lo"), jen.Id("hi")).Int(),
	).Block(body...)
	if panels.Stored {
		return f, nil
	}
	epilogue, err := Kernel(k.Epilogue(panels), name+"Epilogue")
	return f.Line().Line().Add(epilogue), err
}

// Products are the kernels that have a faster form in assembly for amd64.
func Products(ks []*ir.Kernel) []int {
	var list []int
	for i, k := range ks {
		if k.Schedule != nil && k.Schedule.Form == ir.FormPanels && !k.Empty() {
			list = append(list, i)
		}
	}
	return slices.Clip(list)
}
