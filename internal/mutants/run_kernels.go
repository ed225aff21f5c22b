package mutants

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/codegen/metal"
	"github.com/mlxc/mlxc/internal/msl"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
)

const header = "#include <metal_stdlib>\nusing namespace metal;\n\n"

// batch is how many mutants share a compilation.
const batch = 32

// Kernels mutates the kernels of a module, every mutant or, drawn by seed, at most
// most of them, and runs them with every dim at the given size. progress, if not
// nil, is called as they are done.
func Kernels(m *ir.Module, dim int64, most int, seed uint64, progress func(done, of int)) ([]Mutant, error) {
	if err := passes.Run(m, ir.Metal, nil); err != nil {
		return nil, err
	}
	text, err := metal.Print(m)
	if err != nil {
		return nil, err
	}
	var mutants []kernelMutant
	for _, f := range functions(text) {
		mutants = append(mutants, f.mutate()...)
	}
	r := rand.New(rand.NewPCG(seed, 0))
	r.Shuffle(len(mutants), func(i, j int) { mutants[i], mutants[j] = mutants[j], mutants[i] })
	mutants = mutants[:min(most, len(mutants))]

	runner, err := msl.NewRunner()
	if err != nil {
		return nil, err
	}
	defer runner.Close()
	k := &kernelRuns{runner: runner, launches: launchesOf(m, dim, r), results: map[string][][]byte{}}
	original, err := msl.Compile(text, msl.Checked, runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	for name := range k.launches {
		result, buffers, err := k.run(original, name, name)
		if err != nil {
			return nil, err
		}
		if len(result.Findings) > 0 {
			return nil, fmt.Errorf("%s is not clean before it is mutated: %s", name, result.Findings[0])
		}
		k.results[name] = buffers
	}
	for start := 0; start < len(mutants); start += batch {
		if progress != nil {
			progress(start, len(mutants))
		}
		if err := k.kill(mutants[start:min(start+batch, len(mutants))]); err != nil {
			return nil, err
		}
	}
	all := make([]Mutant, len(mutants))
	for i, m := range mutants {
		all[i] = m.Mutant
	}
	slices.SortFunc(all, func(a, b Mutant) int { return strings.Compare(a.String(), b.String()) })
	return all, nil
}

type kernelRuns struct {
	runner   *msl.Runner
	launches map[string]msl.Launch // by function
	results  map[string][][]byte   // of the originals
}

// kill tries each mutant of a batch; those that compile share an object.
func (k *kernelRuns) kill(mutants []kernelMutant) error {
	text := header
	var alive []*kernelMutant
	for i := range mutants {
		m := &mutants[i]
		if len(msl.Lint(header+m.text)) > 0 {
			m.Killer = "lint"
		} else if err := msl.Strict(header + m.text); err != nil {
			m.Killer = "compiler"
		} else {
			text += m.text
			alive = append(alive, m)
		}
	}
	if len(alive) == 0 {
		return nil
	}
	object, err := msl.Compile(text, msl.Checked, runtime.GOARCH)
	if err != nil {
		return err
	}
	for _, m := range alive {
		result, buffers, err := k.run(object, m.original, m.name)
		if err != nil {
			return err
		}
		switch {
		case len(result.Findings) > 0:
			m.Killer = result.Findings[0].Kind
		case !slices.EqualFunc(buffers, k.results[m.original], bytes.Equal):
			m.Killer = "result"
		}
	}
	return nil
}

// run launches a function as the original is launched, on buffers of its own.
func (k *kernelRuns) run(o *msl.Object, original, name string) (msl.Result, [][]byte, error) {
	l := k.launches[original]
	l.Kernel = name
	l.Buffers = slices.Clone(l.Buffers)
	for i, b := range l.Buffers {
		l.Buffers[i] = slices.Clone(b)
	}
	result, err := k.runner.Run(o, l)
	return result, l.Buffers, err
}

// launchesOf makes a launch of each kernel, with all dims at one size and random
// operands; results start as bytes that are no result.
func launchesOf(m *ir.Module, dim int64, r *rand.Rand) map[string]msl.Launch {
	all := map[string]msl.Launch{}
	at := func(s ir.Size) int64 {
		n, ok := s.Eval(func(string) (int64, bool) { return dim, true })
		if !ok {
			panic("a size without a value: " + s.String())
		}
		return n
	}
	names := metal.Names(m)
	for i, k := range m.Kernels {
		l := msl.Launch{Groups: [3]uint32{uint32(at(k.Groups()))}, Threads: [3]uint32{uint32(k.Schedule.Threads)}}
		if l.Groups[0] == 0 {
			continue
		}
		for _, a := range k.Args {
			t := ir.NewTensor(a.DType, int(at(a.Len)))
			ir.SamplePositive.Fill(r, t)
			b := t.Bytes()
			if a.Write {
				b = bytes.Repeat([]byte{0xa5}, len(b))
			}
			l.Buffers = append(l.Buffers, b)
		}
		var dims []byte
		for range k.Dims {
			if metal.LongDims(k) {
				dims = binary.LittleEndian.AppendUint64(dims, uint64(dim))
			} else {
				dims = binary.LittleEndian.AppendUint32(dims, uint32(dim))
			}
		}
		if dims != nil {
			l.Buffers = append(l.Buffers, dims)
		}
		all[names[i]] = l
	}
	return all
}
