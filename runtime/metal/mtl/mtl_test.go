//go:build darwin || (linux && mlxc_metal)

package mtl

import (
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/mlxc/mlxc/internal/required"
)

const source = `#include <metal_stdlib>
using namespace metal;

kernel void mix(
    device const float *a [[buffer(0)]],
    device const float *b [[buffer(1)]],
    device const float *c [[buffer(2)]],
    device const float *d [[buffer(3)]],
    device float *out [[buffer(4)]],
    constant int *dims [[buffer(5)]],
    uint i [[thread_position_in_grid]])
{
    if (int(i) < dims[0]) {
        out[i] = a[i] + float(dims[1]) * b[i] + c[i] * d[i];
    }
}
`

// A bench is a device, the kernel above and its buffers.
type bench struct {
	device  Device
	queue   Queue
	library Library
	mix     Pipeline
	buffers [binds]Buffer
	memory  [binds][]byte
}

const (
	elements = 1024
	binds    = 5
	out      = 4
)

func newBench(t testing.TB) *bench {
	t.Helper()
	if err := findMetal(); err != nil {
		required.Skip(t, err)
	}
	d, err := OpenDevice()
	must(t, err)
	b := &bench{device: d}
	b.queue, err = d.NewQueue(64)
	must(t, err)
	b.library, err = d.NewLibrary(source)
	must(t, err)
	b.mix, err = d.NewPipeline(b.library, "mix")
	must(t, err)
	for i := range b.buffers {
		b.buffers[i], err = d.NewBuffer(4 * elements)
		must(t, err)
		b.memory[i] = b.buffers[i].Bytes(4 * elements)
		clear(b.memory[i])
	}
	for i := range elements {
		put(b.memory[0], i, float32(i))
		put(b.memory[1], i, 1)
	}
	t.Cleanup(b.close)
	return b
}

func (b *bench) close() {
	for _, buffer := range b.buffers {
		buffer.Close()
	}
	for _, o := range []ID{b.mix.ID, b.library.ID, b.queue.ID, b.device.ID} {
		o.Close()
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(mem []byte, i int, x float32) { binary.NativeEndian.PutUint32(mem[4*i:], math.Float32bits(x)) }

func get(mem []byte, i int) float32 {
	return math.Float32frombits(binary.NativeEndian.Uint32(mem[4*i:]))
}

func dims(n, k int) []byte {
	d := binary.NativeEndian.AppendUint32(nil, uint32(n))
	return binary.NativeEndian.AppendUint32(d, uint32(k))
}

// plain encodes a dispatch by messages of its own.
func (b *bench) plain(e Encoder, dims []byte) {
	e.SetPipeline(b.mix)
	for i, buffer := range b.buffers {
		e.SetBuffer(buffer, 0, i)
	}
	e.SetBytes(dims, binds)
	e.Dispatch(Size{elements / 32, 1, 1}, Size{32, 1, 1})
}

// record is the same as messages of a batch, repeated, with a barrier before each.
func (b *bench) record(dims []byte, times int) *Batch {
	batch := NewBatch(times*dispatchMessages, binds, dims)
	for i, buffer := range b.buffers {
		batch.Bind(i, buffer, 0)
	}
	for m := 0; m < times*dispatchMessages; m += dispatchMessages {
		batch.Barrier(m)
		batch.SetPipeline(m+1, b.mix)
		batch.SetBuffers(m+2, 0, binds)
		batch.SetBytes(m+3, 0, len(dims), binds)
		batch.Dispatch(m+4, Size{elements / 32, 1, 1}, Size{32, 1, 1})
	}
	return batch
}

// dispatchMessages is a barrier, the pipeline, the buffers, the dims, the dispatch.
const dispatchMessages = 5

// submit runs what encode encodes, and returns how long that took.
func (b *bench) submit(t testing.TB, encode func(Encoder)) (seconds float64) {
	t.Helper()
	Pool(func() {
		c, err := b.queue.NewCommandBuffer()
		must(t, err)
		e, err := c.NewEncoder()
		must(t, err)
		encode(e)
		e.End()
		c.Commit()
		c.Wait()
		if c.Status() != Completed {
			t.Fatal(c.Status(), c.Err())
		}
		start, end := c.Times()
		seconds = end - start
	})
	return seconds
}

func (b *bench) check(t testing.TB, k int) {
	t.Helper()
	for i := range elements {
		if got, want := get(b.memory[out], i), float32(i+k); got != want {
			t.Fatalf("element %d: got %v, want %v", i, got, want)
		}
	}
}

func TestPlainMessages(t *testing.T) {
	b := newBench(t)
	for k := range 3 {
		if s := b.submit(t, func(e Encoder) { b.plain(e, dims(elements, k)) }); s <= 0 || s > 60 {
			t.Errorf("the GPU was at work for %v seconds", s)
		}
		b.check(t, k)
	}
}

// A batch sends what its data is at that time, and leaves out what is omitted.
func TestBatch(t *testing.T) {
	b := newBench(t)
	data := dims(elements, 0)
	batch := b.record(data, 2)
	for k := range 3 {
		copy(data, dims(elements, k))
		b.submit(t, func(e Encoder) { batch.Send(e, 0, 2*dispatchMessages) })
		b.check(t, k)
	}
	for i := range dispatchMessages {
		batch.Omit(i)
	}
	copy(data, dims(elements, 9))
	b.submit(t, func(e Encoder) { batch.Send(e, 0, dispatchMessages) })
	b.check(t, 2)
	b.submit(t, func(e Encoder) { batch.Send(e, 0, 2*dispatchMessages) })
	b.check(t, 9)
}

func TestSendingABatchDoesNotAllocate(t *testing.T) {
	b := newBench(t)
	batch := b.record(dims(elements, 1), 4)
	n := testing.AllocsPerRun(100, func() {
		b.submit(t, func(e Encoder) { batch.Send(e, 0, 4*dispatchMessages) })
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCompileError(t *testing.T) {
	b := newBench(t)
	_, err := b.device.NewLibrary(strings.Replace(source, "out[i] =", "nope =", 1))
	var e *Error
	if !errors.As(err, &e) || e.Code == 0 || !strings.Contains(e.Message, "14:") || !strings.Contains(e.Message, "nope") {
		t.Errorf("got %v", err)
	}
	if _, err := b.device.NewPipeline(b.library, "mixed"); err == nil {
		t.Error("a pipeline of no kernel")
	}
}

func TestOnlyTheLowByteOfABOOLCounts(t *testing.T) {
	if isTrue(0x100) || !isTrue(0x101) {
		t.Error("0x100 is NO, 0x101 is YES")
	}
}

func TestPipelineLimits(t *testing.T) {
	b := newBench(t)
	if b.mix.Width() != 32 || b.mix.MaxThreads() < 32 {
		t.Errorf("simdgroups of %d threads, threadgroups of at most %d", b.mix.Width(), b.mix.MaxThreads())
	}
}

// Memory that C sees must stay where it is while stacks grow and the collector runs.
func TestParallel(t *testing.T) {
	newBench(t) // skips here if it must
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			b := newBench(t)
			data := dims(elements, 0)
			batch := b.record(data, 3)
			for r := range 20 {
				copy(data, dims(elements, g+r))
				b.submit(t, func(e Encoder) { batch.Send(e, 0, 3*dispatchMessages) })
				b.check(t, g+r)
				if r%5 == 0 {
					runtime.GC()
				}
			}
		})
	}
	all.Wait()
}

// What a dispatch with five buffers and dims costs: it is encoded, and never run.
// Messages to nil return at once, so that they show the share of the host.
func BenchmarkDispatch(b *testing.B) {
	x := newBench(b)
	const dispatches = 64
	d := dims(elements, 1)
	batch := x.record(d, dispatches)
	for m := 0; m < dispatches*dispatchMessages; m += dispatchMessages {
		batch.Omit(m) // the barriers
	}
	for _, c := range []struct {
		name   string
		encode func(Encoder)
	}{
		{"batch", func(e Encoder) { batch.Send(e, 0, dispatches*dispatchMessages) }},
		{"batch-to-nil", func(Encoder) { batch.Send(Encoder{}, 0, dispatches*dispatchMessages) }},
		{"plain", func(e Encoder) {
			for range dispatches {
				x.plain(e, d)
			}
		}},
		{"plain-to-nil", func(Encoder) {
			for range dispatches {
				x.plain(Encoder{}, d)
			}
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Pool(func() {
					commands, err := x.queue.NewCommandBuffer()
					must(b, err)
					e, err := commands.NewEncoder()
					must(b, err)
					c.encode(e)
					e.End()
				})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/dispatches, "ns/dispatch")
		})
	}
}

// What waits for an event runs when the host, or another command buffer, gives it the value.
func TestEvents(t *testing.T) {
	b := newBench(t)
	e, err := b.device.NewEvent()
	must(t, err)
	defer e.Close()
	if e.Wait(1, 1) {
		t.Error("a new event has the value 1")
	}
	Pool(func() {
		begin := func(k int, wait, signal uint64) CommandBuffer {
			c, err := b.queue.NewCommandBuffer()
			must(t, err)
			c.WaitFor(e, wait)
			encoder, err := c.NewEncoder()
			must(t, err)
			b.plain(encoder, dims(elements, k))
			encoder.End()
			c.Signal(e, signal)
			c.Commit()
			return c
		}
		clear(b.memory[out])
		first, second := begin(3, 1, 2), begin(4, 2, 3)
		if e.Wait(2, 10) || get(b.memory[out], 1) != 0 {
			t.Error("what waits has run")
		}
		e.Set(1)
		if !e.Wait(3, 60000) {
			t.Fatal("the event has not its last value")
		}
		b.check(t, 4)
		for _, c := range []CommandBuffer{first, second} {
			if c.Wait(); c.Status() != Completed {
				t.Error(c.Status(), c.Err())
			}
		}
	})
}
