package cpu

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// withThreads runs the test with n threads and restores the default after it.
func withThreads(t testing.TB, n int) {
	SetThreads(n)
	t.Cleanup(func() { SetThreads(0) })
}

// count adds 1 to each of its points.
func count(c *Call, lo, hi int) {
	x := View[int32](c, 0)
	for i := lo; i < hi; i++ {
		x[i]++
	}
}

func counters(n int) *Call { return &Call{Args: [][]byte{make([]byte, 4*n)}} }

func TestEveryPointOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 8} {
		withThreads(t, threads)
		for _, points := range []int{0, 1, 2, 7, 8, 9, 1000} {
			for _, grain := range []int{0, 1, 3, 500, 2000} {
				c := counters(points)
				team := Acquire()
				for range 3 {
					if err := team.Run(count, c, points, grain); err != nil {
						t.Fatal(err)
					}
				}
				team.Release()
				for i, n := range View[int32](c, 0) {
					if n != 3 {
						t.Fatalf("%d threads, grain %d: point %d of %d was computed %d times, want 3", threads, grain, i, points, n)
					}
				}
			}
		}
	}
}

func TestWorkersTakePart(t *testing.T) {
	withThreads(t, 2)
	team := Acquire()
	defer team.Release()
	// Both must be inside at once, or neither comes out.
	var inside atomic.Int32
	meet := func(c *Call, lo, hi int) {
		if lo == 0 || hi == 8 {
			inside.Add(1)
			for deadline := time.Now().Add(10 * time.Second); inside.Load() < 2 && time.Now().Before(deadline); {
			}
		}
	}
	if err := team.Run(meet, counters(8), 8, 1); err != nil {
		t.Fatal(err)
	}
	if inside.Load() != 2 {
		t.Error("one goroutine computed both ends")
	}
}

func TestGrainKeepsSmallGridsInline(t *testing.T) {
	withThreads(t, 2)
	team := Acquire()
	defer team.Release()
	for _, c := range []struct{ points, grain, calls int }{{99, 50, 1}, {100, 50, 2}, {1000, 1, 2 * partsPerThread}, {1, 1, 1}, {0, 1, 0}} {
		var calls atomic.Int32
		team.Run(func(*Call, int, int) { calls.Add(1) }, counters(0), c.points, c.grain)
		if int(calls.Load()) != c.calls {
			t.Errorf("%d points of grain %d took %d calls, want %d", c.points, c.grain, calls.Load(), c.calls)
		}
	}
}

// A panic in any part is an error, and the pool serves on.
func TestPanic(t *testing.T) {
	for _, threads := range []int{1, 2} {
		withThreads(t, threads)
		for _, at := range []int{0, 63} {
			team := Acquire()
			err := team.Run(func(c *Call, lo, hi int) {
				if lo <= at && at < hi {
					_ = c.Sizes[at]
				}
			}, counters(0), 64, 1)
			var p *PanicError
			if !errors.As(err, &p) || len(p.Stack) == 0 {
				t.Errorf("%d threads: a panic at %d gave %v", threads, at, err)
			}
			c := counters(64)
			if err := team.Run(count, c, 64, 1); err != nil {
				t.Errorf("%d threads: the launch after a panic: %v", threads, err)
			}
			team.Release()
		}
	}
}

// Memory that goes away under a kernel is an error, not the end of the process.
func TestFault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "weights")
	if err := os.WriteFile(path, make([]byte, 1<<16), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := MapFile(f, 1<<16)
	if err != nil {
		t.Fatal(err)
	}
	defer Unmap(b)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	for _, threads := range []int{1, 2} {
		withThreads(t, threads)
		team := Acquire()
		var sum atomic.Int64
		err := team.Run(func(c *Call, lo, hi int) {
			for _, x := range c.Args[0][lo:hi] {
				sum.Add(int64(x))
			}
		}, &Call{Args: [][]byte{b}}, len(b), 1)
		team.Release()
		if err == nil {
			t.Errorf("%d threads: reading a truncated mapping gave no error", threads)
		}
	}
}

// Calls at the same time share the pool or compute alone; all are right.
func TestConcurrentCalls(t *testing.T) {
	withThreads(t, 3)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			c := counters(256)
			for range 200 {
				team := Acquire()
				team.Run(count, c, 256, 16)
				team.Release()
			}
			for i, n := range View[int32](c, 0) {
				if n != 200 {
					t.Errorf("point %d was computed %d times, want 200", i, n)
					return
				}
			}
		})
	}
	for i := range 20 {
		SetThreads(1 + i%4)
	}
	wg.Wait()
}

func TestWorkersSleepAndWake(t *testing.T) {
	withThreads(t, 2)
	c := counters(64)
	for range 20 {
		team := Acquire()
		team.Run(count, c, 64, 1)
		team.Release()
		w := shared.workers[0]
		for deadline := time.Now().Add(10 * time.Second); !w.parked.Load(); time.Sleep(10 * time.Microsecond) {
			if time.Now().After(deadline) {
				t.Fatal("the worker did not park after the call")
			}
		}
	}
	if n := View[int32](c, 0)[63]; n != 20 {
		t.Errorf("the last point was computed %d times, want 20", n)
	}
}

func TestSetThreads(t *testing.T) {
	defer SetThreads(0)
	for _, n := range []int{1, 3, 2} {
		SetThreads(n)
		if Threads() != n {
			t.Errorf("Threads() is %d after SetThreads(%d)", Threads(), n)
		}
		team := Acquire()
		if got := len(shared.workers); got != n-1 {
			t.Errorf("%d workers for %d threads", got, n)
		}
		team.Release()
	}
	SetThreads(0)
	if Threads() < 1 {
		t.Errorf("Threads() is %d by default", Threads())
	}
}

func TestRunAllocatesNothing(t *testing.T) {
	withThreads(t, 2)
	c := counters(1024)
	if n := testing.AllocsPerRun(100, func() {
		team := Acquire()
		team.Run(count, c, 1024, 1)
		team.Release()
	}); n != 0 {
		t.Errorf("a launch allocates %v times", n)
	}
}

func BenchmarkLaunch(b *testing.B) {
	withThreads(b, 2)
	c := counters(8)
	team := Acquire()
	defer team.Release()
	for b.Loop() {
		team.Run(count, c, 8, 1)
	}
}

// BenchmarkWork is 1.6 million additions, once by one thread and once by two.
func BenchmarkWork(b *testing.B) {
	work := func(c *Call, lo, hi int) {
		for range 100 {
			count(c, lo, hi)
		}
	}
	for _, threads := range []int{1, 2} {
		b.Run([]string{1: "1", 2: "2"}[threads], func(b *testing.B) {
			withThreads(b, threads)
			c := counters(1 << 14)
			team := Acquire()
			defer team.Release()
			for b.Loop() {
				team.Run(work, c, 1<<14, 1)
			}
		})
	}
}
