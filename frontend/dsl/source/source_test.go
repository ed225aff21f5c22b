package source

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/mlxc/mlxc/frontend/dsl"
	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/frontend/onnx"
	"github.com/mlxc/mlxc/internal/random"
	"github.com/mlxc/mlxc/ir"
)

func TestSourceOfModels(t *testing.T) {
	files, err := filepath.Glob("../../../testdata/*/*.mlx")
	if err != nil || len(files) < 25 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			p, err := dsl.Load(file, dsl.Options{})
			if err != nil {
				t.Skip("it is no model by itself:", err)
			}
			text, err := roundTrip(p.Module())
			var no *unsayable
			switch {
			case errors.As(err, &no):
				t.Skip(err)
			case err != nil:
				t.Errorf("%v\n%s", err, text)
			}
			if os.Getenv("SOURCE_SHOW") != "" {
				t.Log("\n" + text)
			}
		})
	}
}

// settle makes params of states of constant sizes that nothing writes, as the builder does.
func settle(m *ir.Module) {
	written := map[*ir.Param]bool{}
	for _, w := range m.Funcs[0].Writes {
		written[w.State] = true
	}
	for _, in := range m.Funcs[0].Body {
		a, ok := in.Attrs.(ir.ReadAttrs)
		if !ok || written[a.State] || slices.ContainsFunc(a.Shape, func(n ir.Size) bool { _, ok := n.Int(); return !ok }) {
			continue
		}
		a.State.State = false
		in.Op, in.Attrs = ir.LookupOp("weight"), ir.WeightAttrs{Param: a.State}
	}
}

// neverSaid are the ops that no random program has in words: steps of others, and what only the
// models above have.
var neverSaid = []string{"merge", "kernel", "dequant", "fft"}

func TestSourceOfRandomPrograms(t *testing.T) {
	seeds, said := uint64(100), map[string]bool{}
	if testing.Short() {
		seeds = 30
	}
	for seed := range seeds {
		placed := random.Module(seed, random.AllKinds)
		random.Place(placed, seed)
		for name, m := range map[string]*ir.Module{
			"module": random.Module(seed, random.AllKinds), "stateful": random.Stateful(seed, random.AllKinds),
			"looped": random.Looped(seed), "placed": placed,
		} {
			settle(m)
			if !callable(m) {
				continue
			}
			text, err := roundTrip(m)
			var no *unsayable
			switch {
			case err == nil:
				for _, f := range m.Bodies() {
					for _, in := range f.Body {
						said[in.Op.Name] = true
					}
				}
			case !errors.As(err, &no):
				t.Errorf("%s %d: %v\n%s", name, seed, err, text)
			}
		}
	}
	for _, op := range ir.Ops() {
		if !said[op.Name] && !slices.Contains(neverSaid, op.Name) && !testing.Short() {
			t.Errorf("no program has %s", op.Name)
		}
	}
}

// callable reports that the sizes of a module's inputs are such as a call can tell dims by, and
// that none may be negative.
func callable(m *ir.Module) bool {
	for _, f := range m.Funcs {
		for _, v := range f.Inputs {
			for _, n := range v.Type.Shape {
				atoms := 0
				for _, t := range n.Terms() {
					atoms += len(t.Atoms)
					if len(t.Atoms) == 1 && t.Atoms[0].Kind != ir.AtomDim {
						return false
					}
				}
				if atoms > 1 || !n.AtLeast(0) {
					return false
				}
			}
		}
		for _, in := range f.Body {
			for _, r := range in.Results {
				if slices.ContainsFunc(r.Type.Shape, func(n ir.Size) bool { return !n.AtLeast(0) }) {
					return false
				}
			}
		}
	}
	return true
}

// What a person would write reads so.
func TestSourceReads(t *testing.T) {
	for _, file := range []string{"models/llama", "models/vit", "models/rnn", "models/kernels", "models/resnet18", "places/places"} {
		p, err := dsl.Load("../../../testdata/"+file+".mlx", dsl.Options{})
		if err != nil {
			t.Fatal(err)
		}
		text, err := Of(p.Module())
		if err != nil {
			t.Fatal(err)
		}
		golden := "testdata/" + filepath.Base(file) + ".mlx"
		if os.Getenv("MLXC_UPDATE") != "" {
			if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if d := gocmp.Diff(string(want), text); d != "" {
			t.Errorf("%s (MLXC_UPDATE=1 rewrites it):\n%s", golden, d)
		}
	}
}

// A kernel has as parameters the names of its text that the types of its operands do not bind.
func TestSourceOfKernels(t *testing.T) {
	b := mlx.New("m")
	n := b.Dim("N", 9)
	b.Entry("run", func(e *mlx.Entry) {
		x, y := e.In("x", "f32[N, 4]"), e.In("y", "f32[N, 4]")
		for _, width := range []int{4, 8} { // which is that of the operands, or none
			k := mlx.Kernel{Name: "both", In: []string{"a", "b"}, Out: []string{"more", "less"}, Grid: []ir.Size{n.Mul(mlx.N(4))}, Group: []int{64}, Shared: 3,
				DTypes: map[string]mlx.DType{"wide": ir.F32}, Sizes: mlx.Axes{"rows": n, "width": mlx.N(width)}, Numbers: map[string]float64{"by": 0.5},
				Metal: "uint i = thread_position_in_grid.x; if (i < rows * width) { more[i] = wide(a[i]) + by; less[i] = a[i] - b[i]; }"}
			out := b.Kernel(k, func(args []mlx.Value) []mlx.Value { return []mlx.Value{args[0].AddN(0.5), args[0].Sub(args[1])} }, x, y)
			x, y = out[1], out[0]
		}
		e.Out("x", x)
	})
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	text, err := roundTrip(p.Module())
	if err != nil {
		t.Errorf("%v\n%s", err, text)
	}
	for _, want := range []string{
		"kernel both(a: f32[rows, width], b: f32[rows, width], by: float, wide: dtype)\n    -> (more: f32[rows, width], less: f32[rows, width]) {\n  ref { return a + 0.5, a - b }\n",
		"kernel both_2(a: f32[rows, 4], b: f32[rows, 4], by: float, width: int, wide: dtype)",
		"x, x_2 = both(x, y, 0.5, f32)",
		"_, x = both_2(x_2, x, 0.5, 8, f32)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
}

// Operators bind as they do in the language, and numbers are as they were to the last bit.
func TestSourceOfExpressions(t *testing.T) {
	type v = mlx.Value
	type ops = func(name string, xs ...v) v
	for want, make := range map[string]func(b *mlx.Builder, op ops, x, y, p, i v) v{
		"return x ** y ** x":     func(b *mlx.Builder, op ops, x, y, p, i v) v { return op("pow", x, op("pow", y, x)) },
		"return (x ** y) ** x":   func(b *mlx.Builder, op ops, x, y, p, i v) v { return op("pow", op("pow", x, y), x) },
		"return -x ** -y":        func(b *mlx.Builder, op ops, x, y, p, i v) v { return op("neg", op("pow", x, op("neg", y))) },
		"return (-x) ** y":       func(b *mlx.Builder, op ops, x, y, p, i v) v { return op("pow", op("neg", x), y) },
		"return x - (y - x)":     func(b *mlx.Builder, op ops, x, y, p, i v) v { return op("sub", x, op("sub", y, x)) },
		"return x - y - x":       func(b *mlx.Builder, op ops, x, y, p, i v) v { return op("sub", op("sub", x, y), x) },
		"return (x + y) * x / y": func(b *mlx.Builder, op ops, x, y, p, i v) v { return op("div", op("mul", op("add", x, y), x), y) },
		"return x / (x * y)":     func(b *mlx.Builder, op ops, x, y, p, i v) v { return op("div", x, op("mul", x, y)) },
		"return x @ (y * x).T":   func(b *mlx.Builder, op ops, x, y, p, i v) v { return x.MatMul(op("mul", y, x).T()) },
		"return div(i, i + 1)":   func(b *mlx.Builder, op ops, x, y, p, i v) v { return op("div", i, i.AddN(1)) },
		"return i % -3":          func(b *mlx.Builder, op ops, x, y, p, i v) v { return op("mod", i, b.Number(ir.I32, -3)) },
		"return eq(2, x)":        func(b *mlx.Builder, op ops, x, y, p, i v) v { return op("eq", b.Number(ir.F32, 2), x) },
		"return x != 2":          func(b *mlx.Builder, op ops, x, y, p, i v) v { return op("ne", x, b.Number(ir.F32, 2)) },
		"return (x < y) == p":    func(b *mlx.Builder, op ops, x, y, p, i v) v { return op("eq", op("lt", x, y), p) },
		"return not (p and x >= 0)": func(b *mlx.Builder, op ops, x, y, p, i v) v {
			return op("not", op("and", p, op("ge", x, b.Number(ir.F32, 0))))
		},
		"return not p or p and p":      func(b *mlx.Builder, op ops, x, y, p, i v) v { return op("or", op("not", p), op("and", p, p)) },
		"return bit_and(p, true)":      func(b *mlx.Builder, op ops, x, y, p, i v) v { return op("and", p, b.Number(ir.Bool, 1)) },
		"return bit_or(bit_not(i), i)": func(b *mlx.Builder, op ops, x, y, p, i v) v { return op("or", op("not", i), i) },
		"return where(p, x, -0.0)": func(b *mlx.Builder, op ops, x, y, p, i v) v {
			return op("where", p, x, b.Number(ir.F32, math.Copysign(0, -1)))
		},
		"return where(p, full([], 0.1, f32), -inf)": func(b *mlx.Builder, op ops, x, y, p, i v) v {
			return op("where", p, b.Number(ir.F32, float64(float32(0.1))), b.Number(ir.F32, math.Inf(-1)))
		},
		"return x * 1e-09 + 0.30000000000000004": func(b *mlx.Builder, op ops, x, y, p, i v) v {
			return op("add", op("mul", x, b.Number(ir.F32, 1e-9)), b.Number(ir.F32, 0.30000000000000004))
		},
		"return x + (inf - inf)":  func(b *mlx.Builder, op ops, x, y, p, i v) v { return op("add", x, b.Number(ir.F32, math.NaN())) },
		"return leaky_relu(x)":    func(b *mlx.Builder, op ops, x, y, p, i v) v { return op("leaky_relu", x, b.Number(ir.F32, 0.01)) },
		"return leaky_relu(x, y)": func(b *mlx.Builder, op ops, x, y, p, i v) v { return op("leaky_relu", x, y) },
		"return x[::2]":           func(b *mlx.Builder, op ops, x, y, p, i v) v { return x.At(mlx.Every.By(2)) },
		"return x[0, 1::2][none]": func(b *mlx.Builder, op ops, x, y, p, i v) v {
			return x.At(mlx.Pick(mlx.N(0)), mlx.From(mlx.N(1)).By(2)).At(mlx.NewAxis)
		},
		"return mean(x, 0, keep=true)": func(b *mlx.Builder, op ops, x, y, p, i v) v { return mlx.Mean(x, 0).At(mlx.NewAxis) },
		"return stack([x, y], -1)":     func(b *mlx.Builder, op ops, x, y, p, i v) v { return mlx.Stack(-1, x, y) },
		"return array([[1, 2], [3, 4]], f32) @ x": func(b *mlx.Builder, op ops, x, y, p, i v) v {
			return mlx.Stack(0, b.Array(ir.F32, 1, 2), b.Array(ir.F32, 3, 4)).MatMul(x.At(mlx.To(mlx.N(2))))
		},
	} {
		b := mlx.New("m")
		b.Entry("run", func(e *mlx.Entry) {
			op := func(name string, xs ...v) v { return b.Op(name, nil, xs...) }
			e.Out("z", make(b, op, e.In("x", "f32[4, 4]"), e.In("y", "f32[4, 4]"), e.In("p", "bool[4, 4]"), e.In("i", "i32[4, 4]")))
		})
		p, err := b.Build()
		if err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		text, err := roundTrip(p.Module())
		if err != nil || !strings.Contains(text, want) {
			t.Errorf("want %s: %v\n%s", want, err, text)
		}
	}
}

// The blocks of a list are called by a `for` if they do the same, each with what the one before
// has made, and else one by one.
func TestSourceRepeats(t *testing.T) {
	type v = mlx.Value
	for _, c := range []struct {
		name  string
		again bool
		layer func(i int, w, first, a, b v) (v, v)
	}{
		{"equal", true, func(i int, w, first, a, b v) (v, v) {
			return mlx.ReLU(a.MatMul(w)).Add(b), mlx.Softmax(b.Mul(w), 0).MulN(3)
		}},
		{"with what is given to all", true, func(i int, w, first, a, b v) (v, v) { return a.MatMul(w).Add(first), b.Mul(a) }},
		{"another number", false, func(i int, w, first, a, b v) (v, v) { return a.MatMul(w).AddN(float64(i)), b.Add(a) }},
		{"another axis", false, func(i int, w, first, a, b v) (v, v) { return mlx.Softmax(a.MatMul(w), i%2), b.Add(a) }},
		{"another op", false, func(i int, w, first, a, b v) (v, v) {
			if i == 1 {
				return mlx.Tanh(a.MatMul(w)), b.Add(a)
			}
			return mlx.ReLU(a.MatMul(w)), b.Add(a)
		}},
		{"exchanged", false, func(i int, w, first, a, b v) (v, v) {
			if a, b = a.Mul(w), b.Mul(w); i == 1 {
				return b, a
			}
			return a, b
		}},
	} {
		b := mlx.New("m")
		var ws, bs []v
		for i := range 4 {
			ws = append(ws, b.Param(fmt.Sprintf("layers.%d.proj.w", i), "f32[4, 4]"))
			bs = append(bs, b.Param(fmt.Sprintf("layers.%d.b", i), "f32[4]"))
		}
		b.Entry("run", func(e *mlx.Entry) {
			x, y := e.In("x", "f32[4, 4]"), e.In("y", "f32[4, 4]")
			first, a, d := mlx.Sigmoid(x), x.AddN(1), y.AddN(2)
			for i, w := range ws {
				a, d = c.layer(i, w, first, a.Add(bs[i]), d)
			}
			e.Out("a", a.Neg())
			e.Out("d", d)
			e.Out("first", first)
		})
		p, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		text, err := roundTrip(p.Module())
		if err != nil || strings.Contains(text, "for layer in layers {") != c.again {
			t.Errorf("%s: %v\n%s", c.name, err, text)
		}
	}
}

// Names of all kinds, and paths that share steps, are told apart.
func TestSourceOfNames(t *testing.T) {
	b := mlx.New("names")
	n := b.DimRange("N", 1, 4)
	typ := ir.Type{DType: ir.F32, Shape: []ir.Size{n, ir.N(2)}}
	var params []mlx.Value
	for _, path := range []string{
		"", "a", "a.b", "a.0", "a.1", "b..c", "d.", "x", "N", "sum", "return", "e f", "g[0].h", "1", "2.weight", "2.bias",
		"list.0.w", "list.1.w", "list.2.w", "row.step1.v", "row.step2.v", "row.step3.v", "row.step3.w", "nn", "Row", "é\"\\.w",
	} {
		params = append(params, b.ParamOf(path, ir.Type{DType: ir.F32, Shape: []ir.Size{ir.N(2)}}))
	}
	b.Entry("run", func(e *mlx.Entry) {
		x := e.InOf("state", typ)
		y := e.InOf("sum", typ)
		z := x.Mul(y).Label("x").Add(e.InOf("x", typ)).Label("N_")
		for _, p := range params {
			z = z.Add(p).Label("relu")
		}
		e.Out("return", z)
	})
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	if text, err := roundTrip(p.Module()); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
}

// A param whose elements are not drawn alike is declared as the checkpoint has it.
func TestSourceOfOrthogonal(t *testing.T) {
	b := mlx.New("m")
	w := b.Param("w", "f32[2, 3, 4]", mlx.Init(ir.Init{Name: "orthogonal", Args: []float64{1}}))
	b.Entry("run", func(e *mlx.Entry) { e.Out("y", w.Transpose(1, 0, 2)) })
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	if text, err := roundTrip(p.Module()); err != nil || !strings.Contains(text, "param w: f32[2, 3, 4] = init.orthogonal(1)") {
		t.Errorf("%v\n%s", err, text)
	}
}

// What the language has no words for is an error that names the op.
func TestSourceRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`%1 = sort(%x, axis=0, descending=false) : f32[4]
		%2 = concat(%1, %1, axis=0) : f32[8]
		%y = merge(%2, axis=0, count=8, descending=false) : i32[8]`: "model m: entry f: merge: the language cannot say this: it is a step of what other ops are made of",
	} {
		m, err := ir.Parse("m.mlxir", []byte("mlxir 1\nmodule \"m\" {\nfunc @f(%x: f32[4]) -> (y: i32[8]) {\n"+text+"\nret(%y)\n}\n}\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Of(m); err == nil || err.Error() != want || got != "" {
			t.Errorf("got  %v\nwant %v", err, want)
		}
	}
}

// imports are the real models of ONNX beside the checkout, with the bounds of their dims.
var imports = map[string]map[string]onnx.Bounds{
	"ddpm-mnist/ddpm_mnist_eps.onnx":                 {"N": {Min: 1, Max: 4}},
	"dtln/model_1.onnx":                              nil,
	"dtln/model_2.onnx":                              nil,
	"fastestdet/FastestDet.onnx":                     nil,
	"mnist-cntk/mnist.onnx":                          nil,
	"prisma-segmentation/prisma_nchw.onnx":           {"None": {Min: 1, Max: 1}},
	"silero-vad/silero_vad_16k_op15.onnx":            {"batch": {Min: 1, Max: 1}, "sequence": {Min: 512, Max: 512}},
	"squeezenet-fp16/SqueezeNet_fp16.onnx":           nil,
	"stories260K/stories260K_T32.onnx":               nil,
	"style-mathura/mathura_256.onnx":                 nil,
	"super-resolution/pytorch_super_resolution.onnx": {"batch_size": {Min: 1, Max: 4}},
	"ultraface-rfb320/version-RFB-320.onnx":          nil,
}

// Those that scripts/oracles/export_onnx.py has written to the folder MLXC_ONNX_EXPORTS are
// tried too.
func TestSourceOfImports(t *testing.T) {
	const models = "../../../../shared/data/models/"
	files := map[string]map[string]onnx.Bounds{}
	if _, err := os.Stat(models); err == nil {
		for name, dims := range imports {
			files[models+name] = dims
		}
	}
	exports, _ := filepath.Glob(filepath.Join(os.Getenv("MLXC_ONNX_EXPORTS"), "*", "model.onnx"))
	for _, file := range exports {
		files[file] = nil
	}
	if len(files) == 0 {
		t.Skip("the models of ONNX are not beside the checkout")
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		t.Run(filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file), func(t *testing.T) {
			m, err := onnx.Import(file, onnx.Options{Dims: files[file]})
			if err != nil {
				t.Fatal(err)
			}
			text, err := roundTrip(m.Program.Module())
			if err != nil {
				t.Errorf("%v\n%s", err, text)
			}
			if os.Getenv("SOURCE_SHOW") != "" {
				t.Log("\n" + text)
			}
		})
	}
}
