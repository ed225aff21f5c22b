package runtime

import (
	"testing"
	"time"

	"github.com/mlxc/mlxc/runtime/cpu"
)

// A loop that ends does so behind the round that says so, each time that it is run, and what
// stands behind it is run. The rounds that were run are counted in states.
func TestLoopsEnd(t *testing.T) {
	count := func(i int) Step { return Step{Kernel: i, Args: []Ref{Kept.At(i), Arena.At(0)}, Grid: Mono(1)} }
	p := &Program{
		Name: "loops", Version: Version1,
		Dims:   []Dim{{Name: "outer", Max: 3}, {Name: "inner", Max: 5}},
		States: []State{{Name: "inner", DType: F32, Init: []float64{0}}, {Name: "outer", DType: F32, Init: []float64{0}}, {Name: "behind", DType: F32, Init: []float64{0}}},
		Kernels: []cpu.Kernel{
			func(c *cpu.Call, _, _ int) { // goes on until the number of all rounds is a multiple of 3
				n := cpu.View[float32](c, 0)
				n[0]++
				cpu.View[bool](c, 1)[0] = int(n[0])%3 != 0
			},
			func(c *cpu.Call, _, _ int) { cpu.View[float32](c, 0)[0]++ },
			func(c *cpu.Call, _, _ int) { cpu.View[float32](c, 0)[0]++ },
		},
		Entries: []Entry{{Name: "run", Writes: true, Variants: []Variant{{
			Blocks: []Block{{Bytes: Mono(1)}},
			Plans:  []Plan{{Order: []int{0}, On: [][]int{nil}}},
			Steps:  []Step{count(0), count(1), count(2)},
			Loops:  []Loop{{First: 0, End: 2, Count: Mono(4), Counter: 0}, {First: 0, End: 1, Count: Mono(5), Counter: 1, Ends: true, Going: Arena.At(0)}},
		}}}},
	}
	timed := 0
	for _, p := range []*Program{p, Timed(p, func(int, time.Duration) { timed++ })} {
		m := must(Load(p, ""))(t)
		s := must(m.NewSession())(t)
		must(s.Call(t.Context(), 0))(t)
		for i, want := range []float32{12, 4, 1} {
			if got := must(Data[float32](s.states[i]))(t)[0]; got != want {
				t.Errorf("%s has been counted %v times, want %v", p.States[i].Name, got, want)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	if timed != 17 {
		t.Errorf("%d launches were timed, want 17", timed)
	}
}
