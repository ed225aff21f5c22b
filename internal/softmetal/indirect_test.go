//go:build linux

package softmetal

import (
	"syscall"
	"testing"
	"unsafe"
)

// newIndirect is an indirect command buffer of n commands, each with most buffers.
func (b *bench) newIndirect(n, most int) id {
	return b.newInheriting(n, most, 1<<5, 0)
}

// newInheriting is of commands of some types, that inherit pipelines and buffers.
func (b *bench) newInheriting(n, most, types, inherit int) id {
	d := id(class("MTLIndirectCommandBufferDescriptor").send("new"))
	defer d.release()
	d.send("setCommandTypes:", uintptr(types))
	d.send("setInheritBuffers:", uintptr(inherit))
	d.send("setInheritPipelineState:", uintptr(inherit))
	d.send("setMaxKernelBufferBindCount:", uintptr(most))
	return id(b.device.send("newIndirectCommandBufferWithDescriptor:maxCommandCount:options:", uintptr(d), uintptr(n), 0))
}

// scales is n commands that multiply the first 32 floats of a by those of b.
func (b *bench) scales(n int, barriers bool) id {
	x := b.newIndirect(n, 4)
	pool(func() {
		for i := range n {
			c := id(x.send("indirectComputeCommandAtIndex:", uintptr(i)))
			c.send("setComputePipelineState:", uintptr(b.pipelines["scale"]))
			c.send("setKernelBuffer:offset:atIndex:", uintptr(b.a), 0, 0)
			c.send("setKernelBuffer:offset:atIndex:", uintptr(b.b), 0, 1)
			if barriers && i > 0 {
				c.send("setBarrier")
			}
			c.sendSizes("concurrentDispatchThreadgroups:threadsPerThreadgroup:", wide(1), wide(32))
		}
	})
	return x
}

func (o id) use(usage int, buffers ...id) {
	o.send("useResources:count:usage:", uintptr(unsafe.Pointer(&buffers[0])), uintptr(len(buffers)), uintptr(usage))
}

const usageRead, usageWrite = 1, 2

func (o id) execute(x id, first, n int) {
	o.send("executeCommandsInBuffer:withRange:", uintptr(x), uintptr(first), uintptr(n))
}

func TestIndirect(t *testing.T) {
	b := newBench(t)
	x := b.scales(3, true)
	defer x.release()
	b.b.floats()[0] = 2
	if got := x.send("size"); got != 3 {
		t.Errorf("%d commands", got)
	}
	want := b.a.floats()[5]
	for range 3 {
		b.encode(true, func(_, e id) {
			e.use(usageRead|usageWrite, b.a, b.b)
			e.send("setComputePipelineState:", uintptr(b.pipelines["scale"]))
			e.execute(x, 0, 3)
		})
		if want *= 8; b.a.floats()[5] != want {
			t.Fatalf("got %v, want %v", b.a.floats()[5], want)
		}
	}
	x.send("resetWithRange:", 1, 2)
	b.encode(true, func(_, e id) {
		e.use(usageRead|usageWrite, b.a, b.b)
		e.send("setComputePipelineState:", uintptr(b.pipelines["scale"]))
		e.execute(x, 0, 3)
	})
	if want *= 2; b.a.floats()[5] != want {
		t.Errorf("after the reset %v, want %v", b.a.floats()[5], want)
	}
}

func TestIndirectMisuse(t *testing.T) {
	b := newBench(t)
	// run executes two commands in an encoder that f has prepared.
	run := func(barriers bool, f func(e id)) func() {
		return func() {
			x := b.scales(2, barriers)
			b.encode(true, func(_, e id) { f(e); e.execute(x, 0, 2) })
			x.release()
		}
	}
	pipeline := func(e id) { e.send("setComputePipelineState:", uintptr(b.pipelines["scale"])) }
	// command gives f one command of a new indirect command buffer.
	command := func(f func(c id)) func() {
		return func() {
			x := b.newIndirect(1, 2)
			pool(func() { f(id(x.send("indirectComputeCommandAtIndex:", 0))) })
			x.release()
		}
	}
	// inheriting gives f one command that inherits, and executes it.
	inheriting := func(f func(c id), prepare func(e id)) func() {
		return func() {
			x := b.newInheriting(1, 4, 1<<5, 1)
			pool(func() { f(id(x.send("indirectComputeCommandAtIndex:", 0))) })
			b.encode(true, func(_, e id) { prepare(e); e.execute(x, 0, 1) })
			x.release()
		}
	}
	dispatch := func(c id) { c.sendSizes("concurrentDispatchThreadgroups:threadsPerThreadgroup:", wide(1), wide(1)) }
	set := func(family string) { must(t, metal.hooks.Set("FAMILY", family)) }
	for _, c := range []struct {
		name, want string
		f          func()
	}{
		{"right", "", run(true, func(e id) { pipeline(e); e.use(usageRead|usageWrite, b.a, b.b) })},
		{"hazard", "HAZARD: kernel scale", run(false, func(e id) { pipeline(e); e.use(usageRead|usageWrite, b.a, b.b) })},
		{"bound is resident", "", run(true, func(e id) { pipeline(e); e.bind(b.a, 0, 5); e.bind(b.b, 0, 6) })},
		{"not resident", "at index 0 is not resident: useResource:", run(true, pipeline)},
		{"not to be written", "is not resident for what the kernel does", run(true, func(e id) {
			pipeline(e)
			e.use(usageRead, b.a, b.b)
		})},
		{"pipeline not set on M2", "faults on Apple7/Apple8", run(true, func(e id) { e.use(usageRead|usageWrite, b.a, b.b) })},
		{"pipeline not set on M3", "", func() {
			set("9")
			run(true, func(e id) { e.use(usageRead|usageWrite, b.a, b.b) })()
			set("8")
		}},
		{"range", "range {1, 2} is not within 2 commands", func() {
			x := b.scales(2, true)
			b.encode(true, func(_, e id) { pipeline(e); e.execute(x, 1, 2) })
			x.release()
		}},
		{"late barrier", "set the barrier before encoding the command", command(func(c id) {
			pipeline(c)
			c.sendSizes("concurrentDispatchThreadgroups:threadsPerThreadgroup:", wide(1), wide(1))
			c.send("setBarrier")
		})},
		{"index", "index(2) must be < maxKernelBufferBindCount(2)", command(func(c id) {
			c.send("setKernelBuffer:offset:atIndex:", uintptr(b.a), 0, 2)
		})},
		{"offset", "must be < [buffer length]", command(func(c id) {
			c.send("setKernelBuffer:offset:atIndex:", uintptr(b.a), 4*elements, 0)
		})},
		{"no pipeline", "no compute pipeline state", command(func(c id) {
			c.sendSizes("concurrentDispatchThreads:threadsPerThreadgroup:", wide(1), wide(1))
		})},
		{"pipeline not for it", "was not created with supportIndirectCommandBuffers", command(func(c id) {
			p := b.plainPipeline("scale")
			c.send("setComputePipelineState:", uintptr(p))
			p.release()
		})},
		{"changed in flight", "modified while a command buffer that executes it is in flight", func() {
			x, event := b.scales(2, true), id(b.device.send("newSharedEvent"))
			pool(func() {
				c := b.commandBuffer()
				e := encoder(c, true)
				pipeline(e)
				e.use(usageRead|usageWrite, b.a, b.b)
				e.execute(x, 0, 2)
				e.end()
				c.send("encodeWaitForEvent:value:", uintptr(event), 1)
				c.send("commit")
				id(x.send("indirectComputeCommandAtIndex:", 0)).send("reset")
				event.send("setSignaledValue:", 1)
				c.send("waitUntilCompleted")
			})
			event.release()
			x.release()
		}},
		{"inherited", "", inheriting(dispatch, func(e id) { pipeline(e); e.bind(b.a, 0, 0); e.bind(b.b, 0, 1) })},
		{"inherited nothing", "command 0 has no pipeline", inheriting(dispatch, func(id) {})},
		{"inherited no buffer", "missing buffer binding at index 1", inheriting(dispatch, func(e id) { pipeline(e); e.bind(b.a, 0, 0) })},
		{"inherited pipeline not for it", "command 0: pipeline scale was not created with supportIndirectCommandBuffers", inheriting(dispatch, func(e id) {
			p := b.plainPipeline("scale")
			e.send("setComputePipelineState:", uintptr(p))
			p.release()
		})},
		{"inherited and set", "the pipeline is inherited", inheriting(pipeline, func(id) {})},
		{"inherited and bound", "buffers are inherited", inheriting(func(c id) {
			c.send("setKernelBuffer:offset:atIndex:", uintptr(b.a), 0, 0)
		}, func(id) {})},
		{"fewer buffers than the kernel has", "buffer index 2 exceeds the 2 binds of this command", func() {
			x := b.newIndirect(1, 2)
			pool(func() {
				c := id(x.send("indirectComputeCommandAtIndex:", 0))
				c.send("setComputePipelineState:", uintptr(b.pipelines["madd"]))
				c.send("setKernelBuffer:offset:atIndex:", uintptr(b.a), 0, 0)
				c.send("setKernelBuffer:offset:atIndex:", uintptr(b.b), 0, 1)
				dispatch(c)
			})
			b.encode(true, func(_, e id) {
				e.use(usageRead|usageWrite, b.a, b.b, b.c)
				e.send("setComputePipelineState:", uintptr(b.pipelines["madd"]))
				e.execute(x, 0, 1)
			})
			x.release()
		}},
		{"no such command", "index(1) must be < 1", func() {
			x := b.newIndirect(1, 2)
			pool(func() { x.send("indirectComputeCommandAtIndex:", 1) })
			x.release()
		}},
		{"command of a freed buffer", "of a deallocated indirect command buffer", func() {
			x := b.newIndirect(1, 2)
			pool(func() {
				c := id(x.send("indirectComputeCommandAtIndex:", 0))
				x.release()
				c.send("reset")
			})
		}},
		{"reset of too much", "range {1, 2} is not within 2 commands", func() {
			x := b.newIndirect(2, 2)
			x.send("resetWithRange:", 1, 2)
			x.release()
		}},
		{"far offset", "offset(4294967296) does not fit 32 bits", func() {
			const size = 1<<32 + 4096
			m, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ, syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE)
			must(t, err)
			far := b.noCopy(m, size, 0)
			command(func(c id) { c.send("setKernelBuffer:offset:atIndex:", uintptr(far), 1<<32, 0) })()
			far.release()
			must(t, syscall.Munmap(m))
		}},
		{"threadgroup memory", "threadgroup memory index(8) must be < 8", command(func(c id) {
			c.send("setThreadgroupMemoryLength:atIndex:", 16, 8)
		})},
		{"types", "command types 0x1020 are unknown", func() { b.newInheriting(1, 1, 1<<12|1<<5, 0).release() }},
		{"no type", "commandTypes has no compute command", func() { b.newInheriting(1, 1, 1, 0) }},
		{"many commands", "maxCommandCount 16385 must be in 1..16384", func() { b.newIndirect(16385, 1) }},
		{"many buffers", "maxKernelBufferBindCount(32) must be <= 31", func() { b.newIndirect(1, 32).release() }},
	} {
		t.Run(c.name, func(t *testing.T) { finds(t, c.want, c.f) })
	}
}

// plainPipeline may not stand in indirect command buffers.
func (b *bench) plainPipeline(kernel string) id {
	name := newString(kernel)
	defer name.release()
	f := id(b.library.send("newFunctionWithName:", uintptr(name)))
	defer f.release()
	return id(b.device.send("newComputePipelineStateWithFunction:error:", uintptr(f), 0))
}

func TestResidencySets(t *testing.T) {
	b := newBench(t)
	d := id(class("MTLResidencySetDescriptor").send("new"))
	set := id(b.device.send("newResidencySetWithDescriptor:error:", uintptr(d), 0))
	d.release()
	x := b.scales(2, true)
	buffers := []id{b.a, b.b}
	set.send("addAllocations:count:", uintptr(unsafe.Pointer(&buffers[0])), 2)
	run := func() {
		b.encode(true, func(c, e id) {
			c.send("useResidencySet:", uintptr(set))
			e.send("setComputePipelineState:", uintptr(b.pipelines["scale"]))
			e.execute(x, 0, 2)
		})
	}
	finds(t, "is not resident", run)
	finds(t, "allocations must not be NULL", func() { set.send("addAllocations:count:", 0, 2) })
	finds(t, "more than 32 residency sets", func() {
		q := id(b.device.send("newCommandQueue"))
		for range 33 {
			q.send("addResidencySet:", uintptr(set))
		}
		q.release()
	})
	finds(t, "2 additions that were not committed", func() { set.send("requestResidency") })
	set.send("commit")
	finds(t, "", func() { set.send("requestResidency"); run() })
	x.release()
	set.release()
}
