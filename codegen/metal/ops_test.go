package metal_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

// lengths are awkward: nothing, one, not a multiple of a vector, not one of a
// simdgroup, and more than it.
var lengths = []int64{0, 1, 7, 31, 33, 1000}

// Elementwise ops of every dtype, at every length by one kernel each.
func TestElementwise(t *testing.T) {
	t.Parallel()
	for _, special := range []bool{false, true} {
		b := newBuilder(t, "elementwise")
		b.special = special
		n := []ir.Size{b.dim("N", 1000)}
		var dims []map[string]int64
		for _, l := range lengths {
			dims = append(dims, map[string]int64{"N": l})
		}
		for _, o := range ir.Ops() {
			if o.Kind != ir.KindElementwise {
				continue
			}
			ran := 0
			for _, d := range gpuDTypes() {
				for _, attrs := range elementwiseAttrs(o) {
					types := elementwiseTypes(o, d, n)
					name := strings.TrimSuffix(fmt.Sprintf("%s_%s_%v", o.Name, d, attrs), "_<nil>")
					if b.try(name, op(o.Name, attrs), types, dims...) {
						ran++
					}
				}
			}
			if ran == 0 {
				t.Errorf("%s takes no dtype", o.Name)
			}
		}
		count(t, b)
	}
}

func count(t *testing.T, b *builder) {
	t.Helper()
	kernels, launches := b.run(t)
	t.Logf("%d kernels, %d programs, %d launches", kernels, len(b.programs), launches)
}

func elementwiseAttrs(o *ir.Op) []any {
	if _, isCast := o.Attrs.(ir.CastAttrs); !isCast {
		return []any{o.Attrs}
	}
	var all []any
	for _, t := range gpuDTypes() {
		all = append(all, ir.CastAttrs{DType: t})
	}
	return all
}

func elementwiseTypes(o *ir.Op, d ir.DType, s []ir.Size) []ir.Type {
	var types []ir.Type
	for range o.Operands {
		types = append(types, typ(d, s))
	}
	if o.Name == "where" {
		types[0].DType = ir.Bool
	}
	return types
}

// Elementwise ops of numbers, of views, and of sizes that vectors divide.
func TestElementwiseOfViews(t *testing.T) {
	t.Parallel()
	b := newBuilder(t, "views")
	views := []struct {
		name string
		make body
	}{
		{"transposed", op("transpose", ir.PermAttrs{Perm: []int{1, 0}})},
		{"sliced", op("slice", ir.SliceAttrs{Start: shape(1, 1), Step: []int{2, 3}, Size: shape(3, 4)})},
		{"cut", op("slice", ir.SliceAttrs{Start: shape(2, 4), Step: []int{1, 1}, Size: shape(3, 8)})},
	}
	for _, o := range ir.Ops() {
		if o.Kind != ir.KindElementwise || o.Attrs != nil {
			continue
		}
		for _, d := range []ir.DType{ir.F32, ir.I32, ir.Bool} {
			if !b.try(o.Name+"_number_"+d.String(), op(o.Name, nil), elementwiseTypes(o, d, nil)) {
				continue
			}
			b.add(o.Name+"_whole_"+d.String(), op(o.Name, nil), elementwiseTypes(o, d, shape(2, 3, 8)))
			for _, view := range views {
				last := len(o.Operands) - 1
				types := elementwiseTypes(o, d, viewed(view.make, shape(7, 12)))
				types[last].Shape = shape(7, 12)
				b.add(o.Name+"_"+view.name, func(e *ir.Emit, x []*ir.Value) (*ir.Instr, error) {
					in, err := view.make(e, []*ir.Value{x[last]})
					if err != nil {
						return nil, err
					}
					return e.Op(o.Name, nil, append(slices.Clone(x[:last]), in.Result())...)
				}, types)
			}
			break
		}
	}
	count(t, b)
}

// viewed is the shape that a view makes of another one.
func viewed(view body, s []ir.Size) []ir.Size {
	made, err := view(&ir.Emit{}, []*ir.Value{{Type: typ(ir.F32, s)}})
	if err != nil {
		panic(err)
	}
	return made.Result().Type.Shape
}

// Reductions of every dtype, over each axis, over all and over none.
func TestReductions(t *testing.T) {
	t.Parallel()
	for _, special := range []bool{false, true} {
		b := newBuilder(t, "reductions")
		b.special = special
		m, n := b.dim("M", 8), b.dim("N", 2000)
		var dims []map[string]int64
		for _, l := range append(lengths, 1100) {
			dims = append(dims, map[string]int64{"M": 3, "N": l})
		}
		shapes := map[string][]ir.Size{"dims": {m, n}, "short": shape(5, 7, 3), "rows": shape(3, 33, 5), "long": shape(2, 1100), "columns": shape(1100, 3), "number": nil}
		names := []string{"dims", "short", "rows", "long", "columns", "number"}
		for _, o := range ir.Ops() {
			if o.Kind != ir.KindReduce {
				continue
			}
			for _, d := range gpuDTypes() {
				for _, name := range names {
					if name != "dims" && name != "short" && !slices.Contains([]ir.DType{ir.F32, ir.BF16, ir.I32, ir.I64, ir.U8, ir.Bool}, d) {
						continue // one dtype of each kind
					}
					s := shapes[name]
					for i, attrs := range reduceAttrs(o, len(s)) {
						ds := dims
						if name != "dims" {
							ds = nil
						}
						b.try(fmt.Sprintf("%s_%s_%s_%d", o.Name, d, name, i), op(o.Name, attrs), []ir.Type{typ(d, s)}, ds...)
					}
				}
			}
		}
		count(t, b)
	}
}

func reduceAttrs(o *ir.Op, rank int) []any {
	var all []any
	switch o.Attrs.(type) {
	case ir.IndexAttrs:
		for a := range rank {
			all = append(all, ir.IndexAttrs{Axis: a, Keep: a > 0})
		}
	case ir.ReduceAttrs:
		var axes []int
		for a := range rank {
			all = append(all, ir.ReduceAttrs{Axes: []int{a}, Keep: a > 0})
			axes = append(axes, a)
		}
		all = append(all, ir.ReduceAttrs{Axes: axes})
		if rank > 2 {
			all = append(all, ir.ReduceAttrs{Axes: []int{0, rank - 1}})
		}
	}
	return all
}

// Composite ops, gathers and views of every float dtype.
func TestOtherOps(t *testing.T) {
	t.Parallel()
	b := newBuilder(t, "others")
	n := b.dim("N", 2000)
	var dims []map[string]int64
	for _, l := range lengths[1:] {
		dims = append(dims, map[string]int64{"N": l})
	}
	one := func(attrs any, s []ir.Size, more ...[]ir.Size) func(o *ir.Op, d ir.DType) bool {
		return func(o *ir.Op, d ir.DType) bool {
			types := []ir.Type{typ(d, s)}
			for _, m := range more {
				types = append(types, typ(d, m))
			}
			name := fmt.Sprintf("%s_%s_%d", o.Name, d, len(b.module.Funcs))
			if slices.ContainsFunc(s, func(e ir.Size) bool { return e.Equal(n) }) {
				return b.try(name, op(o.Name, attrs), types[:len(o.Operands)], dims...)
			}
			return b.try(name, op(o.Name, attrs), types[:len(o.Operands)])
		}
	}
	take := func(attrs any, s, i []ir.Size) func(o *ir.Op, d ir.DType) bool {
		return func(o *ir.Op, d ir.DType) bool {
			ok := false
			for _, of := range []ir.DType{ir.I32, ir.U8, ir.I64} {
				ok = b.try(fmt.Sprintf("take_%s_%s_%d", d, of, len(b.module.Funcs)), op("take", attrs), []ir.Type{typ(d, s), typ(of, i)})
			}
			return ok
		}
	}
	cases := map[string][]func(o *ir.Op, d ir.DType) bool{
		"softmax":        {one(ir.SoftmaxAttrs{Axis: 1}, []ir.Size{ir.N(3), n}), one(ir.SoftmaxAttrs{Axis: 0}, shape(33, 4)), one(ir.SoftmaxAttrs{Axis: 1}, shape(2, 33, 4))},
		"log_softmax":    {one(ir.SoftmaxAttrs{Axis: 1}, []ir.Size{ir.N(3), n}), one(ir.SoftmaxAttrs{Axis: 0}, shape(33, 4))},
		"logsumexp":      {one(ir.ReduceAttrs{Axes: []int{1}}, []ir.Size{ir.N(3), n}), one(ir.ReduceAttrs{Axes: []int{0, 2}}, shape(7, 5, 33))},
		"var":            {one(ir.ReduceAttrs{Axes: []int{1}}, []ir.Size{ir.N(3), n}), one(ir.ReduceAttrs{Axes: []int{0, 2}}, shape(7, 5, 33))},
		"layer_norm":     {one(ir.NormAttrs{Eps: 1e-5}, []ir.Size{ir.N(3), n}, []ir.Size{n}, []ir.Size{n})},
		"rms_norm":       {one(ir.NormAttrs{Eps: 1e-5}, []ir.Size{ir.N(3), n}, []ir.Size{n})},
		"batch_norm":     {one(ir.NormAttrs{Eps: 10}, shape(7, 6), shape(6), shape(6), shape(6), shape(6))},
		"group_norm":     {one(ir.GroupNormAttrs{Groups: 3, Eps: 1e-5}, shape(2, 7, 31, 6), shape(6), shape(6))},
		"attention":      attentions(b),
		"rope":           ropes(b),
		"cross_entropy":  crossEntropies(b),
		"conv_winograd":  winograds(b),
		"threefry":       randoms(b),
		"fft":            {one(ir.FFTAttrs{}, []ir.Size{n, ir.N(6), ir.N(2)}), one(ir.FFTAttrs{Inverse: true}, shape(3, 33, 2)), one(ir.FFTAttrs{}, shape(2, 80, 2)), one(ir.FFTAttrs{}, shape(37, 2))},
		"conv_transpose": {one(ir.ConvTransposeAttrs{Stride: []int{2, 1}, Pad: []int{1, 0}, Dilation: []int{1, 2}, OutPad: []int{1, 0}, Groups: 2}, shape(2, 5, 6, 8), shape(6, 3, 2, 4)), one(ir.ConvTransposeAttrs{Stride: []int{2}, Pad: []int{1}, Dilation: []int{1}, OutPad: []int{0}, Groups: 1}, shape(1, 17, 9), shape(8, 4, 9))},
		"quantize":       {one(ir.QuantizeAttrs{Format: ir.Q4G32}, shape(3, 64)), one(ir.QuantizeAttrs{Format: ir.Q8G64, Plane: 1}, shape(5, 2, 128)), one(ir.QuantizeAttrs{Format: ir.Q4G128, Plane: 2}, shape(2, 128))},
		"flip":           {one(ir.FlipAttrs{Axes: []int{0, 1}}, shape(7, 33)), one(ir.FlipAttrs{Axes: []int{0}}, shape(7, 32))},
		"take":           {take(ir.AxisAttrs{Axis: 0}, shape(7, 33), shape(5)), take(ir.AxisAttrs{Axis: 1}, shape(7, 33), nil), take(ir.AxisAttrs{Axis: 0}, shape(7, 32), shape(31, 2))},
		"reshape":        {one(ir.ShapeAttrs{Shape: shape(35, 6)}, shape(6, 35)), one(ir.ShapeAttrs{Shape: shape()}, shape(1, 1))},
		"transpose":      {one(ir.PermAttrs{Perm: []int{2, 0, 1}}, shape(7, 31, 4)), one(ir.PermAttrs{Perm: []int{1, 0, 2}}, shape(7, 31, 4))},
		"broadcast":      {one(ir.ShapeAttrs{Shape: shape(3, 7, 4)}, shape(7, 1)), one(ir.ShapeAttrs{Shape: shape(3, 8)}, shape(8))},
		"slice":          {one(ir.SliceAttrs{Start: shape(1, 3), Step: []int{1, 2}, Size: shape(5, 15)}, shape(7, 33)), one(ir.SliceAttrs{Start: shape(1, 4), Step: []int{1, 1}, Size: shape(5, 8)}, shape(7, 32))},
		"update":         updates(b),
		"pad":            {one(ir.PadAttrs{Lo: []int{1, 2}, Hi: []int{0, 3}, Value: 1}, shape(7, 31))},
		"concat": {func(o *ir.Op, d ir.DType) bool {
			return b.try("concat_"+d.String(), op("concat", ir.AxisAttrs{Axis: 1}), []ir.Type{typ(d, shape(7, 31)), typ(d, shape(7, 1)), typ(d, shape(7, 4))})
		}},
		"max_pool": {one(ir.PoolAttrs{Size: []int{3}, Stride: []int{2}, Pad: []int{1}}, shape(2, 31, 5)), one(ir.PoolAttrs{Size: []int{2, 3}, Stride: []int{2, 1}, Pad: []int{0, 1}}, shape(2, 7, 8, 4)), one(ir.PoolAttrs{Size: []int{7, 8}, Stride: []int{1, 1}, Pad: []int{0, 0}}, shape(2, 7, 8, 4))},
		"const": {func(o *ir.Op, d ir.DType) bool {
			return b.try("const_"+d.String(), op("const", ir.ConstAttrs{Value: 1, DType: d, Shape: shape(7, 4)}), nil)
		}},
		"iota": {func(o *ir.Op, d ir.DType) bool {
			return b.try("iota_"+d.String(), op("iota", ir.IotaAttrs{DType: d, Shape: shape(7, 33), Axis: 1}), nil)
		}},
	}
	cases["avg_pool"] = cases["max_pool"]
	scans := []func(o *ir.Op, d ir.DType) bool{one(ir.ScanAttrs{Axis: 1, Reverse: true}, shape(2, 35)), one(ir.ScanAttrs{Axis: 0, Exclusive: true}, shape(5, 3))}
	sorts := []func(o *ir.Op, d ir.DType) bool{one(ir.SortAttrs{Axis: 1}, shape(2, 9)), one(ir.SortAttrs{Axis: 0, Descending: true}, shape(5, 3))}
	tops := []func(o *ir.Op, d ir.DType) bool{one(ir.TopKAttrs{Axis: 1, K: 3}, shape(2, 11))}
	cases["cumsum"], cases["cumprod"], cases["sort"], cases["argsort"], cases["topk"], cases["argtopk"] = scans, scans, sorts, sorts, tops, tops
	cases["gather"] = []func(o *ir.Op, d ir.DType) bool{func(o *ir.Op, d ir.DType) bool {
		return b.try("gather_"+d.String(), op("gather", ir.GatherAttrs{Axis: 1}), []ir.Type{typ(d, shape(7, 33)), typ(ir.I32, shape(7, 5))})
	}}
	for _, name := range []string{"scatter", "scatter_add"} {
		cases[name] = []func(o *ir.Op, d ir.DType) bool{func(o *ir.Op, d ir.DType) bool {
			return b.try(name+"_"+d.String(), op(name, ir.GatherAttrs{Axis: 1}), []ir.Type{typ(d, shape(7, 33)), typ(ir.I32, shape(7, 5)), typ(d, shape(7, 5))})
		}}
	}
	cases["merge"] = []func(o *ir.Op, d ir.DType) bool{func(o *ir.Op, d ir.DType) bool {
		return b.try("merge_"+d.String(), func(e *ir.Emit, x []*ir.Value) (*ir.Instr, error) {
			sorted, err := e.Op("sort", ir.SortAttrs{Axis: 1}, x...)
			if err != nil {
				return nil, err
			}
			if sorted, err = e.Op("concat", ir.AxisAttrs{Axis: 1}, sorted.Result(), sorted.Result()); err != nil {
				return nil, err
			}
			return e.Op("merge", ir.MergeAttrs{Axis: 1, Count: 7}, sorted.Result())
		}, []ir.Type{typ(d, shape(3, 4))})
	}}
	for _, o := range ir.Ops() {
		switch o.Kind {
		case ir.KindElementwise, ir.KindReduce, ir.KindContract:
			continue
		}
		if o.Name == "weight" || o.Name == "read" || o.Kind == ir.KindKernel {
			continue // no kernels
		}
		ran := 0
		for _, try := range cases[o.Name] {
			for _, d := range gpuDTypes() {
				if try(o, d) {
					ran++
				}
			}
		}
		if ran == 0 && o.Kind != ir.KindLoop && o.Kind != ir.KindDequant { // programs and TestQuantised have these
			t.Errorf("no case of %s", o.Name)
		}
	}
	count(t, b)
}

type attempt = func(o *ir.Op, d ir.DType) bool

// attentions are of heads of one size and another, of groups of heads, with every
// mask, and with as many keys as queries, more and fewer.
func attentions(b *builder) []attempt {
	n := b.dim("K", 70)
	var all []attempt
	add := func(a ir.AttentionAttrs, q, k, v []ir.Size, mask ...ir.Type) {
		all = append(all, func(o *ir.Op, d ir.DType) bool {
			types := append([]ir.Type{typ(d, q), typ(d, k), typ(d, v)}, mask...)
			return b.try(fmt.Sprintf("attention_%s_%d", d, len(b.module.Funcs)), op("attention", a), types, map[string]int64{"K": 1}, map[string]int64{"K": 37})
		})
	}
	add(ir.AttentionAttrs{Scale: 0.25}, shape(2, 3, 5, 8), []ir.Size{ir.N(2), ir.N(3), n, ir.N(8)}, []ir.Size{ir.N(2), ir.N(3), n, ir.N(5)})
	add(ir.AttentionAttrs{Scale: 0.5, Causal: true}, shape(1, 4, 3, 5), []ir.Size{ir.N(1), ir.N(2), n, ir.N(5)}, []ir.Size{ir.N(1), ir.N(2), n, ir.N(5)})
	add(ir.AttentionAttrs{Scale: 0.5}, shape(2, 2, 3, 4), shape(2, 1, 7, 4), shape(2, 1, 7, 4), typ(ir.Bool, shape(3, 7)))
	add(ir.AttentionAttrs{Scale: 0.5, Causal: true}, shape(2, 2, 1, 4), shape(2, 2, 7, 4), shape(2, 2, 7, 4), typ(ir.F32, shape(2, 1, 1, 7)))
	return all
}

func ropes(b *builder) []attempt {
	n := b.dim("P", 70)
	var all []attempt
	add := func(a ir.RopeAttrs, x []ir.Size, pos ...ir.Type) {
		a.Theta = 10000
		all = append(all, func(o *ir.Op, d ir.DType) bool {
			return b.try(fmt.Sprintf("rope_%s_%d", d, len(b.module.Funcs)), op("rope", a), append([]ir.Type{typ(d, x)}, pos...), map[string]int64{"P": 1}, map[string]int64{"P": 33})
		})
	}
	add(ir.RopeAttrs{Pos: ir.N(3), Factor: 1}, []ir.Size{ir.N(1), ir.N(2), n, ir.N(8)})
	add(ir.RopeAttrs{Pos: n, Interleaved: true, Factor: 4}, []ir.Size{n, ir.N(6)})
	add(ir.RopeAttrs{Factor: 8, Low: 1, High: 4, Context: 64}, shape(2, 3, 7, 16), typ(ir.U8, shape(2, 7)))
	return all
}

// winograds are of sizes that tiles of 2 by 2 divide and that they do not.
func winograds(b *builder) []attempt {
	n := b.dim("W", 20)
	return []attempt{func(o *ir.Op, d ir.DType) bool {
		x := []ir.Size{ir.N(2), ir.N(6), n.Add(ir.N(2)), ir.N(9)}
		return b.try("conv_winograd_"+d.String(), op("conv_winograd", ir.WinogradAttrs{Pad: []int{1, 0}}), []ir.Type{typ(d, x), typ(d, shape(8, 3, 3, 9))}, map[string]int64{"W": 1}, map[string]int64{"W": 12})
	}}
}

// randoms are of even and odd numbers of elements, and of one.
func randoms(b *builder) []attempt {
	n := b.dim("R", 70)
	return []attempt{func(o *ir.Op, d ir.DType) bool {
		a := ir.RandomAttrs{Shape: []ir.Size{ir.N(3), n}}
		return b.try("threefry_"+d.String(), op("threefry", a), []ir.Type{typ(d, shape(2))}, map[string]int64{"R": 1}, map[string]int64{"R": 32}, map[string]int64{"R": 67})
	}}
}

func updates(b *builder) []attempt {
	n := b.dim("U", 30)
	return []attempt{func(o *ir.Op, d ir.DType) bool {
		x, y := []ir.Size{ir.N(3), n.Add(ir.N(7)), ir.N(5)}, shape(3, 6, 5)
		return b.try("update_"+d.String(), op("update", ir.UpdateAttrs{Axis: 1, Start: n}), []ir.Type{typ(d, x), typ(d, y)}, map[string]int64{"U": 0}, map[string]int64{"U": 29})
	}}
}

func crossEntropies(b *builder) []attempt {
	n := b.dim("C", 2000)
	var all []attempt
	for _, labels := range []ir.DType{ir.U8, ir.I32, ir.I64} {
		all = append(all, func(o *ir.Op, d ir.DType) bool {
			return b.try(fmt.Sprintf("cross_entropy_%s_%s", d, labels), op("cross_entropy", ir.LossAttrs{}), []ir.Type{typ(d, []ir.Size{ir.N(5), n}), typ(labels, shape(5))}, map[string]int64{"C": 3}, map[string]int64{"C": 1000})
		})
	}
	return all
}
