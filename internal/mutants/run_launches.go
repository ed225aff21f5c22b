//go:build linux && mlxc_metal

package mutants

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"unsafe"

	"github.com/mlxc/mlxc/codegen/metal"
	"github.com/mlxc/mlxc/internal/program"
	"github.com/mlxc/mlxc/internal/softmetal"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
	"github.com/mlxc/mlxc/runtime"
)

// LaunchSizes are those that dims have: small, since each run of a program takes long.
var LaunchSizes = []int64{3, 2}

// Launches mutates the launches of each entry of a module, at most most of them,
// drawn by seed, and runs them on the software Metal with all dims at each of the
// sizes, and at such that each variant serves some. weights may be empty where every param has a value of its own. progress, if
// not nil, is called as they are done.
func Launches(m *ir.Module, weights string, sizes []int64, most int, seed uint64, progress func(done, of int)) ([]Mutant, error) {
	if err := softmetal.Setup(); err != nil {
		return nil, err
	}
	hooks, err := softmetal.Open()
	if err != nil {
		return nil, err
	}
	hooks.Record(true)
	defer hooks.Record(false)
	if err := passes.Run(m, ir.Metal, nil); err != nil {
		return nil, err
	}
	p, err := program.Metal(m)
	if err != nil {
		return nil, err
	}
	text, err := metal.Print(m)
	if err != nil {
		return nil, err
	}
	texts := functions(text)
	r := rand.New(rand.NewPCG(seed, 0))
	var mutants []launchMutant
	var runs []*entryRun
	for i := range p.Entries {
		e := &p.Entries[i]
		served, err := serve(m.Funcs[i], sizes)
		if err != nil {
			return nil, err
		}
		for n, v := range m.Funcs[i].Variants {
			mutants = append(mutants, mutateLaunches(i, n, e, len(p.Params), texts, offsets(v.Plan, served[n]))...)
			for _, size := range served[n] {
				run := &entryRun{hooks: hooks, program: p, weights: weights, entry: i, variant: n}
				if err := run.draw(m.Funcs[i].Inputs, size, r); err != nil {
					return nil, err
				}
				killer, results := run.call()
				if killer != "" {
					return nil, fmt.Errorf("%s is not clean before it is mutated: %s", e.Name, killer)
				}
				run.want = results
				runs = append(runs, run)
			}
		}
	}
	r.Shuffle(len(mutants), func(i, j int) { mutants[i], mutants[j] = mutants[j], mutants[i] })
	mutants = mutants[:min(most, len(mutants))]
	var all []Mutant
	for i, m := range mutants {
		if progress != nil {
			progress(i, len(mutants))
		}
		e := &p.Entries[m.entry]
		original := e.Variants
		e.Variants = slices.Clone(original)
		e.Variants[m.variant] = cloneVariant(original[m.variant])
		m.change(&e.Variants[m.variant])
		for _, run := range runs {
			if run.entry != m.entry || run.variant != m.variant || m.Killer != "" {
				continue
			}
			killer, results := run.call()
			if killer == "" && !slices.EqualFunc(results, run.want, memory.same) {
				killer = "result"
			}
			m.Killer = killer
		}
		e.Variants = original
		all = append(all, m.Mutant)
	}
	slices.SortFunc(all, func(a, b Mutant) int { return strings.Compare(a.String(), b.String()) })
	return all, nil
}

// more is sizes at which variants serve that serve none of those that are asked for.
var more = []int64{1, 9, 65}

// serve is the sizes, of those given and more, at which each variant of a function
// serves with all dims at the size.
func serve(f *ir.Func, sizes []int64) ([][]int64, error) {
	served := make([][]int64, len(f.Variants))
	for i, size := range slices.Concat(sizes, more) {
		n := slices.IndexFunc(f.Variants, func(v *ir.Variant) bool {
			return !slices.ContainsFunc(v.Guard, func(g ir.Fact) bool { return !holdsAt(g, size) })
		})
		if i < len(sizes) || len(served[n]) == 0 {
			served[n] = append(served[n], size)
		}
	}
	if n := slices.IndexFunc(served, func(s []int64) bool { return len(s) == 0 }); n >= 0 {
		return nil, fmt.Errorf("%s: variant %d serves none of the sizes %v and %v", f.Name, n, sizes, more)
	}
	return served, nil
}

func holdsAt(f ir.Fact, dim int64) bool {
	left, right := sizeAt(f.Left, dim), sizeAt(f.Right, dim)
	return left == right && f.Rel != ir.LT || left < right && f.Rel != ir.EQ
}

// An entryRun calls one entry of a program with the same inputs again and again.
type entryRun struct {
	hooks   *softmetal.Hooks
	program *runtime.Program
	weights string
	entry   int
	variant int // that serves the inputs

	inputs []*runtime.Array
	drawn  [][]byte // what is in the inputs, unless a mutant has written there
	want   []memory
}

// A memory is what the device was given, before and after a call.
type memory struct {
	before []byte // nil: inputs or weights
	now    []byte
}

// same reports that two calls left the same behind. What neither has written is the
// same, whatever it was: that differs from call to call.
func (m memory) same(other memory) bool {
	if len(m.now) != len(other.now) || (m.before == nil) != (other.before == nil) {
		return false
	}
	if bytes.Equal(m.now, other.now) {
		return true
	}
	for at := range m.now {
		unwritten := m.before != nil && m.now[at] == m.before[at] && other.now[at] == other.before[at]
		if !unwritten && m.now[at] != other.now[at] {
			return false
		}
	}
	return true
}

// offsets of the blocks of a plan, with all dims at each of the sizes.
func offsets(p *ir.Plan, sizes []int64) [][]int64 {
	var all [][]int64
	for _, size := range sizes {
		var bytes []int64
		for _, b := range p.Blocks {
			bytes = append(bytes, sizeAt(b.Bytes, size))
		}
		at, _ := p.Offsets(bytes)
		all = append(all, at)
	}
	return all
}

// draw makes the inputs.
func (e *entryRun) draw(inputs []*ir.Value, dim int64, r *rand.Rand) error {
	for _, v := range inputs {
		in := v.Type
		shape := make([]int, in.Rank())
		for i, s := range in.Shape {
			shape[i] = int(sizeAt(s, dim))
		}
		a, err := runtime.NewArray(runtime.DType(in.DType), shape...)
		if err != nil {
			return err
		}
		t := ir.NewTensor(in.DType, shape...)
		ir.SamplePositive.Fill(r, t)
		e.inputs, e.drawn = append(e.inputs, a), append(e.drawn, t.Bytes())
	}
	return nil
}

// call runs the entry in a session of its own. killer is the kind of the first thing
// that is found wrong.
func (e *entryRun) call() (killer string, results []memory) {
	e.hooks.Errors()
	for i, a := range e.inputs {
		copy(a.Bytes(), e.drawn[i])
	}
	results, err := e.results()
	found := e.hooks.Errors()
	switch {
	case len(found) > 0:
		return kind(found[0]), results
	case err != nil:
		return "error", nil
	}
	return "", results
}

// A finding of a kernel is kernel NAME:LINE: KIND: …, all else of the host.
var findingOfKernel = regexp.MustCompile(`^kernel \w+(?::\d+)?: (\w+): `)

func kind(message string) string {
	switch {
	case strings.HasPrefix(message, "HAZARD"):
		return "hazard"
	case strings.HasSuffix(message, "which nothing has written"):
		return "unwritten"
	}
	if m := findingOfKernel.FindStringSubmatch(message); m != nil {
		return m[1]
	}
	return "validation"
}

// results are all bytes that the device can see when the call is done: the results,
// and what else a launch might have written by mistake.
func (e *entryRun) results() (all []memory, err error) {
	seen := &witness{Backend: e.program.Backend, run: e}
	p := *e.program
	p.Backend = seen
	m, err := runtime.Load(&p, e.weights)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	s, err := m.NewSession()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	out, err := s.Call(context.Background(), e.entry, e.inputs...)
	if err != nil {
		return nil, err
	}
	for _, a := range out { // of memory the order says nothing, which is that of its first use
		all = append(all, memory{now: slices.Clone(a.Bytes())})
	}
	for i, mem := range seen.memory {
		all = append(all, memory{before: seen.before[i], now: slices.Clone(mem)})
	}
	return all, nil
}

// A witness remembers what memory a device was given. What is new of it counts as
// never written, so that who reads it first is found.
type witness struct {
	runtime.Backend
	runtime.Device
	run    *entryRun
	memory [][]byte
	before [][]byte // what was in it; none where it was written
}

func (w *witness) Open(p *runtime.Program) (runtime.Device, error) {
	var err error
	w.Device, err = w.Backend.Open(p)
	return w, err
}

func (w *witness) Wrap(mem []byte) (runtime.Buffer, error) {
	seen := unsafe.Slice(&mem[0], (len(mem)+os.Getpagesize()-1)&^(os.Getpagesize()-1)) // the GPU sees whole pages
	var before []byte
	if bytes.Count(mem, []byte{0}) == len(mem) { // neither inputs nor weights
		w.run.hooks.Poison(seen)
		before = slices.Clone(seen)
	}
	w.memory, w.before = append(w.memory, seen), append(w.before, before)
	return w.Device.Wrap(mem)
}
