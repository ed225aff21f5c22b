//go:build darwin || (linux && mlxc_metal)

package metal

import (
	goruntime "runtime"
	"runtime/debug"
	"sync"
	"testing"

	"github.com/mlxc/mlxc/runtime"
	"github.com/mlxc/mlxc/runtime/metal/mtl"
)

func TestSteadyRunsDoNotAllocate(t *testing.T) {
	d := open(t)
	const n = 64
	m := newMemory(t, d, 12*n)
	m.count(n)
	launches := make([]runtime.Launch, 0, 60)
	for len(launches) < cap(launches) {
		launches = append(launches, chain(m, n, 1)...)
		launches[len(launches)-2].Barrier = true
	}
	r := record(t, d, launches)
	allocs := testing.AllocsPerRun(10, func() {
		launches[0].Sizes[1]++
		r.Set(0)
		begin(t, r, 20)
		must(t, r.Wait(40))
		end(t, r)
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// What C refers to stays where it is, while stacks grow and the collector runs.
func TestParallelRuns(t *testing.T) {
	d := open(t)
	defer debug.SetGCPercent(debug.SetGCPercent(5))
	const n = 256
	var all sync.WaitGroup
	for g := range 8 {
		m := newMemory(t, d, 12*n)
		m.count(n)
		all.Go(func() {
			launches := chain(m, n, 1)
			r := record(t, d, launches)
			for k := range int64(50) {
				launches[0].Sizes[1] = k + int64(g)
				r.Set(0)
				if _, err := runs(r); err != nil {
					t.Error(err)
					return
				}
				for i := range n {
					if got, want := m.at(2*n+i), m.at(i)*float32(k+int64(g)+1); got != want {
						t.Errorf("goroutine %d, run %d: element %d is %v, want %v", g, k, i, got, want)
						return
					}
				}
				if k%10 == 0 {
					goruntime.GC()
				}
			}
		})
	}
	all.Wait()
}

// plain encodes launches by a message at a time.
func plain(d *device, launches []runtime.Launch) error {
	c, err := d.queue.NewCommandBuffer()
	if err != nil {
		return err
	}
	e, err := c.NewEncoder()
	if err != nil {
		return err
	}
	for i := range launches {
		l := &launches[i]
		k := &d.kernels[l.Kernel]
		if l.Barrier {
			e.Barrier()
		}
		e.SetPipeline(d.pipelines[l.Kernel])
		for a, span := range l.Args {
			b, offset, err := span.Buffer.(*buffer).find(span.Offset, len(span.Bytes))
			if err != nil {
				return err
			}
			e.SetBuffer(b, offset, a)
		}
		if len(l.Sizes) > 0 {
			data := make([]byte, k.dimSize()*len(l.Sizes))
			k.putSizes(data, l.Sizes)
			e.SetBytes(data, len(l.Args))
		}
		e.Dispatch(mtl.Size{Width: l.Grid, Height: 1, Depth: 1}, mtl.Size{Width: k.Threads, Height: 1, Depth: 1})
	}
	e.End()
	c.Commit()
	c.Wait()
	if c.Status() != mtl.Completed {
		return c.Err()
	}
	return nil
}

func TestBatchEqualsPlainMessages(t *testing.T) {
	d := open(t)
	const n = 300
	a, b := newMemory(t, d, 12*n), newMemory(t, d, 12*n)
	a.count(n)
	b.count(n)
	launches := func(m *memory) []runtime.Launch {
		again := runtime.Launch{Kernel: bump, Args: []runtime.Span{m.span(n, 64)}, Grid: 2, Barrier: true}
		return append(append(chain(m, n, 3), again), chain(m, n, 4)[1])
	}
	run(t, record(t, d, launches(a)))
	mtl.Pool(func() { must(t, plain(d, launches(b))) })
	for i := range 3 * n {
		if a.at(i) != b.at(i) {
			t.Fatalf("element %d is %v by the batch and %v by plain messages", i, a.at(i), b.at(i))
		}
	}
	if got, want := b.at(2*n+1), float32(3+1+1); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}
