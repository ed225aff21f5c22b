package runtime

import (
	"runtime"
	"sync/atomic"

	"github.com/mlxc/mlxc/runtime/cpu"
)

// memory is a piece of memory that several arrays may share. What is mapped is
// given back by free, or when the collector finds the memory unreachable.
type memory struct {
	bytes   []byte
	mapped  bool
	freed   atomic.Bool
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
	m := &memory{bytes: b, mapped: true}
	m.cleanup = runtime.AddCleanup(m, func(b []byte) { _ = cpu.Unmap(b) }, b)
	return m
}

// free unmaps, once.
func (m *memory) free() error {
	if m.freed.Swap(true) || !m.mapped {
		return nil
	}
	m.cleanup.Stop()
	return cpu.Unmap(m.bytes)
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
