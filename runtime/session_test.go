package runtime

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mlxc/mlxc/runtime/cpu"
)

// The program of these tests has two entries over two kernels:
//
//	sums(x: f32[B, N], T) -> (y: f32[B, N] = relu(x * w), s: f32[B] = row sums of y)
//	twice(x: f32[2*B + 1]) -> (y: f32[2*B + 1] = relu(x * w))
//
// with a scalar weight w. sums takes y by way of the arena where B > 1.

const dimB, dimN = 0, 1

func scale(c *cpu.Call, lo, hi int) {
	x, w, y := cpu.View[float32](c, 0), cpu.View[float32](c, 1), cpu.View[float32](c, 2)
	for i := lo; i < hi; i++ {
		y[i] = max(0, x[i]*w[0])
	}
}

func rowSums(c *cpu.Call, lo, hi int) {
	y, s := cpu.View[float32](c, 0), cpu.View[float32](c, 1)
	n := int(c.Sizes[0])
	for i := lo; i < hi; i++ {
		sum := float32(0)
		for _, v := range y[i*n : (i+1)*n] {
			sum += v
		}
		s[i] = sum
	}
}

func copyAll(c *cpu.Call, lo, hi int) {
	copy(cpu.View[float32](c, 1)[lo:hi], cpu.View[float32](c, 0)[lo:hi])
}

func testProgram() *Program {
	bn, b := Mono(1, dimB, dimN), Mono(1, dimB)
	odd := Size{{Coef: 2, Of: []Factor{{Dim: dimB}}}, {Coef: 1}}
	matrix := []Size{b, Mono(1, dimN)}
	return &Program{
		Name:    "test",
		Version: Version1,
		Dims:    []Dim{{Name: "B", Min: 0, Max: 4096}, {Name: "N", Min: 1, Max: 1000}},
		Params:  []Param{{Name: "w", DType: F32, Init: []float64{2}}},
		Kernels: []cpu.Kernel{scale, rowSums, copyAll},
		Entries: []Entry{
			{
				Name:    "sums",
				Inputs:  []Port{{"x", F32, matrix}},
				Outputs: []Port{{"y", F32, matrix}, {"s", F32, []Size{b}}},
				Where:   []Fact{{Left: Size{{Coef: 1, Of: []Factor{{Num: Mono(1, dimN), Den: Mono(3), Rem: true}}}}, Rel: EQ, Right: nil, Text: "N % 3 == 0"}},
				Variants: []Variant{
					{
						Guard: []Fact{{Left: b, Rel: LE, Right: Mono(1)}},
						Steps: []Step{
							{Kernel: 0, Args: []Ref{Input.At(0), Weight.At(0), Output.At(0)}, Grid: bn},
							{Kernel: 1, Args: []Ref{Output.At(0), Output.At(1)}, Sizes: []Size{Mono(1, dimN)}, Grid: b},
						},
					},
					{
						Blocks: []Block{{Bytes: Mono(4, dimB, dimN)}, {Bytes: Mono(4, dimB, dimN)}},
						Plans: []Plan{
							{Order: []int{0, 1}, On: [][]int{nil, {0}}},
							{Order: []int{1, 0}, On: [][]int{{1}, nil}},
						},
						Steps: []Step{
							{Kernel: 0, Args: []Ref{Input.At(0), Weight.At(0), Arena.At(0)}, Grid: bn, Grain: 8, Pos: "test.mlx:3:4"},
							{Kernel: 2, Args: []Ref{Arena.At(0), Arena.At(1)}, Grid: bn},
							{Kernel: 2, Args: []Ref{Arena.At(1), Output.At(0)}, Grid: bn},
							{Kernel: 1, Args: []Ref{Arena.At(1), Output.At(1)}, Sizes: []Size{Mono(1, dimN)}, Grid: b, Pos: "test.mlx:4:4"},
						},
					},
				},
			},
			{
				Name:     "twice",
				Inputs:   []Port{{"x", F32, []Size{odd}}},
				Outputs:  []Port{{"y", F32, []Size{odd}}},
				Variants: []Variant{{Steps: []Step{{Kernel: 0, Args: []Ref{Input.At(0), Weight.At(0), Output.At(0)}, Grid: odd}}}},
			},
		},
	}
}

func testSession(t testing.TB, p *Program) *Session {
	t.Helper()
	m := must(Load(p, ""))(t)
	s := must(m.NewSession())(t)
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), m.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// ramp is f32[b, n] of numbers from -1 up.
func ramp(t testing.TB, b, n int) *Array {
	t.Helper()
	xs := make([]float32, b*n)
	for i := range xs {
		xs[i] = float32(i)/float32(n) - 1
	}
	return must(From(xs, b, n))(t)
}

func checkSums(t *testing.T, x *Array, out []*Array) {
	t.Helper()
	b, n := x.shape[0], x.shape[1]
	xs, ys, sums := must(Data[float32](x))(t), must(Data[float32](out[0]))(t), must(Data[float32](out[1]))(t)
	if out[0].String() != fmt.Sprintf("f32[%d, %d]", b, n) || out[1].String() != fmt.Sprintf("f32[%d]", b) {
		t.Fatalf("the results are %s and %s", out[0], out[1])
	}
	for r := range b {
		sum := float32(0)
		for i := r * n; i < (r+1)*n; i++ {
			if want := max(0, 2*xs[i]); ys[i] != want {
				t.Fatalf("y[%d] is %v, want %v", i, ys[i], want)
			}
			sum += ys[i]
		}
		if sums[r] != sum {
			t.Fatalf("s[%d] is %v, want %v", r, sums[r], sum)
		}
	}
}

func TestCall(t *testing.T) {
	s := testSession(t, testProgram())
	// Dims grow, shrink, and are none; each variant has its turn.
	for _, shape := range [][2]int{{2, 3}, {1, 6}, {100, 300}, {2, 3}, {0, 3}, {1, 3}, {4096, 3}} {
		x := ramp(t, shape[0], shape[1])
		for range 2 {
			out := must(s.Call(t.Context(), 0, x))(t)
			checkSums(t, x, out)
		}
		odd := ramp(t, 1, 2*shape[0]+1)
		odd = must(odd.Reshape(2*shape[0] + 1))(t)
		y := must(s.Call(t.Context(), 1, odd))(t)[0]
		if y.String() != odd.String() || must(Data[float32](y))(t)[2*shape[0]] != max(0, 2*must(Data[float32](odd))(t)[2*shape[0]]) {
			t.Errorf("twice gives %s", y)
		}
	}
}

// An entry's launches must follow the arena when another entry grows it.
func TestArenaGrowsUnderOtherEntry(t *testing.T) {
	p := testProgram()
	p.Entries = append(p.Entries, p.Entries[0])
	s := testSession(t, p)
	small, large := ramp(t, 2, 3), ramp(t, 300, 300)
	must(s.Call(t.Context(), 0, small))(t)
	checkSums(t, large, must(s.Call(t.Context(), 2, large))(t))
	checkSums(t, small, must(s.Call(t.Context(), 0, small))(t))
	v := s.entries[0].variant // old memory might be mapped again, and serve by chance
	if arg := v.launches[0].Args[2].Bytes; &arg[0] != &s.arena.bytes[v.layout.offsets[0]] {
		t.Error("a launch points at an arena that is gone")
	}
	if a, b := s.Arena(0), s.Arena(2); a != 256+24 || b != roundUp(4*300*300)+4*300*300 {
		t.Errorf("the arenas are of %d and %d bytes", a, b)
	}
}

func roundUp(n int64) int64 { return (n + 255) / 256 * 256 }

func TestOtherInputOfSameShape(t *testing.T) {
	s := testSession(t, testProgram())
	for _, v := range []float32{1, 3} {
		x := must(From([]float32{v, v, v, v, v, v}, 2, 3))(t)
		out := must(s.Call(t.Context(), 0, x))(t)
		if y := must(Data[float32](out[0]))(t); y[5] != 2*v {
			t.Errorf("%v became %v", v, y[5])
		}
	}
}

func TestCallAllocatesNothing(t *testing.T) {
	for _, threads := range []int{1, 2} {
		cpu.SetThreads(threads)
		defer cpu.SetThreads(0)
		s := testSession(t, testProgram())
		ctx := t.Context()
		x, y := ramp(t, 100, 300), ramp(t, 1, 300)
		call := func(x *Array) {
			if out, err := s.Call(ctx, 0, x); err != nil || len(out) != 2 {
				t.Fatal(err)
			}
		}
		call(x)
		if n := testing.AllocsPerRun(50, func() { call(x) }); n != 0 {
			t.Errorf("%d threads: a call with the dims of the last allocates %v times", threads, n)
		}
		call(y)
		n := testing.AllocsPerRun(50, func() { call(x); call(y) })
		if n > 4 { // solving the dims takes a list, and a closure or two
			t.Errorf("%d threads: two calls with other dims allocate %v times", threads, n)
		}
	}
}

// The arena and the results stay where they are, so nothing is copied or mapped;
// and with the dims of the call before nothing is planned again.
func TestSteadyStateKeepsMemory(t *testing.T) {
	s := testSession(t, testProgram())
	x := ramp(t, 100, 300)
	first := must(s.Call(t.Context(), 0, x))(t)
	arena, y := &s.arena.bytes[0], &first[0].bytes[0]
	must(s.Call(t.Context(), 0, ramp(t, 2, 3)))(t)
	out := must(s.Call(t.Context(), 0, x))(t)
	if &s.arena.bytes[0] != arena || &out[0].bytes[0] != y {
		t.Error("memory moved although dims did not grow")
	}
	v := s.entries[0].variant
	v.layout.peak = -1
	must(s.Call(t.Context(), 0, x))(t)
	if v.layout.peak != -1 {
		t.Error("the same dims were planned again")
	}
	if arg := v.launches[0].Args[0].Bytes; &arg[0] != &x.bytes[0] {
		t.Error("the kernel does not read the caller's array")
	}
	if arg := v.launches[2].Args[1].Bytes; &arg[0] != y {
		t.Error("the kernel does not write the result")
	}
}

func TestThreadsGiveTheSameBits(t *testing.T) {
	defer cpu.SetThreads(0)
	x := ramp(t, 333, 300)
	var want []byte
	for _, threads := range []int{1, 2, 5} {
		cpu.SetThreads(threads)
		s := testSession(t, testProgram())
		out := must(s.Call(t.Context(), 0, x))(t)
		got := slices.Concat(out[0].Bytes(), out[1].Bytes())
		if want == nil {
			want = got
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d threads give other bits than 1", threads)
		}
	}
}

func TestDimErrors(t *testing.T) {
	s := testSession(t, testProgram())
	array := func(d DType, shape ...int) *Array { return must(NewArray(d, shape...))(t) }
	for _, c := range []struct {
		entry  int
		inputs []*Array
		text   string
	}{
		{0, nil, "test: sums: 0 inputs, want 1"},
		{0, []*Array{nil}, "test: sums: x is nil, want f32[B, N]"},
		{0, []*Array{array(F32, 3)}, "test: sums: x is f32[3], want f32[B, N]"},
		{0, []*Array{array(F64, 2, 3)}, "test: sums: x is f64[2, 3], want f32[B, N]"},
		{0, []*Array{array(F32, 5000, 3)}, "test: sums: B = 5000, but B <= 4096"},
		{0, []*Array{array(F32, 2, 0)}, "test: sums: N = 0, but N >= 1"},
		{0, []*Array{array(F32, 2, 4)}, "test: sums: N % 3 == 0 does not hold for N = 4"},
		{1, []*Array{array(F32, 6)}, "test: twice: x is f32[6], want f32[2*B + 1]"},
		{1, []*Array{array(F32, 0)}, "test: twice: x is f32[0], want f32[2*B + 1]"},
	} {
		_, err := s.Call(t.Context(), c.entry, c.inputs...)
		var dim *DimError
		if !errors.As(err, &dim) || err.Error() != c.text {
			t.Errorf("got %v, want %s", err, c.text)
		}
		checkSums(t, ramp(t, 2, 3), must(s.Call(t.Context(), 0, ramp(t, 2, 3)))(t)) // usable, and not fooled by what it knew
	}
	_, err := s.Call(t.Context(), 7)
	wantError(t, err, "test: there is no entry 7")
}

// solve on shapes that the program above does not have.
func TestSolve(t *testing.T) {
	b, n := Mono(1, 0), Mono(1, 1)
	p := &Program{Name: "p", Dims: []Dim{{Name: "B", Max: 100}, {Name: "N", Min: 2, Max: 100}}}
	half := Size{{Coef: 1, Of: []Factor{{Num: n, Den: Mono(2)}}}}
	for _, c := range []struct {
		name   string
		inputs [][]Size
		shapes [][]int
		dims   []int64
		err    string
	}{
		{"product", [][]Size{{Mono(1, 0, 1)}, {n}}, [][]int{{12}, {3}}, []int64{4, 3}, ""},
		{"product is no multiple", [][]Size{{Mono(1, 0, 1)}, {n}}, [][]int{{13}, {3}}, nil, "x0 is f32[13], want f32[B*N]"},
		{"sum", [][]Size{{Size{b[0], n[0]}}, {b}}, [][]int{{12}, {3}}, []int64{3, 9}, ""},
		{"difference", [][]Size{{Size{b[0], {Coef: -1}}}}, [][]int{{4}}, []int64{5, 2}, ""},
		{"product and sum", [][]Size{{Size{Mono(1, 0, 1)[0], b[0]}}, {n}}, [][]int{{8}, {3}}, []int64{2, 3}, ""},
		{"less than the least", [][]Size{{Size{b[0], {Coef: 5}}}}, [][]int{{3}}, nil, "x0 is f32[3], want f32[B + 5]"},
		{"conflict", [][]Size{{b}, {b}}, [][]int{{3}, {4}}, nil, "x1 is f32[4], want f32[B], where B = 3"},
		{"quotient is checked", [][]Size{{n}, {half}}, [][]int{{7}, {3}}, []int64{0, 7}, ""},
		{"quotient differs", [][]Size{{n}, {half}}, [][]int{{7}, {4}}, nil, "x1 is f32[4], want f32[div(N, 2)], where N = 7"},
		{"open dims take their least value", [][]Size{{b}}, [][]int{{3}}, []int64{3, 2}, ""},
		{"nothing to solve", [][]Size{{Mono(1, 0, 1)}, {b}}, [][]int{{0}, {0}}, []int64{0, 2}, ""},
		{"constant", [][]Size{{b, Mono(28)}}, [][]int{{3, 27}}, nil, "x0 is f32[3, 27], want f32[B, 28]"},
		{"square", [][]Size{{Mono(1, 0, 0)}, {b}}, [][]int{{9}, {3}}, []int64{3, 2}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := &Entry{Name: "e"}
			var inputs []*Array
			for i, shape := range c.inputs {
				e.Inputs = append(e.Inputs, Port{fmt.Sprintf("x%d", i), F32, shape})
				inputs = append(inputs, must(NewArray(F32, c.shapes[i]...))(t))
			}
			dims := make([]int64, 2)
			err := p.solve(e, nil, inputs, nil, dims)
			if c.err != "" {
				wantError(t, err, "p: e: "+c.err)
			} else if err != nil || !slices.Equal(dims, c.dims) {
				t.Errorf("got %v, %v, want %v", dims, err, c.dims)
			}
		})
	}
}

func TestSizes(t *testing.T) {
	dims := []int64{5, 3}
	names := []Dim{{Name: "B"}, {Name: "T"}}
	quo := Factor{Num: Size{{Coef: 1, Of: []Factor{{Dim: 0}}}, {Coef: -7}}, Den: Mono(2)}
	rem := quo
	rem.Rem = true
	for _, c := range []struct {
		size Size
		want int64
		text string
	}{
		{nil, 0, "0"},
		{Mono(7), 7, "7"},
		{Mono(2, 0, 1), 30, "2*B*T"},
		{Size{{Coef: 3, Of: []Factor{quo}}}, -3, "3*div(B + -7, 2)"},
		{Size{{Coef: 1, Of: []Factor{rem, {Dim: 1}}}, {Coef: 1}}, 1, "mod(B + -7, 2)*T + 1"},
	} {
		if n, text := c.size.at(dims), c.size.text(names); n != c.want || text != c.text {
			t.Errorf("%s is %d, want %s, %d", text, n, c.text, c.want)
		}
	}
}

func TestFacts(t *testing.T) {
	for _, c := range []struct {
		rel  Relation
		want [3]bool // of 1, 2, 3 with 2
	}{{EQ, [3]bool{false, true, false}}, {LE, [3]bool{true, true, false}}, {LT, [3]bool{true, false, false}}} {
		for i, want := range c.want {
			f := Fact{Left: Mono(1, 0), Rel: c.rel, Right: Mono(2)}
			if f.holds([]int64{int64(i) + 1}) != want {
				t.Errorf("relation %d of %d and 2 is not %v", c.rel, i+1, want)
			}
		}
	}
}

func TestLayout(t *testing.T) {
	b, n := Mono(1, 0), Mono(1, 1)
	v := &Variant{
		Blocks: []Block{{b}, {n}, {Mono(100)}},
		Plans: []Plan{
			{Order: []int{0, 1, 2}, On: [][]int{nil, {0}, {0, 1}}},
			{Order: []int{1, 0, 2}, On: [][]int{nil, nil, {0, 1}}}, // 0 and 1 may overlap
		},
	}
	l := newLayout(v)
	for _, c := range []struct {
		dims, offsets []int64
		peak          int64
	}{
		{[]int64{10, 20}, []int64{0, 0, 256}, 356},
		{[]int64{256, 257}, []int64{0, 0, 512}, 612},
		{[]int64{0, 0}, []int64{0, 0, 0}, 100},
	} {
		l.set(v, c.dims)
		if !slices.Equal(l.offsets, c.offsets) || l.peak != c.peak {
			t.Errorf("at %v: offsets %v, peak %d, want %v, %d", c.dims, l.offsets, l.peak, c.offsets, c.peak)
		}
	}
	v.Plans = v.Plans[:1]
	if l.set(v, []int64{10, 300}); !slices.Equal(l.offsets, []int64{0, 256, 768}) || l.peak != 868 {
		t.Errorf("a chain lies at %v, peak %d", l.offsets, l.peak)
	}
	if n := testing.AllocsPerRun(10, func() { l.set(v, []int64{10, 300}) }); n != 0 {
		t.Errorf("a layout allocates %v times", n)
	}
}

func TestInput(t *testing.T) {
	s := testSession(t, testProgram())
	for _, shape := range [][2]int{{2, 3}, {50, 300}, {2, 3}} {
		x := must(s.Input(0, 0, shape[0], shape[1]))(t)
		copy(must(Data[float32](x))(t), must(Data[float32](ramp(t, shape[0], shape[1])))(t))
		checkSums(t, x, must(s.Call(t.Context(), 0, x))(t))
	}
	// twice does not mention N, so that its value does not matter.
	if x := must(s.Input(1, 0, 3, 0))(t); x.String() != "f32[7]" {
		t.Errorf("the input of twice is %s", x)
	}
	for _, c := range []struct {
		dims []int
		text string
	}{{[]int{4097, 3}, "test: sums: B = 4097, but B <= 4096"}, {[]int{1, 0}, "test: sums: N = 0, but N >= 1"}, {[]int{1}, "test: sums: 1 dims, want 2"}} {
		_, err := s.Input(0, 0, c.dims...)
		wantError(t, err, c.text)
	}
	_, err := s.Input(0, 1, 1, 3)
	wantError(t, err, "test: sums: there is no input 1")
	_, err = s.Input(-1, 0)
	wantError(t, err, "there is no entry -1")
}

func TestResultAsInput(t *testing.T) {
	s := testSession(t, testProgram())
	out := must(s.Call(t.Context(), 0, ramp(t, 2, 3)))(t)
	_, err := s.Call(t.Context(), 0, out[0])
	wantError(t, err, "test: sums: x is the result y of the call before")
	checkSums(t, ramp(t, 2, 3), must(s.Call(t.Context(), 0, ramp(t, 2, 3)))(t))
	sums := must(s.Call(t.Context(), 0, ramp(t, 3, 3)))(t)[1]
	y := must(s.Call(t.Context(), 1, sums))(t) // another entry may read them
	if must(Data[float32](y[0]))(t)[2] != 2*must(Data[float32](sums))(t)[2] {
		t.Error("twice of the sums is wrong")
	}
}

func TestErrClosed(t *testing.T) {
	m := must(Load(testProgram(), ""))(t)
	s := must(m.NewSession())(t)
	x := ramp(t, 2, 3)
	out := must(s.Call(t.Context(), 0, x))(t)
	keep := must(out[0].Clone())(t)
	mine := must(s.Input(0, 0, 2, 3))(t)

	gone := ramp(t, 2, 3)
	gone.Close()
	if _, err := s.Call(t.Context(), 0, gone); !errors.Is(err, ErrClosed) || !strings.HasPrefix(err.Error(), "test: sums: x: ") {
		t.Errorf("a call with a closed array: %v", err)
	}
	out[0].Close() // not the caller's
	checkSums(t, x, must(s.Call(t.Context(), 0, x))(t))

	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.NewSession(); !errors.Is(err, ErrClosed) {
		t.Errorf("a session of a closed model: %v", err)
	}
	checkSums(t, x, must(s.Call(t.Context(), 0, x))(t)) // the weights live as long as the session
	for range 2 {
		if err := errors.Join(s.Close(), m.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if !m.params[0].closed() {
		t.Error("the weights outlive the last session of a closed model")
	}
	if _, err := s.Call(t.Context(), 0, x); !errors.Is(err, ErrClosed) || err.Error() != "test: sums: closed" {
		t.Errorf("a call of a closed session: %v", err)
	}
	if _, err := s.Input(0, 0, 2, 3); !errors.Is(err, ErrClosed) {
		t.Errorf("an input of a closed session: %v", err)
	}
	for _, a := range []*Array{out[0], out[1], mine} {
		if _, err := Data[float32](a); !errors.Is(err, ErrClosed) {
			t.Errorf("data of a closed session: %v", err)
		}
	}
	if must(Data[float32](keep))(t)[5] == 0 {
		t.Error("the clone is gone")
	}
}

// hooked is the program whose first kernel calls f.
func hooked(f func()) *Program {
	p := testProgram()
	p.Kernels[0] = func(c *cpu.Call, lo, hi int) {
		if lo == 0 {
			f()
		}
		scale(c, lo, hi)
	}
	return p
}

func TestErrBusy(t *testing.T) {
	inside, leave := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s := testSession(t, hooked(func() { once.Do(func() { close(inside); <-leave }) }))
	x := ramp(t, 2, 3)
	done := make(chan error)
	go func() {
		_, err := s.Call(context.Background(), 0, x)
		done <- err
	}()
	<-inside
	_, err := s.Call(t.Context(), 0, x)
	_, err2 := s.Input(0, 0, 2, 3)
	for _, err := range []error{err, err2, s.Close()} {
		if !errors.Is(err, ErrBusy) {
			t.Errorf("use of a busy session: %v", err)
		}
	}
	close(leave)
	if err := <-done; err != nil {
		t.Error(err)
	}
	checkSums(t, x, must(s.Call(t.Context(), 0, x))(t))
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var calls atomic.Int32 // a kernel's parts run in several threads
	p := hooked(cancel)
	p.Kernels[2] = func(c *cpu.Call, lo, hi int) { calls.Add(1); copyAll(c, lo, hi) }
	s := testSession(t, p)
	x := ramp(t, 2, 3)
	_, err := s.Call(ctx, 0, x)
	if !errors.Is(err, context.Canceled) || err.Error() != "test: sums: context canceled" {
		t.Errorf("a cancelled call: %v", err)
	}
	if calls.Load() != 0 {
		t.Error("kernels ran after the cancellation")
	}
	checkSums(t, x, must(s.Call(t.Context(), 0, x))(t))
}

func TestErrBroken(t *testing.T) {
	for _, threads := range []int{1, 2} {
		cpu.SetThreads(threads)
		defer cpu.SetThreads(0)
		s := testSession(t, hooked(func() { panic("ouch") }))
		x := ramp(t, 200, 3)
		_, err := s.Call(t.Context(), 0, x)
		wantError(t, err, "test: sums: step 0 (test.mlx:3:4): kernel panicked: ouch")
		if _, err := s.Call(t.Context(), 0, x); !errors.Is(err, ErrBroken) {
			t.Errorf("a call after a panic: %v", err)
		}
	}
}

// Sessions of one model in several goroutines, for the race detector.
func TestConcurrentSessions(t *testing.T) {
	cpu.SetThreads(3)
	defer cpu.SetThreads(0)
	m := must(Load(testProgram(), ""))(t)
	defer m.Close()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			s, err := m.NewSession()
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			for n := range 30 {
				b := 2 + (i*7+n)%40
				x, err := NewArray(F32, b, 30)
				if err != nil {
					t.Error(err)
					return
				}
				xs, _ := Data[float32](x)
				for j := range xs {
					xs[j] = float32(j % 5)
				}
				out, err := s.Call(context.Background(), 0, x)
				if err != nil {
					t.Error(err)
					return
				}
				if sums, _ := Data[float32](out[1]); sums[b-1] != 2*30*2 {
					t.Errorf("a sum is %v, want 120", sums[b-1])
				}
				x.Close()
			}
		})
	}
	wg.Wait()
}

func TestHugeDims(t *testing.T) {
	p := testProgram()
	p.Dims[dimB].Max = math.MaxInt32
	p.Dims[dimN].Max = math.MaxInt32
	_, err := testSession(t, p).Input(0, 0, math.MaxInt32, math.MaxInt32)
	wantError(t, err, "test: sums: x: f32[2147483647, 2147483647]: ")
}
