package runtime

import (
	"errors"
	"fmt"
	"sync"
)

// A Model is a program with its weights, which all its sessions share. It may be
// used by several goroutines.
type Model struct {
	program *Program
	device  *openDevice
	weights *Weights
	params  []*Array
	packed  []*Array
	report  LoadReport

	mu       sync.Mutex
	sessions int
	closed   bool
}

// A LoadReport says in bytes how a checkpoint was taken in.
type LoadReport struct {
	Mapped int64 // used where they lie in the file
	Copied int64 // converted, inflated, moved to an aligned address, or filled
	Packed int64 // computed from other weights, such as panels of them
}

// LoadReport says how the checkpoint was taken in.
func (m *Model) LoadReport() LoadReport { return m.report }

// NewSession returns a session of the model, whose dims are those of the program with
// Session, in order. Its memory is taken by calls, as far as their sizes need it, but for
// that of states, which begin as in the checkpoint, or by their Init. The error is
// ErrClosed, a *DimError, or a *WeightError.
func (m *Model) NewSession(dims ...int) (*Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, fmt.Errorf("%s: model: %w", m.program.Name, ErrClosed)
	}
	s := newSession(m)
	if err := s.begin(dims); err != nil {
		return nil, err
	}
	m.sessions++
	return s, nil
}

// Close frees the weights, or leaves that to the last session if some are open.
func (m *Model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	return m.freeUnused()
}

// leave is the end of a session.
func (m *Model) leave() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions--
	return m.freeUnused()
}

func (m *Model) freeUnused() error {
	if !m.closed || m.sessions > 0 {
		return nil
	}
	return errors.Join(m.closeParams(), m.weights.Close(), m.device.close())
}
