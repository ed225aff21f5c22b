//go:build linux

package softmetal

import (
	"syscall"
	"testing"
	"unsafe"
)

// mapped is two pages of the host's.
func mapped(t testing.TB) []byte {
	t.Helper()
	m, err := syscall.Mmap(-1, 0, 8192, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	must(t, err)
	t.Cleanup(func() { must(t, syscall.Munmap(m)) })
	return m
}

// noCopy is a buffer over the host's memory.
func (b *bench) noCopy(m []byte, length, options int) id {
	return id(b.device.send("newBufferWithBytesNoCopy:length:options:deallocator:",
		uintptr(unsafe.Pointer(unsafe.SliceData(m))), uintptr(length), uintptr(options), 0))
}

func TestReadsOfWhatNothingHasWritten(t *testing.T) {
	b := newBench(t)
	fresh := newBuffer(elements, 0)
	const unwritten = ", which nothing has written"
	scale := func() { b.encode(false, func(_, e id) { b.scale(e, fresh, 0, 8) }) }
	finds(t, "kernel scale reads offset 0 of buffer", scale)
	fresh.release()

	fresh = newBuffer(elements, 0)
	fresh.send("setLabel:", uintptr(newString("fresh")))
	for i := range 4 {
		fresh.floats()[i] = 1
	}
	finds(t, " fresh"+unwritten, scale) // 8 are read
	for i := range 8 {
		fresh.floats()[i] = 1
	}
	finds(t, "", scale)
	finds(t, "", func() { b.encode(false, func(_, e id) { b.put(e, fresh, 8, 8, 1) }) })
	finds(t, "", func() { b.encode(false, func(_, e id) { b.scale(e, fresh, 8, 8) }) }) // the GPU has written it
	finds(t, "offset 64", func() { b.encode(false, func(_, e id) { b.scale(e, fresh, 8, 16) }) })
	fresh.release()

	// Memory of the host counts as written until its owner says otherwise.
	m := mapped(t)
	fresh = b.noCopy(m, 8192, 0)
	finds(t, "", scale)
	metal.hooks.Poison(m)
	finds(t, unwritten, scale)
	clear(m[:32])
	finds(t, "", scale)
	fresh.release()

	x := []float32{1, 2, 3, 4}
	fresh = id(b.device.send("newBufferWithBytes:length:options:", uintptr(unsafe.Pointer(&x[0])), 16, 0))
	finds(t, "", func() { b.encode(false, func(_, e id) { b.scale(e, fresh, 0, 4) }) })
	fresh.release()
}

func TestHostWritesInFlight(t *testing.T) {
	b := newBench(t)
	with(t, "LAZY", "1", "0")
	with(t, "HOSTWRITES", "1", "0")
	run := func(between func()) func() {
		return func() {
			pool(func() {
				c := b.commandBuffer()
				e := encoder(c, false)
				b.scale(e, b.a, 0, 8)
				e.end()
				c.send("commit")
				between()
				c.send("waitUntilCompleted")
			})
		}
	}
	finds(t, "", run(func() {}))
	finds(t, "kernel scale reads offset 12 of buffer", run(func() { b.a.floats()[3] = 1e9 }))
	finds(t, "which the host has changed after the commit", run(func() { b.b.floats()[0] = 1.5 }))
	finds(t, "", run(func() { b.a.floats()[8] = 77 })) // not touched by the kernel

	// What the GPU has written in between is not the host's.
	finds(t, "", func() {
		pool(func() {
			first, second := b.commandBuffer(), b.commandBuffer()
			for _, c := range []id{first, second} {
				e := encoder(c, false)
				b.scale(e, b.a, 0, 8)
				e.end()
				c.send("commit")
			}
			second.send("waitUntilCompleted")
		})
	})
}

// Pages are the system's unless told otherwise.
func TestPages(t *testing.T) {
	b := newBench(t)
	m := mapped(t)
	finds(t, "", func() { b.noCopy(m, 4096, 0).release() })
	with(t, "PAGE", "16384", "0")
	finds(t, "16384", func() { b.noCopy(m, 4096, 0).release() })
}

// Buffers over the same memory share what is known of it.
func TestWindowsOfTheSameMemory(t *testing.T) {
	b := newBench(t)
	m := mapped(t)
	x, y := b.noCopy(m, 8192, 0), b.noCopy(m[4096:], 4096, 0)
	run := func(barrier bool) func() {
		return func() {
			b.encode(true, func(_, e id) {
				b.put(e, x, 1024, 8, 1)
				if barrier {
					e.barrier()
				}
				b.scale(e, y, 0, 8)
			})
		}
	}
	finds(t, "HAZARD: kernel scale reads offset 0 of buffer", run(false))
	finds(t, "", run(true))
	finds(t, "in another encoder through another buffer over the same memory", func() {
		pool(func() {
			c := b.commandBuffer()
			for _, buffer := range []id{x, y} {
				e := encoder(c, false)
				b.scale(e, buffer, map[id]int{x: 1024}[buffer], 8)
				e.end()
			}
			c.commitAndWait()
		})
	})
	x.release()
	y.release()
}

// Memory that is mapped to be read is not for kernels that write.
func TestMemoryMappedToBeRead(t *testing.T) {
	b := newBench(t)
	m, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	must(t, err)
	x := b.noCopy(m, 4096, 0)
	finds(t, "memory that is mapped to be read is bound to the writable argument x", func() {
		b.encode(false, func(_, e id) { b.scale(e, x, 0, 8) })
	})
	finds(t, "", func() {
		b.encode(false, func(_, e id) {
			e.send("setComputePipelineState:", uintptr(b.pipelines["scale"]))
			e.bind(b.a, 0, 0)
			e.bind(x, 0, 1)
			e.dispatch(wide(1), wide(8))
		})
	})
	x.release()
	must(t, syscall.Munmap(m))
}

func TestDeallocator(t *testing.T) {
	b := newBench(t)
	m := mapped(t)
	freed := newBlock(metal.globalBlock)
	x := id(b.device.send("newBufferWithBytesNoCopy:length:options:deallocator:",
		uintptr(unsafe.Pointer(unsafe.SliceData(m))), 4096, 0, uintptr(unsafe.Pointer(freed))))
	before := calls.Load()
	x.release()
	if calls.Load() != before+1 {
		t.Error("the deallocator was not called once")
	}
}
