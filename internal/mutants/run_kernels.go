package mutants

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/codegen/metal"
	"github.com/mlxc/mlxc/internal/msl"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
)

// Sizes are those that dims have: both sides of what a tile or a simdgroup takes, and
// more than the rows that a tile can have. The largest takes long, and has one draw.
var Sizes = []int64{3, 33, 70}

// batch is how many mutants share a compilation.
const batch = 32

// Kernels mutates the kernels of a module, every mutant or, drawn by seed, at most
// most of them, and runs them with all dims at each of the sizes. progress, if not
// nil, is called as they are done.
func Kernels(m *ir.Module, sizes []int64, most int, seed uint64, progress func(done, of int)) ([]Mutant, error) {
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

	k, err := newKernelRuns(m, text, sizes, r)
	if err != nil {
		return nil, err
	}
	defer k.runner.Close()
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

// kernelRuns is launches of each function, and what the originals made of them.
type kernelRuns struct {
	runner   *msl.Runner
	header   string // of the text: what kernels have in common
	launches map[string][]launch
}

type launch struct {
	msl.Launch
	want [][]byte // the buffers after it
}

func newKernelRuns(m *ir.Module, text string, sizes []int64, r *rand.Rand) (*kernelRuns, error) {
	runner, err := msl.NewRunner()
	if err != nil {
		return nil, err
	}
	header, _, _ := strings.Cut(text, "kernel void")
	k := &kernelRuns{runner: runner, header: header, launches: map[string][]launch{}}
	original, err := msl.Compile(text, msl.Checked, runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	names := metal.Names(m)
	for i, kernel := range m.Kernels {
		name := names[i]
		for _, size := range sizes {
			for n, draw := range draws {
				if n > 0 && size > 64 {
					break
				}
				l := newLaunch(kernel, size, draw, r)
				if l.Groups[0] == 0 {
					continue
				}
				result, buffers, err := k.run(original, name, l)
				if err != nil {
					return nil, err
				}
				if len(result.Findings) > 0 {
					return nil, fmt.Errorf("%s is not clean before it is mutated: %s", name, result.Findings[0])
				}
				k.launches[name] = append(k.launches[name], launch{l, buffers})
			}
		}
	}
	return k, nil
}

// kill tries each mutant of a batch; those that compile share an object.
func (k *kernelRuns) kill(mutants []kernelMutant) error {
	text := k.header + "\n"
	var alive []*kernelMutant
	for i := range mutants {
		m := &mutants[i]
		if len(msl.Lint(k.header+"\n"+m.text)) > 0 {
			m.Killer = "lint"
		} else if err := msl.Strict(k.header + "\n" + m.text); err != nil {
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
		for _, l := range k.launches[m.original] {
			result, buffers, err := k.run(object, m.name, l.Launch)
			if err != nil {
				return err
			}
			if len(result.Findings) > 0 {
				m.Killer = result.Findings[0].Kind
			} else if !slices.EqualFunc(buffers, l.want, bytes.Equal) {
				m.Killer = "result"
			}
			if m.Killer != "" {
				break
			}
		}
	}
	return nil
}

// run launches a function on copies of the buffers.
func (k *kernelRuns) run(o *msl.Object, name string, l msl.Launch) (msl.Result, [][]byte, error) {
	l.Kernel = name
	l.Buffers = slices.Clone(l.Buffers)
	for i, b := range l.Buffers {
		l.Buffers[i] = slices.Clone(b)
	}
	result, err := k.runner.Run(o, l)
	return result, l.Buffers, err
}

// draws fill operand n of a launch: with numbers; with infinities and NaN among
// them; with rarely anything but zero or false; one operand with infinities alone,
// which show where something is multiplied that takes no part.
var draws = []func(r *rand.Rand, t *ir.Tensor, n int){
	func(r *rand.Rand, t *ir.Tensor, _ int) { ir.SamplePositive.Fill(r, t) },
	func(r *rand.Rand, t *ir.Tensor, _ int) {
		ir.SampleNormal.Fill(r, t)
		for i := range t.F {
			switch r.IntN(40) {
			case 0:
				t.F[i] = math.Inf(1)
			case 1:
				t.F[i] = math.NaN()
			}
		}
	},
	func(r *rand.Rand, t *ir.Tensor, _ int) {
		const rare = 50
		ir.SamplePositive.Fill(r, t)
		for i := range t.F {
			if r.IntN(rare) > 0 {
				t.F[i] = 0
			}
		}
		for i := range t.I {
			if r.IntN(rare) > 0 {
				t.I[i] = 0
			}
		}
	},
	infinite(0),
	infinite(1),
}

func infinite(operand int) func(*rand.Rand, *ir.Tensor, int) {
	return func(r *rand.Rand, t *ir.Tensor, n int) {
		ir.SamplePositive.Fill(r, t)
		for i := range t.F {
			if n == operand {
				t.F[i] = math.Inf(1)
			}
		}
	}
}

// newLaunch is a launch of a kernel with all dims at one size. Results start as
// bytes that are no result.
func newLaunch(k *ir.Kernel, size int64, draw func(*rand.Rand, *ir.Tensor, int), r *rand.Rand) msl.Launch {
	at := func(s ir.Size) int64 { return sizeAt(s, size) }
	l := msl.Launch{Groups: [3]uint32{uint32(at(k.Groups()))}, Threads: [3]uint32{uint32(k.Schedule.Threads)}}
	for n, a := range k.Args {
		t := ir.NewTensor(a.DType, int(at(a.Len)))
		draw(r, t, n)
		b := t.Bytes()
		if a.Write {
			b = bytes.Repeat([]byte{0xa5}, len(b))
		}
		l.Buffers = append(l.Buffers, b)
	}
	var dims []byte
	for range k.Dims {
		if metal.LongDims(k) {
			dims = binary.LittleEndian.AppendUint64(dims, uint64(size))
		} else {
			dims = binary.LittleEndian.AppendUint32(dims, uint32(size))
		}
	}
	if dims != nil {
		l.Buffers = append(l.Buffers, dims)
	}
	return l
}

// sizeAt is the value of a size where every dim has the same.
func sizeAt(s ir.Size, dim int64) int64 {
	n, ok := s.Eval(func(string) (int64, bool) { return dim, true })
	if !ok {
		panic("a size without a value: " + s.String())
	}
	return n
}
