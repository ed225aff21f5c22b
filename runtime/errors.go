package runtime

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrClosed: the session or the model was closed.
	ErrClosed = errors.New("closed")
	// ErrBusy: another call of the session is under way.
	ErrBusy = errors.New("busy: a session serves one call at a time")
	// ErrBroken: an earlier call failed after it had changed state.
	ErrBroken = errors.New("broken: an earlier call failed half way")
)

// A DimError is an input or a size that an entry does not take.
type DimError struct {
	Model, Entry string
	Msg          string
}

func (e *DimError) Error() string { return e.Model + ": " + e.Entry + ": " + e.Msg }

// A WeightError is a checkpoint that does not fit a model.
type WeightError struct {
	File  string
	Wrong []string // one line for each tensor, sorted; at most ten
	More  int      // how many lines were left out
}

func (e *WeightError) Error() string {
	text := e.File + ": " + strings.Join(e.Wrong, "\n"+e.File+": ")
	if e.More > 0 {
		text += fmt.Sprintf("\nand %d more", e.More)
	}
	return text
}
