package mlx_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/frontend/mlx/loss"
	"github.com/mlxc/mlxc/frontend/mlx/nn"
	"github.com/mlxc/mlxc/frontend/mlx/prelude"
	"github.com/mlxc/mlxc/ir"
)

// The code of docs/builder.md stands in this file, where it is compiled and run.
func TestBuilderPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/builder.md")
	if err != nil {
		t.Fatal(err)
	}
	this, err := os.ReadFile("page_test.go")
	if err != nil {
		t.Fatal(err)
	}
	code := unindented(string(this))
	printed := unindented(strings.ReplaceAll(code, "// ", ""))
	blocks := regexp.MustCompile("(?ms)^```(go)?\n(.*?)^```$").FindAllStringSubmatch(string(page), -1)
	for _, b := range blocks {
		if want := unindented(b[2]); b[1] == "go" && !strings.Contains(code, want) || b[1] == "" && !strings.Contains(printed, want) {
			t.Errorf("no example has\n%s", b[2])
		}
	}
	if len(blocks) < 10 {
		t.Errorf("the page has %d examples", len(blocks))
	}
}

func unindented(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSpace(l)
	}
	return strings.Join(lines, "\n")
}

// A Classifier is two layers. Layers are plain structs.
type Classifier struct{ fc1, fc2 *nn.Linear }

func NewClassifier(k *mlx.Block, hidden int) *Classifier {
	return &Classifier{
		fc1: nn.NewLinear(k.Sub("fc1"), 784, hidden, nn.LinearOptions{}),
		fc2: nn.NewLinear(k.Sub("fc2"), hidden, 10, nn.LinearOptions{}),
	}
}

func (c *Classifier) Forward(x mlx.Value) mlx.Value {
	return c.fc2.Forward(mlx.ReLU(c.fc1.Forward(x)))
}

func ExampleNew() {
	b := mlx.New("classifier")
	b.Dim("B", 1024)
	b.Weights("safetensors", "classifier.safetensors")
	net := NewClassifier(b.Sub("net"), 256) // parameters net.fc1.weight and so on
	b.Entry("predict", func(e *mlx.Entry) {
		z := net.Forward(e.In("x", "f32[B, 784]"))
		e.Out("probs", mlx.Softmax(z, -1))
		e.Out("label", mlx.ArgMax(z, -1))
	})
	p, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Module().Params[0].Path, p.Module().Params[0].Type)
	// Output: net.fc1.weight f32[256, 784]
}

func ExampleBuilder_Build() {
	b := mlx.New("wrong")
	b.SetPos(&ir.Pos{File: "model.go", Line: 12})
	b.Dim("B", 8)
	b.Entry("run", func(e *mlx.Entry) {
		x := e.In("x", "f32[B, 4]")
		y := x.MatMul(x)                // recorded, with both types
		e.Out("y", mlx.ReLU(y).AddN(1)) // silent: y is poisoned
	})
	_, err := b.Build()
	fmt.Println(err)
	// Output:
	// model.go:12: error: matmul: needs equal inner sizes: 4 and B
	//      | a f32[B, 4]  x, made at model.go:12
	//      | b f32[B, 4]  x, made at model.go:12
	//      = hint: the second factor fits if its last two axes are exchanged: .T
}

func ExampleEntry_If() {
	b := mlx.New("sizes")
	b.DimRange("B", 1, 8)
	T, S := b.DimRange("T", 1, 64), b.Dim("S", 512)
	cache := b.State("cache", "f32[B, S, 16]", ir.Constant(0))
	b.Entry("step", func(e *mlx.Entry) {
		x, pos := e.In("x", "f32[B, T, 16]"), e.DimIn("pos")
		e.Where(pos.Add(T), ir.LE, S) // each call is held to it
		cache.SetAt(x, mlx.Every, mlx.Range(pos, pos.Add(T)))
		seen := cache.Get().At(mlx.Every, mlx.To(pos.Add(T)))
		if e.If(T, ir.EQ, mlx.N(1)) { // compiled for itself, and the other case too
			e.Out("y", x.Mul(mlx.Sum(seen, 1).At(mlx.Every, mlx.NewAxis)))
			return
		}
		e.Out("y", x.MatMul(seen.T()).MatMul(seen))
	})
	p, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range p.Module().Funcs {
		fmt.Println(f.Name, f.Guard)
	}
	// Output:
	// step [T == 1]
	// step []
}

func ExampleBuilder_Rename() {
	b := mlx.New("gguf")
	b.Weights("gguf", "*.gguf")
	b.Rename("layers.{i}.q_proj.weight", "blk.{i}.attn_q.weight",
		mlx.Load("(h d two) i -> (h two d) i", mlx.Axes{"h": mlx.N(4), "two": mlx.N(2)}))
	layer := b.Sub("layers").At(0)
	q := layer.Sub("q_proj").Param("weight", "f32[32, 16]")
	kernel := layer.Param("kernel", "f32[8, 3, 3, 4]", mlx.Load("o i y x -> o y x i", nil)) // turned round, once
	bias := layer.Param("bias", "f32[8]", mlx.Fill(0))                                      // 0 where the checkpoint lacks it
	b.Entry("run", func(e *mlx.Entry) {
		e.Out("q", e.In("x", "f32[1, 16]").MatMul(q.T()))
		e.Out("y", mlx.Conv(e.In("z", "f32[1, 9, 9, 4]"), kernel, mlx.ConvOptions{Pad: []int{1}}).Add(bias))
	})
	p, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, w := range p.Module().Params {
		fmt.Println(w.Path, w.Type)
	}
	// Output:
	// blk.0.attn_q.weight f32[32, 16]
	// layers.0.kernel f32[8, 4, 3, 3]
	// layers.0.bias f32[8]
}

func ExampleState() {
	b := mlx.New("noise")
	key := b.State("key", "u32[2]", mlx.KeyOf(7))
	scales := b.State("scales", "f32[4]", ir.Constant(1, 0.5, 0.25, 0.125))
	b.Entry("next", func(e *mlx.Entry) {
		keys := mlx.SplitKey(key.Get(), 2)
		key.Set(keys[0]) // what the next call finds
		s := scales.Get()
		e.Out("y", mlx.Normal(keys[1], mlx.F32, mlx.N(4)).Mul(s))
		scales.SetAt(s.At(mlx.From(mlx.N(1))).MulN(0.5), mlx.To(mlx.N(3)))
	})
	b.Entry("forget", func(e *mlx.Entry) { scales.Set(b.Zeros(mlx.F32, mlx.N(4))) })
	p, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(p.Module().States()), "states,", len(p.Module().Func("forget").Results), "results")
	// Output: 2 states, 0 results
}

func ExampleEntry_Loop() {
	b := mlx.New("recurrent")
	b.DimRange("B", 1, 4)
	T := b.Dim("T", 512)
	u := b.Param("u", "f32[16, 16]")
	b.Entry("recur", func(e *mlx.Entry) {
		x, h := e.In("x", "f32[B, T, 16]"), e.In("h", "f32[B, 16]")
		out := e.Loop("t", T, []mlx.Value{h, x}, func(t mlx.Dim, now []mlx.Value) []mlx.Value {
			row := x.At(mlx.Every, mlx.Pick(t))
			h := mlx.Tanh(row.Add(now[0].MatMul(u)))
			return []mlx.Value{h, now[1].SetAt(h, mlx.Every, mlx.Pick(t))}
		})
		out = e.While(mlx.N(20), out, func(now []mlx.Value) mlx.Value {
			return mlx.Any(mlx.Abs(now[0]).GtN(1e-3))
		}, func(now []mlx.Value) []mlx.Value {
			return []mlx.Value{now[0].MulN(0.5), now[1]}
		})
		e.Out("h", out[0])
		e.Out("ys", out[1])
	})
	p, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(p.Module().Bodies()), "bodies of code")
	// Output: 3 bodies of code
}

func ExampleBuilder_Precision() {
	b := mlx.New("library")
	b.DimRange("B", 1, 8)
	b.Precision(mlx.F16, mlx.F32) // parameters of the library are f16, and sums are of f32
	attn := nn.NewMultiHeadAttention(b.Sub("attn"), 32, 4, nn.MultiHeadAttentionOptions{})
	b.Entry("evaluate", func(e *mlx.Entry) {
		x, labels := e.In("x", "f16[B, 6, 32]"), e.In("labels", "i32[B, 6]")
		y := attn.Forward(x, nn.MultiHeadAttentionForwardOptions{Causal: true})
		y = prelude.Dropout(y, 0.1, b.Seed(3))
		e.Out("loss", loss.CrossEntropy(y, labels, loss.CrossEntropyOptions{Smooth: 0.1}))
		e.Out("best", mlx.Einsum("b t d, b t d -> b t", y, y))
	})
	p, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Module().Param("attn.in_proj_weight").Type)
	// Output: f16[96, 32]
}

func ExampleBuilder_Kernel() {
	b := mlx.New("kernel")
	n := b.Dim("N", 64)
	twice := mlx.Kernel{
		Name: "twice", In: []string{"x"}, Out: []string{"y"},
		Grid: []mlx.Dim{n.Mul(mlx.N(32))}, Group: []int{32},
		Metal: "uint i = thread_position_in_grid.x; y[i] = 2.0f * x[i];",
	}
	b.Entry("run", func(e *mlx.Entry) {
		reference := func(x []mlx.Value) []mlx.Value { return []mlx.Value{x[0].Add(x[0])} }
		e.Out("y", b.Kernel(twice, reference, e.In("x", "f32[N, 32]"))[0])
	})
	p, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Module().Sources[0].Name)
	// Output: twice
}

func ExampleProgram_Eval() {
	b := mlx.New("sum")
	b.Dim("N", 16)
	b.Entry("run", func(e *mlx.Entry) { e.Out("y", mlx.Sum(e.In("x", "f32[N]"))) })
	p, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	x := ir.NewTensor(ir.F32, 3)
	copy(x.F, []float64{1, 2, 4})
	out, err := p.Eval("run", nil, x) // the reference evaluator, for tests
	fmt.Println(out[0].F, err)

	pkg, err := mlxc.Compile(p.Module(), mlxc.Options{Package: "sum", Targets: []ir.Target{ir.CPU, ir.Metal}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(pkg.Files[1].Name)
	// Output:
	// [7] <nil>
	// kernels.go
}
