package mlx_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// A param that is loaded by a pattern has the file's shape in the module, and
// its own in the program.
func TestLoad(t *testing.T) {
	for _, c := range []struct {
		typ, pattern string
		axes         mlx.Axes
		file         []int
		at           func(i []int) []int // where the element of the program's index i is in the file
	}{
		{"f32[2, 3, 4, 5]", "o i y x -> o y x i", nil, []int{2, 5, 3, 4}, func(i []int) []int { return []int{i[0], i[3], i[1], i[2]} }},
		{"f32[8, 3]", "(h d two) i -> (h two d) i", mlx.Axes{"h": N(2), "two": N(2)}, []int{8, 3},
			func(i []int) []int { return []int{i[0]/4*4 + i[0]%2*2 + i[0]/2%2, i[1]} }},
		{"f32[3, 4, 2]", "(h d) i -> i h d", nil, []int{8, 3}, func(i []int) []int { return []int{i[1]*2 + i[2], i[0]} }},
		{"f32[2, 3, 4]", "... c -> c ...", nil, []int{3, 4, 2}, func(i []int) []int { return []int{i[1], i[2], i[0]} }},
		{"f32[6]", "a 1 b -> (a b)", mlx.Axes{"b": N(3)}, []int{2, 1, 3}, func(i []int) []int { return []int{i[0] / 3, 0, i[0] % 3} }},
	} {
		b := mlx.New("test")
		w := b.Param("w", c.typ, mlx.Load(c.pattern, c.axes))
		if got := w.Type().String(); got != c.typ {
			t.Errorf("%s: %s in the program, want %s", c.pattern, got, c.typ)
		}
		b.Entry("f", func(e Entry) { e.Out("y", w.AddN(1)) })
		p, err := b.Build()
		if err != nil {
			t.Error(err)
			continue
		}
		file := ir.NewTensor(ir.F32, c.file...)
		for i := range file.F {
			file.F[i] = float64(i)
		}
		out, err := p.Eval("f", map[string]*ir.Tensor{"w": file})
		if err != nil {
			t.Error(err)
			continue
		}
		for _, at := range indices(out[0].Shape) {
			got, want := out[0].F[linear(at, out[0].Shape)], float64(linear(c.at(at), c.file))+1
			if got != want {
				t.Fatalf("%s: %v holds %v, want %v", c.pattern, at, got, want)
			}
		}
	}
}

// What a rename turns is what the param's own load takes: of a file [2, 3, 4] first its last
// two axes are exchanged, and then the first goes last.
func TestRename(t *testing.T) {
	b := mlx.New("test")
	b.Rename("layers.{i}.w", "blk.{i}", mlx.Load("a b c -> a c b", nil))
	b.Rename("layers.1.w", "never")
	w := b.Sub("layers").At(1).Param("w", "f32[4, 3, 2]", mlx.Load("a b c -> b c a", nil))
	other := b.Sub("layers").Param("w", "f32")
	b.Entry("f", func(e Entry) { e.Out("y", w.Add(other)) })
	if idle := b.Unrenamed(); len(idle) != 1 || idle[0].Msg != `no param is called "layers.1.w"` {
		t.Errorf("renames that are for nothing: %v", idle)
	}
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Module().Params[0]; got.Path != "blk.1" || got.Type.String() != "f32[2, 3, 4]" {
		t.Errorf("%s %s", got.Path, got.Type)
	}
	file := ir.NewTensor(ir.F32, 2, 3, 4)
	for i := range file.F {
		file.F[i] = float64(i)
	}
	out, err := p.Eval("f", map[string]*ir.Tensor{"layers.1.w": file, "layers.w": ir.NewTensor(ir.F32)})
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range indices(out[0].Shape) {
		if got, want := out[0].F[linear(at, out[0].Shape)], float64(linear([]int{at[2], at[1], at[0]}, file.Shape)); got != want {
			t.Fatalf("%v holds %v, want %v", at, got, want)
		}
	}
}

// An entry reads a param once, however often it is used.
func TestReadOnce(t *testing.T) {
	b := mlx.New("test")
	w := b.Param("w", "f32[2, 3]", mlx.Load("a b -> b a", nil))
	for _, name := range []string{"f", "g"} {
		b.Entry(name, func(e Entry) { e.Out("y", w.Mul(w).Add(w)) })
	}
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range p.Module().Funcs {
		var ops []string
		for _, in := range f.Body {
			ops = append(ops, in.Op.Name)
		}
		if want := []string{"weight", "transpose", "mul", "add"}; !slices.Equal(ops, want) {
			t.Errorf("%s: %v, want %v", f.Name, ops, want)
		}
	}
}

// The name of a param in the IR is a symbol; that in the checkpoint is its path.
func TestNames(t *testing.T) {
	b := mlx.New("test")
	for _, path := range []string{"a.b.0", "a b", "a_b", "a/b", "..x.", ""} {
		b.Sub(path).Param("", "f32")
	}
	if k := b.Sub("layers").At(3); k.Path() != "layers.3" {
		t.Errorf("path %s", k.Path())
	}
	b.Rename("renamed", "ü/0")
	b.Param("renamed", "f32")
	identity(b, "f")
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	m, err := ir.Parse("test", []byte(p.String()))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range m.Params {
		got = append(got, w.Name+"="+w.Path)
	}
	want := []string{"a.b.0=a.b.0", "a_b=a b", "a_b_2=a_b", "a_b_3=a/b", "_.x_=..x.", "_=", "renamed=ü/0"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestEval(t *testing.T) {
	b := mlx.New("test")
	b.Dim("B", 4)
	w := b.Param("w", "f32[2, 3]")
	b.Entry("f", func(e Entry) { e.Out("y", e.In("x", "f32[B, 2]").MatMul(w)) })
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	x, good := ir.NewTensor(ir.F32, 1, 2), ir.NewTensor(ir.F32, 2, 3)
	x.F, good.F = []float64{1, 2}, []float64{1, 2, 3, 4, 5, 6}
	out, err := p.Eval("f", map[string]*ir.Tensor{"w": good}, x)
	if err != nil || !slices.Equal(out[0].F, []float64{9, 12, 15}) {
		t.Errorf("%v, %v", out, err)
	}
	for _, c := range []struct {
		entry string
		w, x  *ir.Tensor
		want  string
	}{
		{"g", good, x, `test has no entry "g"`},
		{"f", nil, x, "param w has no value"},
		{"f", x, x, "param w is f32[1 2], want f32[2, 3]"},
		{"f", good, good, "f: x is f32[2 3], want f32[B, 2] = f32[2 2]"},
	} {
		_, err := p.Eval(c.entry, map[string]*ir.Tensor{"w": c.w}, c.x)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

// What an orthogonal weight is loaded from is orthogonal too, or the load is refused. A quantised
// one keeps its init, for the elements of the tensor.
func TestOrthogonalLoads(t *testing.T) {
	for pattern, ok := range map[string]bool{
		"o i y x -> o y x i":         true,
		"o ... i -> o i ...":         true,
		"(y x i) o -> o y x i":       true, // its transpose
		"y x i o -> o y x i":         false,
		"(a b) i y x -> (b a) y x i": true,
		"i o y x -> o y x i":         false,
		"a b c d -> b a c d":         false,
	} {
		axes := mlx.Axes{}
		if strings.Contains(pattern, "(a") {
			axes["a"] = N(2)
		}
		b := mlx.New("test")
		w := b.Param("w", "f32[4, 3, 5, 6]", mlx.Load(pattern, axes), mlx.Init(ir.Init{Name: "orthogonal", Args: []float64{1}}))
		b.Entry("f", func(e Entry) { e.Out("y", w) })
		_, err := b.Build()
		if ok != (err == nil) || err != nil && !strings.Contains(err.Error(), fmt.Sprintf("param w: orthogonal is of a matrix of the first axis and the others, which the load %q mixes", pattern)) {
			t.Errorf("%s: %v", pattern, err)
		}
	}
	b := mlx.New("test")
	w := b.Param("w", "q8_0[6, 32]", mlx.Init(ir.Init{Name: "xavier", Args: []float64{1}}))
	b.Entry("f", func(e Entry) { e.Out("y", w.Dequant()) })
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	if in := p.Module().Params[0].Init; in == nil || in.Name != "uniform" || in.Args[0] != math.Sqrt(6./38) {
		t.Errorf("%v", in)
	}
}
