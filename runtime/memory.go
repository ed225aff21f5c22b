package runtime

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/mlxc/mlxc/runtime/cpu"
)

// memory is a piece of memory that several arrays may share. What is mapped is
// given back by free, or when the collector finds the memory unreachable.
type memory struct {
	bytes   []byte
	mapped  bool
	freed   atomic.Bool
	seen    *seen // by devices; nil where nothing is mapped
	cleanup runtime.Cleanup
}

// newMemory maps n zero bytes.
func newMemory(n int) (*memory, error) {
	b, err := cpu.Map(n)
	if err != nil {
		return nil, err
	}
	return mappedMemory(b), nil
}

// mappedMemory takes over a mapping.
func mappedMemory(b []byte) *memory {
	m := &memory{bytes: b, mapped: true, seen: &seen{}}
	m.cleanup = runtime.AddCleanup(m, func(s *seen) { _ = s.unmap(b) }, m.seen)
	return m
}

// free unmaps, once.
func (m *memory) free() error {
	if m.freed.Swap(true) || !m.mapped {
		return nil
	}
	m.cleanup.Stop()
	return m.seen.unmap(m.bytes)
}

// grow returns memory of at least n bytes: m, or else new memory of zeros in its
// place. It takes half as much again, so that sizes that grow by and by do not map
// anew each time; pages that are not touched cost nothing.
func (m *memory) grow(n int) (*memory, error) {
	if n <= len(m.bytes) {
		return m, nil
	}
	bigger, err := newMemory(max(n, len(m.bytes)+len(m.bytes)/2))
	if err != nil {
		return nil, err
	}
	return bigger, m.free()
}

// on is the memory as a device sees it; nil if there are no bytes.
func (m *memory) on(d *openDevice) (Buffer, error) {
	if len(m.bytes) == 0 || m.seen == nil {
		return nil, nil
	}
	return m.seen.by(d, m.bytes)
}

// seen is the buffers by which devices see a memory. They are made when they are
// first needed, and closed before the memory is unmapped.
type seen struct {
	mu   sync.Mutex
	list []view
}

type view struct {
	device *openDevice
	buffer Buffer
}

func (s *seen) by(d *openDevice, bytes []byte) (Buffer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.list {
		if v.device == d {
			return v.buffer, nil
		}
	}
	if err := s.dropClosed(); err != nil {
		return nil, err
	}
	b, err := d.Wrap(bytes)
	if err == nil {
		s.list = append(s.list, view{d, b})
	}
	return b, err
}

// dropClosed forgets devices that are closed, of which a memory that outlives many
// models would gather more and more.
func (s *seen) dropClosed() error {
	var err error
	open := s.list[:0]
	for _, v := range s.list {
		if v.device.closed.Load() {
			err = errors.Join(err, v.buffer.Close())
		} else {
			open = append(open, v)
		}
	}
	clear(s.list[len(open):])
	s.list = open
	return err
}

func (s *seen) unmap(bytes []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for _, v := range s.list {
		err = errors.Join(err, v.buffer.Close())
	}
	s.list = nil
	return errors.Join(err, cpu.Unmap(bytes))
}
