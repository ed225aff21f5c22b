package runtime

import (
	"testing"
	"time"

	"github.com/mlxc/mlxc/runtime/cpu"
)

// A loop that ends does so behind the round that says so, each time that it is run, and what
// stands behind it is run. The rounds that were run are counted in states.
func TestLoopsEnd(t *testing.T) {
	p := endingLoops()
	timed := 0
	for _, p := range []*Program{p, Timed(p, func(int, time.Duration) { timed++ })} {
		checkCounts(t, p, 12, 4, 1)
	}
	if timed != 17 {
		t.Errorf("%d launches were timed, want 17", timed)
	}
}

// Where a device has a part of each round, no part is left out; where it has what stands
// around the loop, the loop ends.
func TestLoopsOnTwoDevices(t *testing.T) {
	p := endingLoops()
	p.Backend = WithCPU(cpuBackend{})
	steps := p.Entries[0].Variants[0].Steps
	steps[0].OnCPU, steps[2].OnCPU = true, true
	checkCounts(t, p, 12, 4, 1)

	p = endingLoops()
	p.Backend = WithCPU(cpuBackend{})
	v := &p.Entries[0].Variants[0]
	v.Loops = v.Loops[1:]
	v.Loops[0].End = 2
	v.Steps[0].OnCPU = true
	checkCounts(t, p, 5, 5, 1)
}

// endingLoops is a loop of 4 rounds with one of 5 in it, and a step behind them.
func endingLoops() *Program {
	count := func(i int) Step { return Step{Kernel: i, Args: []Ref{Kept.At(i), Arena.At(0)}, Grid: Mono(1)} }
	return &Program{
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
}

// checkCounts runs a program, and compares its states.
func checkCounts(t *testing.T, p *Program, counts ...float32) {
	t.Helper()
	m := must(Load(p, ""))(t)
	s := must(m.NewSession())(t)
	must(s.Call(t.Context(), 0))(t)
	for i, want := range counts {
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
