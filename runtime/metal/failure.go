//go:build darwin || (linux && mlxc_metal)

package metal

import (
	"fmt"

	"github.com/mlxc/mlxc/runtime/metal/mtl"
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

// failure is the error of a part. Metal does not say which of its launches failed.
func (r *recording) failure(p part, reason *mtl.Error) error {
	err := error(reason)
	if fault := faults[reason.Code]; fault != "" {
		err = fmt.Errorf("%s: %w", fault, reason)
	}
	n, first, last := 0, 0, 0
	for i := p.first; i < p.end; i++ {
		if r.launches[i].Grid == 0 {
			continue
		}
		if n == 0 {
			first = i
		}
		n, last = n+1, i
	}
	if n == 1 {
		return r.kernel(first).failedAt(r.launches[first].Pos, err)
	}
	return failed(fmt.Errorf("one of %d launches, from %s (%s) to %s (%s): %w",
		n, r.kernel(first).Name, r.launches[first].Pos, r.kernel(last).Name, r.launches[last].Pos, err))
}

func (r *recording) kernel(launch int) *Kernel {
	return &r.device.kernels[r.launches[launch].Kernel]
}
