package metal_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/codegen/metal"
	"github.com/mlxc/mlxc/internal/bounds"
	"github.com/mlxc/mlxc/internal/msl"
	"github.com/mlxc/mlxc/internal/random"
	"github.com/mlxc/mlxc/internal/required"
	"github.com/mlxc/mlxc/ir"
)

// Random programs through the whole pipeline, in the memory of their plans, the kernels of
// many as one text, under the checks: in a shuffled order of threads they give what the bounds
// of their kernels allow, exactly one number where nothing rounds, and in another order the
// same bits. So do those that failed once, which are files. MLXC_RANDOM=FIRST,COUNT runs other
// ones, makes what fails small, and writes it beside them.
func TestRandomPrograms(t *testing.T) {
	t.Parallel()
	if err := msl.Available(); err != nil {
		required.Skip(t, err)
	}
	first, count, chosen := uint64(0), uint64(96), os.Getenv("MLXC_RANDOM")
	if chosen != "" {
		if _, err := fmt.Sscanf(chosen, "%d,%d", &first, &count); err != nil {
			t.Fatalf("MLXC_RANDOM is %q, want FIRST,COUNT", chosen)
		}
	} else if testing.Short() {
		count = 24
	}
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // which is half of the time of planning
	var mu sync.Mutex
	var total tally
	begin := time.Now()
	t.Run("of", func(t *testing.T) {
		t.Run("files", func(t *testing.T) {
			t.Parallel()
			runTogether(t, keptPrograms(t)).report(t, false)
		})
		const together = 48
		for seed := first; seed < first+count; seed += together {
			t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
				t.Parallel()
				var all []*randomProgram
				for s := seed; s < min(seed+together, first+count); s++ {
					m, special := drawn(s)
					if p := newRandomProgram(fmt.Sprintf("seed %d", s), m, s, special); p != nil {
						all = append(all, p)
					}
				}
				b := runTogether(t, all)
				b.report(t, chosen != "")
				mu.Lock()
				defer mu.Unlock()
				total.add(b.tally)
				t.Logf("%.1f programs/s in all: %v", float64(total.programs)/time.Since(begin).Seconds(), total)
			})
		}
	})
	t.Logf("%v in %v", total, time.Since(begin).Round(time.Second))
	if chosen != "" || total.programs == 0 {
		return
	}
	if total.elements[bounds.Exact] < total.elements[bounds.Vague] || total.elements[bounds.Near] < total.elements[bounds.Vague] {
		t.Errorf("the bounds tell too little: %v", total)
	}
	for _, form := range []ir.Form{ir.FormPoints, ir.FormSimd, ir.FormTile} {
		if total.kernels[form] == 0 {
			t.Errorf("no program has a kernel as %s", form)
		}
	}
}

// drawn is the program of a seed, half of them with some of it on the CPU, and whether its
// inputs may be no numbers: the interpreter runs what is for the CPU, and computes in f64 what
// has an infinity in f32.
func drawn(seed uint64) (m *ir.Module, special bool) {
	if seed%4 == 3 {
		m = random.Large(seed)
	} else {
		m, special = random.Program(seed)
	}
	if seed%2 == 0 || strings.Contains(ir.Print(m), "f64") { // which a GPU does not have
		random.Place(m, seed)
		special = false
	}
	return m, special
}

// A tally counts what ran: elements by what their bounds tell, kernels by their form.
type tally struct {
	programs, entries int
	elements          bounds.Count
	kernels           map[ir.Form]int
}

func (n *tally) add(m tally) {
	n.programs, n.entries = n.programs+m.programs, n.entries+m.entries
	for i, k := range m.elements {
		n.elements[i] += k
	}
	for form, k := range m.kernels {
		n.count(form, k)
	}
}

func (n *tally) count(form ir.Form, kernels int) {
	if n.kernels == nil {
		n.kernels = map[ir.Form]int{}
	}
	n.kernels[form] += kernels
}

func (n tally) String() string {
	return fmt.Sprintf("%d programs of %d entries, elements %d exact, %d near, %d vague, kernels %v",
		n.programs, n.entries, n.elements[bounds.Exact], n.elements[bounds.Near], n.elements[bounds.Vague], n.kernels)
}

// A randomProgram is a module, planned, with what its entries are called with, one after the
// other.
type randomProgram struct {
	name    string
	seed    uint64
	special bool
	drawn   *ir.Module
	suite
	params map[string]*ir.Tensor
	inputs [][]*ir.Tensor    // of each entry
	want   [][]*bounds.Bound // its results, and after them the states
	err    error             // says first what failed: "plan: …"
}

// newRandomProgram draws inputs; nil: there are none that the entries have results for.
func newRandomProgram(name string, m *ir.Module, seed uint64, special bool) *randomProgram {
	params, inputs, ok := random.Calls(m, seed, special)
	if !ok {
		return nil
	}
	p := &randomProgram{name: name, seed: seed, special: special, drawn: m, params: params, inputs: inputs}
	known := maps.Clone(params)
	for i, f := range m.Funcs {
		if _, err := m.Eval(f, known, inputs[i]); err != nil {
			return nil // the extreme of nothing
		}
	}
	p.err = guarded("plan", func() (err error) {
		var unknown error
		p.module, err = mlxc.Plan(m, ir.Metal, func(pass string, m *ir.Module) {
			if pass == "lower" {
				p.want, unknown = p.allowed(m)
			}
		})
		if err == nil {
			err = unknown
		}
		return err
	})
	return p
}

// allowed is what the results and states may be, by what the pass lower has made. What the CPU
// computes of a program for a GPU the interpreter does, which rounds less.
func (p *randomProgram) allowed(lowered *ir.Module) (want [][]*bounds.Bound, err error) {
	e := &bounds.Evaluation{Module: lowered, Exactly: onCPU(lowered), Fused: true, Params: map[string]*bounds.Bound{}}
	for name, x := range p.params {
		e.Params[name] = bounds.Of(x)
	}
	for i, f := range p.drawn.Funcs {
		results, err := e.Call(f.Name, p.inputs[i])
		if err != nil {
			return nil, err
		}
		for _, s := range p.drawn.States() {
			now := *e.Params[s.Name]
			now.Values = slices.Clone(now.Values)
			results = append(results, &now)
		}
		want = append(want, results)
	}
	return want, nil
}

// onCPU reports whether a step of a lowered module is not the GPU's.
func onCPU(m *ir.Module) bool {
	return slices.ContainsFunc(m.Funcs, func(f *ir.Func) bool {
		return slices.ContainsFunc(f.Variants, func(v *ir.Variant) bool {
			return slices.ContainsFunc(v.Steps, func(s *ir.Step) bool { return s.Device == ir.OnCPU })
		})
	})
}

// guarded does something; what fails or panics says what it was.
func guarded(what string, do func() error) (err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("panic of %s: %v\n%s", what, x, debug.Stack())
		}
	}()
	if err := do(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// keptPrograms are those of files, with several inputs.
func keptPrograms(t *testing.T) (all []*randomProgram) {
	t.Helper()
	files, err := filepath.Glob("../../testdata/random/*.mlxir")
	if err != nil || len(files) == 0 {
		t.Fatal("no programs", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := ir.Parse(file, text)
		if err != nil {
			t.Fatal(err)
		}
		for seed := range uint64(4) {
			if p := newRandomProgram(file, m, seed, false); p != nil {
				all = append(all, p)
			}
		}
	}
	return all
}

// serving are the kernels of the GPU that the calls need.
func (p *randomProgram) serving() (kernels []*ir.Kernel) {
	var steps []*ir.Step
	if load := p.module.Load; load != nil {
		steps = load.Steps
	}
	for i, f := range p.drawn.Funcs {
		if _, v, err := p.module.Serving(f.Name, p.params, p.inputs[i]); err == nil { // else running says so
			steps = append(steps[:len(steps):len(steps)], v.Steps...)
		}
	}
	for _, s := range steps {
		if s.Kernel.OnGPU() && !slices.Contains(kernels, s.Kernel) {
			kernels = append(kernels, s.Kernel)
		}
	}
	return kernels
}

// run calls the entries in two orders of threads.
func (p *randomProgram) run(d *device, names map[*ir.Kernel]string) error {
	var shuffled [][]*ir.Tensor
	for _, order := range []msl.Order{msl.Random, msl.Order(p.seed / 4 % 2)} { // the other is forward or reverse
		params := maps.Clone(p.params)
		for i, f := range p.drawn.Funcs {
			got, _, err := p.execute(d, &program{entry: f.Name, params: params, inputs: p.inputs[i]}, names, pass{order.String(), order, true})
			if err != nil {
				return err
			}
			for _, s := range p.drawn.States() {
				got = append(got, params[s.Name])
			}
			if order == msl.Random {
				shuffled = append(shuffled, got)
			}
			for r, x := range got {
				if diff := p.want[i][r].Difference(x); diff != "" {
					return fmt.Errorf("@%s: result %d: %s", f.Name, r, diff)
				}
				if !slices.Equal(x.Bytes(), shuffled[i][r].Bytes()) {
					return fmt.Errorf("@%s: result %d is %v in %v order, and %v in random order", f.Name, r, x, order, shuffled[i][r])
				}
			}
		}
	}
	return nil
}

// A batch is programs that ran.
type batch struct {
	programs []*randomProgram
	tally
}

// runTogether compiles the kernels of programs as one text, or where that fails those of
// each, and runs them.
func runTogether(t *testing.T, all []*randomProgram) batch {
	b := batch{programs: all}
	planned := slices.DeleteFunc(slices.Clone(all), func(p *randomProgram) bool { return p.err != nil })
	serving := &ir.Module{Target: ir.Metal}
	for _, p := range planned {
		serving.Kernels = append(serving.Kernels, p.serving()...)
	}
	d := &device{t: t}
	err := guarded("compile", func() (err error) { d.text, err = quick(planned, serving); return err })
	switch {
	case err != nil && len(planned) == 1:
		planned[0].err = err
		return b
	case err != nil:
		for _, p := range planned {
			b.add(runTogether(t, []*randomProgram{p}).tally)
		}
		return b
	}
	if d.runner, err = msl.NewRunner(); err != nil {
		t.Fatal(err)
	}
	defer d.runner.Close()
	names := map[*ir.Kernel]string{}
	for i, name := range metal.Names(serving) {
		names[serving.Kernels[i]] = name
		b.count(serving.Kernels[i].Schedule.Form, 1)
	}
	for _, p := range planned {
		p.err = guarded("run", func() error { return p.run(d, names) })
		b.tally.programs, b.entries = b.tally.programs+1, b.entries+len(p.inputs)
		for _, results := range p.want {
			for _, x := range results {
				b.elements.Add(x)
			}
		}
	}
	return b
}

// quick compiles all kernels of programs strictly, and those that serve quickly: this takes
// most of the time.
func quick(all []*randomProgram, serving *ir.Module) (*msl.Program, error) {
	every := &ir.Module{Target: ir.Metal}
	for _, p := range all {
		every.Kernels = append(every.Kernels, p.module.Kernels...)
	}
	text, err := metal.Print(every)
	if err != nil {
		return nil, err
	}
	if err := msl.Strict(text); err != nil {
		return nil, err
	}
	if text, err = metal.Print(serving); err != nil {
		return nil, err
	}
	object, err := msl.Compile(text, msl.Quick, runtime.GOARCH)
	return &msl.Program{Checked: object}, err
}

// report tells of the programs that failed, with small ones that fail in the same step, and
// writes those to files, if asked.
func (b batch) report(t *testing.T, shrink bool) {
	for _, p := range b.programs {
		if p.err == nil {
			continue
		}
		t.Errorf("%s, with inputs %d: %v\n%s", p.name, p.seed, p.err, ir.Print(p.drawn))
		if !shrink {
			continue
		}
		small := ir.Print(random.Shrink(p.drawn, func(m *ir.Module) bool { return p.failsAs(t, m) }))
		path := fmt.Sprintf("../../testdata/random/metal_seed%d.mlxir", p.seed)
		t.Logf("%s is\n%s", path, small)
		if err := os.WriteFile(path, []byte(small), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// failsAs reports whether a smaller program fails in the same step.
func (p *randomProgram) failsAs(t *testing.T, m *ir.Module) bool {
	var all []*randomProgram
	for n := range uint64(3) {
		if one := newRandomProgram("", m, p.seed+n, p.special); one != nil {
			all = append(all, one)
		}
	}
	runTogether(t, all)
	step := func(err error) string { s, _, _ := strings.Cut(fmt.Sprint(err), ":"); return s }
	return slices.ContainsFunc(all, func(one *randomProgram) bool { return one.err != nil && step(one.err) == step(p.err) })
}
