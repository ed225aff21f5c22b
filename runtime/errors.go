package runtime

import (
	"errors"
	"fmt"
	"strconv"
)

// The errors of misuse. What returns them wraps them in where it happened.
var (
	// ErrClosed: the model, session, array or checkpoint is closed.
	ErrClosed = errors.New("closed")
	// ErrBusy: the session is in a call of another goroutine.
	ErrBusy = errors.New("busy: a session serves one call at a time")
	// ErrNoMetal: the program was built without Metal, which is on macOS only.
	ErrNoMetal = errors.New("this build has no Metal")
	// ErrTorn: a call failed, or was cancelled, while it wrote states, which are of no call now.
	ErrTorn = errors.New("its states are half written by a call that failed: Reset or LoadState")
	// ErrBroken: a kernel of an earlier call failed, and the session cannot be trusted.
	ErrBroken = errors.New("broken by an earlier failure")
)

// A DimError is an argument whose dtype or sizes do not fit an entry.
type DimError struct {
	Program, Entry string
	What           string // image is f32[3, 28, 28, 3], want f32[B, 28, 28, 1]
}

func (e *DimError) Error() string { return e.Program + ": " + e.Entry + ": " + e.What }

// A WeightError is a checkpoint that is malformed or does not fit a model.
type WeightError struct {
	File   string
	Tensor string // "" where it is about the whole file
	Err    error  // what is wrong
}

func (e *WeightError) Error() string {
	if e.Tensor == "" {
		return e.File + ": " + e.Err.Error()
	}
	return fmt.Sprintf("%s: tensor %s: %v", e.File, quote(e.Tensor), e.Err)
}

// Unwrap gives what is wrong, such as fs.ErrNotExist.
func (e *WeightError) Unwrap() error { return e.Err }

// quote shows a name from a file, which may be anything.
func quote(s string) string {
	const most = 100
	if len(s) > most {
		return strconv.Quote(s[:most]) + "…"
	}
	return strconv.Quote(s)
}
