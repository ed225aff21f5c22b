package cpu

import (
	"fmt"
	"runtime/debug"
)

// A Team is who computes during one call: the caller's goroutine, and the
// workers of the process unless another call has them. Between the launches of
// a call the workers spin for a short while, between calls they sleep.
type Team struct{ pool *pool }

// Acquire gathers the team for a call, which must Release it.
func Acquire() Team {
	if Threads() == 1 || !shared.mu.TryLock() {
		return Team{}
	}
	shared.start()
	shared.active.Store(true)
	return Team{&shared}
}

// Release lets the workers go.
func (t Team) Release() {
	if t.pool == nil {
		return
	}
	t.pool.active.Store(false)
	t.pool.kernel, t.pool.call = nil, nil
	t.pool.mu.Unlock()
}

// Run computes all points of a grid and returns when they are done. Fewer than
// grain points are not worth a worker; a grain below 1 counts as 1. No points: the
// kernel is not called. The error is a *PanicError.
func (t Team) Run(k Kernel, c *Call, points, grain int) error {
	parts := 1
	if t.pool != nil {
		parts = min(points/max(1, grain), partsPerThread*int(t.pool.threads.Load()))
	}
	var err *PanicError
	switch {
	case points <= 0:
	case parts <= 1:
		err = protect(k, c, 0, points)
	default:
		err = t.pool.launch(k, c, points, parts)
	}
	if err != nil {
		return err
	}
	return nil
}

// A PanicError is a kernel that panicked: a bug of the compiler, or memory that
// went away under it, such as a mapped file that was truncated.
type PanicError struct {
	Value any
	Stack []byte // where, for a report
}

func (e *PanicError) Error() string { return fmt.Sprintf("kernel panicked: %v", e.Value) }

// protect calls a kernel and turns a panic into an error. So are faults of
// memory, which would end the process otherwise.
func protect(k Kernel, c *Call, lo, hi int) (err *PanicError) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = &PanicError{Value: r, Stack: debug.Stack()}
		}
	}()
	k(c, lo, hi)
	return nil
}
