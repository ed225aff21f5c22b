package cpu

import (
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/mlxc/mlxc/ir"
)

// IsPanels reports that a kernel copies panels in a way that there is assembly for: rows
// of lanes that lie next to each other in the source, or whose neighbours do.
func IsPanels(k *ir.Kernel) bool {
	_, err := panelCopy(k)
	return err == nil && !k.Empty()
}

// A copying is what a kernel that copies panels is made from.
type copying struct {
	from, to ir.Walk // with the lane
	column   ir.Walk // that a lane stands for
	columns  ir.Size
	byRows   bool // lanes are neighbours in the source
}

func panelCopy(k *ir.Kernel) (c copying, err error) {
	no := func(why string) (copying, error) { return c, fmt.Errorf("kernel %s: %s", k.Name, why) }
	if len(k.Stores) != 1 || k.Inner == nil || !k.Inner.Extent.Is(ir.PanelCols) || len(k.Par) == 0 {
		return no("no rows of lanes")
	}
	s := k.Stores[0]
	v := s.Value
	if v.Kind != ir.ScalarLoad || len(v.Bind) > 0 || len(v.Guard) > 1 || len(s.Guard) > 0 || k.Args[v.Arg].DType != ir.F32 || k.Args[s.Arg].DType != ir.F32 {
		return no("no copy of f32")
	}
	axes, last, lane := k.Grid(), k.Par[len(k.Par)-1].Name, k.Inner.Name
	var okFrom, okTo, okColumn bool
	c.from, okFrom = ir.WalkOf(v.Arg, v.Index, axes)
	c.to, okTo = ir.WalkOf(s.Arg, s.Index, axes)
	okColumn = true
	c.columns = ir.N(ir.PanelCols)
	if len(v.Guard) > 0 {
		c.columns = v.Guard[0].Extent
		c.column, okColumn = ir.WalkOf(0, v.Guard[0].Index, axes)
		okColumn = okColumn && c.column.Stride[lane].Is(1) && c.column.Stride[last].Is(0) && c.column.First.Is(0) && v.Guard[0].Index.NonNegative()
	}
	if !okFrom || !okTo || !okColumn || !c.to.Stride[lane].Is(1) || !c.to.Stride[last].Is(ir.PanelCols) || !c.to.First.Is(0) {
		return no("no panels")
	}
	c.byRows = c.from.Stride[lane].Is(1)
	if !c.byRows && !c.from.Stride[last].Is(1) {
		return no("elements that have no neighbours")
	}
	return c, nil
}

// Panels prints a kernel for which IsPanels holds as a function over its points that
// leaves copying to assembly: rows or columns are the names of that.
func Panels(k *ir.Kernel, name, rows, columns string) (*jen.Statement, error) {
	c, err := panelCopy(k)
	if err != nil {
		return nil, err
	}
	p := newDriver(k)
	lane, last := k.Inner.Name, k.Par[len(k.Par)-1].Name
	routine, step := columns, c.from.Stride[lane]
	if c.byRows {
		routine, step = rows, c.from.Stride[last]
	}
	fields := []jen.Code{
		jen.Id("Copy").Op(":").Id(routine),
		jen.Id("Step").Op(":").Add(p.size(step.Mul(ir.N(4)))),
		jen.Id("Axes").Op(":").Add(p.walks(k.Par, map[string]ir.Walk{"A": c.from, "B": c.column, "C": c.to})),
		jen.Id("Lane").Op(":").Add(p.size(c.from.Stride[lane])),
		jen.Id("Columns").Op(":").Add(p.size(c.columns)),
		jen.Id("From").Op(":").Lit(c.from.Arg), jen.Id("To").Op(":").Lit(c.to.Arg),
	}
	if len(c.from.First.Terms()) > 0 {
		fields = append(fields, jen.Id("FirstA").Op(":").Add(p.size(c.from.First)))
	}
	return p.driver(name, "Panels", fields)
}

// newDriver is a printer of a function that fills in the runtime's tables.
func newDriver(k *ir.Kernel) *printer {
	return &printer{kernel: k, names: newNames(k), dims: map[string]bool{}}
}

// walks are the runtime's Walks of axes, from the strides of each field.
func (p *printer) walks(axes []*ir.Axis, fields map[string]ir.Walk) *jen.Statement {
	var list []jen.Code
	for _, a := range axes {
		walk := []jen.Code{jen.Id("N").Op(":").Add(p.size(a.Extent))}
		for _, field := range []string{"A", "B", "C", "D"} {
			if step := fields[field].Stride[a.Name]; len(step.Terms()) > 0 {
				walk = append(walk, jen.Id(field).Op(":").Add(p.size(step)))
			}
		}
		list = append(list, jen.Values(walk...))
	}
	return jen.Index().Qual(Runtime, "Walk").Values(list...)
}

// driver is the function that runs a table of the runtime's type with the fields.
func (p *printer) driver(name, table string, fields []jen.Code) (*jen.Statement, error) {
	if p.err != nil {
		return nil, fmt.Errorf("kernel %s: %w", p.kernel.Name, p.err)
	}
	return overPoints(p.kernel, name, append(p.sizes(), runTable(table, fields)...)), nil
}

// runTable runs a table of the runtime's type with the fields.
func runTable(table string, fields []jen.Code) []jen.Code {
	return []jen.Code{
		jen.Id("p").Op(":=").Qual(Runtime, table).Custom(lines, fields...),
		jen.Id("p").Dot("Run").Call(jen.Id("call"), jen.Id("lo"), jen.Id("hi")),
	}
}

// lines are fields or elements of a table, each on a line of its own.
var lines = jen.Options{Open: "{", Close: "}", Separator: ",", Multi: true}
