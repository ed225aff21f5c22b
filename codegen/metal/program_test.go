package metal_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/mlxc/mlxc/codegen/metal"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
)

// A program is one entry of a module with inputs, and what the reference evaluator
// makes of them.
type program struct {
	entry  string
	params map[string]*ir.Tensor
	inputs []*ir.Tensor
	given  []int64 // the dims that a call gives as numbers
	want   []*ir.Tensor
	terms  int // of the longest sum

	allows func(result int, got, want float64) bool
}

// A suite is programs of one module, whose kernels are one text.
type suite struct {
	module   *ir.Module
	programs []*program
	stepwise bool // each kernel is held against the interpreter, on what the kernels before it made
}

// run compiles the module, where it is not, runs every program in each order and checked, and
// compares.
func (s *suite) run(t *testing.T) (kernels, launches int) {
	t.Helper()
	if len(s.module.Kernels) == 0 {
		if err := passes.Run(s.module, ir.Metal, nil); err != nil {
			t.Fatal(err)
		}
	}
	text, err := metal.Print(s.module)
	if err != nil {
		t.Fatal(err)
	}
	d := newDevice(t, text)
	names := map[*ir.Kernel]string{}
	for i, name := range metal.Names(s.module) {
		names[s.module.Kernels[i]] = name
	}
	for i, p := range s.programs {
		if testing.Short() && i%4 > 0 {
			continue
		}
		for _, mode := range p.passes() {
			got, n, err := s.execute(d, p.again(), names, mode)
			launches += n
			if err != nil {
				t.Errorf("%s, %s: %v", p.entry, mode.name, err)
				break
			}
			if diff := p.compare(got); diff != "" {
				t.Errorf("%s, %s: %s", p.entry, mode.name, diff)
				break
			}
		}
	}
	return len(s.module.Kernels), launches
}

// passes are all, but large inputs are not run checked, which takes long.
func (p *program) passes() []pass {
	n := 0
	for _, x := range p.inputs {
		n += x.Len()
	}
	if n > 9000 {
		return allPasses[:len(allPasses)-1]
	}
	return allPasses
}

func (p *program) compare(got []*ir.Tensor) string {
	for r, w := range p.want {
		g := got[r]
		if g.DType != w.DType || fmt.Sprint(g.Shape) != fmt.Sprint(w.Shape) {
			return fmt.Sprintf("result %d is %s%v, want %s%v", r, g.DType, g.Shape, w.DType, w.Shape)
		}
		for i := 0; p.allows != nil && i < w.Len(); i++ {
			if x, y := g.Number(i), w.Number(i); !p.allows(r, x, y) {
				return fmt.Sprintf("result %d: element %d of %v is %v, want %v", r, i, w.Shape, x, y)
			}
		}
	}
	return ""
}

// again is the program with the states that it began with.
func (p *program) again() *program {
	copied := *p
	copied.params = maps.Clone(p.params)
	return &copied
}

// execute runs the steps of a program in their order, in the memory of its plan. States are put
// into its params.
func (s *suite) execute(d *device, p *program, names map[*ir.Kernel]string, mode pass) (outs []*ir.Tensor, launches int, err error) {
	f, v, err := s.module.Serving(p.entry, p.params, p.inputs, p.given...)
	if err != nil {
		return nil, 0, err
	}
	dims, err := s.module.SolveDims(f, p.params, p.inputs, p.given)
	if err != nil {
		return nil, 0, err
	}
	size := func(sz ir.Size) int64 {
		n, ok := sz.Eval(func(name string) (int64, bool) { n, ok := dims[name]; return n, ok })
		if !ok {
			d.t.Fatalf("%s: %s has no value", p.entry, sz)
		}
		return n
	}
	memory := map[*ir.Buffer][]byte{}
	bytes := make([]int64, len(v.Plan.Blocks))
	for i, b := range v.Plan.Blocks {
		bytes[i] = size(b.Bytes)
	}
	offset, total := v.Plan.Offsets(bytes)
	arena := make([]byte, total)
	for i := range arena {
		arena[i] = 0xff // as floats NaN
	}
	for i, block := range v.Plan.Blocks {
		for _, b := range block.Buffers {
			memory[b] = arena[offset[i] : offset[i]+bytes[i] : offset[i]+bytes[i]]
		}
	}
	for _, b := range v.Buffers {
		switch b.Place {
		case ir.InInput:
			memory[b] = p.inputs[b.Index].Bytes()
		case ir.InParam, ir.InState:
			memory[b] = p.params[s.module.Params[b.Index].Name].Bytes()
		case ir.InOutput:
			memory[b] = make([]byte, size(b.Type.Bytes()))
		}
	}
	if load := s.module.Load; load != nil {
		packed := make([][]byte, len(s.module.Packed()))
		for i, b := range s.module.Packed() {
			packed[i] = make([]byte, size(b.Type.Bytes()))
		}
		for _, b := range slices.Concat(load.Buffers, v.Buffers) {
			switch b.Place {
			case ir.InParam:
				memory[b] = p.params[s.module.Params[b.Index].Name].Bytes()
			case ir.InPacked:
				memory[b] = packed[b.Index]
			}
		}
	}
	run := func(step *ir.Step) error {
		k := step.Kernel
		var args [][]byte
		for _, b := range step.Args {
			args = append(args, memory[b])
		}
		inner := map[string]int64{}
		var dimBytes []byte
		for i, sz := range step.Sizes {
			n := size(sz)
			inner[k.Dims[i].Name] = n
			if metal.LongDims(k) {
				dimBytes = binary.LittleEndian.AppendUint64(dimBytes, uint64(n))
			} else {
				dimBytes = binary.LittleEndian.AppendUint32(dimBytes, uint32(n))
			}
		}
		if len(dimBytes) > 0 {
			args = append(args, dimBytes)
		}
		if !k.OnGPU() {
			return k.Eval(inner, args[:len(k.Args)])
		}
		groups, ok := k.Groups().Eval(func(name string) (int64, bool) { n, ok := inner[name]; return n, ok })
		if !ok {
			d.t.Fatalf("%s: groups %s", k.Name, k.Groups())
		}
		if groups == 0 {
			return nil
		}
		launches++
		var want [][]byte
		if s.stepwise {
			if want, err = interpret(k, inner, args[:len(k.Args)]); err != nil {
				return err
			}
		}
		if found := d.launch(names[k], mode, args, int(groups), k.Schedule.Threads); len(found) > 0 {
			return fmt.Errorf("kernel %s as %s: %v", k.Name, k.Schedule.Form, found)
		}
		if want != nil {
			if diff := kernelDiff(k, args, want); diff != "" {
				return fmt.Errorf("kernel as %s: %s\n%s", k.Schedule.Form, diff, ir.PrintKernel(k))
			}
		}
		return nil
	}
	if s.module.Load != nil {
		for _, step := range s.module.Load.Steps {
			if err := run(step); err != nil {
				return nil, launches, err
			}
		}
	}
	if err := rounds(v, 0, len(v.Steps), v.Loops, dims, memory, run); err != nil {
		return nil, launches, err
	}
	outs = make([]*ir.Tensor, len(f.Results))
	for _, b := range v.Buffers {
		if b.Place != ir.InOutput && b.Place != ir.InState {
			continue
		}
		shape := make([]int, b.Type.Rank())
		for i, sz := range b.Type.Shape {
			shape[i] = int(size(sz))
		}
		x, err := ir.TensorOf(b.Type.DType, shape, memory[b])
		if err != nil {
			return nil, launches, err
		}
		if b.Place == ir.InOutput {
			outs[b.Index] = x
		} else {
			p.params[s.module.Params[b.Index].Name] = x
		}
	}
	return outs, launches, nil
}

// rounds runs some steps of a variant, with the loops among them.
func rounds(v *ir.Variant, first, end int, loops []ir.Loop, dims map[string]int64, memory map[*ir.Buffer][]byte, run func(*ir.Step) error) error {
	for first < end {
		if len(loops) == 0 || first < loops[0].First {
			if err := run(v.Steps[first]); err != nil {
				return err
			}
			first++
			continue
		}
		l, inner := loops[0], 1
		for inner < len(loops) && loops[inner].First < l.End {
			inner++
		}
		n, ok := l.Count.Eval(func(name string) (int64, bool) { n, ok := dims[name]; return n, ok })
		if !ok {
			return fmt.Errorf("loop: %s has no value", l.Count)
		}
		for t := range n {
			dims[l.Counter.Name] = t
			if err := rounds(v, l.First, l.End, loops[1:inner], dims, memory, run); err != nil {
				return err
			}
			if l.Going != nil && memory[l.Going][0] == 0 {
				break
			}
		}
		first, loops = l.End, loops[inner:]
	}
	return nil
}

// interpret runs a kernel by the interpreter on copies of its arguments, those that
// share memory sharing it.
func interpret(k *ir.Kernel, dims map[string]int64, args [][]byte) ([][]byte, error) {
	copies := make([][]byte, len(args))
	for i, a := range args {
		copies[i] = bytes.Clone(a)
		for j, b := range args[:i] {
			if len(a) > 0 && len(b) > 0 && &a[0] == &b[0] {
				copies[i] = copies[j][:len(a)]
			}
		}
	}
	return copies, k.Eval(dims, copies)
}

// kernelDiff compares what a kernel wrote. It computes in f32 what the interpreter
// does in f64, so sums may be off by what their terms allow: the largest products
// of what the kernel reads.
func kernelDiff(k *ir.Kernel, got, want [][]byte) string {
	tensor := func(arg int, data []byte) *ir.Tensor {
		t := k.Args[arg].DType
		x, err := ir.TensorOf(t, []int{len(data) / t.Size()}, data)
		if err != nil {
			panic(err)
		}
		return x
	}
	scale, terms := 1.0, 1
	for i, a := range k.Args {
		if a.Write {
			continue
		}
		most, x := 1.0, tensor(i, want[i])
		for n := range x.F {
			if v := math.Abs(x.F[n]); !math.IsInf(v, 0) && v > most {
				most = v
			}
		}
		scale, terms = scale*most, max(terms, x.Len())
	}
	for i, a := range k.Args {
		if !a.Write {
			continue
		}
		g, w := tensor(i, got[i]), tensor(i, want[i])
		for n := range w.I {
			if g.I[n] != w.I[n] {
				return fmt.Sprintf("%s[%d] is %d, want %d", a.Name, n, g.I[n], w.I[n])
			}
		}
		tol := ir.Tolerance{Rel: 1e-5, Abs: 1e-6 * scale}
		for n := range w.F {
			if !tol.Allows(g.F[n], w.F[n], a.DType, terms) && scale < 1e30 {
				return fmt.Sprintf("%s[%d] is %v, want %v", a.Name, n, g.F[n], w.F[n])
			}
		}
	}
	return ""
}
