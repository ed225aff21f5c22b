//go:build (linux && (amd64 || arm64)) || (darwin && arm64)

package cpu

import (
	"fmt"
	"os"
	"syscall"
)

// Map returns n zero bytes outside the Go heap that start at a page. Pages take
// memory when they are first touched. No bytes need no mapping.
func Map(n int) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	b, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("cannot map %d bytes of memory: %w", n, err)
	}
	adviseHuge(b)
	return b, nil
}

// MapFile maps the first n bytes of f to be read; n is at most the file's size.
// To write to them is a fault. They stay when f is closed.
func MapFile(f *os.File, n int) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, n, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("cannot map: %w", err)
	}
	return b, nil
}

// Unmap gives back what Map or MapFile returned, whole.
func Unmap(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	return syscall.Munmap(b)
}
