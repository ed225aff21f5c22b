package source

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/frontend/dsl"
	"github.com/mlxc/mlxc/ir"
)

// What a test of a text asks: whether it means the module that it was made of.

// meaning is what two modules share that compute the same in the same way: their text, but for
// positions, the names of values, the order and the number of equal instructions, and those of
// which nothing is made; and but for what params begin with for which inits has nothing.
func meaning(m *ir.Module, inits map[string]*ir.Init) string {
	var b strings.Builder
	if c := m.Checkpoint; c != nil {
		fmt.Fprintf(&b, "checkpoint %s %s\n", c.Format, c.File)
	}
	for _, d := range m.Dims {
		if !d.Counter {
			fmt.Fprintf(&b, "dim %s %d..%d session=%v\n", d.Name, d.Min, d.Max, d.Session)
		}
	}
	for _, p := range slices.SortedFunc(slices.Values(m.Params), func(a, b *ir.Param) int { return cmp.Compare(a.Path, b.Path) }) {
		init := p.Init
		if begins, ok := inits[p.Path]; ok && begins == nil { // a layer of the library has one
			init = nil
		}
		fmt.Fprintf(&b, "param %s %v %s %v %v\n", p.Path, p.State, p.Type, p.Of, init)
	}
	for _, f := range m.Funcs {
		fmt.Fprintf(&b, "func %s guard %v where %v dims %v\n", f.Name, f.Guard, f.Where, dimNames(f.Dims))
		n := &numbering{b: &b, numbers: map[string]string{}, known: map[*ir.Value]string{}, outer: map[*ir.Value]*ir.Value{}, made: makings(f)}
		for i, v := range f.Inputs {
			n.known[v] = fmt.Sprintf("%%in%d", i)
			fmt.Fprintf(&b, "  input %s %s\n", strings.TrimRight(v.Name, "_"), v.Type)
		}
		for _, r := range f.Results {
			fmt.Fprintf(&b, "  result %s %s = %s\n", strings.TrimRight(r.Name, "_"), r.Type, n.of(r.Value))
		}
		for _, w := range slices.SortedFunc(slices.Values(f.Writes), func(a, b ir.Write) int { return cmp.Compare(a.State.Path, b.State.Path) }) {
			fmt.Fprintf(&b, "  write %s = %s\n", w.State.Path, n.of(w.Value))
		}
	}
	return b.String()
}

func dimNames(ds []*ir.Dim) (names []string) {
	for _, d := range ds {
		names = append(names, d.Name)
	}
	return names
}

// A numbering gives equal values one number, in the order in which they are asked for.
type numbering struct {
	b        *strings.Builder
	numbers  map[string]string
	known    map[*ir.Value]string
	outer    map[*ir.Value]*ir.Value // of what a loop takes from around it
	made     map[*ir.Value]int       // what something is made of
	counters []string
}

func (n *numbering) of(v *ir.Value) string {
	if outer := n.outer[v]; outer != nil {
		return n.of(outer)
	}
	if s, ok := n.known[v]; ok {
		return s
	}
	in, asked := v.Instr, v
	attrs := ir.AttrText(in.Attrs)
	var args []string
	switch a := in.Attrs.(type) {
	case ir.WeightAttrs:
		attrs = a.Param.Path
	case ir.ReadAttrs:
		attrs = a.State.Path
	case ir.ConstAttrs:
		a.Value = short(a.Value, a.DType)
		attrs = ir.AttrText(a)
	case ir.NormAttrs:
		a.Eps = short(a.Eps, in.Args[0].Type.DType)
		attrs = ir.AttrText(a)
	case ir.GroupNormAttrs:
		a.Eps = short(a.Eps, in.Args[0].Type.DType)
		attrs = ir.AttrText(a)
	case ir.ShapeAttrs:
		if kept := keeping(in); kept != nil {
			return n.of(kept.Result())
		}
	case ir.IotaAttrs:
		if len(a.Shape) > 1 {
			return n.stretchedIota(a, in)
		}
	case ir.CastAttrs:
		if in.Args[0].Type.DType == a.DType {
			return n.of(in.Args[0])
		}
	case ir.SliceAttrs:
		if v.Type.Equal(in.Args[0].Type) {
			return n.of(in.Args[0])
		}
	case ir.UpdateAttrs:
		if v.Type.Equal(in.Args[1].Type) {
			return n.of(in.Args[1])
		}
	case ir.LoopAttrs:
		attrs = fmt.Sprintf("%s ends=%v", a.Count, a.Ends)
		args = n.loop(in, a)
		v = in.Results[n.used(in)[0]]
	}
	if in.Body == nil {
		for _, a := range in.Args {
			args = append(args, n.of(a))
		}
	}
	for depth, c := range n.counters {
		attrs = regexp.MustCompile(`\b`+c+`\b`).ReplaceAllString(attrs, fmt.Sprintf("#%d", depth))
	}
	if in.Op.Kind == ir.KindKernel {
		attrs += fmt.Sprintf(" result %d", slices.Index(in.Results, v))
	}
	device := in.Device
	if in.InMemory() {
		device = ir.OnAny
	}
	key := fmt.Sprintf("%s(%s; %s) on %s : %s", in.Op.Name, strings.Join(args, ", "), attrs, device, v.Type)
	if n.numbers[key] == "" {
		n.numbers[key] = fmt.Sprintf("%%%d", len(n.numbers))
		fmt.Fprintf(n.b, "    %s = %s\n", n.numbers[key], key)
	}
	if in.Body == nil {
		n.known[v] = n.numbers[key]
		return n.known[v]
	}
	i := 0
	for _, k := range n.used(in) {
		n.known[in.Results[k]] = fmt.Sprintf("%s.%d", n.numbers[key], i)
		i++
	}
	return n.known[asked]
}

// short is a number as f32 has it, if the tensor that it is for has no more digits.
func short(x float64, t ir.DType) float64 {
	if t == ir.F64 || !t.IsFloat() {
		return x
	}
	return float64(float32(x))
}

// keeping is the reduction that keeps its axes, of which a reshape of another one is the same.
func keeping(reshape *ir.Instr) *ir.Instr {
	in := reshape.Args[0].Instr
	if in == nil || reshape.Op.Name != "reshape" {
		return nil
	}
	e := &ir.Emit{Device: in.Device}
	var attrs any
	switch a := in.Attrs.(type) {
	case ir.ReduceAttrs:
		a.Keep = true
		attrs = a
	case ir.IndexAttrs:
		a.Keep = true
		attrs = a
	default:
		return nil
	}
	kept, err := e.Op(in.Op.Name, attrs, in.Args...)
	if err != nil || !kept.Result().Type.Equal(reshape.Result().Type) || kept.Result().Type.Equal(in.Result().Type) {
		return nil
	}
	return kept
}

// stretchedIota is the indices of a vector along one axis of several.
func (n *numbering) stretchedIota(a ir.IotaAttrs, of *ir.Instr) string {
	e := &ir.Emit{Device: of.Device}
	in, _ := e.Op("iota", ir.IotaAttrs{DType: a.DType, Shape: a.Shape[a.Axis : a.Axis+1]})
	if a.Axis < len(a.Shape)-1 {
		column := slices.Repeat([]ir.Size{ir.N(1)}, len(a.Shape)-a.Axis)
		column[0] = a.Shape[a.Axis]
		in, _ = e.Op("reshape", ir.ShapeAttrs{Shape: column}, in.Result())
	}
	in, err := e.Op("broadcast", ir.ShapeAttrs{Shape: a.Shape}, in.Result())
	if err != nil {
		panic(err)
	}
	return n.of(in.Result())
}

// loop is the carried operands that are used, and what a round makes of them.
func (n *numbering) loop(in *ir.Instr, a ir.LoopAttrs) (args []string) {
	depth := len(n.counters)
	used := n.used(in)
	for _, k := range used {
		args = append(args, n.of(in.Args[k]))
	}
	for i, k := range used {
		n.known[in.Body.Inputs[k]] = fmt.Sprintf("carried%d.%d", depth, i)
	}
	for i := a.Carried; i < len(in.Args); i++ {
		n.outer[in.Body.Inputs[i]] = in.Args[i]
	}
	for _, d := range in.Body.Dims {
		n.counters = append(n.counters, d.Name)
	}
	for _, k := range used {
		args = append(args, n.of(in.Body.Results[k].Value))
	}
	n.counters = n.counters[:depth]
	return args
}

// used are the carried operands without which some result that is used would be another.
func (n *numbering) used(in *ir.Instr) (used []int) {
	for k, v := range in.Results {
		if n.made[v] > 0 || n.made[in.Body.Inputs[k]] > 0 {
			used = append(used, k)
		}
	}
	return used
}

// roundTrip is an error unless the source of m means what m does.
func roundTrip(m *ir.Module) (text string, err error) {
	text, err = Of(m)
	if err != nil {
		return text, err
	}
	p, err := dsl.Load("m.mlx", dsl.Options{ReadFile: func(string) ([]byte, error) { return []byte(text), nil }, Name: m.Name})
	if err != nil {
		return text, fmt.Errorf("the source is wrong: %w", err)
	}
	inits := map[string]*ir.Init{}
	for _, p := range m.Params {
		inits[p.Path] = p.Init
	}
	before, after := strings.Split(meaning(m, inits), "\n"), strings.Split(meaning(p.Module(), inits), "\n")
	for i, line := range before {
		if i >= len(after) || after[i] != line {
			got := "nothing"
			if i < len(after) {
				got = after[i]
			}
			return text, fmt.Errorf("the source means something else:\n%s\ninstead of\n%s", got, line)
		}
	}
	if len(after) != len(before) {
		return text, fmt.Errorf("the source means more: %s", after[len(before)])
	}
	return text, nil
}

// sourceOf is the source of a model that is given as text, which means the same.
func sourceOf(t *testing.T, model string) string {
	t.Helper()
	p, err := dsl.Load("m.mlx", dsl.Options{ReadFile: func(string) ([]byte, error) { return []byte(model), nil }, Name: "m"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := roundTrip(p.Module())
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return text
}
