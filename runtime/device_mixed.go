package runtime

import (
	"context"
	"errors"
	"time"
)

// WithCPU is a backend for programs with steps OnCPU, which the workers of the process run,
// while all others run where b does. Memory is one, so nothing is copied: where the device
// changes, the next waits until the one before has ended.
func WithCPU(b Backend) Backend { return mixedBackend{b} }

type mixedBackend struct{ Backend }

func (b mixedBackend) Open(p *Program) (Device, error) {
	d, err := b.Backend.Open(p)
	if err != nil {
		return nil, err
	}
	return mixedDevice{d, cpuDevice{p.Kernels}}, nil
}

type mixedDevice struct {
	Device
	cpu cpuDevice
}

// Record makes a recording of each run of launches on one device.
func (d mixedDevice) Record(launches []Launch) (Recording, error) {
	r := &mixedRecording{runOf: make([]int, len(launches))}
	for first, end := 0, 0; first < len(launches); first = end {
		for ; end < len(launches) && launches[end].OnCPU == launches[first].OnCPU; end++ {
			r.runOf[end] = len(r.runs)
		}
		on := d.Device
		if launches[first].OnCPU {
			on = d.cpu
		}
		one, err := on.Record(launches[first:end:end])
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		r.runs = append(r.runs, deviceRun{one, first})
	}
	return r, nil
}

type mixedRecording struct {
	runs  []deviceRun
	runOf []int // of each launch
}

// A deviceRun is launches that follow one another on one device.
type deviceRun struct {
	Recording
	first int // launch
}

func (r *mixedRecording) Set(i int) {
	run := &r.runs[r.runOf[i]]
	run.Set(i - run.first)
}

func (r *mixedRecording) Run(ctx context.Context) (time.Duration, error) {
	var atWork time.Duration
	for i := range r.runs {
		t, err := r.runs[i].Run(ctx)
		if atWork += t; err != nil {
			return atWork, err
		}
	}
	return atWork, nil
}

func (r *mixedRecording) Close() error {
	var err error
	for i := range r.runs {
		err = errors.Join(err, r.runs[i].Close())
	}
	return err
}
