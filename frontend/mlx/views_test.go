package mlx_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// eval runs an entry of one input on 0, 1, 2, …
func eval(t *testing.T, shape []int, body func(b Builder, x Value) Value) *ir.Tensor {
	t.Helper()
	b := mlx.New("test")
	x := ir.NewTensor(ir.I32, shape...)
	for i := range x.I {
		x.I[i] = int64(i)
	}
	sizes := make([]mlx.Dim, len(shape))
	for i, n := range shape {
		sizes[i] = N(n)
	}
	b.Entry("f", func(e Entry) {
		e.Out("y", body(b, e.InOf("x", ir.Type{DType: ir.I32, Shape: sizes})))
	})
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Eval("f", nil, x)
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}

// indices lists those of a shape in row-major order.
func indices(shape []int) [][]int {
	all := [][]int{{}}
	for _, n := range shape {
		var next [][]int
		for _, at := range all {
			for i := range n {
				next = append(next, append(slices.Clone(at), i))
			}
		}
		all = next
	}
	return all
}

// linear is the number of an element in row-major order.
func linear(at, shape []int) int {
	n := 0
	for i, s := range shape {
		n = n*s + at[i]
	}
	return n
}

// A layout is one side of a random pattern: groups of axes, by number.
type layout [][]int

func randomLayout(r *rand.Rand, axes []int) layout {
	var l layout
	for _, a := range axes {
		switch r.IntN(4) {
		case 0:
			l = append(l, nil) // a 1
			fallthrough
		case 1:
			l = append(l, []int{a})
		default:
			if len(l) == 0 {
				l = append(l, nil)
			}
			l[len(l)-1] = append(l[len(l)-1], a)
		}
	}
	return l
}

func (l layout) String() string {
	var groups []string
	for _, g := range l {
		var names []string
		for _, a := range g {
			names = append(names, fmt.Sprint("a", a))
		}
		switch {
		case len(g) == 0:
			groups = append(groups, "1")
		case len(g) == 1:
			groups = append(groups, names[0])
		default:
			groups = append(groups, "("+strings.Join(names, " ")+")")
		}
	}
	return strings.Join(groups, " ")
}

func (l layout) shape(sizes []int) []int {
	shape := make([]int, len(l))
	for i, g := range l {
		shape[i] = 1
		for _, a := range g {
			shape[i] *= sizes[a]
		}
	}
	return shape
}

// at is where an element stands whose named axes have the given indices.
func (l layout) at(index, sizes []int) []int {
	at := make([]int, len(l))
	for i, g := range l {
		for _, a := range g {
			at[i] = at[i]*sizes[a] + index[a]
		}
	}
	return at
}

// Random patterns against their definition: an element keeps its index on every
// named axis.
func TestRearrange(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		n := 1 + r.IntN(4)
		sizes, axes := make([]int, n), mlx.Axes{}
		for i := range sizes {
			sizes[i] = 1 + r.IntN(3)
			axes[fmt.Sprint("a", i)] = N(sizes[i])
		}
		left, right := randomLayout(r, r.Perm(n)), randomLayout(r, r.Perm(n))
		for _, g := range left {
			if len(g) > 0 { // follows from the others
				delete(axes, fmt.Sprint("a", g[r.IntN(len(g))]))
			}
		}
		pattern := left.String() + " -> " + right.String()
		from, to := left.shape(sizes), right.shape(sizes)
		y := eval(t, from, func(b Builder, x Value) Value { return x.Rearrange(pattern, axes) })
		if !slices.Equal(y.Shape, to) {
			t.Fatalf("%s of %v: shape %v, want %v", pattern, from, y.Shape, to)
		}
		for _, index := range indices(sizes) {
			got, want := y.I[linear(right.at(index, sizes), to)], linear(left.at(index, sizes), from)
			if got != int64(want) {
				t.Fatalf("%s of %v: %v holds %d, want %d", pattern, from, index, got, want)
			}
		}
	}
}

func TestEllipsis(t *testing.T) {
	for _, c := range []struct {
		shape   []int
		pattern string
		same    string // the pattern without an ellipsis
	}{
		{[]int{2, 3, 4}, "a ... -> ... a", "a b c -> b c a"},
		{[]int{2, 3, 4}, "... c -> (...) c", "a b c -> (a b) c"},
		{[]int{2, 3, 4}, "a ... c -> c (... a)", "a b c -> c (b a)"},
		{[]int{2, 3}, "a ... c -> c ... a", "a c -> c a"},
		{[]int{2, 3}, "a ... c -> c (...) a", "a c -> c 1 a"},
		{nil, "... -> ... 1", " -> 1"},
	} {
		x := eval(t, c.shape, func(b Builder, x Value) Value { return x.Rearrange(c.pattern, nil) })
		y := eval(t, c.shape, func(b Builder, x Value) Value { return x.Rearrange(c.same, nil) })
		if !slices.Equal(x.Shape, y.Shape) || !slices.Equal(x.I, y.I) {
			t.Errorf("%s: %v %v, want %v %v", c.pattern, x.Shape, x.I, y.Shape, y.I)
		}
	}
}

// Sizes of dims are solved like numbers.
func TestRearrangeDims(t *testing.T) {
	b := mlx.New("test")
	b.Dim("T", 8)
	b.Entry("f", func(e Entry) {
		x := e.In("x", "f32[T, 6*T + 12]")
		e.Out("y", x.Rearrange("t (h d) -> h (t d)", mlx.Axes{"h": N(3)}))
		e.Out("z", x.Rearrange("t (h d) -> t d h", mlx.Axes{"h": N(6)}))
	})
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"f32[3, 4*T + 2*T*T]", "f32[T, T + 2, 6]"} {
		if got := p.Module().Funcs[0].Results[i].Type.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Random spans against their definition.
func TestAt(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		shape := make([]int, r.IntN(4))
		var spans []mlx.Span
		var text []string
		var want [][]int // the elements taken of each axis
		var got []int    // the shape
		add := func(s mlx.Span, what string) { spans, text = append(spans, s), append(text, what) }
		for i := range shape {
			shape[i] = 1 + r.IntN(4)
			n := shape[i]
			lo, hi := r.IntN(n), 0
			hi = lo + r.IntN(n-lo+1)
			if r.IntN(4) == 0 {
				add(mlx.NewAxis, "new")
				got = append(got, 1)
			}
			end := func(i int) int { // the same place, maybe from the end
				if i < n && r.IntN(2) == 0 {
					return i - n
				}
				return i
			}
			switch r.IntN(5) {
			case 0:
				add(mlx.Every, "all")
				lo, hi = 0, n
			case 1:
				i := end(lo)
				add(mlx.Pick(N(i)), fmt.Sprint(i))
				want = append(want, []int{lo})
				continue
			case 2:
				i := end(lo)
				add(mlx.From(N(i)), fmt.Sprint(i, ":"))
				hi = n
			case 3:
				i := end(hi)
				add(mlx.To(N(i)), fmt.Sprint(":", i))
				lo = 0
			default:
				i, j := end(lo), end(hi)
				add(mlx.Range(N(i), N(j)), fmt.Sprint(i, ":", j))
			}
			var part []int
			for i := lo; i < hi; i++ {
				part = append(part, i)
			}
			want = append(want, part)
			got = append(got, len(part))
		}
		y := eval(t, shape, func(b Builder, x Value) Value { return x.At(spans...) })
		var elements []int64
		extents := make([]int, len(want))
		for i, part := range want {
			extents[i] = len(part)
		}
		for _, at := range indices(extents) {
			from := make([]int, len(at))
			for i, k := range at {
				from[i] = want[i][k]
			}
			elements = append(elements, int64(linear(from, shape)))
		}
		if !slices.Equal(y.Shape, got) || !slices.Equal(y.I, elements) {
			t.Fatalf("%v of %v: %v %v, want %v %v", text, shape, y.Shape, y.I, got, elements)
		}
	}
}

func TestRest(t *testing.T) {
	for _, c := range []struct {
		spans []mlx.Span
		shape []int
		want  []int64
	}{
		{[]mlx.Span{mlx.Rest, mlx.Pick(N(0))}, []int{3}, []int64{0, 4, 8}},
		{[]mlx.Span{mlx.Pick(N(1)), mlx.Rest}, []int{4}, []int64{4, 5, 6, 7}},
		{[]mlx.Span{mlx.Pick(N(1)), mlx.Rest, mlx.To(N(2))}, []int{2}, []int64{4, 5}},
		{[]mlx.Span{mlx.Pick(N(1))}, []int{4}, []int64{4, 5, 6, 7}},
		{[]mlx.Span{mlx.Rest, mlx.Every.By(2)}, []int{3, 2}, []int64{0, 2, 4, 6, 8, 10}},
		{[]mlx.Span{mlx.Every.By(2), mlx.From(N(1)).By(2)}, []int{2, 2}, []int64{1, 3, 9, 11}},
		{[]mlx.Span{mlx.Pick(N(0)), mlx.Range(N(0), N(3)).By(3)}, []int{1}, []int64{0}},
		{[]mlx.Span{mlx.Every.By(1)}, []int{3, 4}, []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		{[]mlx.Span{mlx.NewAxis, mlx.Pick(N(0)), mlx.Rest, mlx.NewAxis}, []int{1, 4, 1}, []int64{0, 1, 2, 3}},
	} {
		y := eval(t, []int{3, 4}, func(b Builder, x Value) Value { return x.At(c.spans...) })
		if !slices.Equal(y.Shape, c.shape) || !slices.Equal(y.I, c.want) {
			t.Errorf("%v: %v %v, want %v %v", c.spans, y.Shape, y.I, c.shape, c.want)
		}
	}
}

func TestJoining(t *testing.T) {
	for _, c := range []struct {
		name  string
		body  func(b Builder, x Value) Value
		shape []int
		want  []int64
	}{
		{"stack behind", func(b Builder, x Value) Value { return mlx.Stack(-1, x, x.AddN(10)) }, []int{2, 2, 2}, []int64{0, 10, 1, 11, 2, 12, 3, 13}},
		{"stack before", func(b Builder, x Value) Value { return mlx.Stack(0, x, x.AddN(10)) }, []int{2, 2, 2}, []int64{0, 1, 2, 3, 10, 11, 12, 13}},
		{"concat", func(b Builder, x Value) Value { return mlx.Concat(-1, x, x.AddN(10)) }, []int{2, 4}, []int64{0, 1, 10, 11, 2, 3, 12, 13}},
		{"split", func(b Builder, x Value) Value { p := mlx.Split(x, 2, -1); return mlx.Concat(0, p[1], p[0]) }, []int{4, 1}, []int64{1, 3, 0, 2}},
		{"pad", func(b Builder, x Value) Value { return x.Pad([]int{0, 1}, []int{1, 0}, 7) }, []int{3, 3}, []int64{7, 0, 1, 7, 2, 3, 7, 7, 7}},
		{"transpose", func(b Builder, x Value) Value { return x.Transpose(-1, 0) }, []int{2, 2}, []int64{0, 2, 1, 3}},
	} {
		y := eval(t, []int{2, 2}, c.body)
		if !slices.Equal(y.Shape, c.shape) || !slices.Equal(y.I, c.want) {
			t.Errorf("%s: %v %v, want %v %v", c.name, y.Shape, y.I, c.shape, c.want)
		}
	}
}
