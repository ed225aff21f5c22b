package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// A machine is what the cost model knows of a device. Only ratios matter: what
// computing again costs against what memory does.
type machine struct {
	ops     float64 // scalar operations per ns
	bytes   float64 // of memory per ns
	launch  float64 // ns that one more kernel takes
	tile    float64 // rows or columns of a product that are loaded together
	workers int64   // points of a grid that keep it busy
	shared  int64   // elements that are worth being busy for
	head    int64   // terms of a score, and columns of its value, up to which a row of a stream keeps its query and its sums
}

// The CPU is one of a few cores with vectors of 8 floats, the GPU the smallest of
// Apple's M series: 2.6 TFLOP/s and 68 GB/s. A launch that waits for the one before took
// 1.3 and 2.05 µs of it where others measured: github.com/kryptic-sh/infr/pull/14 and
// github.com/penta2himajin/qwisp/pull/158.
var machines = map[ir.Device]machine{
	ir.OnCPU: {ops: 30, bytes: 12, launch: 2000, tile: 256, workers: 4, shared: 1 << 16, head: 512},
	ir.OnGPU: {ops: 2000, bytes: 68, launch: 2000, tile: 64, workers: 16, shared: 1 << 16, head: 256},
}

// elems is the most elements that v has, at the bounds of the dims.
func elems(v *ir.Value) float64 {
	n, ok := v.Type.Elems().Max()
	if !ok {
		return 1 << 62
	}
	return float64(max(1, n))
}

func bytesOf(v *ir.Value) float64 { return elems(v) * float64(v.Type.DType.Size()) }

// A fact is what fusion knows of a value from its operands.
type fact struct {
	host     *ir.Instr // the product, window or reduction that it alone needs, whose kernel can compute it; nil: none
	folds    bool      // it is computed from a reduction, up to what is in memory for sure
	work     float64   // scalar operations of an element, up to what is in memory
	loads    float64   // bytes read for all its elements, up to there
	constant bool      // it depends on no input
	weights  bool      // it depends on weights
	places   int       // from which a view takes elements
	divided  bool      // a view with a reshape in it
}

func (u *fusion) factOf(in *ir.Instr, v *ir.Value) fact {
	kind := in.Op.Kind
	f := fact{constant: isWeight(in) || !in.InMemory(), weights: isWeight(in), places: 1}
	for _, a := range in.Args {
		fa, computed := u.facts[a]
		f.constant = f.constant && computed && fa.constant
		f.weights = f.weights || fa.weights
	}
	switch {
	case in.InMemory():
		f.loads = bytesOf(v)
		return f
	case kind == ir.KindSource:
		return f
	case kind == ir.KindReduce, isHeavy(kind):
		f.host, f.work, f.loads = in, 1, bytesOf(v)
		return f
	case kind == ir.KindView:
		f.places = 0
		_, f.divided = in.Attrs.(ir.ShapeAttrs)
		f.divided = f.divided && !isStretch(v)
	case kind == ir.KindDequant:
		f.work = dequantWork
		f.constant = false // else it would be computed at load, and take the memory that it saves
	default:
		f.work = bodyWork(in)
	}
	for _, a := range in.Args {
		fa, computed := u.facts[a]
		alone := len(u.readers[a]) == 1 && !u.result[a]
		reshaped := kind == ir.KindView && f.divided
		if computed && fa.host != nil && alone && (kind == ir.KindElementwise || reshaped) && (f.host == nil || isHeavy(fa.host.Op.Kind)) {
			f.host = fa.host
		}
		f.folds = f.folds || computed && (fa.folds || a.Instr.Op.Kind == ir.KindReduce)
		if kind == ir.KindView {
			f.places += placesWithin(max(1, fa.places))
			f.divided = f.divided || fa.divided
		}
		if computed && (fa.host == nil || alone && fa.host != a.Instr) {
			f.work += fa.work * min(1, elems(a)/elems(v))
			f.loads += fa.loads
		} else {
			f.loads += bytesOf(a)
		}
	}
	return f
}

// dequantWork is about the operations of an element of a quantised tensor.
const dequantWork = 8

// bodyWork is the scalar operations of an element of an elementwise op.
func bodyWork(in *ir.Instr) float64 {
	if in.Op.Body == nil {
		return 0 // a cast, or a look-up
	}
	d := ir.NewDAG()
	var x []ir.S
	for i, a := range in.Args {
		x = append(x, d.Wrap(d.Add(ir.Scalar{Kind: ir.ScalarLoad, DType: a.Type.DType.Compute(), Arg: i})))
	}
	in.Op.Body(x...)
	work := 0.0
	for _, v := range d.Values {
		if v.Kind == ir.ScalarApply {
			work += fnWork(v.Fn)
		}
	}
	return work
}

// fnWork is about how many operations a function takes.
func fnWork(fn ir.Fn) float64 {
	switch {
	case fn == ir.Div, fn == ir.Mod, fn == ir.Sqrt, fn == ir.Rsqrt:
		return 4
	case fn >= ir.Exp && fn <= ir.Pow:
		return 15
	}
	return 1
}

// usesOf is where v is computed if it is not stored: in each group that computes one
// of its readers. Readers at the same index in the same loop share one computation; all
// of a stream is one loop.
func (u *fusion) usesOf(v *ir.Value) []use {
	var uses []use
	for _, in := range u.readers[v] {
		for _, x := range u.uses[in.Result()] {
			i := slices.IndexFunc(uses, func(y use) bool { return y.group == x.group })
			if i < 0 {
				i = len(uses)
				uses = append(uses, use{group: x.group})
			}
			y := &uses[i]
			if y.under == nil {
				y.under = x.under
				if isHeavy(in.Op.Kind) {
					y.under = in
				}
			}
			times, end := u.repeats(v, in, x.group), u.stream[in.Result()]
			if end != nil {
				y.need(loop{end, times}, false)
				continue
			}
			if in.Op.Kind == ir.KindReduce {
				y.need(loop{in, 1}, true)
				continue
			}
			for _, l := range x.loops {
				y.need(loop{l.fold, l.times * times}, in.Op.Kind != ir.KindElementwise)
			}
		}
	}
	return uses
}

// need notes that a loop computes a value; again: at an index of its own.
func (x *use) need(l loop, again bool) {
	i := slices.IndexFunc(x.loops, func(m loop) bool { return m.fold == l.fold })
	switch {
	case i < 0:
		x.loops = append(x.loops, l)
	case again:
		x.loops[i].times += l.times
	default:
		x.loops[i].times = max(x.loops[i].times, l.times)
	}
}

// repeats is how often an instruction of a group needs each element of its operand v
// to be computed once.
func (u *fusion) repeats(v *ir.Value, in *ir.Instr, g *group) float64 {
	out := in.Result()
	switch in.Op.Kind {
	case ir.KindView:
		return stretched(in, v)
	case ir.KindContract:
		if u.stream[out] != nil && v == in.Args[0] {
			return 1 // a row of queries is computed once, and so are weights
		}
		reads := elems(out) * elems(in.Args[1]) / productColumns(in) / elems(v)
		return max(1, reads/machines[g.device].tile)
	case ir.KindWindow:
		size := 1
		for _, n := range in.Attrs.(ir.PoolAttrs).Size {
			size *= n
		}
		return max(1, elems(out)*float64(size)/elems(v))
	}
	return 1
}

// productColumns is what the elements of the right operand of a contraction are
// divided by to give the terms of its sums: columns of a matrix and its batch,
// channels of a convolution.
func productColumns(in *ir.Instr) float64 {
	t := in.Args[1].Type
	columns := t.Shape[0]
	if _, ok := in.Attrs.(ir.MatmulAttrs); ok {
		columns = ir.Product(t.Shape[:t.Rank()-2]).Mul(t.Shape[t.Rank()-1])
	}
	n, _ := columns.Max()
	return float64(max(1, n))
}

// stretched is how often a view needs each element of v, leaving out copies along
// its last axes: what does not vary with those is computed once.
func stretched(in *ir.Instr, v *ir.Value) float64 {
	switch a := in.Attrs.(type) {
	case ir.SliceAttrs:
		return elems(in.Result()) / elems(v)
	case ir.ShapeAttrs:
		if !isStretch(in.Result()) {
			return 1
		}
		from, n := v.Type.Shape, len(a.Shape)
		for n > 0 && len(from) > 0 && from[len(from)-1].Is(1) {
			n, from = n-1, from[:len(from)-1]
		}
		if len(from) == 0 {
			return 1
		}
		out, ok := ir.Product(a.Shape[:n]).Max()
		if !ok {
			return 1 << 62
		}
		return max(1, float64(out)/elems(v))
	}
	return 1
}

// cheaperStored compares what v costs in memory with what it costs computed as often
// as the uses do, in ns.
func (u *fusion) cheaperStored(v *ir.Value, uses []use, times float64) bool {
	f, m, n := u.facts[v], machines[v.Instr.Device], float64(len(uses))
	work := f.work
	if f.loads == 0 {
		work-- // what it takes to load it instead
	}
	again := f.loads*n/m.bytes + work*elems(v)*times/m.ops
	once := (f.loads+bytesOf(v)*(1+n))/m.bytes + f.work*elems(v)/m.ops
	if f.host == nil && !slices.ContainsFunc(u.hosts(v, uses), func(g *group) bool { return u.mayStore(g, v, uses) }) {
		once += m.launch
		if once < again && v.Instr.Device == ir.OnGPU && u.belowLaunch(v, uses) {
			return false
		}
	}
	return once < again
}

// nextToNothing is the part of a kernel's time that may be added to it to save a launch.
const nextToNothing = 1.0 / 256

// belowLaunch reports that v is not worth a launch of a GPU, which takes as long at small
// sizes as at the bounds of the dims: at the least sizes it takes less to compute v again
// where it is read, and at the bounds that adds next to nothing to what those kernels take.
func (u *fusion) belowLaunch(v *ir.Value, uses []use) bool {
	f, m := u.facts[v], machines[v.Instr.Device]
	bounds, small := map[string]int64{}, map[string]int64{}
	for _, d := range u.module.Dims {
		lo, hi := d.Within(slices.Concat(u.fn.Guard, u.fn.Where))
		bounds[d.Name], small[d.Name] = hi, max(1, lo)
	}
	least := 0.0 // all of it, which is taken to be less as the elements of the kernels are
	for _, x := range uses {
		k, err := u.kernelWith(x.group, nil, nil, nil)
		if err != nil {
			return false
		}
		w, ok := k.Work(bounds)
		ops, bytes := w.FLOPs/m.ops, (w.Read+w.Written)/m.bytes
		more, reads := f.work*elems(v)*x.times()/m.ops, f.loads/m.bytes
		if !ok || max(ops+more, bytes+reads) > (1+nextToNothing)*max(ops, bytes) {
			return false
		}
		main := largest(x.group.values)
		n, ok := main.Type.Elems().Eval(func(name string) (int64, bool) { n, ok := small[name]; return n, ok })
		if !ok {
			return false
		}
		least += (more + reads) * float64(n) / elems(main)
	}
	return least < m.launch
}
