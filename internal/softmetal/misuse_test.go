//go:build linux

package softmetal

import (
	"runtime"
	"testing"
	"unsafe"
)

// Every misuse of Metal by host code is found, and what is right is not.
func TestMisuse(t *testing.T) {
	b := newBench(t)
	one := wide(1)
	for _, c := range []struct {
		name, want string
		f          func()
	}{
		{"right", "", func() { b.encode(true, func(_, e id) { b.madd(e, 2) }) }},

		// Bindings.
		{"no binding", "missing buffer binding at index 1 for k", func() {
			b.encode(false, func(_, e id) {
				e.send("setComputePipelineState:", uintptr(b.pipelines["scale"]))
				e.bind(b.a, 0, 0)
				e.dispatch(one, one)
			})
		}},
		{"nil unbinds", "missing buffer binding at index 0 for x", func() {
			b.encode(false, func(_, e id) { b.scale(e, b.a, 0, 1); e.bind(0, 0, 0); e.dispatch(one, one) })
		}},
		{"index", "index(31) must be < 31", func() { b.encode(false, func(_, e id) { e.bind(b.a, 0, 31) }) }},
		{"index of bytes", "index(31) must be < 31", func() { b.encode(false, func(_, e id) { e.bindFloat(1, 31) }) }},
		{"offset", "offset(256) must be < [buffer length](256)", func() {
			b.encode(false, func(_, e id) { e.bind(b.a, 4*elements, 0) })
		}},
		{"alignment", "offset(2) of buffer index 0 (x) must be a multiple of 4", func() {
			b.encode(false, func(_, e id) {
				e.send("setComputePipelineState:", uintptr(b.pipelines["scale"]))
				e.bind(b.a, 2, 0)
				e.bind(b.b, 0, 1)
				e.dispatch(one, one)
			})
		}},
		{"only the offset", "", func() {
			b.encode(false, func(_, e id) { b.scale(e, b.a, 0, 1); e.send("setBufferOffset:atIndex:", 8, 0); e.dispatch(one, one) })
		}},
		{"offset of nothing", "no buffer bound at index 5", func() {
			b.encode(false, func(_, e id) { e.send("setBufferOffset:atIndex:", 0, 5) })
		}},
		{"offset moved too far", "must be < [buffer length]", func() {
			b.encode(false, func(_, e id) { e.bind(b.a, 0, 0); e.send("setBufferOffset:atIndex:", 1<<20, 0) })
		}},
		{"short bytes", "length(2) at index 3 (k) is smaller than the argument type (4)", func() {
			b.encode(false, func(_, e id) {
				b.madd(e, 1)
				x := new(float32)
				e.send("setBytes:length:atIndex:", uintptr(unsafe.Pointer(x)), 2, 3)
				e.dispatch(one, one)
			})
		}},
		{"bytes to write to", "setBytes data bound to the writable argument x", func() {
			b.encode(false, func(_, e id) { b.scale(e, b.a, 0, 1); e.bindFloat(1, 0); e.dispatch(one, one) })
		}},
		{"many bytes", "length(4097) must be in 1..4096", func() {
			x := new([4097]byte)
			b.encode(false, func(_, e id) { e.send("setBytes:length:atIndex:", uintptr(unsafe.Pointer(x)), 4097, 3) })
		}},
		{"null bytes", "bytes must not be NULL", func() {
			b.encode(false, func(_, e id) { e.send("setBytes:length:atIndex:", 0, 4, 3) })
		}},
		{"several buffers", "", func() {
			b.encode(true, func(_, e id) {
				e.send("setComputePipelineState:", uintptr(b.pipelines["madd"]))
				e.bindSome([]id{b.a, b.b, b.c}, []uintptr{0, 4, 128}, 0)
				e.bindFloat(1, 3)
				e.dispatch(one, wide(32))
			})
		}},
		{"several buffers, one offset", "offset(1048576) must be < [buffer length]", func() {
			b.encode(true, func(_, e id) { e.bindSome([]id{b.a, b.b}, []uintptr{0, 1 << 20}, 0) })
		}},
		{"several buffers, range", "{30, 2} of buffer binding indices must be < 31", func() {
			b.encode(true, func(_, e id) { e.bindSome([]id{b.a, b.b}, []uintptr{0, 0}, 30) })
		}},

		{"no buffers", "buffers must not be NULL", func() {
			b.encode(true, func(_, e id) { e.send("setBuffers:offsets:withRange:", 0, 0, 0, 2) })
		}},
		{"no offsets", "offsets must not be NULL", func() {
			b.encode(true, func(_, e id) {
				e.send("setBuffers:offsets:withRange:", uintptr(unsafe.Pointer(&[]id{b.a}[0])), 0, 0, 1)
			})
		}},
		{"no resources", "resources must not be NULL", func() {
			b.encode(true, func(_, e id) { e.send("useResources:count:usage:", 0, 1, 1) })
		}},
		{"barrier of no resources", "resources must not be NULL", func() {
			b.encode(true, func(_, e id) { e.send("memoryBarrierWithResources:count:", 0, 1) })
		}},

		// Dispatches.
		{"threads", "must be <= 1024", func() {
			b.encode(false, func(_, e id) { b.scale(e, b.a, 0, 1); e.dispatch(one, wide(2048)) })
		}},
		{"threads of three dimensions", "width(32) * height(32) * depth(2) must be <= 1024", func() {
			b.encode(false, func(_, e id) { b.scale(e, b.a, 0, 1); e.dispatch(one, size{32, 32, 2}) })
		}},
		{"no grid", "grid 0x1x1 must not be 0", func() {
			b.encode(false, func(_, e id) { b.scale(e, b.a, 0, 1); e.dispatch(size{0, 1, 1}, one) })
		}},
		{"no threads", "threadsPerThreadgroup 1x0x1 must not be 0", func() {
			b.encode(false, func(_, e id) { b.scale(e, b.a, 0, 1); e.dispatch(one, size{1, 0, 1}) })
		}},
		{"no pipeline", "no compute pipeline state", func() { b.encode(false, func(_, e id) { e.dispatch(one, one) }) }},
		{"threads of the grid", "", func() {
			b.encode(false, func(_, e id) {
				b.scale(e, b.a, 0, 1)
				e.sendSizes("dispatchThreads:threadsPerThreadgroup:", wide(elements), wide(elements/2))
			})
		}},
		{"odd grid", "no multiple of the threadgroup", func() {
			b.encode(false, func(_, e id) {
				b.scale(e, b.a, 0, 1)
				e.sendSizes("dispatchThreads:threadsPerThreadgroup:", wide(33), wide(32))
			})
		}},
		{"threadgroup memory", "must be a multiple of 16", func() {
			b.encode(false, func(_, e id) { e.send("setThreadgroupMemoryLength:atIndex:", 100, 0) })
		}},
		{"much threadgroup memory", "threadgroup memory length(65536) must be <= 32768", func() {
			b.encode(false, func(_, e id) {
				e.send("setThreadgroupMemoryLength:atIndex:", 65536, 0)
				b.scale(e, b.a, 0, 1)
			})
		}},
		{"index of threadgroup memory", "threadgroup memory index(8) must be < 8", func() {
			b.encode(false, func(_, e id) { e.send("setThreadgroupMemoryLength:atIndex:", 16, 8) })
		}},
		{"large grid", "grid 4294967296x1x1 does not fit 32 bits", func() {
			b.encode(false, func(_, e id) { b.scale(e, b.a, 0, 1); e.dispatch(wide(1<<32), one) })
		}},
		{"resource usage", "resource usage 0 is unknown", func() {
			b.encode(false, func(_, e id) { e.send("useResource:usage:", uintptr(b.a), 0) })
		}},
		{"barrier scope", "barrier scope 0 is unknown", func() {
			b.encode(true, func(_, e id) { e.send("memoryBarrierWithScope:", 0) })
		}},

		// Life of encoders and command buffers.
		{"dispatch type", "dispatch type 2 is unknown", func() {
			pool(func() { b.commandBuffer().send("computeCommandEncoderWithDispatchType:", 2) })
		}},
		{"error options", "error options 0x2 are unknown", func() {
			d := id(class("MTLCommandBufferDescriptor").send("new"))
			d.send("setErrorOptions:", 2)
			d.release()
		}},
		{"command buffers that are dropped", "", func() {
			q := id(b.device.send("newCommandQueueWithMaxCommandBufferCount:", 2))
			for range 5 {
				pool(func() { q.send("commandBuffer") })
			}
			q.release()
		}},
		{"many queues", "more than 32 command queues at a time", func() {
			var queues []id
			for range 33 {
				queues = append(queues, id(b.device.send("newCommandQueue")))
			}
			for _, q := range queues {
				q.release()
			}
		}},
		{"queue of no command buffers", "maxCommandBufferCount must not be 0", func() {
			b.device.send("newCommandQueueWithMaxCommandBufferCount:", 0)
		}},
		{"encode after the end", "encoding after endEncoding", func() {
			pool(func() {
				c := b.commandBuffer()
				e := encoder(c, false)
				e.end()
				e.bind(b.a, 0, 0)
				c.commitAndWait()
			})
		}},
		{"end twice", "endEncoding called twice", func() {
			pool(func() { e := encoder(b.commandBuffer(), false); e.end(); e.end() })
		}},
		{"commit twice", "committed twice", func() {
			pool(func() { c := b.commandBuffer(); c.commitAndWait(); c.send("commit") })
		}},
		{"commit before the end", "call endEncoding first", func() {
			pool(func() { c := b.commandBuffer(); e := encoder(c, false); c.send("commit"); e.end(); c.commitAndWait() })
		}},
		{"wait for nothing", "not committed", func() { pool(func() { b.commandBuffer().send("waitUntilCompleted") }) }},
		{"two encoders", "already encoding", func() {
			pool(func() { c := b.commandBuffer(); e := encoder(c, false); encoder(c, false); e.end() })
		}},
		{"encoder after commit", "already committed", func() {
			pool(func() { c := b.commandBuffer(); c.commitAndWait(); encoder(c, false) })
		}},
		{"no end", "released without endEncoding", func() { pool(func() { encoder(b.commandBuffer(), false) }) }},
		{"event in an encoder", "with an open encoder", func() {
			event := id(b.device.send("newSharedEvent"))
			b.encode(false, func(c, _ id) { c.send("encodeSignalEvent:value:", uintptr(event), 1) })
			event.release()
		}},
		{"event that does not grow", "an event of value 2 is signalled with 2, which does not let it grow", func() {
			event := id(b.device.send("newSharedEvent"))
			event.send("setSignaledValue:", 1)
			for range 2 {
				pool(func() {
					c := b.commandBuffer()
					c.send("encodeSignalEvent:value:", uintptr(event), 2)
					c.commitAndWait()
				})
			}
			event.release()
		}},
		{"too many command buffers", "2 uncompleted command buffers, none of them committed", func() {
			q := id(b.device.send("newCommandQueueWithMaxCommandBufferCount:", 2))
			pool(func() {
				id(q.send("commandBuffer")).commitAndWait() // does not count any more
				for range 3 {
					q.send("commandBuffer")
				}
			})
			q.release()
		}},

		// Objects.
		{"released too often", "over-release of MTLBuffer", func() { x := newBuffer(8, 0); x.release(); x.release() }},
		{"retained after the end", "retain of deallocated MTLBuffer", func() { x := newBuffer(8, 0); x.release(); x.retain() }},
		{"used after the end", "is not a live MTLBuffer", func() {
			b.encode(false, func(_, e id) { x := newBuffer(8, 0); x.release(); e.bind(x, 0, 0) })
		}},
		{"message after the end", "message sent to deallocated instance", func() { x := newBuffer(8, 0); x.release(); x.send("length") }},
		{"wrong class", "argument buffer", func() { b.encode(false, func(_, e id) { e.bind(b.queue, 0, 0) }) }},
		{"wrong receiver", "-[MTLBuffer commit]: unrecognized selector", func() { b.a.send("commit") }},
		{"receiver is a class", "+[NSString length]: unrecognized selector sent to class", func() { class("NSString").send("length") }},
		{"no object", "is not an object", func() { id(12345).send("length") }},
		{"memory of Go", "is not an object", func() { id(uintptr(unsafe.Pointer(new([64]byte)))).send("length") }},
		{"inside an object", "is not an object", func() { (b.a + 8).send("length") }},
		{"no selector", "invalid selector", func() { call(metal.msgSend, uintptr(b.a), 12345) }},
		{"retain of no object", "objc_retain of a non-object", func() { id(4096).retain() }},
		{"question of no selector", "invalid selector", func() { b.a.send("respondsToSelector:", 4096) }},
		{"string of nothing", "NULL cString", func() { id(class("NSString").send("alloc")).send("initWithUTF8String:", 0) }},
		{"release of no object", "objc_release of a non-object", func() { id(4096).release() }},
		{"message to nil", "", func() {
			if id(0).send("length") != 0 {
				t.Error("nil has a length")
			}
		}},

		// Pools.
		{"no pool", "autoreleased with no pool in place", func() {
			runtime.LockOSThread()
			b.commandBuffer().release()
			runtime.UnlockOSThread()
		}},
		{"pool of another thread", "unknown autorelease pool", func() { popElsewhere() }},
		{"pool popped twice", "unknown autorelease pool", func() {
			runtime.LockOSThread()
			p := call(metal.push)
			call(metal.pop, p)
			call(metal.pop, p)
			runtime.UnlockOSThread()
		}},

		// Buffers.
		{"no bytes", "buffer length must not be zero", func() { newBuffer(0, 0) }},
		{"managed", "MTLStorageModeManaged is not available", func() { newBuffer(8, managed) }},
		{"unknown options", "resource options 0x10000 are unknown", func() { newBuffer(8, 1<<16) }},
		{"memoryless", "storage mode 3 is not for buffers", func() { newBuffer(8, 3<<4) }},
		{"null contents", "bytes must not be NULL", func() { b.device.send("newBufferWithBytes:length:options:", 0, 16, 0) }},
		{"private memory", "", func() {
			x := newBuffer(8, private)
			if x.send("contents") != 0 {
				t.Error("the host sees private memory")
			}
			x.release()
		}},
		{"pointer off the page", "is not page aligned", func() { b.noCopy(mapped(t)[8:], 4096, 0).release() }},
		{"length off the page", "length 100 is not a multiple of the page size", func() { b.noCopy(mapped(t), 100, 0).release() }},
		{"private memory of the host", "needs shared storage", func() { b.noCopy(mapped(t), 4096, private).release() }},

		// Lifetimes in flight.
		{"freed before the work", "was deallocated before the command buffer that uses it was committed", func() {
			pool(func() {
				x := newFloats(8, 0)
				c := id(b.queue.send("commandBufferWithUnretainedReferences"))
				e := encoder(c, false)
				b.scale(e, x, 0, 1)
				e.end()
				x.release()
				c.commitAndWait()
			})
		}},
		{"freed in flight", "deallocated while 1 command buffers that use it are in flight; was deallocated before the command buffer that uses it completed", func() {
			pool(func() {
				x := newFloats(8, 0)
				event := id(b.device.send("newSharedEvent"))
				c := id(b.queue.send("commandBufferWithUnretainedReferences"))
				c.send("encodeWaitForEvent:value:", uintptr(event), 1)
				e := encoder(c, false)
				b.scale(e, x, 0, 1)
				e.end()
				c.send("commit")
				x.release()
				event.send("setSignaledValue:", 1)
				c.send("waitUntilCompleted")
				event.release()
			})
		}},
		{"pipeline freed before the dispatch", "the compute pipeline state was deallocated", func() {
			b.unretained(func(e id) {
				p, _ := newPipeline(b.library, "put")
				b.put(e, b.c, 0, 1, 1)
				e.send("setComputePipelineState:", uintptr(p))
				p.release()
				e.dispatch(one, one)
			}, func() {})
		}},
		{"pipeline freed before the work", "a compute pipeline state was deallocated before the command buffer that uses it completed", func() {
			p, _ := newPipeline(b.library, "put")
			b.unretained(func(e id) {
				b.put(e, b.c, 0, 1, 1)
				e.send("setComputePipelineState:", uintptr(p))
				e.dispatch(one, one)
			}, p.release)
		}},
		{"freed but retained", "", func() {
			pool(func() {
				x := newFloats(8, 0)
				c := b.commandBuffer()
				e := encoder(c, false)
				b.scale(e, x, 0, 1)
				e.end()
				x.release()
				c.commitAndWait()
			})
		}},
		{"freed, by a descriptor that does not retain", "was deallocated", func() {
			pool(func() {
				d := id(class("MTLCommandBufferDescriptor").send("new"))
				d.send("setRetainedReferences:", 0)
				d.send("setErrorOptions:", 1)
				x := newFloats(8, 0)
				c := id(b.queue.send("commandBufferWithDescriptor:", uintptr(d)))
				e := encoder(c, false)
				b.scale(e, x, 0, 1)
				e.end()
				x.release()
				c.commitAndWait()
				d.release()
			})
		}},

		// What the executor finds in kernels.
		{"bounds", "kernel next:27: bounds: ", func() {
			b.encode(false, func(_, e id) {
				e.send("setComputePipelineState:", uintptr(b.pipelines["next"]))
				e.bind(b.a, 0, 0)
				e.bind(b.c, 0, 1)
				e.dispatch(wide(1), wide(elements))
			})
		}},
		{"race", "kernel clash:34: race: ", func() {
			b.encode(false, func(_, e id) {
				e.send("setComputePipelineState:", uintptr(b.pipelines["clash"]))
				e.bind(b.a, 0, 0)
				e.dispatch(wide(1), wide(2))
			})
		}},

		// Libraries and pipelines.
		{"fast math", "asks for fast math", func() {
			s, o := newString(kernels), id(class("MTLCompileOptions").send("new"))
			b.device.send("newLibraryWithSource:options:error:", uintptr(s), uintptr(o), 0)
			s.release()
			o.release()
		}},
		{"math mode", "math mode 3 is unknown", func() {
			o := id(class("MTLCompileOptions").send("new"))
			o.send("setMathMode:", 3)
			o.release()
		}},
		{"language version", "language version 0x50000 is unknown", func() {
			o := id(class("MTLCompileOptions").send("new"))
			o.send("setLanguageVersion:", 5<<16)
			o.release()
		}},
		{"reflection", "has no reflection", func() {
			d := id(class("MTLComputePipelineDescriptor").send("new"))
			b.device.send("newComputePipelineStateWithDescriptor:options:reflection:error:", uintptr(d), 1, 0, 0)
			d.release()
		}},
		{"descriptor of no function", "computeFunction must not be nil", func() {
			d := id(class("MTLComputePipelineDescriptor").send("new"))
			b.device.send("newComputePipelineStateWithDescriptor:options:reflection:error:", uintptr(d), 0, 0, 0)
			d.release()
		}},
		{"descriptor of many threads", "maxTotalThreadsPerThreadgroup(1025) must be <= 1024", func() {
			d := id(class("MTLComputePipelineDescriptor").send("new"))
			d.send("setMaxTotalThreadsPerThreadgroup:", 1025)
			d.release()
		}},
		{"no function", "computeFunction ((nil)) is not a live MTLFunction", func() {
			b.device.send("newComputePipelineStateWithFunction:error:", 0, 0)
		}},
	} {
		t.Run(c.name, func(t *testing.T) { finds(t, c.want, c.f) })
	}
}

func (o id) bindSome(buffers []id, offsets []uintptr, first int) {
	o.send("setBuffers:offsets:withRange:", uintptr(unsafe.Pointer(&buffers[0])), uintptr(unsafe.Pointer(&offsets[0])),
		uintptr(first), uintptr(len(buffers)))
}

func popElsewhere() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p := call(metal.push)
	done := make(chan bool)
	go func() {
		runtime.LockOSThread() // and never unlocks: the thread ends
		call(metal.pop, p)
		done <- true
	}()
	<-done
	call(metal.pop, p)
}

// unretained is encode with a command buffer that holds nothing; before comes
// between its end and its commit.
func (b *bench) unretained(encode func(e id), before func()) {
	pool(func() {
		c := id(b.queue.send("commandBufferWithUnretainedReferences"))
		e := encoder(c, false)
		encode(e)
		e.end()
		before()
		c.commitAndWait()
	})
}
