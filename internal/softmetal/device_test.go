//go:build linux

package softmetal

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"unsafe"
)

// Sizes arrive as they were sent, and what follows them does too.
func TestABI(t *testing.T) {
	b := newBench(t)
	out := newBuffer(8, 0)
	defer out.release()
	b.encode(false, func(_, e id) {
		e.send("setComputePipelineState:", uintptr(b.pipelines["geometry"]))
		e.bind(out, 0, 0)
		e.dispatch(size{2, 3, 4}, size{5, 6, 7})
	})
	got := unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(out.floats()))), 6)
	if fmt.Sprint(got) != "[2 3 4 5 6 7]" {
		t.Errorf("got %v", got)
	}
}

func TestTimes(t *testing.T) {
	b := newBench(t)
	pool(func() {
		c := b.commandBuffer()
		e := encoder(c, false)
		b.madd(e, 1)
		e.end()
		if c.double("GPUStartTime") != 0 || c.double("GPUEndTime") != 0 {
			t.Error("times before the work")
		}
		c.commitAndWait()
		if start, end := c.double("GPUStartTime"), c.double("GPUEndTime"); start <= 0 || end <= start {
			t.Errorf("from %v to %v", start, end)
		}
	})
}

func TestLimits(t *testing.T) {
	b := newBench(t)
	with(t, "MAXTHREADS", "512", "1024")
	p, _ := newPipeline(b.library, "scale")
	defer p.release()
	if got := p.send("maxTotalThreadsPerThreadgroup"); got != 512 {
		t.Errorf("%d threads", got)
	}
	if got := p.send("threadExecutionWidth"); got != 32 {
		t.Errorf("simdgroups of %d", got)
	}
	finds(t, "must be <= 512 (maxTotalThreadsPerThreadgroup of scale): the launch would silently not run", func() {
		b.encode(false, func(_, e id) {
			b.scale(e, b.a, 0, 1)
			e.send("setComputePipelineState:", uintptr(p))
			e.dispatch(wide(1), wide(513))
		})
	})
	with(t, "MAXBUFFER", "4096", "17179869184")
	if got := b.device.send("maxBufferLength"); got != 4096 {
		t.Errorf("buffers of %d bytes", got)
	}
	finds(t, "buffer length 8192 exceeds maxBufferLength 4096", func() { newBuffer(2048, 0) })
	finds(t, "exceeds maxBufferLength", func() { b.noCopy(mapped(t), 8192, 0) })
}

func TestFamilies(t *testing.T) {
	b := newBench(t)
	with(t, "FAMILY", "7", "8")
	for family, want := range map[int]bool{1001: true, 1007: true, 1008: false, 3003: true, 3004: false, 2001: false, 5001: true} {
		if got := b.device.send("supportsFamily:", uintptr(family))&0xff == 1; got != want {
			t.Errorf("family %d: %v", family, got)
		}
	}
}

// Methods that came with a later macOS are missing before.
func TestOS(t *testing.T) {
	need(t)
	options := id(class("MTLCompileOptions").send("new"))
	defer options.release()
	responds := func() bool { return options.send("respondsToSelector:", sel("setMathMode:"))&0xff == 1 }
	if !responds() || class("MTLResidencySetDescriptor") == 0 {
		t.Error("macOS 15 lacks methods")
	}
	with(t, "OS", "14", "15")
	if responds() || class("MTLResidencySetDescriptor") != 0 {
		t.Error("macOS 14 has methods of 15")
	}
	finds(t, "unrecognized selector", func() { options.send("setMathMode:", 0) })
	if l, p := newLibrary(kernels); l == 0 { // by setFastMathEnabled:
		t.Error(p)
	} else {
		l.release()
	}
}

func TestAllocatedSize(t *testing.T) {
	b := newBench(t)
	before := b.device.send("currentAllocatedSize")
	x := newBuffer(1024, 0)
	if got := b.device.send("currentAllocatedSize") - before; got != 4096 {
		t.Errorf("%d bytes", got)
	}
	x.release()
	if got := b.device.send("currentAllocatedSize"); got != before {
		t.Errorf("%d bytes stay", got-before)
	}
}

// Without checks nothing is found, and the values are the same.
func TestWithoutChecks(t *testing.T) {
	need(t)
	with(t, "CHECK", "0", "1")
	b := newBench(t)
	finds(t, "", func() { b.encode(true, func(_, e id) { b.madd(e, 2); b.scale(e, b.c, 0, 8) }) })
	if got, want := b.c.floats()[9], float32(10+2*10); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Each method's encoding has as many arguments as its selector.
func TestMethods(t *testing.T) {
	need(t)
	methods := metal.hooks.Methods()
	if len(methods) < 100 {
		t.Errorf("%d methods", len(methods))
	}
	for _, m := range methods {
		types := splitEncoding(m.Encoding)
		if len(types) != 3+strings.Count(m.Selector, ":") || types[1] != "@" || types[2] != ":" {
			t.Errorf("%s %s is %q", m.Class, m.Selector, types)
		}
	}
}

func splitEncoding(s string) (types []string) {
	for s != "" {
		n := 0
		for strings.ContainsRune("r^", rune(s[n])) {
			n++
		}
		switch {
		case s[n] == '{':
			n += strings.IndexByte(s[n:], '}')
		case strings.HasPrefix(s[n:], "@?"):
			n++
		}
		types, s = append(types, s[:n+1]), s[n+1:]
	}
	return types
}

// Nothing stays after a round of everything.
func TestLeaks(t *testing.T) {
	need(t)
	round := func(t *testing.T) {
		b := newBench(t)
		b.encode(true, func(_, e id) { b.madd(e, 2); e.barrierOf(b.c); b.scale(e, b.c, 0, 8) })
		x := b.scales(2, true)
		b.encode(true, func(_, e id) {
			e.use(usageRead|usageWrite, b.a, b.b)
			e.send("setComputePipelineState:", uintptr(b.pipelines["scale"]))
			e.execute(x, 0, 2)
		})
		x.release()
		must(t, metal.hooks.Fail("status:1"))
		b.encode(false, func(c, e id) { b.madd(e, 1) })
		newLibrary("nope")
	}
	live := func() map[string]int {
		counts := map[string]int{}
		for _, m := range metal.hooks.Methods() {
			counts[m.Class] = metal.hooks.Live(m.Class)
		}
		return counts
	}
	t.Run("first", round)
	before := live()
	t.Run("again", round)
	for class, n := range live() {
		if n != before[class] {
			t.Errorf("%d objects of %s stay", n-before[class], class)
		}
	}
	if n := metal.hooks.Live("NSBicycle"); n != -1 {
		t.Errorf("%d objects of a class that is not there", n)
	}
}

// What C sees of Go's memory stays in place while stacks grow and the collector runs.
func TestParallel(t *testing.T) {
	newBench(t)
	defer debug.SetGCPercent(debug.SetGCPercent(5))
	var all sync.WaitGroup
	for g := range 8 {
		b := newBench(t)
		all.Go(func() {
			for r := range 30 {
				k := float32(g + r)
				b.encode(true, func(_, e id) {
					b.madd(e, k)
					e.barrier()
					b.scale(e, b.c, 0, 1)
				})
				if got, want := b.c.floats()[20], 21+k*21; got != want {
					t.Errorf("goroutine %d, round %d: got %v, want %v", g, r, got, want)
					return
				}
				if r%10 == 0 {
					runtime.GC()
				}
			}
		})
	}
	all.Wait()
}
