package ir

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What a step on the CPU waits for. Each step is a device, what it reads and what it writes;
// capitals are buffers of the arena.
func TestAwaits(t *testing.T) {
	inTwo := &Plan{ // c lies above a, e above c or a; b is where a was
		Blocks: []*Block{{Buffers: []*Buffer{{Name: "A"}, {Name: "B"}}}, {Buffers: []*Buffer{{Name: "C"}}}, {Buffers: []*Buffer{{Name: "E"}}}},
		Stacks: []Stack{
			{Order: []int{0, 1, 2}, On: [][]int{nil, {0}, {1}}},
			{Order: []int{0, 1, 2}, On: [][]int{nil, {0}, {0}}},
		},
	}
	for _, c := range []struct {
		name  string
		steps string
		loops [][2]int
		plan  *Plan
		want  string
	}{
		{"nothing on the GPU", "cpu x a; cpu a b", nil, nil, ""},
		{"what is read", "gpu x a; cpu a b", nil, nil, "1: raw a after 0"},
		{"what is written", "gpu a b; cpu x a", nil, nil, "1: war a after 0"},
		{"what is written again", "gpu x a; cpu x a", nil, nil, "1: waw a after 0"},
		{"what both read", "gpu x a; cpu x b", nil, nil, ""},
		{"the GPU's own order", "gpu x a; gpu a b; gpu b c; cpu a d; cpu c e", nil, nil, "3: raw a after 0; 4: raw c after 2"},
		{"the last of several", "gpu x a; gpu x b; cpu ab c", nil, nil, "2: raw b after 1"},
		{"once", "gpu x a; gpu x b; cpu b c; cpu a d; cpu b e", nil, nil, "2: raw b after 1"},
		{"the GPU waits by its place", "cpu x a; gpu a b", nil, nil, ""},
		{"memory of the GPU's", "gpu x A; gpu A C; cpu x B", nil, inTwo, "2: reuse B after 1"},
		{"memory beside it", "gpu x C; cpu x A; cpu x B", nil, inTwo, ""},
		{"memory that may be the same", "gpu x C; gpu x y; cpu x E", nil, inTwo, "2: reuse E after 0"},
		{"memory that both read", "gpu C y; cpu E z", nil, inTwo, ""},
		{"no plan", "gpu x A; cpu x B", nil, nil, ""},
		{"a round before", "cpu a b; gpu b a", [][2]int{{0, 2}}, nil, "0: raw a after 1"},
		{"no round before", "cpu a b; gpu b a; cpu x y", [][2]int{{1, 3}}, nil, ""},
		{"both rounds", "gpu x a; cpu ab c; gpu c b", [][2]int{{0, 3}}, nil, "1: raw a after 0"},
		{"a round before in an inner loop", "gpu x a; cpu a b; gpu b c; cpu c d", [][2]int{{0, 4}, {1, 3}}, nil, "1: raw a after 0, war b after 2; 3: raw c after 2"},
		{"before a loop that may have no round", "gpu x a; gpu x b; cpu ab c", [][2]int{{1, 2}}, nil, "2: raw a after 0, raw b after 1"},
		{"a loop with a wait that may have no round", "gpu x a; cpu a b; cpu a c", [][2]int{{1, 2}}, nil, "1: raw a after 0; 2: raw a after 0"},
		{"an inner loop and an outer one", "cpu ab c; gpu x a; gpu x b", [][2]int{{0, 3}, {0, 2}}, nil, "0: raw a after 1, raw b after 2"},
	} {
		v := &Variant{Plan: c.plan}
		buffers := map[rune]*Buffer{}
		if c.plan != nil {
			for _, block := range c.plan.Blocks {
				for _, b := range block.Buffers {
					b.Place, buffers[rune(b.Name[0])] = InArena, b
				}
			}
		}
		for i, step := range strings.Split(c.steps, "; ") {
			f := strings.Fields(step)
			s := &Step{Kernel: &Kernel{}, Device: Device(f[0]), Epoch: i}
			for n, names := range f[1:] {
				for _, name := range names {
					if buffers[name] == nil {
						buffers[name] = &Buffer{Name: string(name), Place: InState}
					}
					s.Args = append(s.Args, buffers[name])
					s.Kernel.Args = append(s.Kernel.Args, KernelArg{Write: n > 0})
				}
			}
			v.Steps = append(v.Steps, s)
		}
		for _, l := range c.loops {
			v.Loops = append(v.Loops, Loop{First: l[0], End: l[1]})
		}
		var got []string
		for i, waits := range v.Awaits() {
			var text []string
			for _, h := range waits {
				text = append(text, fmt.Sprintf("%s %s after %d", h.Kind, h.Buffer.Name, h.After))
			}
			if slices.Sort(text); len(text) > 0 {
				got = append(got, fmt.Sprintf("%d: %s", i, strings.Join(text, ", ")))
			}
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%s: got %q, want %q", c.name, strings.Join(got, "; "), c.want)
		}
	}
}
