package ir

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// A module with its graph and, by another name, its kernels and a plan: y is
// (x*w)² minus the sum of its row.
const graphText = `mlxir 1
module "t" {
  dim B 0..8
  param @w: f32[3] = "w"
  func @f(%x: f32[B, 3]) -> (y: f32[B, 3]) {
    %w = weight(param=@w) : f32[3]
    %wide = broadcast(%w, shape=[B, 3]) : f32[B, 3]
    %a = mul(%x, %wide) : f32[B, 3]
    %b = mul(%a, %a) : f32[B, 3]
    %s = sum(%b, axes=[1], keep=true) : f32[B, 1]
    %sums = broadcast(%s, shape=[B, 3]) : f32[B, 3]
    %y = sub(%b, %sums) : f32[B, 3]
    ret(%y)
  }
}
`

const variantText = `mlxir 1
module "t" target cpu {
  dim B 0..8
  param @w: f32[3] = "w"
  func @f(%x: f32[B, 3]) -> (y: f32[B, 3])
  kernel @scale {
    arg %x: f32[3*B] read
    arg %w: f32[3] read
    arg %a: f32[3*B] write
    dims B
    axes i < B, j < 3
    par i
    inner j
    v0 = load %x[3*i + j] : f32
    v1 = load %w[j] : f32
    v2 = mul v0, v1 : f32
    store %a[3*i + j] = v2
  }
  kernel @square {
    arg %a: f32[3*B] read
    arg %b: f32[3*B] write
    dims B
    axes i < 3*B
    inner i
    v0 = load %a[i] : f32
    v1 = mul v0, v0 : f32
    store %b[i] = v1
    schedule grain 1 threads 0 vec 1 align 256 over [[1, 0]] scratch 0
  }
  kernel @total {
    arg %b: f32[3*B] read
    arg %s: f32[B] write
    dims B
    axes i < B, r < 3
    par i
    v0 = load %b[3*i + r] : f32
    v1 = reduce add v0 over r : f32
    store %s[i] = v1
  }
  kernel @minus {
    arg %b: f32[3*B] read
    arg %s: f32[B] read
    arg %y: f32[3*B] write
    dims B
    axes i < B, j < 3
    par i
    inner j
    v0 = load %b[3*i + j] : f32
    v1 = load %s[i] : f32
    v2 = sub v0, v1 : f32
    store %y[3*i + j] = v2
  }
  variant @f {
    buffer %x: f32[B, 3] input 0
    buffer %y: f32[B, 3] output 0
    buffer %w: f32[3] param 0
    buffer %a: f32[B, 3] arena
    buffer %b: f32[B, 3] arena
    buffer %s: f32[B, 1] arena
    step @scale(%x, %w, %a) sizes [B] on cpu epoch 0
    step @square(%a, %b) sizes [B] on cpu epoch 1
    step @total(%b, %s) sizes [B] on cpu epoch 2 barrier raw %b after 1
    step @minus(%b, %s, %y) sizes [B] on cpu epoch 3
    plan {
      block [%a, %b] bytes 12*B life 0..3
      block [%s] bytes 4*B life 2..3
      stack order [0, 1] on [[], [0]]
    }
  }
}
`

func parseText(t *testing.T, text string) *Module {
	t.Helper()
	m, err := Parse("t", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// evalArgs are x and the params of the module above, for a size of B.
func evalArgs(b int) (map[string]*Tensor, []*Tensor) {
	x, w := NewTensor(F32, b, 3), NewTensor(F32, 3)
	for i := range x.F {
		x.F[i] = float64(i) - 4.5
	}
	w.F = []float64{1, -0.5, 2}
	return map[string]*Tensor{"w": w}, []*Tensor{x}
}

func evalWant(b int) []float64 {
	params, in := evalArgs(b)
	y := make([]float64, 3*b)
	for i := range y {
		a := in[0].F[i] * params["w"].F[i%3]
		y[i] += a * a
		for j := i / 3 * 3; j < i/3*3+3; j++ {
			a := in[0].F[j] * params["w"].F[j%3]
			y[i] -= a * a
		}
	}
	return y
}

func TestEvalGraphAndVariant(t *testing.T) {
	graph, planned := parseText(t, graphText), parseText(t, variantText)
	unplanned := parseText(t, variantText)
	unplanned.Funcs[0].Variants[0].Plan = nil
	for _, m := range []*Module{graph, planned, unplanned} {
		if err := Verify(m); err != nil {
			t.Fatal(err)
		}
		for b := range 5 {
			params, in := evalArgs(b)
			f := m.Funcs[0]
			var got []*Tensor
			var err error
			if f.Variants == nil {
				got, err = m.Eval(f, params, in)
			} else {
				got, err = m.EvalVariant(f, f.Variants[0], params, in)
			}
			if err != nil {
				t.Fatal(b, err)
			}
			if want := evalWant(b); !slices.Equal(got[0].F, want) {
				t.Errorf("B = %d: got %v, want %v", b, got[0].F, want)
			}
		}
	}
}

// What is wrong with kernels and plans shows as an error or a wrong result.
func TestEvalVariantFindsFaults(t *testing.T) {
	for _, c := range []struct{ what, old, new, err string }{
		{"load outside", "load %w[j]", "load %w[j + 1]", "kernel scale: v1: w[j + 1] = [3] is outside its 3 elements"},
		{"load before", "load %x[3*i + j]", "load %x[3*i + j - 1]", "kernel scale: v0: x[3*i + j - 1] = [-1] is outside"},
		{"store outside", "store %s[i]", "store %s[2*i]", "kernel total: a store: s[2*i] = [4] is outside"},
		{"two points store", "store %a[3*i + j]", "store %a[3*i]", "kernel scale: a[3*i] = [0] is stored by one point and used by another"},
		{"reads a neighbour that was overwritten", "load %a[i]", "load %a[3*B - 1 - i]", "kernel square: v0 reads a["},
		{"overwrites what a neighbour has read", "load %a[i]", "load %a[mod(i + 1, 3*B)]", "kernel square: b[i] = [1] is stored by one point and used by another"},
		{"blocks that live at once overlap", "on [[], [0]]", "on [[], []]", "kernel total: s[i] = [1] is stored by one point and used by another"},
		{"another element", "load %b[3*i + j]", "load %b[j]", ""},
		{"a step that must wait does not", "[B] on cpu epoch 1", "[B] on cpu epoch 0", ""},
		{"a buffer of another length", "buffer %s: f32[B, 1]", "buffer %s: f32[B, 2]", "kernel total: s needs 4 elements"},
	} {
		text := strings.Replace(variantText, c.old, c.new, 1)
		if text == variantText {
			t.Fatal(c.what, "changes nothing")
		}
		m := parseText(t, text)
		if strings.Contains(c.what, "length") {
			m.Funcs[0].Variants[0].Plan = nil
		}
		params, in := evalArgs(4)
		got, err := m.EvalVariant(m.Funcs[0], m.Funcs[0].Variants[0], params, in)
		switch {
		case err == nil && (c.err != "" || slices.Equal(got[0].F, evalWant(4))):
			t.Errorf("%s: not found", c.what)
		case err != nil && (c.err == "" || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func TestEvalRefuses(t *testing.T) {
	f32 := func(shape ...int) *Tensor { return NewTensor(F32, shape...) }
	params, _ := evalArgs(1)
	for _, c := range []struct {
		params map[string]*Tensor
		inputs []*Tensor
		err    string
	}{
		{params, nil, "f takes 1 input, got 0"},
		{params, []*Tensor{f32(2)}, "x is f32[2], want f32[B, 3]"},
		{params, []*Tensor{NewTensor(I32, 2, 3)}, "x is i32[2 3], want f32[B, 3]"},
		{params, []*Tensor{f32(2, 4)}, "x is f32[2 4], want f32[B, 3]"},
		{params, []*Tensor{f32(9, 3)}, "B = 9, but 0 <= B <= 8"},
		{nil, []*Tensor{f32(2, 3)}, "param w has no value"},
	} {
		for _, text := range []string{graphText, variantText} {
			m := parseText(t, text)
			var err error
			if f := m.Funcs[0]; f.Variants == nil {
				_, err = m.Eval(f, c.params, c.inputs)
			} else {
				_, err = m.EvalVariant(f, f.Variants[0], c.params, c.inputs)
			}
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %v, want %s", err, c.err)
			}
		}
	}
}

func TestSolveDims(t *testing.T) {
	b, n := testScope.dims["B"].Size(), testScope.dims["N"].Size()
	f := &Func{
		Name: "f",
		Inputs: []*Value{
			{Name: "x", Type: Type{F32, []Size{b.Mul(N(2)).Add(N(1)), n.Mul(b)}}},
			{Name: "y", Type: Type{F32, []Size{n}}},
		},
		Where: []Fact{{Left: b, Rel: LE, Right: n}},
	}
	solve := func(b2, nb, n int) string {
		dims, err := SolveDims(f, []*Tensor{NewTensor(F32, b2, nb), NewTensor(F32, n)})
		if err != nil {
			return err.Error()
		}
		return fmt.Sprint(dims)
	}
	for _, c := range []struct {
		b2, nb, n int
		want      string
	}{
		{7, 12, 4, "map[B:3 N:4]"},
		{1, 0, 4, "map[B:0 N:4]"},
		{6, 12, 4, "f: x is f32[6 12], want f32[2*B + 1, B*N]"},
		{7, 11, 4, "f: x is f32[7 11], want f32[2*B + 1, B*N] = f32[7 12]"},
		{7, 0, 0, "f: N = 0, but 1 <= N <= 64"},
		{7, 6, 2, "f: B <= N does not hold"},
	} {
		if got := solve(c.b2, c.nb, c.n); got != c.want {
			t.Errorf("%v: got %s, want %s", c, got, c.want)
		}
	}
}

// The evaluator holds a value only up to its last use, and refuses to hold more
// than its limit.
func TestEvalMemoryIsBounded(t *testing.T) {
	body := func(n int64, steps int) *Func {
		b := &Emit{}
		in, err := b.Op("const", ConstAttrs{1, F32, []Size{N(n)}})
		for range steps {
			if err != nil {
				t.Fatal(err)
			}
			in, err = b.Op("softmax", SoftmaxAttrs{0, F32}, in.Result())
		}
		return &Func{Name: "f", Body: b.Body, Results: []Result{{Name: "y", Value: in.Result()}}}
	}
	m := &Module{}
	if _, err := m.Eval(body(MaxEvalElems+1, 0), nil, nil); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Error("a tensor beyond the limit:", err)
	}
	if _, err := m.Eval(body(math.MaxInt64/8, 0), nil, nil); err == nil {
		t.Error("a tensor of most of the address space is made")
	}
	env := &Env{}
	f := body(1000, 20)
	if _, err := env.run(f.Body, nil, nil, []*Value{f.Results[0].Value}); err != nil || env.live != 1000 {
		t.Errorf("%d elements are held after all but 1000 have had their last use; %v", env.live, err)
	}
	// Alive at once in a softmax: its operand, the exponentials, their sum, that
	// stretched, and when the sum has had its use the result.
	env = &Env{live: MaxEvalElems - 4000}
	if _, err := env.run(f.Body, nil, nil, []*Value{f.Results[0].Value}); err != nil {
		t.Error("values are held too long:", err)
	}
}

func TestTensorBytes(t *testing.T) {
	for _, d := range DTypes() {
		x := NewTensor(d, 3)
		if d.IsFloat() {
			x.F = []float64{-1.5, math.Inf(1), 0}
		} else {
			x.I = []int64{wrap(-1, d), 1, 0}
		}
		b := x.Bytes()
		y, err := TensorOf(d, []int{3}, b)
		if err != nil || len(b) != 3*d.Size() || !slices.Equal(x.F, y.F) || !slices.Equal(x.I, y.I) {
			t.Errorf("%s: %v became %v, %v", d, x, y, err)
		}
		for _, shape := range [][]int{{2}, {4}, {-3}, {3, math.MaxInt64}, {-1, -3}} {
			if _, err := TensorOf(d, shape, b); err == nil {
				t.Errorf("%s%v is made of %d bytes", d, shape, len(b))
			}
		}
	}
}
