//go:build linux && mlxc_metal

package program_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/mlxc/mlxc/internal/softmetal"
	"github.com/mlxc/mlxc/runtime"
)

// Of a model on two devices that work beside each other every wait is needed: with one left
// out, results are others, or the software Metal finds what the CPU has changed too early.
func TestEveryWaitIsNeeded(t *testing.T) {
	hooks := openSoftMetal(t)
	for name, value := range map[string]string{"LAZY": "1", "SHUFFLE": "0", "ORDER": "forward", "HOSTWRITES": "1"} {
		if err := hooks.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	_, p := placed(t, "beside.mlx")
	want, found := besides(t, hooks, p)
	for _, f := range found {
		t.Error(f)
	}
	waits := 0
	for i, s := range p.Entries[0].Variants[0].Steps {
		for n := range s.Await {
			waits++
			steps := &p.Entries[0].Variants[0].Steps[i]
			steps.Await = slices.Delete(slices.Clone(s.Await), n, n+1)
			got, found := besides(t, hooks, p)
			if len(found) == 0 && slices.EqualFunc(got, want, bytes.Equal) {
				t.Errorf("step %d (%s) need not wait for step %d", i, s.Pos, s.Await[n])
			}
			steps.Await = s.Await
		}
	}
	if waits < 2 {
		t.Errorf("%d waits are too few to test", waits)
	}
}

// besides calls the model twice, and returns all results and what was found.
func besides(t *testing.T, hooks *softmetal.Hooks, p *runtime.Program) (results [][]byte, found []string) {
	t.Helper()
	s := openSession(t, p)
	x := integers(32, 32)
	a, err := runtime.NewArray(runtime.F32, 32, 32)
	if err != nil {
		t.Fatal(err)
	}
	copy(a.Bytes(), x.Bytes())
	for range 2 {
		out, err := s.CallAt(t.Context(), 0, []int{3}, a)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range out {
			results = append(results, slices.Clone(r.Bytes()))
		}
	}
	return results, hooks.Errors()
}
