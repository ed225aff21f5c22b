package runtime

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/mlxc/mlxc/runtime/cpu"
)

// A Session is the memory of one sequence of calls. It serves one goroutine at a
// time; several sessions of a model work at once.
type Session struct {
	model   *Model
	busy    atomic.Bool
	closed  bool
	arena   *memory
	entries []entryState
}

// An entryState is an entry's plan, bound to memory for the dims of its last call.
type entryState struct {
	dims   []int64 // of the last call; nil: not bound
	next   []int64 // being solved
	solved []bool

	steps   []boundStep
	inputs  []boundInput
	outputs []*Array
	own     []*Array // inputs in the session's memory
	arena   *memory  // that the steps are bound to
	peak    int64
	offsets []int64
}

// A boundStep is a launch with everything in place but the inputs.
type boundStep struct {
	kernel      cpu.Kernel
	call        cpu.Call
	grid, grain int
}

// A boundInput is where an input goes: argument arg of a step.
type boundInput struct{ step, arg, input int }

// NewSession returns a session. Its memory is taken by the first call, and grows
// when dims do.
func (m *Model) NewSession() (*Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, fmt.Errorf("%s: model: %w", m.program.Name, ErrClosed)
	}
	m.sessions++
	s := &Session{model: m, arena: &memory{}, entries: make([]entryState, len(m.program.Entries))}
	for i := range s.entries {
		e := &s.entries[i]
		e.next = make([]int64, len(m.program.Dims))
		e.solved = make([]bool, len(m.program.Dims))
	}
	return s, nil
}

// Call runs an entry. The results are part of the session's memory until its next
// call. With the dims of the call before, nothing is allocated and nothing copied.
// ctx is looked at between kernels; a call that was cancelled leaves the session
// usable, its results undefined.
func (s *Session) Call(ctx context.Context, entry int, inputs ...*Array) ([]*Array, error) {
	if !s.busy.CompareAndSwap(false, true) {
		return nil, s.errorf(entry, ErrBusy)
	}
	defer s.busy.Store(false)
	if s.closed {
		return nil, s.errorf(entry, ErrClosed)
	}
	p := s.model.program
	e := &s.entries[entry]
	if err := s.solve(&p.Entries[entry], e, inputs); err != nil {
		return nil, err
	}
	if err := s.bind(&p.Entries[entry], e, e.next); err != nil {
		return nil, s.errorf(entry, err)
	}
	for _, in := range e.inputs {
		e.steps[in.step].call.Args[in.arg] = inputs[in.input].data
	}
	team := cpu.Acquire()
	defer team.Release()
	for i := range e.steps {
		if err := ctx.Err(); err != nil {
			return nil, s.errorf(entry, err)
		}
		st := &e.steps[i]
		if err := team.Run(st.kernel, &st.call, st.grid, st.grain); err != nil {
			return nil, s.errorf(entry, err)
		}
	}
	return e.outputs, nil
}

func (s *Session) errorf(entry int, err error) error {
	p := s.model.program
	return fmt.Errorf("%s: %s: %w", p.Name, p.Entries[entry].Name, err)
}

// Input is an input of an entry in the session's own memory, for given dims (in
// the order of the program's; those that the input lacks do not matter).
func (s *Session) Input(entry, input int, dims ...int) (*Array, error) {
	p := s.model.program
	port := &p.Entries[entry].Inputs[input]
	fail := func(format string, args ...any) error {
		return &DimError{p.Name, p.Entries[entry].Name, fmt.Sprintf(format, args...)}
	}
	at := make([]int64, len(p.Dims))
	for i := range at {
		if at[i] = int64(dims[i]); mentions(port.Shape, i) && (at[i] < p.Dims[i].Min || at[i] > p.Dims[i].Max) {
			return nil, fail("%s", boundText(&p.Dims[i], at[i]))
		}
	}
	shape := make([]int, len(port.Shape))
	for i, size := range port.Shape {
		shape[i] = int(size.at(at))
	}
	e := &s.entries[entry]
	if e.own == nil {
		e.own = make([]*Array, len(p.Entries[entry].Inputs))
	}
	n, err := byteSize(port.DType, shape)
	if err != nil {
		return nil, fail("%s: %v", port.Name, err)
	}
	if old := e.own[input]; old != nil && n <= len(old.mem.bytes) {
		old.shape, old.data = shape, old.mem.bytes[:n]
		return old, nil
	}
	e.own[input], err = NewArray(port.DType, shape...)
	return e.own[input], err
}

func mentions(shape []Size, dim int) bool {
	for _, s := range shape {
		for _, t := range s {
			for _, f := range t.Of {
				if f.Den == nil && f.Dim == dim || f.Den != nil && (mentions([]Size{f.Num, f.Den}, dim)) {
					return true
				}
			}
		}
	}
	return false
}

// Arena is the bytes that the entry's values take at the dims of its last call.
func (s *Session) Arena(entry int) int64 { return s.entries[entry].peak }

// Close frees the session's memory, its results included. A call under way makes
// it an error.
func (s *Session) Close() error {
	if !s.busy.CompareAndSwap(false, true) {
		return fmt.Errorf("%s: close: %w", s.model.program.Name, ErrBusy)
	}
	defer s.busy.Store(false)
	if s.closed {
		return nil
	}
	s.closed = true
	for i := range s.entries {
		for _, a := range append(s.entries[i].outputs, s.entries[i].own...) {
			if a != nil {
				a.Close()
			}
		}
	}
	s.model.mu.Lock()
	s.model.sessions--
	s.model.mu.Unlock()
	return s.arena.free()
}
