package runtime

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/mlxc/mlxc/runtime/cpu"
)

// A countdown is a context that is cancelled when it has been looked at some times.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left == 0 {
		return context.Canceled
	}
	c.left--
	return nil
}

// A call is cancelled between turns, of which a device has two at most: what it has begun
// ends before the call does.
func TestCancelBetweenTurns(t *testing.T) {
	const launches = 3*turnLength + 100
	ran := 0
	p := &Program{
		Name: "long", Version: Version1,
		Backend: &fake{t: t, open: map[*fakeBuffer]bool{}},
		Kernels: []cpu.Kernel{func(*cpu.Call, int, int) { ran++ }},
		Entries: []Entry{{Name: "run", Variants: []Variant{{
			Steps: slices.Repeat([]Step{{Grid: Mono(1), Grain: 1}}, launches),
		}}}},
	}
	s := testSession(t, p)
	for looks, want := range []int{0, 0, turnLength, 2 * turnLength, 3 * turnLength, launches} { // one before the first turn
		ran = 0
		_, err := s.Call(&countdown{t.Context(), looks}, 0)
		if cancelled := errors.Is(err, context.Canceled); cancelled != (want < launches) || ran != want {
			t.Errorf("cancelled at look %d: %d launches ran, want %d: %v", looks, ran, want, err)
		}
	}
	turns := s.entries[0].variants[0].turns
	if want := []turn{{first: 0, end: 512}, {first: 512, end: 1024}, {first: 1024, end: 1536, await: 512}, {first: 1536, end: launches, await: 1024}}; !slices.Equal(turns, want) {
		t.Errorf("turns are %v, want %v", turns, want)
	}
}

// Where the CPU waits for a part of what the device does, that is a turn of its own.
func TestTurnsAreCutWhereTheCPUWaits(t *testing.T) {
	launches := make([]Launch, 8)
	launches[5].OnCPU, launches[6].OnCPU, launches[7].OnCPU = true, true, true
	launches[6].Await, launches[7].Await = 2, 1
	var got [][3]int
	for _, turn := range takeTurns(launches, nil) {
		got = append(got, [3]int{turn.first, turn.end, turn.await})
	}
	if want := [][3]int{{0, 1, 0}, {1, 2, 0}, {2, 5, 1}, {5, 6, 0}, {6, 8, 2}}; !slices.Equal(got, want) {
		t.Errorf("turns are %v, want %v", got, want)
	}
}
