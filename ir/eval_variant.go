package ir

import (
	"bytes"
	"fmt"
)

// EvalVariant runs a lowered entry by interpreting its kernels, so that passes
// are tested without generated code. Buffers are bytes in their own dtype; where
// the variant has a plan, those of the arena lie in one piece of memory at the
// plan's offsets. States are read from params, and put there. Steps of one epoch run in the reverse of their order, since
// they need none.
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
		if err := env.rounds(m.Load, load, 0, len(m.Load.Steps), nil); err != nil {
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
	if err := env.rounds(v, memory, 0, len(v.Steps), v.Loops); err != nil {
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

// rounds runs some steps of a variant, with the loops among them.
func (e *Env) rounds(v *Variant, memory map[*Buffer][]byte, first, end int, loops []Loop) error {
	for first < end {
		if len(loops) == 0 || loops[0].First >= end {
			return e.steps(v.Steps[first:end], memory)
		}
		l := loops[0]
		if err := e.steps(v.Steps[first:l.First], memory); err != nil {
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
			if err := e.rounds(v, memory, l.First, l.End, loops[1:inner]); err != nil {
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

// steps runs the steps of an epoch in the reverse of their order.
func (e *Env) steps(steps []*Step, memory map[*Buffer][]byte) error {
	for first := 0; first < len(steps); {
		end := first
		for end < len(steps) && steps[end].Epoch == steps[first].Epoch {
			end++
		}
		for i := end - 1; i >= first; i-- {
			if err := e.step(steps[i], memory); err != nil {
				return fmt.Errorf("%s: %w", steps[i].Pos, err)
			}
		}
		first = end
	}
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

func (e *Env) step(s *Step, memory map[*Buffer][]byte) error {
	args := make([][]byte, len(s.Args))
	for i, b := range s.Args {
		args[i] = memory[b]
	}
	dims := map[string]int64{}
	for i, d := range s.Kernel.Dims {
		n, err := e.size(s.Sizes[i])
		if err != nil {
			return err
		}
		dims[d.Name] = n
	}
	return s.Kernel.Eval(dims, args)
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
