package runtime

import (
	"context"
	"errors"
	"time"

	"github.com/mlxc/mlxc/runtime/cpu"
)

// Timed is the program p for measurements: note is told how long each launch of each step
// of a call took, on the CPU by the clock, on a device by what that says, which then gets
// the launches one by one. Programs that are not measured pay nothing.
func Timed(p *Program, note func(step int, t time.Duration)) *Program {
	timed := *p
	timed.Backend = timedBackend{p.Backend, note}
	return &timed
}

type timedBackend struct {
	backend Backend // nil: the CPU
	note    func(step int, t time.Duration)
}

func (b timedBackend) Open(p *Program) (Device, error) {
	backend := b.backend
	if backend == nil {
		backend = cpuBackend{}
	}
	d, err := backend.Open(p)
	return timedDevice{d, b.note}, err
}

type timedDevice struct {
	Device
	note func(step int, t time.Duration)
}

func (d timedDevice) Record(launches []Launch) (Recording, error) {
	if _, ok := d.Device.(cpuDevice); ok {
		r, err := d.Device.Record(launches)
		return timedCPU{r.(*cpuRecording), d.note}, err
	}
	r := &timedRecording{launches: launches, note: d.note}
	for i := range launches {
		one, err := d.Device.Record(launches[i : i+1])
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		r.each = append(r.each, one)
	}
	return r, nil
}

// timedCPU keeps the workers awake from the first launch to the last, as a call does
// that is not measured.
type timedCPU struct {
	*cpuRecording
	note func(step int, t time.Duration)
}

func (r timedCPU) Run(ctx context.Context) (time.Duration, error) {
	team := cpu.Acquire()
	defer team.Release()
	for i := 0; i < len(r.launches); i = r.next(i) {
		start := time.Now()
		if err := r.launch(ctx, team, i); err != nil {
			return 0, err
		}
		r.note(r.launches[i].Step, time.Since(start))
	}
	return 0, nil
}

// timedRecording is a recording for each launch.
type timedRecording struct {
	launches []Launch
	each     []Recording
	note     func(step int, t time.Duration)
}

func (r *timedRecording) Set(i int) { r.each[i].Set(0) }

func (r *timedRecording) Run(ctx context.Context) (time.Duration, error) {
	var all time.Duration
	for i, one := range r.each {
		start := time.Now()
		t, err := one.Run(ctx)
		if err != nil {
			return all, err
		}
		all += t
		if r.launches[i].OnCPU {
			t = time.Since(start)
		}
		r.note(r.launches[i].Step, t)
	}
	return all, nil
}

func (r *timedRecording) Close() error {
	var err error
	for _, one := range r.each {
		err = errors.Join(err, one.Close())
	}
	return err
}
