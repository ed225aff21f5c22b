//go:build darwin || (linux && mlxc_metal)

package metal

import (
	"fmt"

	"github.com/mlxc/mlxc/runtime"
)

// faults is MTLCommandBufferError: why a command buffer failed.
var faults = map[int]string{
	1:  "the GPU's driver failed",
	2:  "the GPU took too long, and the system stopped it",
	3:  "a kernel reached for memory that it does not have",
	4:  "the system no longer lets this program use the GPU",
	7:  "the system does not let this program use the GPU now",
	8:  "the GPU has too little memory",
	9:  "a buffer was freed while the GPU used it",
	11: "the GPU is lost",
	12: "a kernel's stack overflowed",
}

// failed is an error about a launch, at its own place in the model: several may
// launch one kernel.
func (r *recording) failed(launch int, err error) error {
	l := &r.launches[launch]
	return &runtime.DeviceError{Device: "metal", Kernel: r.device.kernels[l.Kernel].Name, Pos: l.Pos, Err: err}
}

// failure is the error of a turn. Metal does not say which of its launches failed.
func (r *recording) failure(t *turn) error {
	reason := t.buffer.Err()
	err := error(reason)
	if fault := faults[reason.Code]; fault != "" {
		err = fmt.Errorf("%s: %w", fault, reason)
	}
	n, first, last := 0, 0, 0
	for i := t.first; i < t.end; i++ {
		if r.launches[i].Grid == 0 {
			continue
		}
		if n == 0 {
			first = i
		}
		n, last = n+1, i
	}
	if n == 1 {
		return r.failed(first, err)
	}
	return failed(fmt.Errorf("one of %d launches, from %s to %s: %w", n, r.describe(first), r.describe(last), err))
}

func (r *recording) describe(launch int) string {
	l := &r.launches[launch]
	return r.device.kernels[l.Kernel].Name + " (" + l.Pos + ")"
}
