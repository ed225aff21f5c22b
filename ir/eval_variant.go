package ir

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
)

// EvalVariant runs a lowered entry by interpreting its kernels, so that passes
// are tested without generated code. Buffers are bytes in their own dtype; where
// the variant has a plan, those of the arena lie in one piece of memory at the
// plan's offsets. States are read from params, and put there. Steps of one epoch run in the
// reverse of their order, since they need none, and those of a GPU as late as the CPU lets
// them.
func (m *Module) EvalVariant(f *Func, v *Variant, params map[string]*Tensor, inputs []*Tensor, given ...int64) ([]*Tensor, error) {
	dims, err := m.SolveDims(f, params, inputs, given)
	if err != nil {
		return nil, err
	}
	env := &Env{Params: params, Dims: dims}
	var packed [][]byte
	if m.Load != nil {
		load, err := env.memory(m, m.Load, nil, make([][]byte, len(m.Packed())))
		if err != nil {
			return nil, err
		}
		if err := env.launch(m.Load, load); err != nil {
			return nil, err
		}
		for _, b := range m.Packed() {
			packed = append(packed, load[b])
		}
	}
	memory, err := env.memory(m, v, inputs, packed)
	if err != nil {
		return nil, err
	}
	if err := env.launch(v, memory); err != nil {
		return nil, err
	}
	for _, b := range v.Buffers {
		if b.Place == InState {
			p := m.Params[b.Index]
			shape, err := env.sizes(b.Type.Shape)
			if err != nil {
				return nil, err
			}
			if params[p.Name], err = TensorOf(p.Type.DType, shape, memory[b]); err != nil {
				return nil, err
			}
		}
	}
	return env.outputs(f, v, memory)
}

// A launcher runs the steps of a variant.
type launcher struct {
	*Env
	variant *Variant
	memory  map[*Buffer][]byte
	awaits  [][]Hazard
	late    []launch // of the GPU that have begun and not run
}

// A launch is a step with the dims of its round.
type launch struct {
	step int
	dims map[string]int64
}

func (e *Env) launch(v *Variant, memory map[*Buffer][]byte) error {
	l := &launcher{Env: e, variant: v, memory: memory, awaits: v.Awaits()}
	if err := l.rounds(0, len(v.Steps), v.Loops); err != nil {
		return err
	}
	return l.wait(len(l.late))
}

// rounds runs some steps of a variant, with the loops among them.
func (e *launcher) rounds(first, end int, loops []Loop) error {
	for first < end {
		if len(loops) == 0 || loops[0].First >= end {
			return e.steps(first, end)
		}
		l := loops[0]
		if err := e.steps(first, l.First); err != nil {
			return err
		}
		inner := 1
		for inner < len(loops) && loops[inner].First < l.End {
			inner++
		}
		n, err := e.size(l.Count)
		if err != nil {
			return err
		}
		for t := range n {
			e.Dims[l.Counter.Name] = t
			if err := e.rounds(l.First, l.End, loops[1:inner]); err != nil {
				return err
			}
			if l.Going == nil {
				continue
			}
			if err := e.wait(len(e.late)); err != nil {
				return err
			}
			if e.memory[l.Going][0] == 0 {
				break
			}
		}
		first, loops = l.End, loops[inner:]
	}
	return nil
}

// steps runs the steps of an epoch in the reverse of their order.
func (e *launcher) steps(first, end int) error {
	steps := e.variant.Steps
	for first < end {
		next := first
		for next < end && steps[next].Epoch == steps[first].Epoch {
			next++
		}
		for i := next - 1; i >= first; i-- {
			if err := e.begin(i); err != nil {
				return err
			}
		}
		first = next
	}
	return nil
}

// begin runs a step of the CPU when what it waits for has run, with what stands before that,
// and puts off one of the GPU.
func (e *launcher) begin(i int) error {
	steps := e.variant.Steps
	if steps[i].Device == OnGPU {
		e.late = append(e.late, launch{i, maps.Clone(e.Dims)})
		return nil
	}
	n := len(e.late)
	for n > 0 && !slices.ContainsFunc(e.awaits[i], func(h Hazard) bool { return h.After == e.late[n-1].step }) {
		n--
	}
	for n > 0 && n < len(e.late) {
		now, next := e.late[n-1].step, e.late[n].step
		if next > now || steps[next].Epoch != steps[now].Epoch {
			break
		}
		n++
	}
	if err := e.wait(n); err != nil {
		return err
	}
	return e.step(i)
}

// wait runs the first n launches that were put off.
func (e *launcher) wait(n int) error {
	now := e.Dims
	defer func() { e.Dims = now }()
	for _, l := range e.late[:n] {
		e.Dims = l.dims
		if err := e.step(l.step); err != nil {
			return err
		}
	}
	e.late = e.late[n:]
	return nil
}

func (e *Env) outputs(f *Func, v *Variant, memory map[*Buffer][]byte) ([]*Tensor, error) {
	outs := make([]*Tensor, len(f.Results))
	for _, b := range v.Buffers {
		if b.Place != InOutput {
			continue
		}
		shape, err := e.sizes(b.Type.Shape)
		if err != nil {
			return nil, err
		}
		if outs[b.Index], err = TensorOf(b.Type.DType, shape, memory[b]); err != nil {
			return nil, err
		}
	}
	return outs, nil
}

func (e *launcher) step(n int) error {
	s := e.variant.Steps[n]
	args := make([][]byte, len(s.Args))
	for i, b := range s.Args {
		args[i] = e.memory[b]
	}
	dims := map[string]int64{}
	for i, d := range s.Kernel.Dims {
		n, err := e.size(s.Sizes[i])
		if err != nil {
			return err
		}
		dims[d.Name] = n
	}
	if err := s.Kernel.Eval(dims, args); err != nil {
		return fmt.Errorf("%s: %w", s.Pos, err)
	}
	return nil
}

// memory gives every buffer of a variant its bytes.
func (e *Env) memory(m *Module, v *Variant, inputs []*Tensor, packed [][]byte) (map[*Buffer][]byte, error) {
	memory := map[*Buffer][]byte{}
	if v.Plan != nil {
		if err := e.arena(v.Plan, memory); err != nil {
			return nil, err
		}
	}
	for _, b := range v.Buffers {
		switch {
		case b.Place == InInput:
			memory[b] = inputs[b.Index].Bytes()
		case b.Place == InParam:
			p := e.Params[m.Params[b.Index].Name]
			if p == nil {
				return nil, fmt.Errorf("param %s has no value", m.Params[b.Index].Name)
			}
			memory[b] = p.Bytes()
		case b.Place == InState:
			t, err := e.state(m.Params[b.Index])
			if err != nil {
				return nil, err
			}
			memory[b] = t.Bytes()
		case b.Place == InPacked && packed[b.Index] != nil:
			memory[b] = packed[b.Index]
		default:
			if memory[b] != nil {
				continue
			}
			n, err := e.size(b.Type.Bytes())
			if err != nil {
				return nil, err
			}
			if memory[b], err = e.poisoned(n); err != nil {
				return nil, err
			}
		}
	}
	return memory, nil
}

// arena places the blocks of a plan.
func (e *Env) arena(p *Plan, memory map[*Buffer][]byte) error {
	size := make([]int64, len(p.Blocks))
	for i, b := range p.Blocks {
		var err error
		if size[i], err = e.size(b.Bytes); err != nil {
			return err
		}
	}
	offset, bytes := p.Offsets(size)
	arena, err := e.poisoned(bytes)
	if err != nil {
		return err
	}
	for i, block := range p.Blocks {
		for _, b := range block.Buffers {
			end := offset[i] + size[i]
			memory[b] = arena[offset[i]:end:end]
		}
	}
	return nil
}

// poisoned is memory before anything is written: as floats NaN.
func (e *Env) poisoned(n int64) ([]byte, error) {
	if n < 0 || n > 8*(MaxEvalElems-e.live) {
		return nil, fmt.Errorf("%d bytes are too many: the reference evaluator holds %d elements at once", n, MaxEvalElems)
	}
	e.live += (n + 7) / 8
	return bytes.Repeat([]byte{0xff}, int(n)), nil
}
