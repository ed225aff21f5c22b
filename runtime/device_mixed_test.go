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
	if f.records != 2 || !slices.Equal(f.sets, []int{0, 0}) {
		t.Errorf("the device has %d recordings, set %v, want 2 of one launch", f.records, f.sets)
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
