package runtime

import (
	"slices"
	"testing"
	"time"
)

// A program that is timed computes what it computed, and says of each launch when it
// is done; that of a device in the device's time.
func TestTimed(t *testing.T) {
	onDevice, f := withFake(t)
	for _, c := range []struct {
		name string
		p    *Program
		each time.Duration // 0: unknown
	}{
		{"cpu", testProgram(), 0},
		{"device", onDevice, 5 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			var launches []int
			var sum time.Duration
			p := Timed(c.p, func(launch int, d time.Duration) {
				launches = append(launches, launch)
				if sum += d; c.each > 0 && d != c.each {
					t.Errorf("launch %d took %v, want %v", launch, d, c.each)
				}
			})
			m := must(Load(p, ""))(t)
			s := must(m.NewSession())(t)
			x := ramp(t, 3, 6)
			start := time.Now()
			checkSums(t, x, must(s.Call(t.Context(), 0, x))(t))
			if whole := time.Since(start); c.each == 0 && (sum <= 0 || sum > whole) {
				t.Errorf("the launches took %v of %v", sum, whole)
			}
			if !slices.Equal(launches, []int{0, 1, 2, 3}) {
				t.Errorf("launches %v", launches)
			}
			if s.DeviceTime() != 4*c.each {
				t.Errorf("the device worked for %v", s.DeviceTime())
			}
			for _, err := range []error{s.Close(), x.Close(), m.Close()} {
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	if f.records != 0 || !f.closed {
		t.Errorf("%d recordings are open, device closed: %v", f.records, f.closed)
	}
}
