package source

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// The layers of the library that a module is made of: params that are used together as a block
// of nn uses its own, and in no other way.

// A layer is a block of the library in the place of its params.
type layer struct {
	path   string
	make   string              // what makes it, with all that it may leave out: nn.Linear(784, 256, bias=true)
	params map[string]*ir.Init // by their step, with what the library's begin with
	inside map[*ir.Instr]bool  // what its calls consist of
	broken bool                // it is used in another way too
}

// kind is what a layer is called that has no name.
func (l *layer) kind() string {
	name := strings.TrimPrefix(l.make[:strings.IndexByte(l.make, '(')], "nn.")
	switch {
	case strings.HasSuffix(name, "Norm"):
		return "norm"
	case strings.HasPrefix(name, "Conv"):
		return "conv"
	}
	return strings.ToLower(name)
}

// layers finds the layers of a module, by their paths, and the forms of the instructions that
// they compute.
func layersOf(m *ir.Module, base mode, compute ir.DType) (layers map[string]*layer, calls map[*ir.Instr]layerCall) {
	f := &layerFinder{users: map[*ir.Value][]*ir.Instr{}, layers: map[string]*layer{}, calls: map[*ir.Instr]layerCall{}, base: base, compute: compute}
	var kept []*ir.Value
	for _, g := range m.Bodies() {
		kept = append(kept, g.Kept()...)
		for _, in := range g.Body {
			for _, a := range in.Args {
				f.users[a] = append(f.users[a], in)
			}
		}
	}
	for _, v := range kept {
		f.users[v] = append(f.users[v], nil) // which is no part of a layer
	}
	bodies := m.Bodies()
	for _, g := range bodies {
		for _, in := range g.Body {
			f.match(in)
		}
	}
	f.check(m)
	for in, c := range f.calls {
		if c.layer.broken {
			delete(f.calls, in)
		}
	}
	for path, l := range f.layers {
		if l.broken {
			delete(f.layers, path)
		}
	}
	return f.layers, f.calls
}

// A layerCall is the result of a layer, and what it is called with.
type layerCall struct {
	layer  *layer
	method string // empty: it is called itself
	x      *ir.Value
}

// usual are the arguments that layers of the library have where none are given.
var usual = regexp.MustCompile(`, (stride=1|pad=0|groups=1|dilation=1|bias=true|eps=1e-05)\b`)

// shortLayers is the text of what makes layers without what they have anyway.
func shortLayers(make string) string { return usual.ReplaceAllString(make, "") }

type layerFinder struct {
	users   map[*ir.Value][]*ir.Instr
	layers  map[string]*layer
	calls   map[*ir.Instr]layerCall
	base    mode
	compute ir.DType // of the weights of layers
}

// match looks for a layer whose last instruction, but for a bias, is in.
func (f *layerFinder) match(in *ir.Instr) {
	switch a := in.Attrs.(type) {
	case ir.NormAttrs:
		name, steps := "", []string{"weight", "bias"}
		switch in.Op.Name {
		case "layer_norm":
			name = "LayerNorm"
		case "rms_norm":
			name, steps = "RMSNorm", steps[:1]
		case "batch_norm":
			name, steps = "BatchNorm", append(steps, "running_mean", "running_var")
		default:
			return
		}
		f.norm(in, name, "", steps, a.Eps)
	case ir.GroupNormAttrs:
		f.norm(in, "GroupNorm", fmt.Sprint(a.Groups), []string{"weight", "bias"}, a.Eps)
	case ir.MatmulAttrs:
		w := turnedWeight(in.Args[1], 1, 0)
		if w == nil || in.Args[0].Type.DType != f.compute || in.Args[0].Type.Rank() < 2 {
			return
		}
		out, n := intOf(w.Type.Shape[0]), intOf(w.Type.Shape[1])
		init := ir.Init{Name: "uniform", Args: []float64{1 / math.Sqrt(float64(n))}}
		f.product(in, w, init, init, fmt.Sprintf("nn.Linear(%d, %d", n, out))
	case ir.ConvAttrs:
		f.conv(in, a)
	case ir.AxisAttrs:
		if in.Op.Name != "take" || a.Axis != 0 {
			return
		}
		if w := weightOf(in.Args[0]); w != nil && w.Type.Rank() == 2 && w.Type.DType == f.compute {
			inits := map[string]*ir.Init{"weight": {Name: "normal", Args: []float64{1}}}
			f.add(w, "weight", inits, fmt.Sprintf("nn.Embedding(%s, %s)", w.Type.Shape[0], w.Type.Shape[1]), in, in.Args[1], in)
		}
	}
}

// norm is a norm whose weights are params beside each other.
func (f *layerFinder) norm(in *ir.Instr, name, groups string, steps []string, eps float64) {
	inits := map[string]*ir.Init{}
	var first *ir.Param
	dtype := f.compute
	if name == "BatchNorm" {
		dtype = ir.F32
	}
	for i, step := range steps {
		w := weightOf(in.Args[1+i])
		if w == nil || w.Type.DType != dtype || !besides(w, step, first) {
			return
		}
		if first == nil {
			first = w
		}
		begin := ir.Constant(0)
		if step == "weight" || step == "running_var" {
			begin = ir.Constant(1)
		}
		inits[step] = &begin
	}
	var args []string
	for _, s := range []string{groups, first.Type.Shape[0].String(), "eps=" + numberOf(eps, in.Args[0].Type.DType).text} {
		if s != "" {
			args = append(args, s)
		}
	}
	f.add(first, "weight", inits, "nn."+name+"("+strings.Join(args, ", ")+")", in, in.Args[0], in)
}

// conv is a convolution with equal numbers for all axes.
func (f *layerFinder) conv(in *ir.Instr, a ir.ConvAttrs) {
	name, perm := "Conv2d", []int{0, 2, 3, 1}
	if in.Args[0].Type.Rank() == 3 {
		name, perm = "Conv1d", []int{0, 2, 1}
	}
	w := turnedWeight(in.Args[1], perm...)
	if w == nil || in.Args[0].Type.DType != f.compute {
		return
	}
	out, per, k := intOf(w.Type.Shape[0]), intOf(w.Type.Shape[1]), intOf(w.Type.Shape[2])
	for i := range a.Stride {
		if intOf(w.Type.Shape[2+i]) != k || a.Stride[i] != a.Stride[0] || a.Pad[i] != a.Pad[0] || a.Dilation[i] != a.Dilation[0] {
			return
		}
	}
	volume := k * per
	if name == "Conv2d" {
		volume *= k
	}
	make := fmt.Sprintf("nn.%s(%d, %d, %d, stride=%d, pad=%d, groups=%d, dilation=%d", name, per*int64(a.Groups), out, k, a.Stride[0], a.Pad[0], a.Groups, a.Dilation[0])
	f.product(in, w, ir.Init{Name: "uniform", Args: []float64{1 / math.Sqrt(float64(volume))}}, ir.Constant(0), make)
}

// product is what w makes of the first operand, and with a bias if one is added to that alone.
func (f *layerFinder) product(in *ir.Instr, w *ir.Param, init, biasInit ir.Init, make string) {
	if w.Type.DType != f.compute {
		return
	}
	inits := map[string]*ir.Init{"weight": &init}
	turn := in.Args[1].Instr
	if users := f.users[in.Result()]; len(users) == 1 && users[0] != nil && users[0].Op.Name == "add" && users[0].Args[0] == in.Result() && users[0].Device == in.Device {
		root := users[0]
		if stretch := root.Args[1].Instr; stretch != nil && stretch.Op.Name == "broadcast" && stretch.Device == in.Device {
			b := weightOf(stretch.Args[0])
			if b != nil && b.Type.DType == f.compute && b.Type.Rank() == 1 && besides(b, "bias", w) {
				inits["bias"] = &biasInit
				f.add(w, "weight", inits, make+", bias=true)", root, in.Args[0], in, turn, stretch, root)
				return
			}
		}
	}
	f.add(w, "weight", inits, make+", bias=false)", in, in.Args[0], in, turn)
}

// add notes a call of the layer that w is the weight of.
func (f *layerFinder) add(w *ir.Param, step string, inits map[string]*ir.Init, make string, root *ir.Instr, x *ir.Value, inside ...*ir.Instr) {
	path, ok := strings.CutSuffix(w.Path, "."+step)
	if !ok || path == "" {
		return
	}
	l := f.layers[path]
	if l == nil {
		l = &layer{path: path, make: make, params: inits, inside: map[*ir.Instr]bool{}}
		f.layers[path] = l
	}
	for _, in := range inside {
		l.inside[in] = true
		if _, own := modeOf(in).and(mode{anyDevice, f.base.accum}); !own || in.Device != root.Device {
			l.broken = true
		}
	}
	method := ""
	if strings.HasPrefix(l.make, "nn.Embedding(") && make == fmt.Sprintf("nn.Linear(%s, %s, bias=false)", w.Type.Shape[1], w.Type.Shape[0]) {
		method = ".logits"
	}
	l.broken = l.broken || l.make != make && method == ""
	f.calls[root] = layerCall{l, method, x}
}

// check breaks the layers whose params are used elsewhere too, are others than the library's,
// or begin otherwise.
func (f *layerFinder) check(m *ir.Module) {
	found := map[*layer]int{}
	of := map[*ir.Param]*layer{}
	for _, p := range m.Params {
		i := strings.LastIndexByte(p.Path, '.')
		l := f.layers[p.Path[:max(i, 0)]]
		for path, other := range f.layers {
			if strings.HasPrefix(p.Path, path+".") && other != l { // something lies deeper
				other.broken = true
			}
		}
		if l == nil {
			continue
		}
		of[p] = l
		found[l]++
		begins, own := l.params[p.Path[i+1:]]
		if !own || p.State || p.Of != nil || p.Init != nil && initText(p.Init, nil) != initText(begins, nil) {
			l.broken = true
		}
	}
	for _, l := range f.layers {
		l.broken = l.broken || found[l] != len(l.params)
	}
	for _, g := range m.Bodies() {
		for _, in := range g.Body {
			p := (*ir.Param)(nil)
			if a, ok := in.Attrs.(ir.WeightAttrs); ok {
				p = a.Param
			}
			l := of[p]
			if l == nil {
				continue
			}
			outside := func(in *ir.Instr) bool { return !l.inside[in] }
			l.broken = l.broken || slices.ContainsFunc(f.users[in.Result()], outside)
			for _, u := range f.users[in.Result()] { // a view of it
				if u != nil && u.Op.Kind == ir.KindView {
					l.broken = l.broken || slices.ContainsFunc(f.users[u.Result()], outside)
				}
			}
		}
	}
}

// computeOf is the dtype that most weights of a module have.
func computeOf(m *ir.Module) ir.DType {
	count := map[ir.DType]int{}
	most := ir.F32
	for _, p := range m.Weights() {
		t := p.Type.DType
		if count[t]++; t.IsFloat() && p.Of == nil && count[t] > count[most] {
			most = t
		}
	}
	return most
}

// besides reports that a param is a step of the block that another one is in; nil: of any.
func besides(p *ir.Param, step string, other *ir.Param) bool {
	path, ok := strings.CutSuffix(p.Path, "."+step)
	return ok && (other == nil || other.Path[:max(0, strings.LastIndexByte(other.Path, '.'))] == path)
}

// weightOf is the param that a value is; nil: none.
func weightOf(v *ir.Value) *ir.Param {
	if v.Instr != nil {
		if a, ok := v.Instr.Attrs.(ir.WeightAttrs); ok {
			return a.Param
		}
	}
	return nil
}

// turnedWeight is the param that a value is in an order of axes; nil: none.
func turnedWeight(v *ir.Value, perm ...int) *ir.Param {
	if v.Instr == nil {
		return nil
	}
	if a, ok := v.Instr.Attrs.(ir.PermAttrs); ok && slices.Equal(a.Perm, perm) {
		return weightOf(v.Instr.Args[0])
	}
	return nil
}

func intOf(s ir.Size) int64 { n, _ := s.Int(); return n }
