package runtime

import (
	"context"
	"fmt"
	"time"

	"github.com/mlxc/mlxc/runtime/cpu"
)

// cpuBackend runs the kernels of the program itself on the workers of the process.
type cpuBackend struct{}

func (cpuBackend) Open(p *Program) (Device, error) { return cpuDevice{p.Kernels}, nil }

type cpuDevice struct{ kernels []cpu.Kernel }

// noBuffer is memory that needs no view of it.
type noBuffer struct{}

func (noBuffer) Close() error { return nil }

func (cpuDevice) Wrap([]byte) (Buffer, error) { return noBuffer{}, nil }

func (d cpuDevice) Record(launches []Launch) (Recording, error) {
	calls := make([]cpu.Call, len(launches))
	for i, l := range launches {
		calls[i] = cpu.Call{Args: make([][]byte, len(l.Args)), Sizes: l.Sizes}
	}
	return &cpuRecording{d.kernels, launches, calls}, nil
}

func (cpuDevice) Close() error { return nil }

type cpuRecording struct {
	kernels  []cpu.Kernel
	launches []Launch
	calls    []cpu.Call
}

func (r *cpuRecording) Set(i int) {
	for n, a := range r.launches[i].Args {
		r.calls[i].Args[n] = a.Bytes
	}
}

// Begin runs the launches to their end, and looks at ctx between them. Barriers mean
// nothing to it, as each has ended before the next begins.
func (r *cpuRecording) Begin(ctx context.Context, first, end int) error {
	team := cpu.Acquire()
	defer team.Release()
	for i := first; i < end; i = r.next(i) {
		if err := r.launch(ctx, team, i); err != nil {
			return err
		}
	}
	return nil
}

// next is the launch behind launch i, which has run: if its loop has ended, the one behind
// that.
func (r *cpuRecording) next(i int) int {
	if l := &r.launches[i]; l.Rest > 0 && l.Going.Bytes[0] == 0 {
		return i + 1 + l.Rest
	}
	return i + 1
}

func (r *cpuRecording) Wait(int) error              { return nil }
func (r *cpuRecording) End() (time.Duration, error) { return 0, nil }

func (r *cpuRecording) launch(ctx context.Context, team cpu.Team, i int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l := &r.launches[i]
	if err := team.Run(r.kernels[l.Kernel], &r.calls[i], l.Grid, l.Grain); err != nil {
		return fmt.Errorf("step %d (%s): %w", l.Step, l.Pos, err)
	}
	return nil
}

func (r *cpuRecording) Close() error { return nil }
