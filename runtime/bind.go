package runtime

import (
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/runtime/cpu"
)

// arenaAlign is the alignment of blocks: that of ir.Align in the compiler.
const arenaAlign = 256

func alignUp(n int64) int64 { return (n + arenaAlign - 1) &^ (arenaAlign - 1) }

// solve finds the dims of a call from its inputs' shapes and checks everything
// that the entry asks of them. The result is in e.next.
func (s *Session) solve(entry *Entry, e *entryState, inputs []*Array) error {
	p := s.model.program
	if len(inputs) != len(entry.Inputs) {
		return s.dimError(entry, "takes %d inputs, got %d", len(entry.Inputs), len(inputs))
	}
	clear(e.solved)
	for i, a := range inputs {
		port := &entry.Inputs[i]
		if a == nil {
			return s.dimError(entry, "%s is nil", port.Name)
		}
		if a.dtype != port.DType || len(a.shape) != len(port.Shape) || a.mem != nil && a.data == nil && a.mem.bytes == nil && sizeOf(a.shape) > 0 {
			return s.mismatch(entry, port, a)
		}
		for j, size := range port.Shape {
			d, scale, rest, ok := size.linear()
			if !ok || e.solved[d] {
				continue
			}
			n := int64(a.shape[j]) - rest
			if n%scale != 0 {
				return s.mismatch(entry, port, a)
			}
			e.next[d], e.solved[d] = n/scale, true
			if dim := &p.Dims[d]; e.next[d] < dim.Min || e.next[d] > dim.Max {
				return s.dimError(entry, "%s", boundText(dim, e.next[d]))
			}
		}
	}
	for i, a := range inputs {
		for j, size := range entry.Inputs[i].Shape {
			if size.at(e.next) != int64(a.shape[j]) {
				return s.mismatch(entry, &entry.Inputs[i], a)
			}
		}
	}
	for i := range entry.Where {
		if f := &entry.Where[i]; !f.holds(e.next) {
			return s.dimError(entry, "needs %s, but %s", f.Text, s.dimText(e.next))
		}
	}
	return nil
}

func sizeOf(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}

func (s *Session) dimError(entry *Entry, format string, args ...any) error {
	return &DimError{s.model.program.Name, entry.Name, fmt.Sprintf(format, args...)}
}

func (s *Session) mismatch(entry *Entry, port *Port, a *Array) error {
	if a.mem != nil && a.data == nil && sizeOf(a.shape) > 0 {
		return s.dimError(entry, "%s was closed", port.Name)
	}
	return s.dimError(entry, "%s is %s, want %s", port.Name, a, port.text(s.model.program.Dims))
}

func boundText(d *Dim, n int64) string {
	if n > d.Max {
		return fmt.Sprintf("%s = %d, but %s <= %d", d.Name, n, d.Name, d.Max)
	}
	return fmt.Sprintf("%s = %d, but %d <= %s", d.Name, n, d.Min, d.Name)
}

func (s *Session) dimText(dims []int64) string {
	text := ""
	for i, d := range s.model.program.Dims {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s = %d", d.Name, dims[i])
	}
	return text
}

// bind puts an entry's plan in place for dims. Where these are the dims of the
// call before there is nothing to do.
func (s *Session) bind(entry *Entry, e *entryState, dims []int64) error {
	if e.dims != nil && e.arena == s.arena && slices.Equal(e.dims, dims) {
		return nil
	}
	e.dims = nil
	v := &entry.Variants[0]
	for i := range entry.Variants {
		v = &entry.Variants[i]
		if !slices.ContainsFunc(v.Guard, func(f Fact) bool { return !f.holds(dims) }) {
			break
		}
	}
	offsets, err := s.place(v, e, dims)
	if err != nil {
		return err
	}
	if err := s.outputs(entry, e, dims); err != nil {
		return err
	}
	e.steps = slices.Grow(e.steps[:0], len(v.Steps))
	e.inputs = e.inputs[:0]
	for i := range v.Steps {
		st := &v.Steps[i]
		b := boundStep{kernel: s.model.program.Kernels[st.Kernel], grid: int(st.Grid.at(dims)), grain: st.Grain}
		b.call = cpu.Call{Args: make([][]byte, len(st.Args)), Sizes: make([]int64, len(st.Sizes))}
		for n, size := range st.Sizes {
			b.call.Sizes[n] = size.at(dims)
		}
		for n, ref := range st.Args {
			switch ref.Where {
			case Input:
				e.inputs = append(e.inputs, boundInput{i, n, ref.Index})
			case Output:
				b.call.Args[n] = e.outputs[ref.Index].data
			case Weight:
				b.call.Args[n] = s.model.params[ref.Index]
			case Arena:
				from := offsets[ref.Index]
				to := from + v.Blocks[ref.Index].Bytes.at(dims)
				b.call.Args[n] = s.arena.bytes[from:to:to]
			}
		}
		e.steps = append(e.steps, b)
	}
	e.arena, e.dims = s.arena, slices.Clone(dims)
	return nil
}

// place evaluates the plans of a variant and takes the lowest; the arena grows if
// that needs more than it has.
func (s *Session) place(v *Variant, e *entryState, dims []int64) ([]int64, error) {
	size := make([]int64, len(v.Blocks))
	for i, b := range v.Blocks {
		size[i] = alignUp(b.Bytes.at(dims))
	}
	var best []int64
	e.peak = 0
	for n, plan := range v.Plans {
		off := make([]int64, len(v.Blocks))
		var peak int64
		for _, i := range plan.Order {
			for _, j := range plan.On[i] {
				off[i] = max(off[i], off[j]+size[j])
			}
			peak = max(peak, off[i]+size[i])
		}
		if n == 0 || peak < e.peak {
			best, e.peak = off, peak
		}
	}
	if e.peak > int64(len(s.arena.bytes)) {
		m, err := allocate(int(e.peak))
		if err != nil {
			return nil, err
		}
		s.arena.free()
		s.arena = m
	}
	return best, nil
}

// outputs gives each result memory of its own, which lives until the next call.
func (s *Session) outputs(entry *Entry, e *entryState, dims []int64) error {
	if e.outputs == nil {
		e.outputs = make([]*Array, len(entry.Outputs))
	}
	for i := range entry.Outputs {
		port := &entry.Outputs[i]
		shape := make([]int, len(port.Shape))
		for j, size := range port.Shape {
			shape[j] = int(size.at(dims))
		}
		n, err := byteSize(port.DType, shape)
		if err != nil {
			return fmt.Errorf("%s: %w", port.Name, err)
		}
		if old := e.outputs[i]; old != nil && n <= len(old.mem.bytes) {
			old.shape, old.data = shape, old.mem.bytes[:n]
			continue
		}
		a, err := NewArray(port.DType, shape...)
		if err != nil {
			return fmt.Errorf("%s: %w", port.Name, err)
		}
		if old := e.outputs[i]; old != nil {
			old.Close()
		}
		e.outputs[i] = a
	}
	return nil
}
