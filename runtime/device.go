package runtime

import (
	"context"
	"sync/atomic"
	"time"
)

// A Backend is where the steps of a program run.
type Backend interface {
	// Open makes the kernels of p ready. An error is a *DeviceError.
	Open(p *Program) (Device, error)
}

// A Device has the kernels of one program ready. It serves several goroutines.
type Device interface {
	// Wrap lets the device see mem, which starts at a page and is not copied: it
	// must stay mapped until the Buffer is closed. The rest of its last page is
	// memory too. The error is a *DeviceError.
	Wrap(mem []byte) (Buffer, error)

	// Record prepares launches. The slice stays the caller's, who may change a launch at any time and then says so by
	// Recording.Set; their number, and the number of arguments and sizes of each,
	// stay as they are.
	Record(launches []Launch) (Recording, error)

	// Close frees the kernels. Recordings are closed before; buffers may live on.
	Close() error
}

// A Buffer is a piece of memory as a device sees it.
type Buffer interface {
	Close() error
}

// A Launch is a step with everything in place.
type Launch struct {
	Kernel  int     // as in Step
	OnCPU   bool    // as in Step
	Args    []Span  // the kernel's buffers
	Sizes   []int64 // the values of the kernel's dims
	Grid    int     // points on the CPU, threadgroups on a GPU; 0: no launch
	Grain   int     // as in Step
	Barrier bool    // waits for all launches before that began with it
	Await   int     // of one OnCPU: launches before that index which are not OnCPU must have ended
	Pos     string  // in the model's source, for errors
	Step    int     // of the variant
	Rest    int     // of its loop, launches behind it: where Going is false after it, all of them may be left out, or those of any rounds
	Going   Span    // a bool, if there is a Rest
}

// A Span is what an argument of a kernel is bound to.
type Span struct {
	Bytes  []byte // the memory itself, which may be none
	Buffer Buffer // what holds the bytes, as Wrap returned it
	Offset int    // of Bytes in the buffer
}

// A Recording is launches ready to run. It serves one goroutine at a time. But for Close
// nothing of it allocates, and an error is a *DeviceError, or what ctx says.
type Recording interface {
	// Set takes in anew the launch with that index. Before the first Begin all have
	// been set.
	Set(launch int)

	// Begin begins to run the launches from first up to end, after all that began
	// before have ended. It may return before these have, or may look at ctx
	// between them.
	Begin(ctx context.Context, first, end int) error

	// Wait waits until the launches below end have ended, as far as they began.
	Wait(end int) error

	// End waits for all that began, after an error too, and returns how long the
	// device was at work since the last End, 0 where that is not known.
	End() (time.Duration, error)

	Close() error
}

// An openDevice is the device of a model.
type openDevice struct {
	Device
	closed atomic.Bool
}

func (d *openDevice) close() error {
	if d == nil || d.closed.Swap(true) {
		return nil
	}
	return d.Device.Close()
}
