//go:build linux && mlxc_metal

package program_test

import (
	"testing"
	"time"

	"github.com/mlxc/mlxc/runtime"
)

// Loops of a GPU, and of both devices, end long before their last round, call after call,
// with the results of the evaluator: also where work starts late, and what the call before
// has left says that the loop has ended.
func TestLoopsEnd(t *testing.T) {
	hooks := openSoftMetal(t)
	for _, lazy := range []string{"0", "1"} {
		for name, value := range map[string]string{"LAZY": lazy, "SHUFFLE": "7", "ORDER": "random", "HOSTWRITES": "0"} {
			if err := hooks.Set(name, value); err != nil {
				t.Fatal(err)
			}
		}
		m, p := placed(t, "ending.mlx")
		launches := 0
		for _, p := range []*runtime.Program{p, runtime.Timed(p, func(int, time.Duration) { launches++ })} {
			for entry, f := range m.Funcs {
				launches = 0
				endingCalls(t, p, entry, f.Name)
				if launches > 0 {
					t.Logf("%s: %d launches in four calls of at most 400 rounds, which need 60", f.Name, launches)
				}
				if steps := len(p.Entries[entry].Variants[0].Steps); launches > 200*steps {
					t.Errorf("%s: %d launches of %d steps, of which 8, 10, 41 and 1 rounds are needed", f.Name, launches, steps)
				}
			}
		}
		for _, found := range hooks.Errors() {
			t.Error(found)
		}
	}
}

// endingCalls calls an entry with what needs some rounds.
func endingCalls(t *testing.T, p *runtime.Program, entry int, name string) {
	t.Helper()
	s := openSession(t, p)
	count := int32(0)
	for _, rounds := range []int32{7, 9, 40, 0} {
		x, err := runtime.NewArray(runtime.F32, 4, 16)
		if err != nil {
			t.Fatal(err)
		}
		in, err := runtime.Data[float32](x)
		if err != nil {
			t.Fatal(err)
		}
		for i := range in {
			in[i] = float32(min(int32(i), rounds))
		}
		out, err := s.Call(t.Context(), entry, x)
		if err != nil {
			t.Fatal(err)
		}
		count += rounds
		y, err := runtime.Data[float32](out[0])
		if err != nil {
			t.Fatal(err)
		}
		for i := range y {
			if y[i] != -1 {
				t.Fatalf("%s: after %d rounds element %d is %v", name, rounds, i, y[i])
			}
		}
		if got, err := runtime.Data[int32](out[1]); err != nil || got[0] != count {
			t.Errorf("%s: %v rounds in all, want %d", name, got, count)
		}
	}
}
