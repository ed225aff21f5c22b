package runtime

import (
	"slices"
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

// Loops end too where a device has what stands around them, or a part of each round.
func TestLoopsOnTwoDevices(t *testing.T) {
	on := func(device ...int) *Program {
		p := endingLoops()
		p.Backend = WithCPU(&fake{t: t, open: map[*fakeBuffer]bool{}})
		steps := p.Entries[0].Variants[0].Steps
		for i := range steps {
			steps[i].OnCPU = !slices.Contains(device, i)
		}
		return p
	}
	checkCounts(t, on(1), 12, 4, 1)

	for _, device := range []int{0, 1} {
		p := on(device)
		v := &p.Entries[0].Variants[0]
		v.Loops = v.Loops[1:]
		v.Loops[0].End = 2
		v.Steps[1].Await = []int{0}
		checkCounts(t, p, 3, 3, 1)
	}

	// Rounds that the device begins and ends: what it says in the last step is seen when the
	// next round has begun, what it says in the first before that.
	for says, rounds := range map[int]float32{0: 3, 2: 4} {
		p := on(0, 2)
		v := &p.Entries[0].Variants[0]
		v.Loops = []Loop{{First: 0, End: 3, Count: Mono(50), Counter: 1, Ends: true, Going: Arena.At(0)}}
		v.Steps[1].Await = []int{0}
		p.Dims[1].Max = 50
		for i := range p.Kernels {
			p.Kernels[i] = func(c *cpu.Call, _, _ int) {
				n := cpu.View[float32](c, 0)
				if n[0]++; i == says {
					cpu.View[bool](c, 1)[0] = n[0] < 3
				}
			}
		}
		checkCounts(t, p, rounds, rounds, rounds)
	}
}

// A device is given rounds of a loop until it is seen, while it runs some, that those before
// have ended the loop. What stands behind it is run, and an outer loop goes on.
func TestLoopsEndOnADevice(t *testing.T) {
	p := endingLoops()
	p.Backend = &fake{t: t, open: map[*fakeBuffer]bool{}}
	p.Dims[1].Max = 1000
	v := &p.Entries[0].Variants[0]
	v.Loops[1].Count = Mono(1000)
	round, outer := 0, 0
	p.Kernels[0] = func(c *cpu.Call, _, _ int) { // goes on for 40 rounds each time, but for the last
		round++
		cpu.View[float32](c, 0)[0]++
		cpu.View[bool](c, 1)[0] = round < 40 || outer == 3
	}
	p.Kernels[1] = func(c *cpu.Call, _, _ int) { round, outer = 0, outer+1; cpu.View[float32](c, 0)[0]++ }
	// Of three turns the second ends the loop. But for the first time, a turn begins with the
	// step behind the inner loop.
	const turns = 3 * roundsLength
	checkCounts(t, p, turns+2*(turns-1)+1000, 4, 1)
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
