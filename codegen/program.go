package codegen

import (
	"path/filepath"

	"github.com/dave/jennifer/jen"

	"github.com/mlxc/mlxc/ir"
)

// program is the table of the whole model.
func (p *pkg) program() *jen.Statement {
	var dims, params, entries, kernels []jen.Code
	for _, d := range p.module.Dims {
		dims = append(dims, fields("Name", jen.Lit(d.Name), "Min", jen.Lit(int(d.Min)), "Max", jen.Lit(int(d.Max))))
	}
	for _, w := range p.module.Params {
		params = append(params, p.param(w))
	}
	for _, f := range p.module.Funcs {
		entries = append(entries, p.entry(f))
	}
	for _, k := range p.kernels {
		kernels = append(kernels, jen.Id(k))
	}
	return jen.Var().Id("program").Op("=").Add(rt("Program")).Custom(multi,
		jen.Id("Name").Op(":").Lit(p.module.Name),
		jen.Id("Version").Op(":").Add(rt("Version1")),
		jen.Id("Dims").Op(":").Add(slice(rt("Dim"), dims)),
		jen.Id("Params").Op(":").Add(slice(rt("Param"), params)),
		jen.Id("Entries").Op(":").Add(slice(rt("Entry"), entries)),
		jen.Id("Kernels").Op(":").Add(slice(jen.Qual(cpuPath, "Kernel"), kernels)),
	)
}

var multi = jen.Options{Open: "{", Close: "}", Separator: ",", Multi: true}

func (p *pkg) param(w *ir.Param) jen.Code {
	shape := make([]int, w.Type.Rank())
	for i, s := range w.Type.Shape {
		n, _ := s.Int() // a size of a param is a constant: ir/verify holds it
		shape[i] = int(n)
	}
	var init jen.Code
	if w.Init != nil && w.Init.Name == "constant" {
		init = rt("Fill").Call(jen.Lit(w.Init.Args[0]))
	}
	var pos jen.Code
	if w.Pos != nil {
		pos = jen.Lit(place(w.Pos))
	}
	return fields("Name", jen.Lit(w.Path), "DType", dtype(w.Type.DType), "Shape", ints(shape), "Init", init, "Pos", pos)
}

func (p *pkg) entry(f *ir.Func) jen.Code {
	var inputs, outputs, variants []jen.Code
	for _, v := range f.Inputs {
		inputs = append(inputs, p.port(v.Name, v.Type))
	}
	for _, r := range f.Results {
		outputs = append(outputs, p.port(r.Name, r.Type))
	}
	for _, v := range f.Variants {
		variants = append(variants, p.variant(v))
	}
	items := []jen.Code{
		jen.Id("Name").Op(":").Lit(f.Name),
		jen.Id("Inputs").Op(":").Add(slice(rt("Port"), inputs)),
		jen.Id("Outputs").Op(":").Add(slice(rt("Port"), outputs)),
	}
	if facts := p.facts(f.Where); facts != nil {
		items = append(items, jen.Id("Where").Op(":").Add(facts))
	}
	return jen.Custom(multi, append(items, jen.Id("Variants").Op(":").Add(slice(rt("Variant"), variants)))...)
}

func (p *pkg) port(name string, t ir.Type) jen.Code {
	return fields("Name", jen.Lit(name), "DType", dtype(t.DType), "Shape", p.sizes(t.Shape))
}

// relations are the runtime's names for them.
var relations = map[ir.Relation]string{ir.EQ: "EQ", ir.LE: "LE", ir.LT: "LT"}

func (p *pkg) facts(fs []ir.Fact) jen.Code {
	if len(fs) == 0 {
		return nil
	}
	var items []jen.Code
	for _, f := range fs {
		items = append(items, fields("Left", p.size(f.Left), "Rel", rt(relations[f.Rel]), "Right", p.size(f.Right), "Text", jen.Lit(f.String())))
	}
	return slice(rt("Fact"), items)
}

func (p *pkg) variant(v *ir.Variant) jen.Code {
	block := map[*ir.Buffer]int{}
	var blocks, stacks, steps []jen.Code
	for i, b := range v.Plan.Blocks {
		for _, buf := range b.Buffers {
			block[buf] = i
		}
		blocks = append(blocks, fields("Bytes", p.size(b.Bytes)))
	}
	for _, s := range v.Plan.Stacks {
		var on []jen.Code
		for _, below := range s.On {
			on = append(on, intList(below))
		}
		stacks = append(stacks, fields("Order", ints(s.Order), "On", inline(jen.Index().Int(), on)))
	}
	for i, s := range v.Steps {
		steps = append(steps, p.step(v, i, s, block))
	}
	var items []jen.Code
	if g := p.facts(v.Guard); g != nil {
		items = append(items, jen.Id("Guard").Op(":").Add(g))
	}
	return jen.Custom(multi, append(items,
		jen.Id("Blocks").Op(":").Add(slice(rt("Block"), blocks)),
		jen.Id("Plans").Op(":").Add(slice(rt("Plan"), stacks)),
		jen.Id("Steps").Op(":").Add(slice(rt("Step"), steps)),
	)...)
}

func intList(ns []int) jen.Code {
	if len(ns) == 0 {
		return jen.Nil()
	}
	items := make([]jen.Code, len(ns))
	for i, n := range ns {
		items[i] = jen.Lit(n)
	}
	return jen.Values(items...)
}

// places are the runtime's names for them.
var places = map[ir.Place]string{ir.InInput: "Input", ir.InOutput: "Output", ir.InParam: "Weight", ir.InArena: "Arena"}

func (p *pkg) step(v *ir.Variant, i int, s *ir.Step, block map[*ir.Buffer]int) jen.Code {
	kernel := 0
	for n, k := range p.module.Kernels {
		if k == s.Kernel {
			kernel = n
		}
	}
	var args []jen.Code
	for _, b := range s.Args {
		index := b.Index
		if b.Place == ir.InArena {
			index = block[b]
		}
		args = append(args, rt(places[b.Place]).Dot("At").Call(jen.Lit(index)))
	}
	var points []ir.Size
	for _, a := range s.Kernel.Grid() {
		points = append(points, a.Extent)
	}
	// The kernel's own dims are arguments; a step says what they are at this place.
	grid := ir.Product(points).Subst(func(a *ir.Atom) (ir.Size, bool) {
		if a.Kind == ir.AtomDim {
			for n, d := range s.Kernel.Dims {
				if d.Name == a.Dim.Name {
					return s.Sizes[n], true
				}
			}
		}
		return ir.Size{}, false
	})
	var pos, barrier, grain jen.Code
	if s.Pos != nil {
		pos = jen.Lit(place(s.Pos))
	}
	if s.Barrier != nil {
		barrier = jen.True()
	}
	if sch := s.Kernel.Schedule; sch != nil && sch.Grain > 0 {
		grain = jen.Lit(int(sch.Grain))
	}
	return fields("Kernel", jen.Lit(kernel), "Args", inline(rt("Ref"), args), "Sizes", p.sizes(s.Sizes), "Grid", p.size(grid), "Grain", grain, "Barrier", barrier, "Pos", pos)
}

// place is a position in the user's own source, without the folder of the file,
// so that no machine shows in generated code.
func place(pos *ir.Pos) string {
	own := *pos.Own()
	own.File = filepath.Base(own.File)
	return own.String()
}
