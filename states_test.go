package mlxc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
	"github.com/mlxc/mlxc/testdata/gen/decoder"
)

// decoderModel is the model on a device.
func decoderModel(t *testing.T, loadModel func(path string) (*decoder.Model, error)) *decoder.Model {
	t.Helper()
	m, err := loadModel("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func decoderSession(t *testing.T, m *decoder.Model, d decoder.Dims) *decoder.Session {
	t.Helper()
	s, err := m.NewSession(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// uniform is an array of numbers in [-1, 1).
func uniform(t *testing.T, r *rand.Rand, shape ...int) *runtime.Array {
	t.Helper()
	a, err := runtime.NewArray(runtime.F32, shape...)
	if err != nil {
		t.Fatal(err)
	}
	x := data[float32](t, a)
	for i := range x {
		x[i] = 2*r.Float32() - 1
	}
	return a
}

// near compares f32 with the evaluator, whose numbers are of magnitude 1.
func near(t *testing.T, what string, got *runtime.Array, want *ir.Tensor) {
	t.Helper()
	for i, v := range data[float32](t, got) {
		if math.Abs(float64(v)-want.F[i]) > 1e-5 {
			t.Errorf("%s: element %d is %v, want %v", what, i, v, want.F[i])
			return
		}
	}
}

// A session is what the evaluator says, call after call: a prompt of 5 rows, rows one by
// one, and between them the cell, whose states change places, and loops that set states,
// of as many rounds as rows, and of as many as a number that is computed says.
func checkStates(t *testing.T, m *decoder.Model) {
	t.Helper()
	module, ctx := load(t, "decoder"), context.Background()
	s := decoderSession(t, m, decoder.Dims{B: 2, S: 12})
	states := map[string]*ir.Tensor{"keys": ir.NewTensor(ir.F32, 2, 1, 12, 16), "values": ir.NewTensor(ir.F32, 2, 1, 12, 16),
		"seen": ir.NewTensor(ir.I32), "h": ir.NewTensor(ir.F32, 2, 16), "c": ir.NewTensor(ir.F32, 2, 16)}
	for i := range states["c"].F {
		states["c"].F[i] = 1
	}
	r := rand.New(rand.NewPCG(1, 2))
	call := func(entry string, x *runtime.Array, given ...int64) []*ir.Tensor {
		in, err := ir.TensorOf(ir.DType(x.DType()), x.Shape(), x.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		f, _, err := module.Serving(entry, states, []*ir.Tensor{in}, given...)
		if err != nil {
			t.Fatal(err)
		}
		out, err := module.Eval(f, states, []*ir.Tensor{in}, given...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	pos := 0
	for n, rows := range []int{5, 1, 1, 3, 1, 1} {
		x := uniform(t, r, 2, rows, 16)
		want := call("step", x, int64(pos))
		got, err := s.Step(ctx, x, pos)
		if err != nil {
			t.Fatal(err)
		}
		near(t, fmt.Sprint("step ", n), got.Y, want[0])
		if seen := data[int32](t, got.Seen)[0]; int64(seen) != want[1].I[0] || seen <= int32(n) {
			t.Errorf("step %d: %d calls, want %d", n, seen, want[1].I[0])
		}
		pos += rows

		z := uniform(t, r, 2, 16)
		want = call("cell", z)
		h, err := s.Cell(ctx, z)
		if err != nil {
			t.Fatal(err)
		}
		near(t, fmt.Sprint("cell ", n), h, want[0])
		if n == 2 {
			want = call("exchange", z)
			before, err := s.Exchange(ctx, z)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "exchange", before, want[0])
		}
		parent, err := runtime.From([]int32{1, int32(n % 2)}, 2)
		if err != nil {
			t.Fatal(err)
		}
		call("reorder", parent, int64(pos))
		if err := s.Reorder(ctx, parent, pos); err != nil {
			t.Fatal(err)
		}
		want = call("noise", z)
		noise, err := s.Noise(ctx, z)
		if err != nil {
			t.Fatal(err)
		}
		near(t, fmt.Sprint("noise ", n), noise, want[0])
		want = call("walk", x)
		ys, err := s.Walk(ctx, x)
		if err != nil {
			t.Fatal(err)
		}
		near(t, fmt.Sprint("walk ", n), ys, want[0])
		want = call("halve", z)
		halves, err := s.Halve(ctx, z)
		if err != nil {
			t.Fatal(err)
		}
		near(t, fmt.Sprint("halve ", n), halves.Y, want[0])
		if rounds := data[int32](t, halves.N)[0]; int64(rounds) != want[1].I[0] || rounds < 3 || rounds > 4 {
			t.Errorf("halve %d: %d rounds, want %d", n, rounds, want[1].I[0])
		}
	}
}

func TestStates(t *testing.T) { checkStates(t, decoderModel(t, decoder.LoadCPU)) }

// A prompt in one call gives the last row that its rows give one by one.
func TestPromptAndSteps(t *testing.T) {
	m, ctx := decoderModel(t, decoder.LoadCPU), context.Background()
	prompt, steps := decoderSession(t, m, decoder.Dims{B: 1, S: 8}), decoderSession(t, m, decoder.Dims{B: 1, S: 8})
	x := uniform(t, rand.New(rand.NewPCG(3, 4)), 1, 8, 16)
	all, err := prompt.Step(ctx, x, 0)
	if err != nil {
		t.Fatal(err)
	}
	rows, got := data[[16]float32](t, x), data[[16]float32](t, all.Y)
	one, err := runtime.NewArray(runtime.F32, 1, 1, 16)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		copy(data[float32](t, one), rows[i][:])
		out, err := steps.Step(ctx, one, i)
		if err != nil {
			t.Fatal(err)
		}
		for j, v := range data[float32](t, out.Y) {
			if d := math.Abs(float64(v - got[i][j])); d > 1e-6 {
				t.Fatalf("row %d, element %d: %v, in a prompt %v", i, j, v, got[i][j])
			}
		}
	}
}

// States are saved, loaded and reset; what does not fit changes nothing.
func TestSavedStates(t *testing.T) {
	m, ctx := decoderModel(t, decoder.LoadCPU), context.Background()
	s, r := decoderSession(t, m, decoder.Dims{B: 1, S: 4}), rand.New(rand.NewPCG(5, 6))
	x := uniform(t, r, 1, 16)
	cell := func(s *decoder.Session) []float32 {
		h, err := s.Cell(ctx, x)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(data[float32](t, h))
	}
	first := cell(s)
	var saved bytes.Buffer
	if err := s.SaveState(&saved); err != nil {
		t.Fatal(err)
	}
	second := cell(s)
	if slices.Equal(first, second) {
		t.Fatal("the cell does not change")
	}
	other := decoderSession(t, m, decoder.Dims{B: 1, S: 4})
	if err := other.LoadState(bytes.NewReader(saved.Bytes())); err != nil {
		t.Fatal(err)
	}
	if got := cell(other); !slices.Equal(got, second) {
		t.Error("loaded states are not those that were saved")
	}
	if err := s.Reset("h"); err != nil {
		t.Fatal(err)
	}
	if got := cell(s); slices.Equal(got, first) {
		t.Error("one state that is reset is not all of them")
	}
	if err := s.Reset(); err != nil {
		t.Fatal(err)
	}
	if got := cell(s); !slices.Equal(got, first) {
		t.Error("reset states are not those at the beginning")
	}
	for _, c := range []struct{ text, want string }{
		{saved.String()[:saved.Len()-9], "decoder: load state: "},
		{"", "decoder: load state: "},
		{strings.Replace(saved.String(), `"mlxc.states":"decoder"`, `"mlxc.states":"another"`, 1), "decoder: load state: these are no states of decoder"},
		{strings.Replace(saved.String(), `"keys":{"dtype":"F32","shape":[1,1,4,16]`, `"keys":{"dtype":"F32","shape":[1,1,16,4]`, 1), `decoder: load state: "keys" is f32[1, 1, 16, 4], want f32[1, 1, 4, 16]`},
	} {
		err := s.LoadState(strings.NewReader(c.text))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	if err := s.Reset("g"); err == nil || err.Error() != `decoder: reset: there is no state "g"` {
		t.Error(err)
	}
}

// A session says what dims it cannot have, and what its calls cannot then.
func TestSessionDims(t *testing.T) {
	m := decoderModel(t, decoder.LoadCPU)
	for _, c := range []struct {
		d    decoder.Dims
		want string
	}{
		{decoder.Dims{S: 4}, "decoder: session: B = 0, but B >= 1"},
		{decoder.Dims{B: 1, S: 17}, "decoder: session: S = 17, but S <= 16"},
	} {
		var dim *runtime.DimError
		if _, err := m.NewSession(c.d); !errors.As(err, &dim) || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	s := decoderSession(t, m, decoder.Dims{B: 2, S: 4})
	r := rand.New(rand.NewPCG(7, 8))
	_, err := s.Step(context.Background(), uniform(t, r, 1, 1, 16), 0)
	if want := "decoder: step: x is f32[1, 1, 16], want f32[B, T, 16], where B = 2"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	_, err = s.Step(context.Background(), uniform(t, r, 2, 1, 16), 4)
	if want := "decoder: step: T + pos <= S does not hold for S = 4, T = 1, pos = 4"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if _, err = s.Step(context.Background(), uniform(t, r, 2, 1, 16), 3); err != nil {
		t.Error(err)
	}
}

// Sessions over one set of weights run at once, each with states of its own, and what one
// gives is what it gives alone, bit for bit.
func checkSessions(t *testing.T, m *decoder.Model) {
	t.Helper()
	run := func(s *decoder.Session, seed uint64) []float32 {
		r, ctx := rand.New(rand.NewPCG(seed, 1)), context.Background()
		var all []float32
		for pos := range 12 {
			out, err := s.Step(ctx, uniform(t, r, 1, 1, 16), pos)
			if err != nil {
				t.Error(err)
				return nil
			}
			all = append(all, data[float32](t, out.Y)...)
		}
		return all
	}
	var wg sync.WaitGroup
	for seed := range uint64(3) {
		want := run(decoderSession(t, m, decoder.Dims{B: 1, S: 12}), seed)
		s := decoderSession(t, m, decoder.Dims{B: 1, S: 12})
		wg.Go(func() {
			if got := run(s, seed); !slices.Equal(got, want) {
				t.Errorf("session %d gives something else than alone", seed)
			}
		})
	}
	wg.Wait()
}

func TestSessionsAtOnce(t *testing.T) { checkSessions(t, decoderModel(t, decoder.LoadCPU)) }

// A step allocates nothing, whatever its position.
func TestStepsAllocateNothing(t *testing.T) {
	s := decoderSession(t, decoderModel(t, decoder.LoadCPU), decoder.Dims{B: 1, S: 16})
	x, ctx := uniform(t, rand.New(rand.NewPCG(9, 9)), 1, 1, 16), context.Background()
	for pos := range 16 { // memory grows up to the largest
		if _, err := s.Step(ctx, x, pos); err != nil {
			t.Fatal(err)
		}
	}
	pos := 0
	if n := testing.AllocsPerRun(14, func() {
		if _, err := s.Step(ctx, x, pos); err != nil {
			t.Error(err)
		}
		pos++
	}); n != 0 {
		t.Errorf("%v allocations a call", n)
	}
}
