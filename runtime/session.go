package runtime

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/mlxc/mlxc/runtime/cpu"
)

// A Session is the memory of one sequence of calls. It serves one goroutine at a
// time and reports others by ErrBusy; several sessions of a model run at once.
type Session struct {
	model   *Model
	state   atomic.Int32
	device  atomic.Int64 // nanoseconds of the device in the last call
	arena   *memory
	entries []boundEntry
	dims    []int64  // of the program; those that are not the session's are 0
	states  []*Array // of the program
}

// The states of a session.
const (
	idle int32 = iota
	busy
	torn // by a call that failed while it wrote states
	broken
	closed
)

func newSession(m *Model) *Session {
	s := &Session{model: m, arena: &memory{}, entries: make([]boundEntry, len(m.program.Entries))}
	for i := range s.entries {
		s.entries[i] = newBoundEntry(m.program, &m.program.Entries[i])
	}
	return s
}

// enter makes the session busy, or says why it cannot serve.
func (s *Session) enter() error {
	_, err := s.enterFrom(idle)
	return err
}

// enterFrom is enter where the session may be in another state than idle as well; it
// returns which it was.
func (s *Session) enterFrom(from int32) (was int32, err error) {
	for {
		switch now := s.state.Load(); {
		case now == idle || now == from:
			if s.state.CompareAndSwap(now, busy) {
				return now, nil
			}
		case now == busy:
			return now, ErrBusy
		case now == torn:
			return now, ErrTorn
		case now == broken:
			return now, ErrBroken
		case now == closed:
			return now, ErrClosed
		}
	}
}

// Call runs the entry with that index. The results are in the session's memory
// until its next call; Clone keeps them. They may be inputs of other entries, but
// not of the same one, which would overwrite what it reads.
//
// Between kernels it looks at ctx, whose error it wraps; a cancelled call leaves
// the session usable, unless the entry writes states: then it may have written some, and
// calls are refused by ErrTorn until Reset or LoadState. An argument that does not fit gives a *DimError. With the
// sizes of the call before nothing is allocated and nothing copied.
func (s *Session) Call(ctx context.Context, entry int, inputs ...*Array) ([]*Array, error) {
	return s.CallAt(ctx, entry, nil, inputs...)
}

// CallAt is Call for an entry that is given sizes as well: Entry.Given in order.
func (s *Session) CallAt(ctx context.Context, entry int, sizes []int, inputs ...*Array) ([]*Array, error) {
	b, err := s.entry(entry)
	if err != nil {
		return nil, err
	}
	if err := s.enter(); err != nil {
		return nil, s.wrap(b, err)
	}
	err = s.run(ctx, b, sizes, inputs)
	for _, a := range inputs {
		runtime.KeepAlive(a) // the kernels had only its bytes
	}
	if err != nil {
		return nil, s.fail(b, err)
	}
	s.state.Store(idle)
	return b.outputs, nil
}

// fail ends a call by an error.
func (s *Session) fail(b *boundEntry, err error) error {
	after := idle
	var bug *cpu.PanicError
	switch {
	case errors.As(err, &bug):
		after = broken
	case b.torn:
		after = torn
	}
	s.state.Store(after)
	return s.wrap(b, err)
}

func (s *Session) run(ctx context.Context, b *boundEntry, sizes []int, inputs []*Array) error {
	b.torn = false
	if err := b.bind(s, sizes, inputs); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	t, err := b.variant.run(ctx)
	s.device.Store(int64(t))
	b.torn = err != nil && b.entry.Writes
	return err
}

// entry finds an entry by its index.
func (s *Session) entry(i int) (*boundEntry, error) {
	if i < 0 || i >= len(s.entries) {
		return nil, fmt.Errorf("%s: there is no entry %d", s.model.program.Name, i)
	}
	return &s.entries[i], nil
}

// wrap says where an error came up; a *DimError says it itself.
func (s *Session) wrap(b *boundEntry, err error) error {
	var dim *DimError
	if errors.As(err, &dim) {
		return err
	}
	return fmt.Errorf("%s: %s: %w", s.model.program.Name, b.entry.Name, err)
}

// Input returns an input of an entry in memory of the session, to be filled in
// place and passed to Call. dims are those of the program, in order; those that
// the input's type does not mention, and those of the session, do not matter. The array is the same each
// time, and its content is lost when it has to grow. A dim out of bounds gives a
// *DimError.
func (s *Session) Input(entry, input int, dims ...int) (*Array, error) {
	b, err := s.entry(entry)
	if err != nil {
		return nil, err
	}
	if input < 0 || input >= len(b.inputs) {
		return nil, s.wrap(b, fmt.Errorf("there is no input %d", input))
	}
	if err := s.enter(); err != nil {
		return nil, s.wrap(b, err)
	}
	defer s.state.Store(idle)
	if err := b.sizeInput(s, input, dims); err != nil {
		return nil, s.wrap(b, err)
	}
	return b.inputs[input], nil
}

// Arena is how many bytes the values of an entry's last call took.
func (s *Session) Arena(entry int) int64 {
	b, err := s.entry(entry)
	if err != nil || b.variant == nil {
		return 0
	}
	return b.variant.layout.peak
}

// DeviceTime is how long the device of the last call was at work, which is less
// than the call took; 0 on the CPU.
func (s *Session) DeviceTime() time.Duration { return time.Duration(s.device.Load()) }

// Close frees the session's memory, that of its results and inputs included. It
// is ErrBusy during a call.
func (s *Session) Close() error {
	if err := s.enter(); err != nil && !errors.Is(err, ErrBroken) && !errors.Is(err, ErrTorn) {
		if errors.Is(err, ErrClosed) {
			return nil
		}
		return fmt.Errorf("%s: close: %w", s.model.program.Name, err)
	}
	if s.state.Swap(closed) == closed {
		return nil // another goroutine closed the broken session first
	}
	var err error
	for i := range s.entries {
		err = errors.Join(err, s.entries[i].free())
	}
	for _, a := range s.states {
		err = errors.Join(err, a.Close())
	}
	return errors.Join(err, s.arena.free(), s.model.leave())
}
