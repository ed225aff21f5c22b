package runtime

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/runtime/cpu"
)

// A boundEntry is an entry with its memory in a session, for the sizes of its
// last call.
type boundEntry struct {
	program  *Program
	entry    *Entry
	outputs  []*Array
	inputs   []*Array // for callers that fill them in place
	variants []boundVariant

	dims    []int64
	shapes  [][]int       // the inputs' that dims come from
	variant *boundVariant // for dims; nil: nothing is bound
	arena   *memory       // the variant's launches point into it
}

// A boundVariant is a plan with its launches.
type boundVariant struct {
	layout   layout
	launches []launch
}

// A launch is a step with everything in place; inputs are put in by each call.
type launch struct {
	step   *Step
	kernel cpu.Kernel
	call   cpu.Call
	points int
}

func newBoundEntry(p *Program, e *Entry) boundEntry {
	return boundEntry{
		program:  p,
		entry:    e,
		outputs:  emptyArrays(e.Outputs),
		inputs:   emptyArrays(e.Inputs),
		variants: make([]boundVariant, len(e.Variants)),
		dims:     make([]int64, len(p.Dims)),
		shapes:   make([][]int, len(e.Inputs)),
	}
}

// emptyArrays are arrays without memory; resize gives it to them.
func emptyArrays(ports []Port) []*Array {
	as := make([]*Array, len(ports))
	for i, p := range ports {
		as[i] = &Array{dtype: p.DType, mem: &memory{}}
	}
	return as
}

// bind puts everything in place for the inputs of a call. While their shapes stay
// the same only the inputs themselves change.
func (b *boundEntry) bind(s *Session, inputs []*Array) error {
	if !b.fits(inputs) {
		b.variant = nil
		if err := b.program.solve(b.entry, inputs, b.dims); err != nil {
			return err
		}
	}
	for i, a := range inputs {
		if a.closed() {
			return fmt.Errorf("%s: array %s: %w", b.entry.Inputs[i].Name, a, ErrClosed)
		}
		for j, out := range b.outputs {
			if a.mem == out.mem {
				return fmt.Errorf("%s is the result %s of the call before, which this call overwrites: clone it", b.entry.Inputs[i].Name, b.entry.Outputs[j].Name)
			}
		}
	}
	if b.variant == nil {
		if err := b.resize(s); err != nil {
			return err
		}
		for i, a := range inputs {
			b.shapes[i] = append(b.shapes[i][:0], a.shape...)
		}
	}
	if b.arena != s.arena { // another entry has grown it
		b.point(s)
	}
	for i := range b.variant.launches {
		l := &b.variant.launches[i]
		for n, ref := range l.step.Args {
			if ref.Where == Input {
				l.call.Args[n] = inputs[ref.Index].bytes
			}
		}
	}
	return nil
}

// fits reports whether the inputs have the types of the call before.
func (b *boundEntry) fits(inputs []*Array) bool {
	if b.variant == nil || len(inputs) != len(b.shapes) {
		return false
	}
	for i, a := range inputs {
		if a == nil || a.dtype != b.entry.Inputs[i].DType || !slices.Equal(a.shape, b.shapes[i]) {
			return false
		}
	}
	return true
}

// resize chooses the variant for dims and gives everything its size.
func (b *boundEntry) resize(s *Session) error {
	n := slices.IndexFunc(b.entry.Variants, func(v Variant) bool {
		return !slices.ContainsFunc(v.Guard, func(f Fact) bool { return !f.holds(b.dims) })
	})
	if n < 0 {
		return errors.New("no variant is for these sizes")
	}
	v, bound := &b.entry.Variants[n], &b.variants[n]
	if bound.launches == nil {
		*bound = newBoundVariant(b.program, v)
	}
	bound.layout.set(v, b.dims)
	arena, err := s.arena.grow(int(bound.layout.peak))
	if err != nil {
		return err
	}
	s.arena = arena
	for i, a := range b.outputs {
		if err := a.resize(b.entry.Outputs[i].Shape, b.dims); err != nil {
			return fmt.Errorf("%s: %w", b.entry.Outputs[i].Name, err)
		}
	}
	for i := range bound.launches {
		l := &bound.launches[i]
		l.points = int(l.step.Grid.at(b.dims))
		for n, size := range l.step.Sizes {
			l.call.Sizes[n] = size.at(b.dims)
		}
	}
	b.variant, b.arena = bound, nil
	return nil
}

func newBoundVariant(p *Program, v *Variant) boundVariant {
	b := boundVariant{layout: newLayout(v), launches: make([]launch, len(v.Steps))}
	for i := range v.Steps {
		step := &v.Steps[i]
		b.launches[i] = launch{
			step:   step,
			kernel: p.Kernels[step.Kernel],
			call:   cpu.Call{Args: make([][]byte, len(step.Args)), Sizes: make([]int64, len(step.Sizes))},
		}
	}
	return b
}

// point makes the launches point at all memory but that of inputs.
func (b *boundEntry) point(s *Session) {
	layout := &b.variant.layout
	for i := range b.variant.launches {
		l := &b.variant.launches[i]
		for n, ref := range l.step.Args {
			switch ref.Where {
			case Output:
				l.call.Args[n] = b.outputs[ref.Index].bytes
			case Weight:
				l.call.Args[n] = s.model.params[ref.Index].bytes
			case Arena:
				from := layout.offsets[ref.Index]
				to := from + layout.bytes[ref.Index]
				l.call.Args[n] = s.arena.bytes[from:to:to]
			}
		}
	}
	b.arena = s.arena
}

// sizeInput gives an input for callers to fill its size.
func (b *boundEntry) sizeInput(input int, dims []int) error {
	p, port := b.program, &b.entry.Inputs[input]
	fail := func(format string, args ...any) error {
		return &DimError{Program: p.Name, Entry: b.entry.Name, What: fmt.Sprintf(format, args...)}
	}
	if len(dims) != len(p.Dims) {
		return fail("%d dims, want %d", len(dims), len(p.Dims))
	}
	at := make([]int64, len(dims))
	for i, d := range dims {
		at[i] = int64(d)
		used := slices.ContainsFunc(port.Shape, func(s Size) bool { return s.mentions(func(n int) bool { return n == i }) })
		if err := p.Dims[i].check(at[i]); used && err != nil {
			return fail("%v", err)
		}
	}
	if err := b.inputs[input].resize(port.Shape, at); err != nil {
		return fmt.Errorf("%s: %w", port.Name, err)
	}
	return nil
}

// resize gives an array of the session other sizes, and more memory if need be.
func (a *Array) resize(shape []Size, dims []int64) error {
	a.shape = a.shape[:0]
	for _, s := range shape {
		a.shape = append(a.shape, int(s.at(dims)))
	}
	n, err := byteSize(a.dtype, a.shape)
	if err == nil {
		var mem *memory
		if mem, err = a.mem.grow(n); err == nil {
			a.mem, a.bytes = mem, mem.bytes[:n:n]
			return nil
		}
	}
	err = fmt.Errorf("%s: %w", a, err)
	a.shape, a.bytes = append(a.shape[:0], 0), nil
	return err
}

func (b *boundEntry) free() error {
	var err error
	for _, a := range slices.Concat(b.outputs, b.inputs) {
		err = errors.Join(err, a.mem.free())
	}
	return err
}
