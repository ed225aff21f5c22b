//go:build linux

package softmetal

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/mlxc/mlxc/internal/required"
)

// An id is an object of Metal, or a class.
type id uintptr

type size struct{ width, height, depth uintptr }

func wide(n int) size { return size{uintptr(n), 1, 1} }

// metal is the library, as a program that uses Metal sees it.
var metal struct {
	hooks                                                  *Hooks
	msgSend, registerName, getClass, push, pop             uintptr
	retain, release, createDevice, globalBlock, stackBlock uintptr
	selectors                                              sync.Map // by name
	sendDouble                                             func(self id, sel uintptr) float64
}

func TestMain(m *testing.M) {
	if os.Getenv(libraryVariable) == "" || os.Getenv(compilerVariable) == "" {
		if Available() == nil {
			if err := Setup(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
	}
	os.Exit(m.Run())
}

// need loads the library, or skips.
func need(t testing.TB) {
	t.Helper()
	if metal.hooks != nil {
		return
	}
	if os.Getenv(libraryVariable) == "" {
		required.Skip(t, Available()) // or TestMain has set it up
	}
	h, err := Open()
	must(t, err)
	handle, err := purego.Dlopen(os.Getenv(libraryVariable), purego.RTLD_NOW|purego.RTLD_GLOBAL)
	must(t, err)
	for name, p := range map[string]*uintptr{
		"objc_msgSend":                 &metal.msgSend,
		"sel_registerName":             &metal.registerName,
		"objc_getClass":                &metal.getClass,
		"objc_autoreleasePoolPush":     &metal.push,
		"objc_autoreleasePoolPop":      &metal.pop,
		"objc_retain":                  &metal.retain,
		"objc_release":                 &metal.release,
		"MTLCreateSystemDefaultDevice": &metal.createDevice,
		"_NSConcreteGlobalBlock":       &metal.globalBlock,
		"_NSConcreteStackBlock":        &metal.stackBlock,
	} {
		*p, err = purego.Dlsym(handle, name)
		must(t, err)
	}
	purego.RegisterFunc(&metal.sendDouble, metal.msgSend)
	metal.hooks = h
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func bytesOf(s string) *byte { return unsafe.SliceData(append([]byte(s), 0)) }

func sel(name string) uintptr {
	if s, ok := metal.selectors.Load(name); ok {
		return s.(uintptr)
	}
	s := call(metal.registerName, uintptr(unsafe.Pointer(bytesOf(name))))
	metal.selectors.Store(name, s)
	return s
}

func class(name string) id { return id(call(metal.getClass, uintptr(unsafe.Pointer(bytesOf(name))))) }

// send sends a message; pointers to Go memory are good until it returns.
//
//go:uintptrescapes
func (o id) send(selector string, args ...uintptr) uintptr {
	return call(metal.msgSend, append([]uintptr{uintptr(o), sel(selector)}, args...)...)
}

func (o id) double(selector string) float64 { return metal.sendDouble(o, sel(selector)) }

func (o id) retain() { call(metal.retain, uintptr(o)) }

func (o id) release() { call(metal.release, uintptr(o)) }

// text copies an NSString.
func (o id) text() string { return goString(o.send("UTF8String")) }

// pool runs f on one thread, in a pool.
func pool(f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p := call(metal.push)
	defer call(metal.pop, p)
	f()
}

func device() id { return id(call(metal.createDevice)) }

func newString(s string) id {
	return id(class("NSString").send("alloc")).sendPointer("initWithUTF8String:", unsafe.Pointer(bytesOf(s)))
}

func (o id) sendPointer(selector string, p unsafe.Pointer) id {
	return id(o.send(selector, uintptr(p)))
}

// A problem is an NSError.
type problem struct {
	domain, message string
	code            int
}

func problemOf(e id) problem {
	if e == 0 {
		return problem{}
	}
	return problem{id(e.send("domain")).text(), id(e.send("localizedDescription")).text(), int(e.send("code"))}
}

func newLibrary(text string) (library id, p problem) {
	pool(func() {
		s, options, reason := newString(text), id(class("MTLCompileOptions").send("new")), new(id)
		defer s.release()
		defer options.release()
		options.send("setFastMathEnabled:", 0)
		d := device()
		defer d.release()
		library = id(d.send("newLibraryWithSource:options:error:", uintptr(s), uintptr(options), uintptr(unsafe.Pointer(reason))))
		p = problemOf(*reason)
	})
	return library, p
}

// newPipeline is of a kernel that may stand in indirect command buffers too.
func newPipeline(library id, kernel string) (pipeline id, p problem) {
	pool(func() {
		name := newString(kernel)
		defer name.release()
		f := id(library.send("newFunctionWithName:", uintptr(name)))
		defer f.release()
		d := id(class("MTLComputePipelineDescriptor").send("new"))
		defer d.release()
		d.send("setComputeFunction:", uintptr(f))
		d.send("setSupportIndirectCommandBuffers:", 1)
		reason := new(id)
		gpu := device()
		defer gpu.release()
		pipeline = id(gpu.send("newComputePipelineStateWithDescriptor:options:reflection:error:",
			uintptr(d), 0, 0, uintptr(unsafe.Pointer(reason))))
		p = problemOf(*reason)
	})
	return pipeline, p
}

// Options of buffers.
const (
	shared    = 0
	managed   = 1 << 4
	private   = 2 << 4
	untracked = 1 << 8
)

// newBuffer has room for n floats, nothing written.
func newBuffer(n, options int) id {
	d := device()
	defer d.release()
	return id(d.send("newBufferWithLength:options:", uintptr(4*n), uintptr(options)))
}

// floats is a buffer's memory.
func (o id) floats() []float32 {
	p := o.send("contents")
	return unsafe.Slice(*(**float32)(unsafe.Pointer(&p)), int(o.send("length"))/4)
}

// newFloats is a buffer with 1, 2, 3, ... in it.
func newFloats(n, options int) id {
	b := newBuffer(n, options)
	for i := range b.floats() {
		b.floats()[i] = float32(i + 1)
	}
	return b
}

// kernels is the text that the tests run.
const kernels = `#include <metal_stdlib>
using namespace metal;

kernel void scale(
    device float *x [[buffer(0)]],
    device const float *k [[buffer(1)]],
    uint i [[thread_position_in_grid]])
{
    x[i] = x[i] * k[0];
}

kernel void madd(
    device const float *a [[buffer(0)]],
    device const float *b [[buffer(1)]],
    device float *c [[buffer(2)]],
    constant float *k [[buffer(3)]],
    uint i [[thread_position_in_grid]])
{
    c[i] = a[i] + k[0] * b[i];
}

kernel void next(
    device const float *a [[buffer(0)]],
    device float *c [[buffer(1)]],
    uint i [[thread_position_in_grid]])
{
    c[i] = a[i + 1u];
}

kernel void clash(
    device float *x [[buffer(0)]],
    uint i [[thread_position_in_grid]])
{
    x[0] = float(i);
}

kernel void put(
    device float *x [[buffer(0)]],
    constant float *v [[buffer(1)]],
    uint i [[thread_position_in_grid]])
{
    x[i] = v[0];
}

kernel void geometry(
    device int *out [[buffer(0)]],
    uint3 at [[thread_position_in_grid]],
    uint3 groups [[threadgroups_per_grid]],
    uint3 threads [[threads_per_threadgroup]])
{
    if (at.x == 0u && at.y == 0u && at.z == 0u) {
        out[0] = int(groups.x);
        out[1] = int(groups.y);
        out[2] = int(groups.z);
        out[3] = int(threads.x);
        out[4] = int(threads.y);
        out[5] = int(threads.z);
    }
}
`

// A bench is a queue, the pipelines of the kernels and three buffers of floats.
type bench struct {
	t         testing.TB
	device    id
	queue     id
	library   id
	pipelines map[string]id
	a, b, c   id
}

const elements = 64 // of a, b and c

func newBench(t testing.TB) *bench { return newBenchWith(t, shared) }

func newBenchWith(t testing.TB, options int) *bench {
	t.Helper()
	need(t)
	b := &bench{t: t, device: device(), pipelines: map[string]id{}}
	b.queue = id(b.device.send("newCommandQueue"))
	var p problem
	if b.library, p = newLibrary(kernels); b.library == 0 {
		t.Fatal(p)
	}
	for _, k := range []string{"scale", "madd", "next", "clash", "put", "geometry"} {
		if b.pipelines[k], p = newPipeline(b.library, k); b.pipelines[k] == 0 {
			t.Fatal(k, p)
		}
	}
	b.a, b.b, b.c = newFloats(elements, options), newFloats(elements, options), newFloats(elements, options)
	t.Cleanup(b.close)
	return b
}

func (b *bench) close() {
	for _, o := range []id{b.a, b.b, b.c, b.library, b.queue, b.device} {
		o.release()
	}
	for _, p := range b.pipelines {
		p.release()
	}
}

func (b *bench) commandBuffer() id { return id(b.queue.send("commandBuffer")) }

func encoder(commands id, concurrent bool) id {
	kind := uintptr(0)
	if concurrent {
		kind = 1
	}
	return id(commands.send("computeCommandEncoderWithDispatchType:", kind))
}

func (o id) bind(buffer id, offset, index int) {
	o.send("setBuffer:offset:atIndex:", uintptr(buffer), uintptr(offset), uintptr(index))
}

func (o id) bindFloat(x float32, index int) {
	o.send("setBytes:length:atIndex:", uintptr(unsafe.Pointer(&x)), 4, uintptr(index))
}

func (o id) dispatch(groups, threads size) {
	o.sendSizes("dispatchThreadgroups:threadsPerThreadgroup:", groups, threads)
}

func (o id) barrier() { o.send("memoryBarrierWithScope:", 1) }

func (o id) end() { o.send("endEncoding") }

func (o id) commitAndWait() {
	o.send("commit")
	o.send("waitUntilCompleted")
}

// scale multiplies the first n floats of x from offset (in floats) by those of k.
func (b *bench) scale(e, x id, offset, n int) {
	e.send("setComputePipelineState:", uintptr(b.pipelines["scale"]))
	e.bind(x, 4*offset, 0)
	e.bind(b.b, 0, 1)
	e.dispatch(wide(1), wide(n))
}

// madd sets all of c to a + k·b.
func (b *bench) madd(e id, k float32) {
	e.send("setComputePipelineState:", uintptr(b.pipelines["madd"]))
	e.bind(b.a, 0, 0)
	e.bind(b.b, 0, 1)
	e.bind(b.c, 0, 2)
	e.bindFloat(k, 3)
	e.dispatch(wide(2), wide(elements/2))
}

// put sets the first n floats of x from offset (in floats) to v.
func (b *bench) put(e, x id, offset, n int, v float32) {
	e.send("setComputePipelineState:", uintptr(b.pipelines["put"]))
	e.bind(x, 4*offset, 0)
	e.bindFloat(v, 1)
	e.dispatch(wide(1), wide(n))
}

// encode is one command buffer with one encoder, run to its end.
func (b *bench) encode(concurrent bool, f func(commands, e id)) {
	pool(func() {
		c := b.commandBuffer()
		e := encoder(c, concurrent)
		f(c, e)
		e.end()
		c.commitAndWait()
	})
}

// finds wants f to cause errors that begin with some that have those texts, between
// semicolons; "": none at all.
func finds(t testing.TB, want string, f func()) {
	t.Helper()
	metal.hooks.Record(true)
	defer metal.hooks.Record(false)
	metal.hooks.Errors()
	f()
	got := metal.hooks.Errors()
	if want == "" && len(got) > 0 {
		t.Errorf("found %q", got)
	}
	for i, w := range strings.Split(want, "; ") {
		if w != "" && (i >= len(got) || !strings.Contains(got[i], w)) {
			t.Errorf("found %q, want %q", got, want)
		}
	}
}

// with changes a setting for the time of the test.
func with(t testing.TB, name, value, before string) {
	t.Helper()
	must(t, metal.hooks.Set(name, value))
	t.Cleanup(func() { must(t, metal.hooks.Set(name, before)) })
}
