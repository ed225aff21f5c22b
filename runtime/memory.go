package runtime

import (
	"fmt"
	"os"
	goruntime "runtime"
	"sync"
	"syscall"
)

// memory is pages outside the Go heap: anonymous, or those of a mapped file.
type memory struct {
	bytes   []byte
	unmap   sync.Once
	cleanup goruntime.Cleanup
}

// allocate returns zeroed pages.
func allocate(size int) (*memory, error) {
	if size == 0 {
		return &memory{}, nil
	}
	b, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("cannot allocate %d bytes: %w", size, err)
	}
	return track(b), nil
}

// mapFile maps a whole file for reading.
func mapFile(path string) (*memory, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	switch size := info.Size(); {
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: not a regular file", path)
	case size == 0:
		return nil, fmt.Errorf("%s: the file is empty", path)
	case size != int64(int(size)):
		return nil, fmt.Errorf("%s: %d bytes are more than this machine addresses", path, size)
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot map: %w", path, err)
	}
	return track(b), nil
}

// track unmaps pages that nothing refers to any more.
func track(b []byte) *memory {
	m := &memory{bytes: b}
	m.cleanup = goruntime.AddCleanup(m, func(b []byte) { syscall.Munmap(b) }, b)
	return m
}

// free unmaps; it may be called again.
func (m *memory) free() error {
	var err error
	m.unmap.Do(func() {
		if len(m.bytes) > 0 {
			m.cleanup.Stop()
			err = syscall.Munmap(m.bytes)
			m.bytes = nil
		}
	})
	return err
}
