package cpu

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dave/jennifer/jen"
	"github.com/google/go-cmp/cmp"

	"github.com/mlxc/mlxc/ir"
)

var update = flag.Bool("update", os.Getenv("MLXC_UPDATE") == "1", "rewrite the golden files")

// The kernels cover what the printer must say: guards, stages that share an
// axis, several reduced axes, one that nothing depends on, indices of extremes, streams,
// every storage type.
var kernels = map[string]func() *ir.Kernel{
	"conv":      conv,
	"softmax":   softmax,
	"argmax":    argmax,
	"half":      half,
	"attention": attention,
	"gated":     gated,
	"ones":      ones,
}

func TestGolden(t *testing.T) {
	for name, make := range kernels {
		t.Run(name, func(t *testing.T) {
			code, err := Kernel(make(), name)
			if err != nil {
				t.Fatal(err)
			}
			f := jen.NewFile("kernels")
			f.Add(code)
			var text strings.Builder
			if err := f.Render(&text); err != nil {
				t.Fatal(err)
			}
			got := text.String()
			path := filepath.Join("testdata", name+".go.golden")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
	files, err := filepath.Glob("testdata/*.go.golden")
	if err != nil || len(files) != len(kernels) {
		t.Errorf("%d golden files for %d kernels, %v", len(files), len(kernels), err)
	}
}

func axis(name string, n int64) *ir.Axis { return &ir.Axis{Name: name, Extent: ir.N(n)} }

// conv is a 3x3 convolution of [B, 8, 8, 4] with padding 1 and a bias.
func conv() *ir.Kernel {
	batch := &ir.Dim{Name: "B", Max: 16}
	b, y, x, o := &ir.Axis{Name: "b", Extent: batch.Size()}, axis("y", 8), axis("x", 8), axis("o", 6)
	ky, kx, c := axis("ky", 3), axis("kx", 3), axis("c", 4)
	d := ir.NewDAG()
	iy, ix := y.Index().Add(ky.Index()).Sub(ir.N(1)), x.Index().Add(kx.Index()).Sub(ir.N(1))
	in := d.Add(ir.Scalar{Kind: ir.ScalarLoad, DType: ir.F32, Arg: 0,
		Index: ir.Linear([]ir.Size{b.Index(), iy, ix, c.Index()}, []ir.Size{batch.Size(), ir.N(8), ir.N(8), ir.N(4)}),
		Guard: []ir.Bound{{Index: iy, Extent: ir.N(8)}, {Index: ix, Extent: ir.N(8)}}})
	w := d.Add(ir.Scalar{Kind: ir.ScalarLoad, DType: ir.F32, Arg: 1,
		Index: ir.Linear([]ir.Size{o.Index(), ky.Index(), kx.Index(), c.Index()}, []ir.Size{ir.N(6), ir.N(3), ir.N(3), ir.N(4)})})
	bias := d.Add(ir.Scalar{Kind: ir.ScalarLoad, DType: ir.F32, Arg: 2, Index: o.Index()})
	sum := d.Apply(ir.Add, d.Reduce(ir.Add, []*ir.Axis{ky, kx, c}, d.Apply(ir.Mul, in, w)), bias)
	return &ir.Kernel{
		Name: "conv",
		Args: []ir.KernelArg{
			{Name: "x", DType: ir.F32, Len: batch.Size().Mul(ir.N(256))},
			{Name: "w", DType: ir.F32, Len: ir.N(216)},
			{Name: "bias", DType: ir.F32, Len: ir.N(6)},
			{Name: "out", DType: ir.F32, Len: batch.Size().Mul(ir.N(384)), Write: true},
		},
		Dims:   []*ir.Dim{batch},
		Par:    []*ir.Axis{b, y, x, o},
		Values: d.Values,
		Stores: []ir.Store{{Arg: 3, Value: sum,
			Index: ir.Linear([]ir.Size{b.Index(), y.Index(), x.Index(), o.Index()}, []ir.Size{batch.Size(), ir.N(8), ir.N(8), ir.N(6)})}},
		Pos: &ir.Pos{File: "m.mlx", Line: 12, Col: 5},
	}
}

// gated is a contraction with two right factors, which no pass makes for the CPU.
func gated() *ir.Kernel {
	i, j, l := axis("i", 5), axis("j", 7), axis("l", 6)
	d := ir.NewDAG()
	load := func(arg int, at ir.Size) *ir.Scalar {
		return d.Add(ir.Scalar{Kind: ir.ScalarLoad, DType: ir.F32, Arg: arg, Index: at})
	}
	out := ir.Linear([]ir.Size{i.Index(), j.Index()}, []ir.Size{ir.N(5), ir.N(7)})
	x := load(0, ir.Linear([]ir.Size{i.Index(), l.Index()}, []ir.Size{ir.N(5), ir.N(6)}))
	c := &ir.Contract{M: []*ir.Axis{i}, N: []*ir.Axis{j}, A: x}
	for arg := 1; arg < 3; arg++ {
		w := load(arg, ir.Linear([]ir.Size{l.Index(), j.Index()}, []ir.Size{ir.N(6), ir.N(7)}))
		c.Rights = append(c.Rights, ir.Right{B: w, Sum: d.Reduce(ir.Add, []*ir.Axis{l}, d.Apply(ir.Mul, x, w))})
	}
	y := d.Apply(ir.Mul, d.Apply(ir.Exp, c.Rights[0].Sum), c.Rights[1].Sum)
	return &ir.Kernel{
		Name: "gated",
		Args: []ir.KernelArg{
			{Name: "x", DType: ir.F32, Len: ir.N(30)},
			{Name: "g", DType: ir.F32, Len: ir.N(42)},
			{Name: "u", DType: ir.F32, Len: ir.N(42)},
			{Name: "out", DType: ir.F32, Len: ir.N(35), Write: true},
		},
		Par:      []*ir.Axis{i, j},
		Values:   d.Values,
		Stores:   []ir.Store{{Arg: 3, Index: out, Value: y}},
		Contract: c,
	}
}

func softmax() *ir.Kernel {
	r, c := axis("r", 32), axis("c", 10)
	d := ir.NewDAG()
	at := ir.Linear([]ir.Size{r.Index(), c.Index()}, []ir.Size{ir.N(32), ir.N(10)})
	x := d.Add(ir.Scalar{Kind: ir.ScalarLoad, DType: ir.F32, Arg: 0, Index: at})
	e := d.Apply(ir.Exp, d.Apply(ir.Sub, x, d.Reduce(ir.Max, []*ir.Axis{c}, x)))
	y := d.Apply(ir.Div, e, d.Reduce(ir.Add, []*ir.Axis{c}, e))
	return &ir.Kernel{
		Name:   "softmax",
		Args:   []ir.KernelArg{{Name: "x", DType: ir.F32, Len: ir.N(320)}, {Name: "out", DType: ir.F32, Len: ir.N(320), Write: true}},
		Par:    []*ir.Axis{r},
		Inner:  c,
		Values: d.Values,
		Stores: []ir.Store{{Arg: 1, Index: at, Value: y}},
	}
}

// ones is a sum whose terms are the same, so that its loop has no variable.
func ones() *ir.Kernel {
	r := axis("r", 32)
	d := ir.NewDAG()
	x := d.Add(ir.Scalar{Kind: ir.ScalarLoad, DType: ir.F32, Arg: 0, Index: r.Index()})
	return &ir.Kernel{
		Name:   "ones",
		Args:   []ir.KernelArg{{Name: "x", DType: ir.F32, Len: ir.N(32)}, {Name: "out", DType: ir.F32, Len: ir.N(32), Write: true}},
		Par:    []*ir.Axis{r},
		Values: d.Values,
		Stores: []ir.Store{{Arg: 1, Index: r.Index(), Value: d.Reduce(ir.Add, []*ir.Axis{axis("l", 9)}, x)}},
	}
}

func argmax() *ir.Kernel {
	r, c := axis("r", 32), axis("c", 10)
	d := ir.NewDAG()
	x := d.Add(ir.Scalar{Kind: ir.ScalarLoad, DType: ir.F32, Arg: 0, Index: ir.Linear([]ir.Size{r.Index(), c.Index()}, []ir.Size{ir.N(32), ir.N(10)})})
	return &ir.Kernel{
		Name:   "argmax",
		Args:   []ir.KernelArg{{Name: "x", DType: ir.F32, Len: ir.N(320)}, {Name: "out", DType: ir.I32, Len: ir.N(32), Write: true}},
		Par:    []*ir.Axis{r},
		Inner:  c,
		Values: d.Values,
		Stores: []ir.Store{{Arg: 1, Index: r.Index(), Value: d.Reduce(ir.ArgMax, []*ir.Axis{c}, x)}},
	}
}

// half stores where(x < 0, 0.5*x, x) as f16 and whether x is NaN as bool.
func half() *ir.Kernel {
	i := axis("i", 100)
	d := ir.NewDAG()
	x := d.Wrap(d.Add(ir.Scalar{Kind: ir.ScalarLoad, DType: ir.F32, Arg: 0, Index: i.Index()}))
	leaky := x.Lt(x.Num(0)).Select(x.Mul(x.Num(0.5)), x)
	return &ir.Kernel{
		Name: "half",
		Args: []ir.KernelArg{
			{Name: "x", DType: ir.BF16, Len: ir.N(100)},
			{Name: "y", DType: ir.F16, Len: ir.N(100), Write: true},
			{Name: "bad", DType: ir.Bool, Len: ir.N(100), Write: true},
		},
		Inner:  i,
		Values: d.Values,
		Stores: []ir.Store{
			{Arg: 1, Index: i.Index(), Value: leaky.V},
			{Arg: 2, Index: i.Index(), Value: x.Fn(ir.IsNaN).V},
		},
	}
}
