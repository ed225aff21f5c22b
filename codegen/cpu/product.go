package cpu

import (
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/mlxc/mlxc/ir"
)

// IsProduct reports that a kernel is for micro-kernels in assembly for panels of a dtype.
func IsProduct(k *ir.Kernel, panels ir.DType) bool {
	return k.Schedule != nil && k.Schedule.Form == ir.FormPanels && !k.Empty() && k.Args[k.Contract.Rights[0].B.Arg].DType == panels
}

// Product prints a kernel for which IsProduct holds as a function over its tiles that
// leaves the sums to micro-kernels, a variable. What follows the sums is a kernel of its
// own, named after it, of rows in assembly or in portable Go.
func Product(k *ir.Kernel, name, micros string) (*jen.Statement, error) {
	panels, err := k.Panels()
	if err != nil {
		return nil, fmt.Errorf("kernel %s: %w", k.Name, err)
	}
	p := newDriver(k)
	strides := map[string]ir.Walk{"A": panels.A, "B": panels.B}
	if panels.Direct {
		strides["C"] = panels.C
		if panels.Rest != nil {
			strides["D"] = *panels.Rest
		}
	}
	last := len(panels.Terms) - 1
	t := k.Schedule.Tile
	fields := []jen.Code{
		jen.Id("Micros").Op(":").Id(micros),
		jen.Id("TileM").Op(":").Lit(t.M), jen.Id("TileN").Op(":").Lit(t.N), jen.Id("TileK").Op(":").Lit(t.K),
		jen.Id("Rows").Op(":").Add(p.walks(panels.Rows, strides)),
		jen.Id("K").Op(":").Add(p.size(panels.Terms[last].Extent)),
		jen.Id("N").Op(":").Add(p.size(panels.Column.Extent)),
	}
	optional := func(wanted bool, field string, value *jen.Statement) {
		if wanted {
			fields = append(fields, jen.Id(field).Op(":").Add(value))
		}
	}
	optional(true, "SizeB", jen.Lit(k.Args[panels.B.Arg].DType.Size()))
	optional(len(panels.Batch) > 0, "Batch", p.walks(panels.Batch, strides))
	optional(last > 0, "Terms", p.walks(panels.Terms[:last], strides))
	for _, field := range []string{"A", "B", "C"} {
		w := strides[field]
		optional(w.Arg > 0, field, jen.Lit(w.Arg))
		optional(len(w.First.Terms()) > 0, "First"+field, p.size(w.First))
	}
	operand := func(w *ir.Walk) *jen.Statement {
		if w == nil {
			return nil
		}
		return jen.Op("&").Qual(Runtime, "Operand").Values(jen.Id("Arg").Op(":").Lit(w.Arg), jen.Id("First").Op(":").Add(p.size(w.First)))
	}
	optional(panels.Direct && panels.Bias != nil, "Bias", operand(panels.Bias))
	optional(panels.Direct && panels.Rest != nil, "Rest", operand(panels.Rest))
	optional(panels.Direct && panels.Relu, "Relu", jen.True())
	optional(!panels.Direct, "Epilogue", jen.Id(EpilogueName(name)))
	f, err := p.driver(name, "Product", fields)
	if err != nil || panels.Direct {
		return f, err
	}
	epilogue, err := Part{k.Epilogue(panels), EpilogueName(name)}.print()
	return f.Line().Line().Add(epilogue), err
}

// EpilogueName is the name of the function that does what follows the sums of a product.
func EpilogueName(product string) string { return product + "Epilogue" }

// ProductRows is what follows the sums of a product, where there is something and its rows
// are in assembly.
func ProductRows(k *ir.Kernel, name string) []Part {
	panels, err := k.Panels()
	if err != nil || panels.Direct {
		return nil
	}
	if p := (Part{k.Epilogue(panels), EpilogueName(name)}); IsRows(p.Kernel) {
		return []Part{p}
	}
	return nil
}
