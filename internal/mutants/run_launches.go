//go:build linux && mlxc_metal

package mutants

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/internal/program"
	"github.com/mlxc/mlxc/internal/softmetal"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
	"github.com/mlxc/mlxc/runtime"
)

// Launches mutates the launches of each entry of a module and runs them on the
// software Metal, with every dim at the given size; at most most of them, drawn by
// seed. weights may be empty where every param has a value of its own.
func Launches(m *ir.Module, weights string, dim int64, most int, seed uint64, progress func(done, of int)) ([]Mutant, error) {
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
	r := rand.New(rand.NewPCG(seed, 0))
	type job struct {
		entry    int
		original runtime.Variant
		mutant   launchMutant
	}
	var jobs []job
	runs := make([]*entryRun, len(p.Entries))
	for i := range p.Entries {
		e := &p.Entries[i]
		if len(e.Variants) != 1 {
			return nil, fmt.Errorf("%s has %d variants, and mutants are of one", e.Name, len(e.Variants))
		}
		for _, mutant := range mutateLaunches(e.Name, &e.Variants[0], len(p.Params), len(m.Kernels)) {
			jobs = append(jobs, job{i, e.Variants[0], mutant})
		}
		run := &entryRun{hooks: hooks, program: p, weights: weights, entry: i}
		runs[i] = run
		if err := run.draw(dim, r); err != nil {
			return nil, err
		}
		found, results, err := run.call()
		if err != nil || found != "" {
			return nil, fmt.Errorf("%s is not clean before it is mutated: %s%w", e.Name, found, err)
		}
		run.want = results
	}
	r.Shuffle(len(jobs), func(i, j int) { jobs[i], jobs[j] = jobs[j], jobs[i] })
	jobs = jobs[:min(most, len(jobs))]
	var all []Mutant
	for i, j := range jobs {
		if progress != nil {
			progress(i, len(jobs))
		}
		changed := cloneVariant(j.original)
		j.mutant.change(&changed)
		p.Entries[j.entry].Variants = []runtime.Variant{changed}
		if debug { println(j.mutant.String()) }
		found, results, err := runs[j.entry].call()
		p.Entries[j.entry].Variants = []runtime.Variant{j.original}
		switch {
		case found != "":
			j.mutant.Killer = found
		case err != nil:
			j.mutant.Killer = "error"
		case !slices.EqualFunc(results, runs[j.entry].want, bytes.Equal):
			j.mutant.Killer = "result"
		}
		all = append(all, j.mutant.Mutant)
	}
	slices.SortFunc(all, func(a, b Mutant) int { return strings.Compare(a.String(), b.String()) })
	return all, nil
}

// An entryRun calls one entry of a program with the same inputs again and again.
type entryRun struct {
	hooks   *softmetal.Hooks
	program *runtime.Program
	weights string
	entry   int
	inputs  []*runtime.Array
	want    [][]byte
}

// draw makes the inputs.
func (e *entryRun) draw(dim int64, r *rand.Rand) error {
	for _, port := range e.program.Entries[e.entry].Inputs {
		shape := make([]int, len(port.Shape))
		for i, size := range port.Shape {
			shape[i] = int(size.At(slices.Repeat([]int64{dim}, len(e.program.Dims))))
		}
		a, err := runtime.NewArray(port.DType, shape...)
		if err != nil {
			return err
		}
		t := ir.NewTensor(ir.DType(port.DType), shape...)
		ir.SamplePositive.Fill(r, t)
		copy(a.Bytes(), t.Bytes())
		e.inputs = append(e.inputs, a)
	}
	return nil
}

// call runs the entry in a session of its own. found is the kind of the first
// thing that the software Metal says of it.
func (e *entryRun) call() (found string, results [][]byte, err error) {
	e.hooks.Errors()
	results, err = e.results()
	for _, text := range e.hooks.Errors() {
		return text, results, err
	}
	return "", results, err
}

func (e *entryRun) results() (results [][]byte, err error) {
	m, err := runtime.Load(e.program, e.weights)
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
	for _, a := range out {
		results = append(results, slices.Clone(a.Bytes()))
	}
	return results, nil
}
const debug = true
