package passes

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/internal/random"
	"github.com/mlxc/mlxc/ir"
)

const small = `mlxir 1
module "small" {
  dim B 0..8
  func @run(%x: f32[B, 4]) -> (y: f32[B, 4]) {
    %0 = softmax(%x, axis=1, acc=invalid) : f32[B, 4]
    %1 = softmax(%0, axis=0, acc=invalid) : f32[B, 4]
    ret(%1)
  }
}`

func parse(t *testing.T, text string) *ir.Module {
	t.Helper()
	m, err := ir.Parse("small.mlxir", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestObserverSeesEveryPass(t *testing.T) {
	var seen, want []string
	err := Run(parse(t, small), ir.CPU, func(pass string, m *ir.Module) {
		seen = append(seen, pass)
		early := slices.Contains([]string{"simplify", "precision"}, pass)
		if (m.Target == "") != early {
			t.Errorf("after %s the target is %q", pass, m.Target)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range List() {
		want = append(want, p.Name)
	}
	if !slices.Equal(seen, want) {
		t.Errorf("observed %v, want %v", seen, want)
	}
}

func TestUntil(t *testing.T) {
	m := parse(t, small)
	if err := Until(m, ir.Metal, "lower"); err != nil {
		t.Fatal(err)
	}
	if len(m.Kernels) == 0 || m.Kernels[0].Schedule != nil || m.Funcs[0].Body != nil {
		t.Errorf("not a module after lower:\n%s", ir.Print(m))
	}
}

// What a person may ask for in vain is said, and is no bug of ours.
func TestRefusals(t *testing.T) {
	tests := []struct {
		before []string // applied for cpu
		target ir.Target
		passes []string
		want   string
	}{
		{nil, ir.CPU, []string{"fold"}, `there is no pass "fold"; the passes are simplify, `},
		{nil, "tpu", []string{"place"}, `there is no target "tpu"; the targets are cpu and metal`},
		{nil, "", []string{"simplify", "place"}, "pass place needs a target"},
		{[]string{"place"}, ir.Metal, []string{"expand"}, `module "small" is for target cpu already`},
		{nil, ir.CPU, []string{"expand"}, "pass expand needs a device for each value, from pass place"},
		{[]string{"place"}, ir.CPU, []string{"fuse"}, "pass fuse needs composites replaced, by pass expand"},
		{[]string{"place", "expand"}, ir.CPU, []string{"lower"}, "pass lower needs the kernels of stored values, from pass fuse"},
		{[]string{"place"}, ir.CPU, []string{"tile"}, "pass tile needs kernels, from pass lower"},
		{[]string{"place", "expand", "fuse", "lower"}, ir.CPU, []string{"simplify"}, "pass simplify needs functions with bodies, not kernels"},
		{[]string{"place", "expand", "fuse", "lower"}, ir.CPU, []string{"schedule"}, "pass schedule needs kernels with a schedule, from pass tile"},
		{[]string{"place", "expand", "fuse", "lower", "tile"}, ir.CPU, []string{"plan"}, "pass plan needs barriers between epochs, from pass schedule"},
		{[]string{"place", "expand", "fuse", "lower", "tile", "schedule", "plan"}, ir.CPU, []string{"legalise"}, "pass legalise needs a module before pass plan, which relies on it"},
	}
	for _, test := range tests {
		m := parse(t, small)
		if err := Apply(m, ir.CPU, test.before); len(test.before) > 0 && err != nil {
			t.Fatal(err)
		}
		err := Apply(m, test.target, test.passes)
		var bug *InternalError
		if err == nil || !strings.HasPrefix(err.Error(), test.want) || errors.As(err, &bug) {
			t.Errorf("%v after %v: %v, want %s", test.passes, test.before, err, test.want)
		}
	}
	if err := Until(parse(t, small), ir.CPU, "fold"); err == nil || !strings.HasPrefix(err.Error(), `there is no pass "fold"`) {
		t.Error(err)
	}
}

// A pass that fails, or leaves what does not verify, is our bug and named; what a
// pass has to say about the model is not.
func TestInternalErrors(t *testing.T) {
	about := ir.Diagnostics{{Msg: "the target has no f64"}}
	tests := []struct {
		run func(m *ir.Module) error
		bug bool
	}{
		{func(*ir.Module) error { return errors.New("stuck") }, true},
		{func(m *ir.Module) error { m.Funcs[0].Body = nil; return nil }, true},
		{func(*ir.Module) error { return about }, false},
	}
	for i, test := range tests {
		err := run(parse(t, small), "", []Pass{{Name: "broken", run: test.run}}, nil)
		var bug *InternalError
		if errors.As(err, &bug) != test.bug {
			t.Errorf("case %d: %v", i, err)
		} else if test.bug && (bug.Pass != "broken" || !strings.HasPrefix(err.Error(), "pass broken: ")) {
			t.Errorf("case %d: the pass is not named: %v", i, err)
		}
	}
}

func TestTheGPUHasNoF64(t *testing.T) {
	const text = `mlxir 1
module "wide" {
  func @f(%%x: f64[4]) -> (y: f32[4]) {
    %%0 = exp(%%x) : f64[4]%s loc 0
    %%y = cast(%%0, dtype=f32) : f32[4]%s loc 0
    ret(%%y)
  }
}
loc 0 = "wide.mlx":3:5
`
	err := Run(parse(t, fmt.Sprintf(text, "", "")), ir.Metal, nil)
	var wrong ir.Diagnostics
	if !errors.As(err, &wrong) || len(wrong) != 2 || !strings.HasPrefix(err.Error(), "wide.mlx:3:5: error: exp: the GPU has no f64, and x is f64[4]") {
		t.Error(err)
	}
	for target, on := range map[ir.Target]string{ir.Metal: " on cpu", ir.CPU: ""} {
		if err := Run(parse(t, fmt.Sprintf(text, on, on)), target, nil); err != nil {
			t.Errorf("target %s%s: %v", target, on, err)
		}
	}
}

func TestRunRepeats(t *testing.T) {
	for seed := range uint64(50) {
		var texts [2]string
		for i := range texts {
			m := random.Module(seed, random.AllKinds)
			target := ir.Metal
			if strings.Contains(ir.Print(m), "f64") {
				target = ir.CPU
			}
			if err := Run(m, target, nil); err != nil {
				t.Fatal(err)
			}
			texts[i] = ir.Print(m)
		}
		if texts[0] != texts[1] {
			t.Errorf("seed %d: two runs differ", seed)
		}
	}
}
