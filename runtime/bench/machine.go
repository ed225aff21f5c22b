package bench

import (
	"errors"
	"time"

	"github.com/mlxc/mlxc/runtime"
	"github.com/mlxc/mlxc/runtime/cpu"
)

const (
	streamBytes = 256 << 20 // that a measurement of memory moves, far more than caches hold
	chunkBytes  = 1 << 20   // that a thread takes at a time
	fmaRounds   = 50_000    // of the loop of FMAs at a time, some 100 µs
	fmaChunks   = 100       // for each thread
)

// Loops names what the limits of the machine are measured with.
func Loops() string { return loops.name }

// A loop set is the machine's fastest loops that we have.
type loopSet struct {
	name string
	fma  func(n int) float64   // n rounds of multiply-adds in registers; returns the FLOPs
	read func(b []byte)        // reads all bytes
	copy func(to, from []byte) // past the caches, if the machine can
}

// machine is the memory that its limits are measured with.
type machine struct{ to, from *runtime.Array }

func newMachine() (*machine, error) {
	to, err := runtime.NewArray(runtime.U8, streamBytes/2)
	if err != nil {
		return nil, err
	}
	from, err := runtime.NewArray(runtime.U8, streamBytes/2)
	if err != nil {
		return nil, errors.Join(err, to.Close())
	}
	for _, a := range []*runtime.Array{to, from} {
		for i := range a.Bytes() {
			a.Bytes()[i] = 1 // pages of its own: those never written are all one page of zeros
		}
	}
	return &machine{to, from}, nil
}

func (m *machine) close() error {
	if m == nil {
		return nil
	}
	return errors.Join(m.to.Close(), m.from.Close())
}

// measure takes the limits of so many threads.
func (m *machine) measure(threads int, take func(Sample) error) error {
	to, from := m.to.Bytes(), m.from.Bytes()
	chunk := func(b []byte, i int) []byte { return b[i*chunkBytes : (i+1)*chunkBytes] }
	half := streamBytes / 2 / chunkBytes
	for _, l := range []struct {
		what   string
		amount float64
		points int
		point  func(i int)
	}{
		{FMA, loops.fma(1) * fmaRounds * fmaChunks * float64(threads), fmaChunks * threads, func(int) { loops.fma(fmaRounds) }},
		{Read, streamBytes, 2 * half, func(i int) {
			if i < half {
				loops.read(chunk(from, i))
			} else {
				loops.read(chunk(to, i-half))
			}
		}},
		{Copy, streamBytes, half, func(i int) { loops.copy(chunk(to, i), chunk(from, i)) }},
	} {
		t, err := onWorkers(threads, l.points, l.point)
		if err == nil {
			err = take(Sample{What: l.what, Threads: threads, Times: 1, Seconds: t.Seconds(), Amount: l.amount})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// onWorkers times points, each computed by one of the workers, who are awake.
func onWorkers(threads, points int, point func(i int)) (time.Duration, error) {
	team := cpu.Acquire()
	defer team.Release()
	wake := func(*cpu.Call, int, int) { loops.fma(fmaRounds) }
	if err := team.Run(wake, &cpu.Call{}, 16*threads, 1); err != nil {
		return 0, err
	}
	start := time.Now()
	err := team.Run(func(_ *cpu.Call, lo, hi int) {
		for i := lo; i < hi; i++ {
			point(i)
		}
	}, &cpu.Call{}, points, 1)
	return time.Since(start), err
}

// MultiplyAdds measures the FLOP/s of multiply-adds in the registers of so many threads.
func MultiplyAdds(threads int) (float64, error) {
	t, err := onWorkers(threads, fmaChunks*threads, func(int) { loops.fma(fmaRounds) })
	return loops.fma(1) * fmaRounds * fmaChunks * float64(threads) / t.Seconds(), err
}
