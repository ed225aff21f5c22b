package codegen

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/dave/jennifer/jen"

	"github.com/mlxc/mlxc/ir"
)

// shared are the tables that all targets have in common.
func (p *pkg) shared() *jen.Statement {
	var dims, params []jen.Code
	for _, d := range p.module.Dims {
		var session jen.Code
		if d.Session {
			session = jen.True()
		}
		dims = append(dims, fields("Name", jen.Lit(d.Name), "Min", jen.Lit(int(d.Min)), "Max", jen.Lit(int(d.Max)), "Session", session))
	}
	for _, w := range p.module.Weights() {
		params = append(params, p.param(w))
	}
	tables := []jen.Code{
		jen.Id("dims").Op("=").Add(slice(rt("Dim"), dims)),
		jen.Id("params").Op("=").Add(slice(rt("Param"), params)),
	}
	if p.hasStates() {
		var states []jen.Code
		for _, s := range p.module.States() {
			states = append(states, fields("Name", jen.Lit(s.Path), "DType", dtype(s.Type.DType), "Shape", p.sizes(s.Type.Shape), "Init", floats(s.Init.Numbers())))
		}
		tables = append(tables, jen.Id("states").Op("=").Add(slice(rt("State"), states)))
	}
	return jen.Var().Defs(tables...)
}

func (p *pkg) hasStates() bool { return len(p.module.States()) > 0 }

// program is the table of the whole model for one target, with what the target
// adds.
func (p *pkg) program(t *table, name string, more ...jen.Code) (*jen.Statement, error) {
	if len(t.module.Params) != len(p.module.Params) || len(t.module.Dims) != len(p.module.Dims) {
		return nil, fmt.Errorf("target %s has other dims or params than the others", t.module.Target)
	}
	var entries []jen.Code
	for _, f := range t.module.Funcs {
		entry, err := p.entry(t, f)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry)
	}
	if t.module.Load != nil {
		var packed, load []jen.Code
		for _, b := range t.module.Packed() {
			packed = append(packed, fields("DType", dtype(b.Type.DType), "Shape", constants(b.Type.Shape)))
		}
		awaits := t.module.Load.Awaits()
		for i, s := range t.module.Load.Steps {
			step, err := p.step(t, s, awaits[i], nil)
			if err != nil {
				return nil, err
			}
			load = append(load, step)
		}
		more = append(more, jen.Id("Packed").Op(":").Add(slice(rt("Packed"), packed)), jen.Id("Load").Op(":").Add(slice(rt("Step"), load)))
	}
	if t.onCPU {
		more = append(more, jen.Id("Kernels").Op(":").Id("kernels"))
	}
	if p.hasStates() {
		more = append(more, jen.Id("States").Op(":").Id("states"))
	}
	return jen.Var().Id(name).Op("=").Add(rt("Program")).Custom(multi, append([]jen.Code{
		jen.Id("Name").Op(":").Lit(t.module.Name),
		jen.Id("Version").Op(":").Add(rt("Version1")),
		jen.Id("Dims").Op(":").Id("dims"),
		jen.Id("Params").Op(":").Id("params"),
		jen.Id("Key").Op(":").Lit(packKey(t.module)),
		jen.Id("Entries").Op(":").Add(slice(rt("Entry"), entries)),
	}, more...)...), nil
}

var multi = jen.Options{Open: "{", Close: "}", Separator: ",", Multi: true}

func (p *pkg) param(w *ir.Param) jen.Code {
	var init jen.Code
	if numbers := w.Init.Numbers(); numbers != nil {
		init = floats(numbers)
	}
	var pos, format jen.Code
	if w.Pos != nil {
		pos = jen.Lit(place(w.Pos))
	}
	if w.Of != nil {
		format = jen.Lit(w.Of.Type.DType.String())
	}
	return fields("Name", jen.Lit(w.Path), "DType", dtype(w.Type.DType), "Shape", constants(w.Type.Shape), "Format", format, "Init", init, "Pos", pos)
}

// constants is the sizes of a param or of what is packed: ir/verify holds that they are
// constants.
func constants(shape []ir.Size) *jen.Statement {
	ns := make([]int, len(shape))
	for i, s := range shape {
		n, _ := s.Int()
		ns[i] = int(n)
	}
	return ints(ns)
}

func (p *pkg) entry(t *table, f *ir.Func) (jen.Code, error) {
	var inputs, outputs, variants []jen.Code
	for _, v := range f.Inputs {
		inputs = append(inputs, p.port(v.Name, v.Type))
	}
	for _, r := range f.Results {
		outputs = append(outputs, p.port(r.Name, r.Type))
	}
	for _, v := range f.Variants {
		variant, err := p.variant(t, v)
		if err != nil {
			return nil, err
		}
		variants = append(variants, variant)
	}
	items := []jen.Code{
		jen.Id("Name").Op(":").Lit(f.Name),
		jen.Id("Inputs").Op(":").Add(slice(rt("Port"), inputs)),
		jen.Id("Outputs").Op(":").Add(slice(rt("Port"), outputs)),
	}
	if len(f.Dims) > 0 {
		var given []jen.Code
		for _, d := range f.Dims {
			given = append(given, jen.Id(dimName(d)))
		}
		items = append(items, jen.Id("Given").Op(":").Index().Int().Values(given...))
	}
	if facts := p.facts(f.Where); facts != nil {
		items = append(items, jen.Id("Where").Op(":").Add(facts))
	}
	if slices.ContainsFunc(f.Variants, writesState) {
		items = append(items, jen.Id("Writes").Op(":").True())
	}
	return jen.Custom(multi, append(items, jen.Id("Variants").Op(":").Add(slice(rt("Variant"), variants)))...), nil
}

func writesState(v *ir.Variant) bool {
	return slices.ContainsFunc(v.Steps, func(s *ir.Step) bool {
		for i, b := range s.Args {
			if b.Place == ir.InState && s.Kernel.Args[i].Write {
				return true
			}
		}
		return false
	})
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

func (p *pkg) variant(t *table, v *ir.Variant) (jen.Code, error) {
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
	awaits := v.Awaits()
	for i, s := range v.Steps {
		step, err := p.step(t, s, awaits[i], block)
		if err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	var items []jen.Code
	if g := p.facts(v.Guard); g != nil {
		items = append(items, jen.Id("Guard").Op(":").Add(g))
	}
	var loops []jen.Code
	for _, l := range v.Loops {
		var ends, going jen.Code
		if l.Going != nil {
			ends, going = jen.True(), t.ref(l.Going, block)
		}
		loops = append(loops, fields("First", jen.Lit(l.First), "End", jen.Lit(l.End), "Count", p.size(l.Count), "Counter", jen.Id(dimName(l.Counter)), "Ends", ends, "Going", going))
	}
	if len(loops) > 0 {
		items = append(items, jen.Id("Loops").Op(":").Add(slice(rt("Loop"), loops)))
	}
	return jen.Custom(multi, append(items,
		jen.Id("Blocks").Op(":").Add(slice(rt("Block"), blocks)),
		jen.Id("Plans").Op(":").Add(slice(rt("Plan"), stacks)),
		jen.Id("Steps").Op(":").Add(slice(rt("Step"), steps)),
	)...), nil
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
var places = map[ir.Place]string{ir.InInput: "Input", ir.InOutput: "Output", ir.InParam: "Weight", ir.InState: "Kept", ir.InPacked: "Pack", ir.InArena: "Arena"}

func (p *pkg) step(t *table, s *ir.Step, awaits []ir.Hazard, block map[*ir.Buffer]int) (jen.Code, error) {
	var args []jen.Code
	for _, b := range s.Args {
		args = append(args, t.ref(b, block))
	}
	var onCPU, pos, barrier, await, grain jen.Code
	if len(awaits) > 0 {
		var steps []int
		for _, h := range awaits {
			steps = append(steps, h.After)
		}
		await = ints(steps)
	}
	if t.module.Target == ir.Metal && s.Device == ir.OnCPU {
		onCPU = jen.True()
	}
	if s.Pos != nil {
		pos = jen.Lit(place(s.Pos))
	}
	if s.Barrier != nil || t.module.Load != nil && slices.Contains(t.module.Load.Steps, s) {
		barrier = jen.True()
	}
	if sch := s.Kernel.Schedule; sch != nil && sch.Grain > 0 {
		grain = jen.Lit(int(sch.Grain))
	}
	return fields("Kernel", jen.Lit(t.number[s.Kernel]), "OnCPU", onCPU, "Args", inline(rt("Ref"), args), "Sizes", p.sizes(s.Sizes), "Grid", p.size(s.Grid()), "Grain", grain, "Barrier", barrier, "Await", await, "Pos", pos), nil
}

// ref is the memory of a buffer; block numbers those of the arena.
func (t *table) ref(b *ir.Buffer, block map[*ir.Buffer]int) jen.Code {
	index := b.Index
	switch b.Place {
	case ir.InArena:
		index = block[b]
	case ir.InParam:
		index = slices.Index(t.module.Weights(), t.module.Params[index])
	case ir.InState:
		index = slices.Index(t.module.States(), t.module.Params[index])
	}
	return rt(places[b.Place]).Dot("At").Call(jen.Lit(index))
}

// place is a position in the user's own source, without the folder of the file,
// so that no machine shows in generated code.
func place(pos *ir.Pos) string {
	own := *pos.Own()
	own.File = filepath.Base(own.File)
	return own.String()
}
