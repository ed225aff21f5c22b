package metal_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/mlxc/mlxc/codegen/metal"
	"github.com/mlxc/mlxc/ir"
)

// Products of small sizes, every second in f32 and some of the other dtypes.
func TestProducts(t *testing.T) {
	t.Parallel()
	b := newBuilder(t, "products")
	ns := []int{1, 7, 31, 33, 64, 100}
	for i, m := range ns {
		for j, n := range ns {
			for l, k := range ns {
				for d, dtype := range []ir.DType{ir.F32, ir.F16, ir.BF16, ir.I32} {
					if step := []int{2, 8, 8, 8}[d]; (i+j+l+d)%step > 0 {
						continue
					}
					b.add(fmt.Sprintf("matmul_%s_%d_%d_%d", dtype, m, n, k), op("matmul", ir.MatmulAttrs{}), []ir.Type{typ(dtype, shape(m, k)), typ(dtype, shape(k, n))})
				}
			}
		}
	}
	b.forms(t, ir.FormPoints, ir.FormSimd, ir.FormTile)
}

// Products whose operands are batches, transposed, cut out or padded, and of sizes
// that a call decides.
func TestProductsOfViews(t *testing.T) {
	t.Parallel()
	b := newBuilder(t, "operands")
	transposed := func(axes ...int) body { return op("transpose", ir.PermAttrs{Perm: axes}) }
	views := []struct {
		name string
		a, b body // of the operands; nil: as they are
		x, y []ir.Size
	}{
		{"batch", nil, nil, shape(3, 33, 20), shape(3, 20, 40)},
		{"batches", nil, nil, shape(2, 3, 9, 16), shape(2, 3, 16, 8)},
		{"shared_left", nil, nil, shape(1, 33, 20), shape(3, 20, 40)},
		{"shared_right", nil, nil, shape(3, 33, 20), shape(20, 40)},
		{"left", transposed(1, 0), nil, shape(20, 33), shape(20, 40)},
		{"right", nil, transposed(1, 0), shape(33, 20), shape(40, 20)},
		{"both", transposed(1, 0), transposed(1, 0), shape(20, 33), shape(40, 20)},
		{"heads", transposed(0, 2, 1, 3), transposed(0, 2, 3, 1), shape(2, 33, 3, 16), shape(2, 35, 3, 16)},
		{"cut", op("slice", ir.SliceAttrs{Start: shape(1, 3), Step: []int{2, 1}, Size: shape(17, 20)}), nil, shape(40, 30), shape(20, 40)},
		{"padded", op("pad", ir.PadAttrs{Lo: []int{1, 2}, Hi: []int{3, 4}}), nil, shape(30, 14), shape(20, 40)},
		{"flat", nil, nil, shape(130, 9), shape(9, 129)},
		{"large", nil, nil, shape(130, 48), shape(48, 129)},
		{"wide", nil, nil, shape(8, 200), shape(200, 256)},
		{"tall", nil, nil, shape(256, 17), shape(17, 10)},
		{"column", nil, nil, shape(9, 1000), shape(1000, 1)},
		{"row", nil, nil, shape(1, 2000), shape(2000, 3)},
		{"outer", nil, nil, shape(33, 1), shape(1, 40)},
	}
	for _, v := range views {
		for _, dtype := range []ir.DType{ir.F32, ir.F16, ir.BF16} {
			b.add(v.name+"_"+dtype.String(), func(e *ir.Emit, x []*ir.Value) (*ir.Instr, error) {
				args := []*ir.Value{x[0], x[1]}
				for i, view := range []body{v.a, v.b} {
					if view == nil {
						continue
					}
					in, err := view(e, []*ir.Value{x[i]})
					if err != nil {
						return nil, err
					}
					args[i] = in.Result()
				}
				return e.Op("matmul", ir.MatmulAttrs{}, args...)
			}, []ir.Type{typ(dtype, v.x), typ(dtype, v.y)})
		}
	}
	m, n, k := b.dim("M", 100), b.dim("N", 100), b.dim("K", 100)
	var dims []map[string]int64
	for _, d := range [][3]int64{{0, 7, 3}, {1, 1, 1}, {7, 31, 33}, {32, 64, 16}, {33, 65, 17}, {100, 100, 100}, {5, 5, 0}} {
		dims = append(dims, map[string]int64{"M": d[0], "N": d[1], "K": d[2]})
	}
	b.add("dims", op("matmul", ir.MatmulAttrs{}), []ir.Type{typ(ir.F32, []ir.Size{m, k}), typ(ir.F32, []ir.Size{k, n})}, dims...)
	b.add("dims_square", op("matmul", ir.MatmulAttrs{}), []ir.Type{typ(ir.F16, []ir.Size{m, m}), typ(ir.F16, []ir.Size{m, m})}, dims...)
	b.forms(t, ir.FormPoints, ir.FormSimd, ir.FormGroup, ir.FormTile)
}

// Products of one left factor that meet element by element are one kernel, whatever their
// number, their dtypes and how their operands lie. Sums of what is drawn are exact, so that
// what is left is the error of tanh and of roundings.
func TestGatedUnits(t *testing.T) {
	t.Parallel()
	b := newBuilder(t, "gated")
	m, n, k := b.dim("M", 100), b.dim("N", 100), b.dim("K", 100)
	var dims []map[string]int64
	for _, d := range [][3]int64{{0, 7, 3}, {1, 1, 1}, {7, 31, 33}, {64, 32, 16}, {65, 33, 17}, {5, 5, 0}} {
		dims = append(dims, map[string]int64{"M": d[0], "N": d[1], "K": d[2]})
	}
	for _, c := range []struct {
		name   string
		x, w   []ir.Size
		rights int
		turned bool // the right factors are transposed
		bias   bool
		dims   []map[string]int64
	}{
		{"small", shape(9, 8), shape(8, 10), 2, false, false, nil},
		{"odd", shape(33, 17), shape(17, 41), 2, false, true, nil},
		{"even", shape(64, 32), shape(64, 32), 2, true, false, nil},
		{"large", shape(130, 31), shape(129, 31), 2, true, true, nil},
		{"batch", shape(3, 33, 20), shape(3, 20, 40), 2, false, true, nil},
		{"three", shape(40, 19), shape(19, 70), 3, false, true, nil},
		{"many", shape(20, 24), shape(24, 33), 7, false, false, nil},
		{"dims", []ir.Size{m, k}, []ir.Size{k, n}, 2, false, true, dims},
	} {
		for _, dtype := range []ir.DType{ir.F32, ir.F16, ir.BF16} {
			types := []ir.Type{typ(dtype, c.x)}
			for range c.rights {
				types = append(types, typ(dtype, c.w))
			}
			if c.bias {
				types = append(types, typ(dtype, c.w[len(c.w)-1:]))
				if c.turned {
					types[len(types)-1].Shape = c.w[:1]
				}
			}
			b.add(c.name+"_"+dtype.String(), gated(c.rights, c.turned), types, c.dims...)
		}
	}
	half := typ(ir.F16, shape(33, 20))
	b.add("mixed", func(e *ir.Emit, x []*ir.Value) (*ir.Instr, error) { // f16 by f16 and by f32
		args := slices.Clone(x)
		for i := range 2 {
			in, err := e.Op("cast", ir.CastAttrs{DType: ir.F32}, x[i])
			if err != nil {
				return nil, err
			}
			args[i] = in.Result()
		}
		return gated(2, false)(e, args)
	}, []ir.Type{half, typ(ir.F16, shape(20, 40)), typ(ir.F32, shape(20, 40))})

	unit := map[ir.DType]float64{ir.F32: 0x1p-23, ir.F16: 0x1p-10, ir.BF16: 0x1p-7}
	for _, p := range b.programs {
		for _, x := range p.inputs {
			for i := range x.F {
				x.F[i] = float64(b.r.IntN(17)-8) / 8
			}
		}
		f := b.module.Funcs[slices.IndexFunc(b.module.Funcs, func(f *ir.Func) bool { return f.Name == p.entry })]
		var err error
		if p.want, err = b.module.Eval(f, nil, p.inputs); err != nil {
			t.Fatal(err)
		}
		out := f.Results[0].Type.DType
		tol := ir.LookupOp("tanh").Tolerance
		tol.Rel += float64(len(p.inputs)) * unit[out]
		p.allows = func(_ int, got, want float64) bool { return tol.Allows(got, want, out, 1) }
	}
	b.forms(t, ir.FormTile)
	for _, k := range b.module.Kernels {
		if k.Schedule.Form != ir.FormTile || len(k.Contract.Rights) < 2 {
			t.Errorf("kernel %s is of form %s", k.Name, k.Schedule.Form)
		}
	}
}

// gated is tanh of the product of the first operand and the second, times the products of
// the first and others. A last operand, if any, is a bias of the first product.
func gated(rights int, turned bool) body {
	return func(e *ir.Emit, x []*ir.Value) (*ir.Instr, error) {
		var last *ir.Instr
		var err error
		then := func(name string, attrs any, args ...*ir.Value) *ir.Value {
			if err == nil {
				last, err = e.Op(name, attrs, args...)
			}
			if err != nil {
				return args[0]
			}
			return last.Result()
		}
		var y *ir.Value
		for i, w := range x[1 : rights+1] {
			if turned {
				w = then("transpose", ir.PermAttrs{Perm: []int{1, 0}}, w)
			}
			p := then("matmul", ir.MatmulAttrs{}, x[0], w)
			switch {
			case i > 0:
				y = then("mul", nil, y, p)
				continue
			case len(x) > rights+1:
				p = then("add", nil, p, then("broadcast", ir.ShapeAttrs{Shape: p.Type.Shape}, x[rights+1]))
			}
			y = then("tanh", nil, p)
		}
		return last, err
	}
}

// Convolutions with strides, dilations, paddings and groups, of one to three axes.
func TestConvolutions(t *testing.T) {
	t.Parallel()
	b := newBuilder(t, "convolutions")
	for _, c := range []struct {
		name                  string
		x, w                  []ir.Size
		stride, pad, dilation []int
		groups                int
	}{
		{"same", shape(2, 9, 9, 8), shape(16, 3, 3, 8), []int{1, 1}, []int{1, 1}, []int{1, 1}, 1},
		{"valid", shape(1, 9, 8, 3), shape(10, 3, 2, 3), []int{1, 1}, []int{0, 0}, []int{1, 1}, 1},
		{"strided", shape(2, 11, 13, 5), shape(12, 3, 3, 5), []int{2, 3}, []int{1, 0}, []int{1, 1}, 1},
		{"dilated", shape(1, 12, 12, 4), shape(9, 3, 3, 4), []int{1, 1}, []int{2, 2}, []int{2, 2}, 1},
		{"pointwise", shape(2, 5, 7, 33), shape(31, 1, 1, 33), []int{1, 1}, []int{0, 0}, []int{1, 1}, 1},
		{"grouped", shape(2, 6, 6, 16), shape(24, 3, 3, 8), []int{1, 1}, []int{1, 1}, []int{1, 1}, 2},
		{"depthwise", shape(2, 6, 6, 12), shape(12, 3, 3, 1), []int{1, 1}, []int{1, 1}, []int{1, 1}, 12},
		{"single", shape(2, 6, 6, 40), shape(1, 3, 3, 40), []int{1, 1}, []int{1, 1}, []int{1, 1}, 1},
		{"line", shape(3, 50, 7), shape(9, 5, 7), []int{2}, []int{2}, []int{1}, 1},
		{"volume", shape(1, 4, 5, 6, 3), shape(8, 2, 3, 3, 3), []int{1, 1, 2}, []int{1, 0, 1}, []int{1, 2, 1}, 1},
		{"large", shape(1, 16, 16, 4), shape(130, 3, 3, 4), []int{1, 1}, []int{1, 1}, []int{1, 1}, 1},
	} {
		for _, dtype := range []ir.DType{ir.F32, ir.F16, ir.BF16, ir.I32} {
			b.add(c.name+"_"+dtype.String(), op("conv", ir.ConvAttrs{Stride: c.stride, Pad: c.pad, Dilation: c.dilation, Groups: c.groups}),
				[]ir.Type{typ(dtype, c.x), typ(dtype, c.w)})
		}
	}
	batch := b.dim("B", 4)
	b.add("dims", op("conv", ir.ConvAttrs{Stride: []int{1, 1}, Pad: []int{1, 1}, Dilation: []int{1, 1}, Groups: 1}),
		[]ir.Type{typ(ir.F32, []ir.Size{batch, ir.N(7), ir.N(7), ir.N(3)}), typ(ir.F32, shape(8, 3, 3, 3))},
		map[string]int64{"B": 0}, map[string]int64{"B": 1}, map[string]int64{"B": 3})
	b.forms(t, ir.FormPoints, ir.FormSimd, ir.FormTile)
}

// Attention of sizes around those of its tiles, with and without masks, of heads that
// share keys, and of sizes that a call decides.
func TestAttention(t *testing.T) {
	t.Parallel()
	b := newBuilder(t, "attention")
	sizes := []struct{ heads, groups, queries, keys, terms, columns int }{
		{4, 4, 33, 65, 8, 8}, {4, 2, 7, 100, 40, 33}, {4, 1, 1, 31, 5, 3}, {2, 2, 64, 32, 32, 64}, {3, 1, 20, 9, 33, 40}, {1, 1, 9, 40, 256, 256}, {8, 1, 1, 300, 40, 33}, {2, 2, 5, 170, 16, 64},
	}
	for i, s := range sizes {
		for j, dtype := range []ir.DType{ir.F32, ir.F16, ir.BF16} {
			if j > 0 && (i+j)%2 > 0 {
				continue
			}
			q, k, v := shape(2, s.heads, s.queries, s.terms), shape(2, s.groups, s.keys, s.terms), shape(2, s.groups, s.keys, s.columns)
			types := []ir.Type{typ(dtype, q), typ(dtype, k), typ(dtype, v)}
			switch (i + j) % 3 {
			case 1:
				types = append(types, typ(ir.Bool, shape(2, 1, s.queries, s.keys)))
			case 2:
				types = append(types, typ(dtype, shape(1, s.heads, 1, s.keys)))
			}
			b.add(fmt.Sprintf("attention_%d_%s", i, dtype), op("attention", ir.AttentionAttrs{Scale: 0.5, Causal: j == 0}), types)
		}
	}
	queries, keys := b.dim("T", 70), b.dim("S", 150)
	q, k := []ir.Size{ir.N(2), ir.N(4), queries, ir.N(16)}, []ir.Size{ir.N(2), ir.N(2), keys, ir.N(16)}
	var dims []map[string]int64
	for _, d := range [][2]int64{{0, 3}, {1, 1}, {1, 150}, {33, 33}, {40, 7}, {3, 0}, {70, 129}} {
		dims = append(dims, map[string]int64{"T": d[0], "S": d[1]})
	}
	b.add("dims", op("attention", ir.AttentionAttrs{Scale: 0.5, Causal: true}), []ir.Type{typ(ir.F32, q), typ(ir.F32, k), typ(ir.F32, k)}, dims...)
	heads := func(e *ir.Emit, x []*ir.Value) (*ir.Instr, error) { // [B, T, H*D]
		args := make([]*ir.Value, 3)
		for i, v := range x {
			s := v.Type.Shape
			split, err := e.Op("reshape", ir.ShapeAttrs{Shape: []ir.Size{s[0], s[1], ir.N(4), ir.N(8)}}, v)
			if err != nil {
				return nil, err
			}
			turned, err := e.Op("transpose", ir.PermAttrs{Perm: []int{0, 2, 1, 3}}, split.Result())
			if err != nil {
				return nil, err
			}
			args[i] = turned.Result()
		}
		in, err := e.Op("attention", ir.AttentionAttrs{Scale: 1, Causal: true}, args...)
		if err != nil {
			return nil, err
		}
		turned, err := e.Op("transpose", ir.PermAttrs{Perm: []int{0, 2, 1, 3}}, in.Result())
		if err != nil {
			return nil, err
		}
		return e.Op("reshape", ir.ShapeAttrs{Shape: x[0].Type.Shape}, turned.Result())
	}
	beside := typ(ir.F32, []ir.Size{ir.N(2), queries, ir.N(32)})
	b.add("heads", heads, []ir.Type{beside, beside, beside}, dims...)
	for i, c := range [][2]int{{9, 40}, {9, 50}, {8, 40}, {8, 50}} { // queries; the first keys, or all, have scores of -inf
		one, hidden := typ(ir.F32, shape(1, 1, c[0], 8)), c[1]
		keys := typ(ir.F32, shape(1, 1, 50, 8))
		b.add(fmt.Sprintf("lowest_%d", i), op("attention", ir.AttentionAttrs{Scale: 1}), []ir.Type{one, keys, keys})
		p, f := b.programs[len(b.programs)-1], b.module.Funcs[len(b.module.Funcs)-1]
		for n := 0; n < p.inputs[0].Len(); n += 8 {
			p.inputs[0].F[n] = 1
		}
		for n := range hidden {
			p.inputs[1].F[8*n] = math.Inf(-1)
		}
		var err error
		if p.want, err = b.module.Eval(f, nil, p.inputs); err != nil {
			t.Fatal(err)
		}
	}
	count(t, b)
	for _, k := range b.module.Kernels {
		if k.Schedule.Form != ir.FormStream {
			t.Errorf("kernel %s is of form %s", k.Name, k.Schedule.Form)
		}
	}
}

// forms runs the programs, whose kernels must have all of the forms.
func (b *builder) forms(t *testing.T, want ...ir.Form) {
	t.Helper()
	count(t, b)
	has := map[ir.Form]int{}
	for _, k := range b.module.Kernels {
		has[k.Schedule.Form]++
	}
	t.Log(has)
	for _, f := range want {
		if has[f] == 0 {
			t.Errorf("no kernel is of form %s", f)
		}
	}
}

// Kernels whose sizes may leave 32 bits, in each form, on small ones.
func TestLongIndices(t *testing.T) {
	t.Parallel()
	b := newBuilder(t, "long")
	m, n := b.dim("M", 1<<20), b.dim("N", 1<<20)
	dims := []map[string]int64{{"M": 0, "N": 3}, {"M": 3, "N": 7}, {"M": 33, "N": 40}, {"M": 2, "N": 1000}}
	both := []ir.Type{typ(ir.F32, []ir.Size{m, n})}
	b.add("neg", op("neg", nil), both, dims...)
	b.add("transposed", op("transpose", ir.PermAttrs{Perm: []int{1, 0}}), both, dims...)
	b.add("sum", op("sum", ir.ReduceAttrs{Axes: []int{1}}), both, dims...)
	b.add("sums", op("sum", ir.ReduceAttrs{Axes: []int{0}}), both, dims...)
	b.add("argmax", op("argmax", ir.IndexAttrs{Axis: 1}), both, dims...)
	b.add("matmul", op("matmul", ir.MatmulAttrs{}), []ir.Type{typ(ir.F32, []ir.Size{m, n}), typ(ir.F32, []ir.Size{n, m})}, dims...)
	b.forms(t, ir.FormPoints, ir.FormGroup, ir.FormTile)
	for _, k := range b.module.Kernels {
		if !metal.LongDims(k) {
			t.Errorf("%s has short indices", k.Name)
		}
	}
}
