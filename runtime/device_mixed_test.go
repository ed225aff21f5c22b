package runtime

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/mlxc/mlxc/runtime/cpu"
)

// mixed is a program whose first and third step its device runs, the others the CPU.
func mixed(t *testing.T) (*Program, *fake) {
	p, f := withFake(t)
	p.Backend = WithCPU(f)
	steps := p.Entries[0].Variants[1].Steps
	steps[1].OnCPU, steps[3].OnCPU = true, true
	steps[1].Await, steps[3].Await = []int{0}, []int{2}
	return p, f
}

// Steps run where they are placed, in their order and on the same memory, without an
// allocation; the device's time is that of its own.
func TestMixedDevices(t *testing.T) {
	p, f := mixed(t)
	m := must(Load(p, ""))(t)
	s := must(m.NewSession())(t)
	x := ramp(t, 3, 6)
	checkSums(t, x, must(s.Call(t.Context(), 0, x))(t))
	if !slices.Equal(f.sets, []int{0, 2}) {
		t.Errorf("the device's launches were set %v, want 0 and 2", f.sets)
	}
	if s.DeviceTime() != 10*time.Millisecond {
		t.Errorf("the device worked for %v", s.DeviceTime())
	}
	y, ctx := ramp(t, 3, 6), t.Context()
	if n := testing.AllocsPerRun(10, func() {
		x, y = y, x
		f.sets = f.sets[:0]
		if _, err := s.Call(ctx, 0, x); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a call", n)
	}
	for _, err := range []error{s.Close(), x.Close(), y.Close(), m.Close()} {
		if err != nil {
			t.Error(err)
		}
	}
	if f.records != 0 || !f.closed {
		t.Errorf("%d recordings are open, device closed: %v", f.records, f.closed)
	}
}

// The CPU goes on beside the device, which here runs as late as it may, until it needs what
// that does: of the steps 0, 3 and 6 of the device, step 4 needs the first, and the last
// another sum of all. Nothing is waited for twice.
func TestDevicesWorkAtTheSameTime(t *testing.T) {
	run := func(await4, await7 []int) (order []int, turns [][2]int) {
		p, f := withFake(t)
		p.Backend = WithCPU(f)
		v := &Variant{}
		p.Kernels = nil
		for i := range 8 {
			p.Kernels = append(p.Kernels, func(*cpu.Call, int, int) { order = append(order, i) })
			v.Steps = append(v.Steps, Step{Kernel: i, OnCPU: i%3 != 0, Grid: Mono(1), Grain: 1})
		}
		v.Steps[4].Await, v.Steps[7].Await = await4, await7
		p.Entries[0] = Entry{Name: "run", Variants: []Variant{*v}}
		s := testSession(t, p)
		must(s.Call(t.Context(), 0))(t)
		for _, turn := range s.entries[0].variant.turns {
			turns = append(turns, [2]int{turn.first, turn.end})
		}
		return order, turns
	}
	order, turns := run([]int{0}, []int{3, 6})
	if want := []int{1, 2, 0, 4, 5, 3, 6, 7}; !slices.Equal(order, want) {
		t.Errorf("the steps ran as %v, want %v", order, want)
	}
	if want := [][2]int{{0, 1}, {1, 3}, {3, 4}, {4, 6}, {6, 7}, {7, 8}}; !slices.Equal(turns, want) {
		t.Errorf("turns are %v, want %v", turns, want)
	}
	// The third turn of the device waits for its first, and the end for all.
	order, _ = run(nil, nil)
	if want := []int{1, 2, 4, 5, 0, 7, 3, 6}; !slices.Equal(order, want) {
		t.Errorf("without waits the steps ran as %v, want %v", order, want)
	}
}

// What a device cannot do ends the call before the CPU reads what it should have written.
func TestMixedDevicesFail(t *testing.T) {
	p, f := mixed(t)
	ran := false
	p.Kernels = slices.Clone(p.Kernels)
	kernel := p.Kernels[2]
	p.Kernels[2] = func(c *cpu.Call, lo, hi int) { ran = true; kernel(c, lo, hi) }
	s := testSession(t, p)
	x := ramp(t, 3, 6)
	f.fails = &DeviceError{Device: "fake", Err: errors.New("no")}
	if _, err := s.Call(t.Context(), 0, x); !errors.Is(err, f.fails) || ran {
		t.Errorf("got %v, the CPU ran: %v", err, ran)
	}
	f.fails = nil
	checkSums(t, x, must(s.Call(t.Context(), 0, x))(t))
}

// Of a program that is timed the CPU's launches take what the clock says.
func TestMixedDevicesTimed(t *testing.T) {
	p, _ := mixed(t)
	took := map[int]time.Duration{}
	s := testSession(t, Timed(p, func(step int, d time.Duration) { took[step] = d }))
	x := ramp(t, 3, 6)
	checkSums(t, x, must(s.Call(t.Context(), 0, x))(t))
	for step, d := range took {
		if onCPU := step%2 == 1; d <= 0 || onCPU == (d == 5*time.Millisecond) {
			t.Errorf("step %d took %v", step, d)
		}
	}
	if len(took) != 4 || s.DeviceTime() != 10*time.Millisecond {
		t.Errorf("%d launches, the device worked for %v", len(took), s.DeviceTime())
	}
}
