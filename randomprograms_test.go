package mlxc

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mlxc/mlxc/internal/bounds"
	"github.com/mlxc/mlxc/internal/random"
	"github.com/mlxc/mlxc/internal/required"
	"github.com/mlxc/mlxc/ir"
)

// Random programs, built for the CPU many at a time, compute what the bounds of their kernels
// allow: exactly one number where nothing rounds. So do those that failed once, which are
// files. MLXC_RANDOM=FIRST,COUNT runs other ones, makes what fails small, and writes it beside
// them.
func TestRandomProgramsOnTheCPU(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a hundred programs")
	}
	sets := []string{"", "avx2", "go"}
	if goruntime.GOARCH != "amd64" {
		sets = []string{"", "go"}
	}
	testRandomPrograms(t, &builder{dir: t.TempDir(), arch: goruntime.GOARCH, sets: sets}, 48)
}

// So they do on arm64, as an emulator runs it.
func TestARM64RandomPrograms(t *testing.T) {
	if goruntime.GOARCH == "arm64" || testing.Short() {
		t.Skip("all tests are of arm64 there, and an emulator takes long")
	}
	const emulator = "qemu-aarch64"
	if _, err := exec.LookPath(emulator); err != nil {
		required.Skip(t, fmt.Errorf("%w (Debian: apt-get install qemu-user)", err))
	}
	testRandomPrograms(t, &builder{dir: t.TempDir(), arch: "arm64", emulator: emulator, sets: []string{"", "go"}}, 24)
}

func testRandomPrograms(t *testing.T, to *builder, count uint64) {
	first, chosen := uint64(1), false
	if text := os.Getenv("MLXC_RANDOM"); text != "" {
		chosen = true
		a, b, _ := strings.Cut(text, ",")
		var err, err2 error
		first, err = strconv.ParseUint(a, 10, 64)
		count, err2 = strconv.ParseUint(b, 10, 64)
		if err != nil || err2 != nil {
			t.Fatalf("MLXC_RANDOM is %q, want FIRST,COUNT", text)
		}
	}
	const together = 96
	total, start := tally{}, time.Now()
	for seed := first; seed < first+count; seed += together {
		var all []*randomProgram
		if seed == first {
			all = keptPrograms(t)
		}
		for s := seed; s < min(seed+together, first+count); s++ {
			m, special := random.Program(s)
			if p := newRandomProgram(fmt.Sprintf("seed %d", s), m, s, special); p != nil {
				all = append(all, p)
			}
		}
		b := runPrograms(t, to, all)
		total.add(b)
		t.Logf("seeds %d to %d: %v; %.1f programs/s in all", seed, min(seed+together, first+count)-1, b, float64(total.programs)/time.Since(start).Seconds())
		for _, p := range all {
			if p.fault == "" {
				continue
			}
			t.Errorf("%s: %s\n%s", p.name, p.fault, ir.Print(p.module))
			if chosen && p.seed > 0 {
				small := random.Shrink(p.module, func(m *ir.Module) bool { return p.failsAs(t, to, m) })
				path := filepath.Join("testdata", "random", fmt.Sprintf("seed%d.mlxir", p.seed))
				t.Logf("%s is\n%s", path, ir.Print(small))
				if err := os.WriteFile(path, []byte(ir.Print(small)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	t.Logf("%v in all", total)
	if total.elements[bounds.Exact] < total.elements[bounds.Vague] || total.elements[bounds.Near] < total.elements[bounds.Vague] {
		t.Errorf("the bounds tell too little: %v", total)
	}
}

// A tally is what has run.
type tally struct {
	programs, entries, left, faults int
	elements                        bounds.Count
}

func (n *tally) add(m tally) {
	n.programs, n.entries, n.left, n.faults = n.programs+m.programs, n.entries+m.entries, n.left+m.left, n.faults+m.faults
	for i := range n.elements {
		n.elements[i] += m.elements[i]
	}
}

func (n tally) String() string {
	return fmt.Sprintf("%d programs of %d entries (%d left out), elements: %d exact, %d near, %d vague; %d differ",
		n.programs, n.entries, n.left, n.elements[bounds.Exact], n.elements[bounds.Near], n.elements[bounds.Vague], n.faults)
}

// A randomProgram is a module with what its entries are called with.
type randomProgram struct {
	name    string
	seed    uint64 // 0: it comes from a file
	module  *ir.Module
	special bool
	params  map[string]*ir.Tensor // weights
	inputs  [][]*ir.Tensor        // of each entry

	fault   string            // what it did wrong, which says first in what step: "call: …"; empty: nothing
	left    bool              // it takes the extreme of nothing
	want    [][]*bounds.Bound // of each call: of the entries in their order, twice where there are states
	calls   []*ir.Func        // of the merged module
	session []*ir.Dim         // of the merged module
}

// newRandomProgram draws inputs; nil: there are none.
func newRandomProgram(name string, m *ir.Module, seed uint64, special bool) *randomProgram {
	params, inputs, ok := random.Calls(m, seed, special)
	if !ok {
		return nil
	}
	for _, s := range m.States() { // which begin as they do
		delete(params, s.Name)
	}
	return &randomProgram{name: name, seed: seed, module: m, special: special, params: params, inputs: inputs}
}

// keptPrograms are those of files, with several inputs.
func keptPrograms(t *testing.T) (all []*randomProgram) {
	t.Helper()
	paths, err := filepath.Glob("testdata/random/*.mlxir")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		m, err := ParseIR(path, text)
		if err != nil {
			t.Fatal(err)
		}
		for seed := range uint64(4) {
			if p := newRandomProgram(path, m, seed, false); p != nil {
				p.seed = 0
				all = append(all, p)
			}
		}
	}
	return all
}

// failsAs reports whether a smaller program fails in the same step.
func (p *randomProgram) failsAs(t *testing.T, to *builder, m *ir.Module) bool {
	var all []*randomProgram
	for n := range uint64(3) {
		if one := newRandomProgram("", m, p.seed+n, p.special); one != nil {
			one.seed = 0
			all = append(all, one)
		}
	}
	runPrograms(t, to, all)
	step := func(p *randomProgram) string { s, _, _ := strings.Cut(p.fault, ":"); return s }
	return slices.ContainsFunc(all, func(one *randomProgram) bool { return one.fault != "" && step(one) == step(p) })
}

// alone reports whether a program has states whose sizes may be negative: at such dims there
// is no session for those that are in one module with it either.
func (p *randomProgram) alone() bool {
	return slices.ContainsFunc(p.module.States(), func(s *ir.Param) bool {
		return slices.ContainsFunc(s.Type.Shape, func(n ir.Size) bool { return !n.AtLeast(0) })
	})
}

// runPrograms builds programs, in few packages, and has their faults set.
func runPrograms(t *testing.T, to *builder, all []*randomProgram) (n tally) {
	t.Helper()
	const inPackage = 24
	var groups []*group
	for _, p := range all {
		if p.seed == 0 || p.alone() {
			groups = append(groups, to.groupsOf([]*randomProgram{p})...)
		}
	}
	for _, stateful := range []bool{false, true} {
		some := slices.DeleteFunc(slices.Clone(all), func(p *randomProgram) bool {
			return p.seed == 0 || p.alone() || stateful != (len(p.module.States()) > 0)
		})
		for part := range slices.Chunk(some, inPackage) {
			groups = append(groups, to.groupsOf(part)...)
		}
	}
	groups = slices.DeleteFunc(groups, func(g *group) bool { return len(g.files) == 0 })
	if len(groups) > 0 {
		to.runGroups(t, groups)
	}
	for _, p := range all {
		switch {
		case p.fault != "":
			n.faults++
		case p.left:
			n.left++
			continue
		}
		n.programs++
		n.entries += len(p.module.Funcs)
		for _, results := range p.want {
			for _, b := range results {
				n.elements.Add(b)
			}
		}
	}
	return n
}
