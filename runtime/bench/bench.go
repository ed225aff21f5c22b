// Package bench measures a model beside the limits of its machine. It is what `mlxc
// bench` builds into the model's own program, where the figures of both are taken in
// turns, so that what disturbs the one disturbs the other.
package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/mlxc/mlxc/runtime"
	"github.com/mlxc/mlxc/runtime/cpu"
)

// A Config says what to measure.
type Config struct {
	Entries []string // of the program
	Weights string   // checkpoint; empty: random numbers in the place of all params
	Dims    []int    // of all dims of the program
	Threads []int    // numbers of threads, each of which is measured
	Count   int      // rounds, in each of which everything is measured once
	Kernels bool     // each launch too
	Machine bool     // the processor's limits too
	Paced   bool     // before each number of threads of a round a line of input is awaited
}

// What a sample is of.
const (
	FMA    = "fma"    // FLOPs that the processor does, without memory
	Read   = "read"   // bytes that it reads from memory
	Copy   = "copy"   // bytes that it reads and writes, of a copy
	Entry  = "entry"  // a call of an entry
	Launch = "launch" // a launch of an entry's calls, in the device's time where that has a clock
	Round  = "round"  // the end of a round for a number of threads; nothing is measured
)

// A Sample is one measurement, the mean of several in a row.
type Sample struct {
	What    string  `json:"what"`
	Entry   string  `json:"entry,omitempty"`
	Launch  int     `json:"launch"` // index of the launch
	Threads int     `json:"threads"`
	Times   int     `json:"times"`   // how often it was done
	Seconds float64 `json:"seconds"` // that each took
	Amount  float64 `json:"amount"`  // FLOPs or bytes of each; of the machine only
}

// Main measures the program as a Config that is JSON says, and writes each sample as
// a line of JSON when it is taken. in paces it, if the config says so.
func Main(p *runtime.Program, config string, in io.Reader, w io.Writer) error {
	var c Config
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return err
	}
	lines := json.NewEncoder(w)
	pace := func() error { return nil }
	if c.Paced {
		requests := bufio.NewReader(in)
		pace = func() error { _, err := requests.ReadString('\n'); return err }
	}
	return Run(context.Background(), p, c, pace, func(s Sample) error { return lines.Encode(s) })
}

// Run measures a program and gives each sample to take. The rounds follow each other;
// in each all thread counts, and for each of them, after pace, the machine and all
// entries.
func Run(ctx context.Context, p *runtime.Program, c Config, pace func() error, take func(Sample) error) (err error) {
	b := &bench{Config: c, ctx: ctx, take: take}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.open(p); err != nil {
		return err
	}
	for range c.Count {
		for _, threads := range c.Threads {
			if err := pace(); err != nil {
				return err
			}
			cpu.SetThreads(threads)
			if err := b.round(threads); err != nil {
				return err
			}
			if err := take(Sample{What: Round, Threads: threads}); err != nil {
				return err
			}
		}
	}
	return nil
}

// A bench is a program ready to be measured.
type bench struct {
	Config
	ctx     context.Context
	take    func(Sample) error
	machine *machine // nil: it is not measured
	plain   *session
	timed   *session // nil: launches are not measured
	entries []*entry
	times   []time.Duration // of the launches of timed, since they were cleared
}

// An entry is one that is measured, and its inputs.
type entry struct {
	name   string
	index  int
	inputs []*runtime.Array
	given  []int
}

// open loads the program, once more where launches are measured.
func (b *bench) open(p *runtime.Program) error {
	var err error
	if b.plain, err = openSession(p, b.Weights, b.Dims); err != nil {
		return err
	}
	if b.Kernels {
		if b.timed, err = openSession(runtime.Timed(p, b.note), b.Weights, b.Dims); err != nil {
			return err
		}
	}
	for _, name := range b.Entries {
		i := slices.IndexFunc(p.Entries, func(e runtime.Entry) bool { return e.Name == name })
		if i < 0 {
			return fmt.Errorf("%s has no entry %s", p.Name, name)
		}
		e := &entry{name: name, index: i}
		for _, d := range p.Entries[i].Given {
			e.given = append(e.given, b.Dims[d])
		}
		for n := range p.Entries[i].Inputs {
			a, err := b.plain.Input(i, n, b.Dims...)
			if err != nil {
				return err
			}
			random(a.DType(), a.Bytes(), 1, uint64(n))
			e.inputs = append(e.inputs, a)
		}
		b.entries = append(b.entries, e)
	}
	if b.Machine {
		b.machine, err = newMachine()
	}
	return err
}

func (b *bench) close() error {
	return errors.Join(b.machine.close(), b.timed.close(), b.plain.close())
}

// note adds the time of a launch.
func (b *bench) note(launch int, t time.Duration) {
	for len(b.times) <= launch {
		b.times = append(b.times, 0)
	}
	b.times[launch] += t
}

// round measures everything once.
func (b *bench) round(threads int) error {
	if b.machine != nil {
		if err := b.machine.measure(threads, b.take); err != nil {
			return err
		}
	}
	for _, e := range b.entries {
		n, t, err := b.sample(e)
		if err == nil {
			err = b.take(Sample{What: Entry, Entry: e.name, Threads: threads, Times: n, Seconds: t.Seconds() / float64(n)})
		}
		if err == nil && b.timed != nil {
			err = b.launches(e, threads, n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// least is the time of the calls that make a sample.
const least = 50 * time.Millisecond

// sample calls an entry until the workers are awake and memory is there, and then so
// often that it takes the time of a sample. Calls that take as long need no others
// before them.
func (b *bench) sample(e *entry) (n int, t time.Duration, err error) {
	for n = 1; ; n *= 4 {
		if t, err = b.call(b.plain, e, n); err != nil || t >= least {
			return n, t, err
		}
		if t > least/10 {
			n = int(float64(n)*least.Seconds()/t.Seconds()) + 1
			t, err = b.call(b.plain, e, n)
			return n, t, err
		}
	}
}

// call calls an entry n times.
func (b *bench) call(s *session, e *entry, n int) (time.Duration, error) {
	start := time.Now()
	for range n {
		if _, err := s.CallAt(b.ctx, e.index, e.given, e.inputs...); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}

// launches measures each launch over n calls.
func (b *bench) launches(e *entry, threads, n int) error {
	if _, err := b.call(b.timed, e, 1); err != nil {
		return err
	}
	b.times = b.times[:0]
	if _, err := b.call(b.timed, e, n); err != nil {
		return err
	}
	for i, t := range b.times {
		s := Sample{What: Launch, Entry: e.name, Launch: i, Threads: threads, Times: n, Seconds: t.Seconds() / float64(n)}
		if err := b.take(s); err != nil {
			return err
		}
	}
	return nil
}

// A session is one of a model of its own.
type session struct {
	*runtime.Session
	model *runtime.Model
}

// openSession loads a program with a checkpoint, or with random weights.
func openSession(p *runtime.Program, weights string, dims []int) (*session, error) {
	var m *runtime.Model
	var err error
	if weights == "" && len(p.Params) > 0 {
		m, err = runtime.LoadBytes(p, "random.safetensors", randomWeights(p.Params))
	} else {
		m, err = runtime.Load(p, weights)
	}
	if err != nil {
		return nil, err
	}
	var of []int // the session
	for i, d := range p.Dims {
		if d.Session {
			of = append(of, dims[i])
		}
	}
	s, err := m.NewSession(of...)
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return &session{s, m}, nil
}

func (s *session) close() error {
	if s == nil {
		return nil
	}
	return errors.Join(s.Session.Close(), s.model.Close())
}
