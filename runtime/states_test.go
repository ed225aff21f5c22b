package runtime

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/mlxc/mlxc/runtime/cpu"
)

// countProgram has a state n: f32[B], which is 5 at first. count adds 1 to it and returns
// it, stop ends the context of the call behind that, and look reads it.
func countProgram(stop func()) *Program {
	b := Mono(1, 0)
	out := []Port{{"n", F32, []Size{b}}}
	add := Step{Kernel: 0, Args: []Ref{Kept.At(0)}, Grid: b}
	show := Step{Kernel: 1, Args: []Ref{Kept.At(0), Output.At(0)}, Grid: b}
	end := Step{Kernel: 2, Grid: Mono(1)}
	return &Program{
		Name:    "counts",
		Version: Version1,
		Dims:    []Dim{{Name: "B", Min: 1, Max: 8, Session: true}},
		States:  []State{{Name: "n", DType: F32, Shape: []Size{b}, Init: []float64{5}}},
		Kernels: []cpu.Kernel{
			func(c *cpu.Call, lo, hi int) {
				n := cpu.View[float32](c, 0)
				for i := lo; i < hi; i++ {
					n[i]++
				}
			},
			copyAll,
			func(*cpu.Call, int, int) { stop() },
		},
		Entries: []Entry{
			{Name: "count", Outputs: out, Writes: true, Variants: []Variant{{Steps: []Step{add, show}}}},
			{Name: "stop", Outputs: out, Writes: true, Variants: []Variant{{Steps: []Step{add, end, show}}}},
			{Name: "look", Outputs: out, Variants: []Variant{{Steps: []Step{show, end, show}}}},
		},
	}
}

// counts calls an entry, and returns the states that it shows.
func counts(t *testing.T, s *Session, entry int) []float32 {
	t.Helper()
	return slices.Clone(must(Data[float32](must(s.Call(t.Context(), entry))(t)[0]))(t))
}

// A call that is cancelled after it began to write states leaves them torn until all are
// reset or loaded; one that is cancelled before, or writes none, leaves the session as it is.
func TestTornStates(t *testing.T) {
	var cancel context.CancelFunc
	m := must(Load(countProgram(func() { cancel() }), ""))(t)
	s := must(m.NewSession(3))(t)
	var ctx context.Context
	begin := func() { ctx, cancel = context.WithCancel(t.Context()) }
	is := func(want ...float32) {
		t.Helper()
		if got := counts(t, s, 0); !slices.Equal(got, want) {
			t.Errorf("states are %v, want %v", got, want)
		}
	}
	is(6, 6, 6)
	var saved bytes.Buffer
	if err := s.SaveState(&saved); err != nil {
		t.Fatal(err)
	}
	for _, again := range []struct {
		by   func() error
		want float32
	}{
		{func() error { return s.Reset() }, 6},
		{func() error { return s.LoadState(bytes.NewReader(saved.Bytes())) }, 7},
	} {
		begin()
		if _, err := s.Call(ctx, 1); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		for _, refused := range []func() error{
			func() error { _, err := s.Call(t.Context(), 0); return err },
			func() error { return s.Reset("n") },
			func() error { return s.SaveState(&bytes.Buffer{}) },
		} {
			if err := refused(); !errors.Is(err, ErrTorn) {
				t.Errorf("%v, want %v", err, ErrTorn)
			}
		}
		if err := again.by(); err != nil {
			t.Fatal(err)
		}
		is(again.want, again.want, again.want)
	}
	begin()
	if _, err := s.Call(ctx, 2); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	is(8, 8, 8)
	begin()
	cancel()
	if _, err := s.Call(ctx, 0); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	is(9, 9, 9)
	begin()
	if _, err := s.Call(ctx, 1); err == nil {
		t.Fatal("not cancelled")
	}
	if err := errors.Join(s.Close(), m.Close()); err != nil {
		t.Error(err)
	}
}

// A tensor of the checkpoint is what a state of its name is at first, if it has its type.
func TestStatesOfACheckpoint(t *testing.T) {
	a := must(NewArray(F16, 2))(t)
	copy(a.Bytes(), []byte{0x00, 0x3c, 0x00, 0x40}) // 1 and 2
	var file bytes.Buffer
	if err := writeTensors(t.Context(), &file, []string{"n"}, []*Array{a}, map[string]string{}, nil); err != nil {
		t.Fatal(err)
	}
	m := must(LoadBytes(countProgram(nil), "counts.safetensors", file.Bytes()))(t)
	s := must(m.NewSession(2))(t)
	for _, want := range []float32{2, 3} {
		if got := counts(t, s, 0); !slices.Equal(got, []float32{want, want + 1}) {
			t.Errorf("states are %v, want %v and 1 more", got, want)
		}
	}
	if err := s.Reset(); err != nil {
		t.Fatal(err)
	}
	if got := counts(t, s, 0); !slices.Equal(got, []float32{2, 3}) {
		t.Errorf("states are %v after Reset", got)
	}
	_, err := m.NewSession(3)
	wantError(t, err, `counts.safetensors: tensor "n": f16[2], want f32[3]`)
	if err := errors.Join(s.Close(), m.Close()); err != nil {
		t.Error(err)
	}
}
