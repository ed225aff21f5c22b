//go:build linux

package softmetal

import (
	"os"
	"testing"
	"time"
	"unsafe"
)

// Dispatches of one encoder.
func TestHazardsInAnEncoder(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		name, want string
		concurrent bool
		f          func(e id)
	}{
		{"read after write", "HAZARD: kernel scale reads offset 0 of buffer", true, func(e id) {
			b.madd(e, 1)
			b.scale(e, b.c, 0, 1)
		}},
		{"read after write, what is written", "written by kernel madd with no barrier between", true, func(e id) {
			b.madd(e, 1)
			b.scale(e, b.c, 0, 1)
		}},
		{"write after write", "HAZARD: kernel put writes offset 4 of buffer", true, func(e id) {
			b.madd(e, 1)
			b.put(e, b.c, 1, 1, 9)
		}},
		{"write after read", "read by kernel madd with no barrier between", true, func(e id) {
			b.madd(e, 1)
			b.put(e, b.a, 0, 1, 9)
		}},
		{"write after its own read and another's", "read by kernel madd", true, func(e id) {
			b.madd(e, 1)
			b.scale(e, b.a, 0, 1)
		}},
		{"reads", "", true, func(e id) {
			b.scale(e, b.a, 0, 8)
			b.scale(e, b.c, 0, 8)
		}},
		{"barrier", "", true, func(e id) {
			b.madd(e, 1)
			e.barrier()
			b.scale(e, b.c, 0, 1)
		}},
		{"barrier too late", "HAZARD", true, func(e id) {
			b.madd(e, 1)
			b.scale(e, b.c, 0, 1)
			e.barrier()
		}},
		{"barrier of textures", "HAZARD", true, func(e id) {
			b.madd(e, 1)
			e.send("memoryBarrierWithScope:", 2)
			b.scale(e, b.c, 0, 1)
		}},
		{"barrier of the buffer", "", true, func(e id) {
			b.madd(e, 1)
			e.barrierOf(b.c)
			b.scale(e, b.c, 0, 1)
		}},
		{"barrier of another buffer", "HAZARD", true, func(e id) {
			b.madd(e, 1)
			e.barrierOf(b.a)
			b.scale(e, b.c, 0, 1)
		}},
		{"serial encoder", "", false, func(e id) {
			b.madd(e, 1)
			b.scale(e, b.c, 0, 1)
		}},
		{"other bytes", "", true, func(e id) {
			b.put(e, b.c, 0, 8, 1)
			b.put(e, b.c, 8, 8, 2)
		}},
		{"one float in common", "HAZARD: kernel put writes offset 28 of buffer", true, func(e id) {
			b.put(e, b.c, 0, 8, 1)
			b.put(e, b.c, 7, 8, 2)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			finds(t, c.want, func() { b.encode(c.concurrent, func(_, e id) { c.f(e) }) })
		})
	}
}

func (o id) barrierOf(buffer id) {
	o.send("memoryBarrierWithResources:count:", uintptr(unsafe.Pointer(&buffer)), 1)
}

// Encoders, command buffers and queues: the second reads what the first writes.
func TestHazardsBetweenEncoders(t *testing.T) {
	for _, options := range []int{shared, untracked} {
		b := newBenchWith(t, options)
		other := id(b.device.send("newCommandQueue"))
		event := id(b.device.send("newSharedEvent"))
		write := func(c id) { e := encoder(c, true); b.put(e, b.c, 0, 8, 1); e.end() }
		read := func(c id) { e := encoder(c, true); b.scale(e, b.c, 0, 8); e.end() }
		value := uintptr(0)
		// What Metal tracks by itself is found only where it does not.
		const nothing = "in another encoder, with nothing between: the buffer is untracked"
		const queues = "on another queue, with no event or wait between"
		for _, c := range []struct {
			name, tracked, untracked string
			f                        func()
		}{
			{"one command buffer", "", nothing, func() {
				c := b.commandBuffer()
				write(c)
				read(c)
				c.commitAndWait()
			}},
			{"two command buffers", "", nothing, func() {
				c, d := b.commandBuffer(), b.commandBuffer()
				write(c)
				read(d)
				c.send("commit")
				d.commitAndWait()
			}},
			{"a wait of the host", "", "", func() {
				c, d := b.commandBuffer(), b.commandBuffer()
				write(c)
				read(d)
				c.commitAndWait()
				d.commitAndWait()
			}},
			{"a wait for a later command buffer", "", "", func() {
				c, d, e := b.commandBuffer(), b.commandBuffer(), b.commandBuffer()
				write(c)
				read(e)
				c.send("commit")
				d.commitAndWait()
				e.commitAndWait()
			}},
			{"a wait after the commit", "", nothing, func() {
				c, d := b.commandBuffer(), b.commandBuffer()
				write(c)
				read(d)
				c.send("commit")
				d.send("commit")
				c.send("waitUntilCompleted")
				d.send("waitUntilCompleted")
			}},
			{"the status", "", "", func() {
				c, d := b.commandBuffer(), b.commandBuffer()
				write(c)
				read(d)
				c.send("commit")
				for c.send("status") != completed {
				}
				d.commitAndWait()
			}},
			{"an event on the queue", "", "", func() {
				value++
				c, d := b.commandBuffer(), b.commandBuffer()
				write(c)
				c.send("encodeSignalEvent:value:", uintptr(event), value)
				d.send("encodeWaitForEvent:value:", uintptr(event), value)
				read(d)
				c.send("commit")
				d.commitAndWait()
			}},
			{"an event for the host", "", "", func() {
				value++
				c, d := b.commandBuffer(), b.commandBuffer()
				write(c)
				c.send("encodeSignalEvent:value:", uintptr(event), value)
				c.send("commit")
				if event.send("waitUntilSignaledValue:timeoutMS:", value, 60000)&0xff != 1 {
					t.Error("the event was not signalled")
				}
				read(d)
				d.commitAndWait()
			}},
			{"two queues", queues, queues, func() {
				c, d := b.commandBuffer(), id(other.send("commandBuffer"))
				write(c)
				read(d)
				c.send("commit")
				d.commitAndWait()
				c.send("waitUntilCompleted")
			}},
			{"two queues and an event", "", "", func() {
				value++
				c, d := b.commandBuffer(), id(other.send("commandBuffer"))
				write(c)
				c.send("encodeSignalEvent:value:", uintptr(event), value)
				d.send("encodeWaitForEvent:value:", uintptr(event), value)
				read(d)
				c.send("commit")
				d.commitAndWait()
			}},
			{"two queues and an event signalled too early", queues, queues, func() {
				value++
				c, d := b.commandBuffer(), id(other.send("commandBuffer"))
				c.send("encodeSignalEvent:value:", uintptr(event), value)
				write(c)
				d.send("encodeWaitForEvent:value:", uintptr(event), value)
				read(d)
				c.send("commit")
				d.send("commit")
				c.send("waitUntilCompleted")
				d.send("waitUntilCompleted")
			}},
			{"two queues and the event of a third command buffer", queues, queues, func() {
				value += 2
				c, d, e := b.commandBuffer(), id(other.send("commandBuffer")), b.commandBuffer()
				c.send("encodeSignalEvent:value:", uintptr(event), value-1)
				write(d)
				d.send("encodeWaitForEvent:value:", uintptr(event), value-1)
				d.send("encodeSignalEvent:value:", uintptr(event), value)
				e.send("encodeWaitForEvent:value:", uintptr(event), value-1)
				read(e)
				for _, commands := range []id{d, c, e} {
					commands.send("commit")
				}
				for _, commands := range []id{c, d, e} {
					commands.send("waitUntilCompleted")
				}
			}},
			{"two queues and a wait", "", "", func() {
				c, d := b.commandBuffer(), id(other.send("commandBuffer"))
				write(c)
				read(d)
				c.commitAndWait()
				d.commitAndWait()
			}},
		} {
			want, name := c.tracked, "tracked "+c.name
			if options == untracked {
				want, name = c.untracked, "untracked "+c.name
			}
			t.Run(name, func(t *testing.T) { finds(t, want, func() { pool(c.f) }) })
		}
		event.release()
		other.release()
	}
}

// What all know to be over is forgotten; the rest is not, and nothing is missed.
func TestManyHazards(t *testing.T) {
	b := newBenchWith(t, untracked)
	const times = 1200
	var before id // in flight all the time
	metal.hooks.Record(true)
	defer metal.hooks.Record(false)
	metal.hooks.Errors()
	for i := range times {
		pool(func() {
			c, d := b.commandBuffer(), b.commandBuffer()
			for _, commands := range []id{c, d} { // write the same floats
				e := encoder(commands, true)
				b.put(e, b.c, 8*(i%2), 8, 1)
				e.end()
				commands.send("commit")
			}
			if before != 0 {
				before.send("waitUntilCompleted")
				before.release()
			}
			before = d
			d.retain()
		})
	}
	pool(func() { before.send("waitUntilCompleted") })
	before.release()
	if got := len(metal.hooks.Errors()); got != times {
		t.Errorf("found %d hazards, want %d", got, times)
	}
}

const (
	completed = 4 // MTLCommandBufferStatus
	failed    = 5
)

// Nothing orders the dispatches of a group, so that each order comes up; a barrier
// parts groups.
func TestShuffle(t *testing.T) {
	b := newBench(t)
	with(t, "SHUFFLE", "1", "0")
	last := func(barrier bool) float32 {
		b.encode(true, func(_, e id) {
			for i := range 4 {
				b.put(e, b.c, 0, 1, float32(i))
				if barrier {
					e.barrier()
				}
			}
		})
		return b.c.floats()[0]
	}
	seen := map[float32]bool{}
	metal.hooks.Record(true)
	defer metal.hooks.Record(false)
	for seed := range 64 {
		metal.hooks.Shuffle(uint32(seed + 1))
		seen[last(false)] = true
	}
	if len(seen) != 4 {
		t.Errorf("only %v came last", seen)
	}
	metal.hooks.Errors()
	for seed := range 16 {
		metal.hooks.Shuffle(uint32(seed + 1))
		if got := last(true); got != 3 {
			t.Fatalf("%v came last in spite of barriers", got)
		}
	}
	if got := metal.hooks.Errors(); len(got) > 0 {
		t.Error(got)
	}
}

// Work starts when the host waits for it, and no other work does.
func TestLazy(t *testing.T) {
	b := newBench(t)
	with(t, "LAZY", "1", "0")
	event := id(b.device.send("newSharedEvent"))
	defer event.release()
	// Each way to wait, for the first of two command buffers.
	for name, wait := range map[string]func(first id){
		"wait": func(c id) { c.send("waitUntilCompleted") },
		"status": func(c id) {
			for c.send("status") != completed {
			}
		},
		"event": func(id) { event.send("waitUntilSignaledValue:timeoutMS:", 1, 60000) },
		"poll": func(id) {
			for event.send("signaledValue") != 1 {
			}
		},
	} {
		b.c.floats()[0], b.c.floats()[8] = 0, 0
		event.send("setSignaledValue:", 0)
		pool(func() {
			first, second := b.commandBuffer(), b.commandBuffer()
			e := encoder(first, false)
			b.put(e, b.c, 0, 1, 5)
			e.end()
			first.send("encodeSignalEvent:value:", uintptr(event), 1)
			e = encoder(second, false)
			b.put(e, b.c, 8, 1, 6)
			e.end()
			second.send("encodeSignalEvent:value:", uintptr(event), 2)
			first.send("commit")
			second.send("commit")
			metal.hooks.Live("MTLBuffer")
			if b.c.floats()[0] != 0 {
				t.Error("it ran before the wait")
			}
			wait(first)
			metal.hooks.Live("MTLBuffer") // after all that is due
			if b.c.floats()[0] != 5 || b.c.floats()[8] != 0 {
				t.Errorf("%s: %v and %v after the wait for the first", name, b.c.floats()[0], b.c.floats()[8])
			}
			second.send("waitUntilCompleted")
			if b.c.floats()[8] != 6 {
				t.Errorf("%s: %v after the wait for the second", name, b.c.floats()[8])
			}
		})
	}
}

// A wait that depends on another queue lets that one run.
func TestLazyAcrossQueues(t *testing.T) {
	b := newBench(t)
	with(t, "LAZY", "1", "0")
	other := id(b.device.send("newCommandQueue"))
	event := id(b.device.send("newSharedEvent"))
	pool(func() {
		c, d := b.commandBuffer(), id(other.send("commandBuffer"))
		e := encoder(c, false)
		b.put(e, b.c, 0, 1, 3)
		e.end()
		c.send("encodeSignalEvent:value:", uintptr(event), 1)
		d.send("encodeWaitForEvent:value:", uintptr(event), 1)
		c.send("commit")
		d.commitAndWait()
	})
	if b.c.floats()[0] != 3 {
		t.Error("the other queue did not run")
	}
	event.release()
	other.release()
}

// More command buffers than a queue has: the host waits for the first.
func TestQueueFull(t *testing.T) {
	b := newBench(t)
	with(t, "LAZY", "1", "0")
	q := id(b.device.send("newCommandQueueWithMaxCommandBufferCount:", 2))
	for range 5 {
		pool(func() { id(q.send("commandBuffer")).send("commit") })
	}
	pool(func() { id(q.send("commandBuffer")).commitAndWait() })
	q.release()
}

// Queues come and go, and leave no place taken and no thread behind.
func TestManyQueues(t *testing.T) {
	b := newBench(t)
	threads := func() int {
		all, err := os.ReadDir("/proc/self/task")
		must(t, err)
		return len(all)
	}
	before := threads()
	const queues = 200
	for range queues {
		q := id(b.device.send("newCommandQueue"))
		pool(func() { id(q.send("commandBuffer")).commitAndWait() })
		q.release()
	}
	for range 1000 {
		if threads() < before+queues/2 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d threads before %d queues, %d after", before, queues, threads())
}

func TestEvents(t *testing.T) {
	b := newBench(t)
	event := id(b.device.send("newSharedEvent"))
	defer event.release()
	if event.send("waitUntilSignaledValue:timeoutMS:", 1, 1)&0xff != 0 {
		t.Error("an event that nobody signals")
	}
	event.send("setSignaledValue:", 7)
	if got := event.send("signaledValue"); got != 7 {
		t.Errorf("got %d", got)
	}
	if event.send("waitUntilSignaledValue:timeoutMS:", 6, 60000)&0xff != 1 {
		t.Error("a value below is signalled too")
	}
}

// What waits for an event in vain is ended as by the watchdog.
func TestEventThatNothingSignals(t *testing.T) {
	b := newBench(t)
	with(t, "PATIENCE", "1", "10000")
	event := id(b.device.send("newSharedEvent"))
	defer event.release()
	finds(t, "the GPU waited 1 ms for value 1 of an event, which nothing signals", func() {
		pool(func() {
			c := b.commandBuffer()
			c.send("encodeWaitForEvent:value:", uintptr(event), 1)
			e := encoder(c, false)
			b.put(e, b.c, 0, 1, 99)
			e.end()
			c.commitAndWait()
			if s, p := c.send("status"), problemOf(id(c.send("error"))); s != failed || p.code != 2 || b.c.floats()[0] == 99 {
				t.Error(s, p, b.c.floats()[0])
			}
		})
	})
}

// The threads of a threadgroup run in the order that is asked for.
func TestOrderOfThreads(t *testing.T) {
	need(t)
	with(t, "CHECK", "0", "1") // that the threads race is not the point
	b := newBench(t)
	last := func(order string, seed uint32) float32 {
		with(t, "ORDER", order, "forward")
		metal.hooks.Shuffle(seed)
		b.encode(false, func(_, e id) {
			e.send("setComputePipelineState:", uintptr(b.pipelines["clash"]))
			e.bind(b.a, 0, 0)
			e.dispatch(wide(1), wide(32))
		})
		return b.a.floats()[0]
	}
	defer metal.hooks.Shuffle(0)
	if got := last("forward", 0); got != 31 {
		t.Errorf("forward: thread %v is the last", got)
	}
	if got := last("reverse", 0); got != 0 {
		t.Errorf("reverse: thread %v is the last", got)
	}
	seen := map[float32]bool{}
	for seed := range uint32(16) {
		seen[last("random", seed)] = true
	}
	if len(seen) < 4 {
		t.Errorf("random: only %v are the last", seen)
	}
}
