package mlx

import (
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

// build makes a model with one entry of one input and gives its diagnostics.
func build(typ string, body func(b *Builder, x Value) Value) (*ir.Module, ir.Diagnostics) {
	b := New("test")
	b.DimRange("B", 1, 8)
	b.Dim("T", 8)
	b.Entry("f", func(e *Entry) { e.Out("y", body(b, e.In("x", typ))) })
	p, err := b.Build()
	if err != nil {
		return nil, err.(ir.Diagnostics)
	}
	return p.Module(), nil
}

// What goes wrong is recorded once, where it happened, with the types; what
// follows from it is silent.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		typ  string
		body func(b *Builder, x Value) Value
		want string
	}{
		{"f32[B, 4]", func(b *Builder, x Value) Value { return x.MatMul(x) }, "matmul: needs equal inner sizes: 4 and B"},
		{"f32[B, T]", func(b *Builder, x Value) Value { return x.Add(x.T()) }, "sizes differ: B and T"},
		{"f32[B, 4]", func(b *Builder, x Value) Value { return x.Add(x.To(ir.F16)) }, "operands"},
		{"i32[B]", func(b *Builder, x Value) Value { return x.AddN(0.5) }, "0.5 is no i32"},
		{"i32[B]", func(b *Builder, x Value) Value { return Mean(x) }, "mean: wants a float, got i32[B]"},
		{"f32[B]", func(b *Builder, x Value) Value { return x.T() }, ".T needs at least 2 axes, got f32[B]"},
		{"f32[B, 4]", func(b *Builder, x Value) Value { return x.Reshape(N(4)) }, "4*B"},
		{"f32[B, 4]", func(b *Builder, x Value) Value { return Softmax(x, 2) }, "axis 2 is outside f32[B, 4]"},
		{"f32[B, 4]", func(b *Builder, x Value) Value { return x.At(Every, Pick(N(4))) }, "slice"},
		{"f32[B, 4]", func(b *Builder, x Value) Value { return x.At(Every, Every, Every) }, "3 indices for 2 axes"},
		{"f32[B, 4]", func(b *Builder, x Value) Value { return x.At(Every, Range(N(3), N(1))) }, "is backwards"},
		{"f32[B, 6]", func(b *Builder, x Value) Value { return x.Rearrange("b (h d) -> b h d", Axes{"h": N(4)}) }, "size 6 does not divide by 4"},
		{"f32[B, 6]", func(b *Builder, x Value) Value { return x.Rearrange("b (h d) -> b h d", nil) }, "the sizes of h and d are both open"},
		{"f32[B, 6]", func(b *Builder, x Value) Value { return x.Rearrange("b c -> b", nil) }, "c stands on the left only"},
		{"f32[B, 6]", func(b *Builder, x Value) Value { return x.Rearrange("b c -> c b d", nil) }, "d stands on the right only"},
		{"f32[B, 6]", func(b *Builder, x Value) Value { return x.Rearrange("b (c -> b c", nil) }, "a ( is not closed"},
		{"f32[B, 6]", func(b *Builder, x Value) Value { return x.Rearrange("b c d -> b c d", nil) }, "the pattern has 3 axes, the tensor 2"},
		{"f32[B, 6]", func(b *Builder, x Value) Value { return Split(x, 4, 1)[0] }, "size 6 of f32[B, 6] does not divide by 4"},
		{"f32[B, 6]", func(b *Builder, x Value) Value { return b.Op("frobnicate", nil, x) }, "there is no op frobnicate"},
		{"f32[B, 6]", func(b *Builder, x Value) Value { return x.Add(Value{}) }, "add: a value is missing"},
		{"f32[B, 6]", func(b *Builder, x Value) Value { return x.Add(New("other").Param("w", "f32[6]")) }, "the value belongs to model other"},
		{"f32[B, 6]", func(b *Builder, x Value) Value { return b.Param("w", "f32[B]") }, "size B of f32[B] is not a constant"},
		{"f32[B, C]", func(b *Builder, x Value) Value { return x }, "size C is not declared"},
		{"float32[B]", func(b *Builder, x Value) Value { return x }, "there is no dtype float32; did you mean f32?"},
	} {
		_, ds := build(c.typ, func(b *Builder, x Value) Value { return c.body(b, x).Neg().MulN(2) })
		if len(ds) != 1 || !strings.Contains(ds[0].Msg, c.want) {
			t.Errorf("want one error with %q, got %v", c.want, ds)
			continue
		}
		if pos := ds[0].Pos; pos == nil || pos.File != "mlx_test.go" || pos.Line == 0 {
			t.Errorf("%s: at %v, want this file without its folder", c.want, pos)
		}
	}
}

func TestDeclarations(t *testing.T) {
	for _, c := range []struct {
		body func(b *Builder)
		want string
	}{
		{func(b *Builder) {}, "test has no entry"},
		{func(b *Builder) { b.Entry("f", func(e *Entry) {}) }, "entry f has no output"},
		{func(b *Builder) { b.Dim("B", 4); b.Dim("B", 4) }, "B is declared twice"},
		{func(b *Builder) { b.DimRange("B", 4, 2) }, "dim B: bounds 4 and 2"},
		{func(b *Builder) { b.Param("w", "f32[2]"); b.Param("w", "f32[2]") }, "param w is declared twice"},
		{func(b *Builder) {
			b.Entry("f", func(e *Entry) { e.Out("y", e.In("x", "f32")); e.Out("y", e.In("z", "f32")) })
		}, "output y is declared twice"},
		{func(b *Builder) { b.Number(ir.F32, 1) }, "outside of an entry"},
		{func(b *Builder) { b.State("s", "f32[2]", ir.Init{Name: "constant", Args: []float64{0}}).Set(Value{}) }, "setting a state is not supported yet"},
	} {
		b := New("test")
		c.body(b)
		if _, err := b.Build(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want %q, got %v", c.want, err)
		}
	}
}

// eval runs the entry of a model on 0, 1, 2, …
func eval(t *testing.T, shape []int, body func(b *Builder, x Value) Value) *ir.Tensor {
	t.Helper()
	sizes := make([]string, len(shape))
	for i, n := range shape {
		sizes[i] = N(n).String()
	}
	m, ds := build("i32["+strings.Join(sizes, ", ")+"]", body)
	if ds != nil {
		t.Fatal(ds)
	}
	if err := ir.Verify(m); err != nil {
		t.Fatal(err)
	}
	x := ir.NewTensor(ir.I32, shape...)
	for i := range x.I {
		x.I[i] = int64(i)
	}
	out, err := m.Eval(m.Funcs[0], nil, []*ir.Tensor{x})
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}

func TestRearrange(t *testing.T) {
	for _, c := range []struct {
		shape   []int
		pattern string
		axes    Axes
		want    []int
		at      func(i []int) int // the element of 0, 1, 2, … that stands at i
	}{
		{[]int{2, 3}, "a b -> b a", nil, []int{3, 2}, func(i []int) int { return i[1]*3 + i[0] }},
		{[]int{2, 6}, "a (b c) -> c a b", Axes{"b": N(2)}, []int{3, 2, 2}, func(i []int) int { return i[1]*6 + i[2]*3 + i[0] }},
		{[]int{2, 3, 4}, "a b c -> (c a) b", nil, []int{8, 3}, func(i []int) int { return i[0]%2*12 + i[1]*4 + i[0]/2 }},
		{[]int{2, 3, 4}, "a ... -> ... a", nil, []int{3, 4, 2}, func(i []int) int { return i[2]*12 + i[0]*4 + i[1] }},
		{[]int{2, 3, 4}, "... c -> (...) c", nil, []int{6, 4}, func(i []int) int { return i[0]*4 + i[1] }},
		{[]int{2, 1, 4}, "a 1 c -> c 1 a", nil, []int{4, 1, 2}, func(i []int) int { return i[2]*4 + i[0] }},
	} {
		y := eval(t, c.shape, func(b *Builder, x Value) Value { return x.Rearrange(c.pattern, c.axes) })
		if !slices.Equal(y.Shape, c.want) {
			t.Errorf("%s: shape %v, want %v", c.pattern, y.Shape, c.want)
			continue
		}
		for n := range y.I {
			i := make([]int, len(c.want))
			for rest, a := n, len(i)-1; a >= 0; a-- {
				i[a], rest = rest%c.want[a], rest/c.want[a]
			}
			if got, want := y.I[n], int64(c.at(i)); got != want {
				t.Errorf("%s: %v holds %d, want %d", c.pattern, i, got, want)
			}
		}
	}
}

func TestAt(t *testing.T) {
	for _, c := range []struct {
		spans []Span
		shape []int
		want  []int64
	}{
		{[]Span{Pick(N(1))}, []int{4}, []int64{4, 5, 6, 7}},
		{[]Span{Pick(N(-1)), Pick(N(-1))}, nil, []int64{11}},
		{[]Span{Every, Range(N(1), N(3))}, []int{3, 2}, []int64{1, 2, 5, 6, 9, 10}},
		{[]Span{From(N(2))}, []int{1, 4}, []int64{8, 9, 10, 11}},
		{[]Span{To(N(-2)), To(N(2))}, []int{1, 2}, []int64{0, 1}},
		{[]Span{Rest, Pick(N(0))}, []int{3}, []int64{0, 4, 8}},
		{[]Span{NewAxis, Pick(N(0)), NewAxis}, []int{1, 1, 4}, []int64{0, 1, 2, 3}},
	} {
		y := eval(t, []int{3, 4}, func(b *Builder, x Value) Value { return x.At(c.spans...) })
		if !slices.Equal(y.Shape, c.shape) || !slices.Equal(y.I, c.want) {
			t.Errorf("%v: %v %v, want %v %v", c.spans, y.Shape, y.I, c.shape, c.want)
		}
	}
}

func TestJoining(t *testing.T) {
	y := eval(t, []int{2, 2}, func(b *Builder, x Value) Value { return Stack(-1, x, x.AddN(10)) })
	if want := []int64{0, 10, 1, 11, 2, 12, 3, 13}; !slices.Equal(y.I, want) || !slices.Equal(y.Shape, []int{2, 2, 2}) {
		t.Errorf("stack: %v %v", y.Shape, y.I)
	}
	y = eval(t, []int{2, 4}, func(b *Builder, x Value) Value {
		parts := Split(x, 2, 1)
		return Concat(0, parts[1], parts[0])
	})
	if want := []int64{2, 3, 6, 7, 0, 1, 4, 5}; !slices.Equal(y.I, want) {
		t.Errorf("split and concat: %v", y.I)
	}
}

// A param that is loaded by a pattern has the file's shape in the module, and
// its own in the program.
func TestLoadPattern(t *testing.T) {
	m, ds := build("f32[B, 8, 8, 3]", func(b *Builder, x Value) Value {
		w := b.Sub("conv").Param("weight", "f32[16, 5, 3, 3]", Load("o i y x -> o y x i", nil))
		v := b.Sub("q").Param("weight", "f32[8, 4]", Load("(h d two) i -> (h two d) i", Axes{"h": N(2), "two": N(2)}))
		if got := v.Type().String(); got != "f32[8, 4]" {
			t.Errorf("in the program %s", got)
		}
		return Conv(x, w, ConvOptions{})
	})
	if ds != nil {
		t.Fatal(ds)
	}
	if got := m.Param("conv.weight").Type.String(); got != "f32[16, 3, 5, 3]" {
		t.Errorf("conv.weight in the file is %s", got)
	}
	if got := m.Param("q.weight").Type.String(); got != "f32[8, 4]" {
		t.Errorf("q.weight in the file is %s", got)
	}
}
