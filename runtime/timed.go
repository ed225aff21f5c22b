package runtime

import (
	"context"
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
	r, err := d.Device.Record(launches)
	return &timedRecording{Recording: r, launches: launches, note: d.note}, err
}

// timedCPU keeps the workers awake from the first launch to the last, as a call does
// that is not measured.
type timedCPU struct {
	*cpuRecording
	note func(step int, t time.Duration)
}

func (r timedCPU) Begin(ctx context.Context, first, end int) error {
	team := cpu.Acquire()
	defer team.Release()
	for i := first; i < end; i = r.next(i) {
		start := time.Now()
		if err := r.launch(ctx, team, i); err != nil {
			return err
		}
		r.note(r.launches[i].Step, time.Since(start))
	}
	return nil
}

// timedRecording begins a launch when the one before has ended.
type timedRecording struct {
	Recording
	launches []Launch
	note     func(step int, t time.Duration)
	all      time.Duration
}

func (r *timedRecording) Begin(ctx context.Context, first, end int) error {
	for i := first; i < end; i++ {
		start := time.Now()
		if err := r.Recording.Begin(ctx, i, i+1); err != nil {
			return err
		}
		t, err := r.Recording.End()
		if err != nil {
			return err
		}
		r.all += t
		if r.launches[i].OnCPU {
			t = time.Since(start)
		}
		r.note(r.launches[i].Step, t)
	}
	return nil
}

func (r *timedRecording) End() (time.Duration, error) {
	t, err := r.Recording.End()
	t, r.all = t+r.all, 0
	return t, err
}
