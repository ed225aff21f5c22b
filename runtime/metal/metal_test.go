//go:build darwin || (linux && mlxc_metal)

package metal

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/mlxc/mlxc/runtime"
	"github.com/mlxc/mlxc/runtime/cpu"
)

const source = `#include <metal_stdlib>
using namespace metal;

kernel void scale(
    device const float *x [[buffer(0)]],
    device float *y [[buffer(1)]],
    constant int *dims [[buffer(2)]],
    uint i [[thread_position_in_grid]])
{
    if (int(i) < dims[0]) {
        y[i] = x[i] * float(dims[1]);
    }
}

kernel void add(
    device const float *a [[buffer(0)]],
    device const float *b [[buffer(1)]],
    device float *y [[buffer(2)]],
    constant long *dims [[buffer(3)]],
    uint i [[thread_position_in_grid]])
{
    if (long(i) < dims[0]) {
        y[i] = a[i] + b[i];
    }
}

kernel void bump(
    device float *x [[buffer(0)]],
    uint i [[thread_position_in_grid]])
{
    x[i] = x[i] + 1.0f;
}
`

// Indices into kernels.
const (
	scale = iota
	add
	bump
)

var kernels = []Kernel{
	{Name: "scale", Threads: 32, Pos: "m.mlx:1:1"},
	{Name: "add", Threads: 64, Pos: "m.mlx:2:1", LongDims: true},
	{Name: "bump", Threads: 32, Pos: "m.mlx:3:1"},
}

func open(t testing.TB) *device {
	t.Helper()
	needMetal(t)
	d, err := Kernels(source, kernels).Open(nil)
	must(t, err)
	t.Cleanup(func() { must(t, d.Close()) })
	return d.(*device)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A memory is a piece of memory with its buffer.
type memory struct {
	bytes  []byte
	buffer runtime.Buffer
}

func newMemory(t testing.TB, d runtime.Device, n int) *memory {
	t.Helper()
	bytes, err := cpu.Map(n)
	must(t, err)
	b, err := d.Wrap(bytes)
	must(t, err)
	t.Cleanup(func() {
		must(t, b.Close())
		must(t, cpu.Unmap(bytes))
	})
	return &memory{bytes, b}
}

// span is n floats of the memory from the i-th on.
func (m *memory) span(i, n int) runtime.Span {
	return runtime.Span{Bytes: m.bytes[4*i : 4*(i+n)], Buffer: m.buffer, Offset: 4 * i}
}

func (m *memory) set(i int, x float32) {
	binary.NativeEndian.PutUint32(m.bytes[4*i:], math.Float32bits(x))
}

func (m *memory) at(i int) float32 {
	return math.Float32frombits(binary.NativeEndian.Uint32(m.bytes[4*i:]))
}

// record sets all launches.
func record(t testing.TB, d runtime.Device, launches []runtime.Launch) runtime.Recording {
	t.Helper()
	r, err := d.Record(launches)
	must(t, err)
	for i := range launches {
		r.Set(i)
	}
	t.Cleanup(func() { must(t, r.Close()) })
	return r
}

// runs begins all launches and waits for them.
func runs(r runtime.Recording) (time.Duration, error) {
	err := r.Begin(context.Background(), 0, len(r.(*recording).launches))
	t, failure := r.End()
	return t, errors.Join(err, failure)
}

func run(t testing.TB, r runtime.Recording) {
	t.Helper()
	_, err := runs(r)
	must(t, err)
}

// begin begins the launches, some in each turn.
func begin(t testing.TB, r runtime.Recording, length int) {
	t.Helper()
	n := len(r.(*recording).launches)
	for first := 0; first < n; first += length {
		must(t, r.Begin(context.Background(), first, min(first+length, n)))
	}
}

func end(t testing.TB, r runtime.Recording) {
	t.Helper()
	_, err := r.End()
	must(t, err)
}

// chain is y = k·x, z = y + x over n floats each, in that order in a memory.
func chain(m *memory, n int, k int64) []runtime.Launch {
	x, y, z := m.span(0, n), m.span(n, n), m.span(2*n, n)
	return []runtime.Launch{
		{Kernel: scale, Args: []runtime.Span{x, y}, Sizes: []int64{int64(n), k}, Grid: (n + 31) / 32, Pos: "m.mlx:1:5"},
		{Kernel: add, Args: []runtime.Span{y, x, z}, Sizes: []int64{int64(n)}, Grid: (n + 63) / 64, Barrier: true, Pos: "m.mlx:2:5"},
	}
}

func checkChain(t testing.TB, m *memory, n int, k int64) {
	t.Helper()
	for i := range n {
		if got, want := m.at(2*n+i), m.at(i)*float32(k+1); got != want {
			t.Fatalf("element %d is %v, want %v", i, got, want)
		}
	}
}

func (m *memory) count(n int) {
	for i := range n {
		m.set(i, float32(i))
	}
}

func TestRun(t *testing.T) {
	d := open(t)
	const n = 1000
	m := newMemory(t, d, 12*n)
	m.count(n)
	r := record(t, d, chain(m, n, 2))
	for range 2 {
		took, err := runs(r)
		must(t, err)
		if took <= 0 {
			t.Errorf("the GPU was at work for %v", took)
		}
		checkChain(t, m, n, 2)
	}
}

func TestSetTakesInChanges(t *testing.T) {
	d := open(t)
	const n = 1000
	m, other := newMemory(t, d, 12*n), newMemory(t, d, 12*n)
	m.count(n)
	other.count(n)
	launches := chain(m, n, 2)
	r := record(t, d, launches)
	run(t, r)
	checkChain(t, m, n, 2)

	launches[0].Sizes[1] = 5
	r.Set(0)
	run(t, r)
	checkChain(t, m, n, 5)

	const fewer = 10
	for i, l := range chain(other, fewer, 7) {
		copy(launches[i].Args, l.Args)
		copy(launches[i].Sizes, l.Sizes)
		launches[i].Grid = l.Grid
		r.Set(i)
	}
	run(t, r)
	checkChain(t, other, fewer, 7)
	checkChain(t, m, n, 5)
}

// What a launch that is left out should have waited for, the next one waits for;
// without that the software Metal finds a hazard.
func TestBarrierOfALaunchLeftOut(t *testing.T) {
	d := open(t)
	const n = 64
	m := newMemory(t, d, 12*n)
	m.count(n)
	c := chain(m, n, 3)
	none := runtime.Launch{Kernel: bump, Args: make([]runtime.Span, 1), Barrier: true}
	launches := []runtime.Launch{c[0], none, none, c[1]}
	launches[3].Barrier = false
	r := record(t, d, launches)
	run(t, r)
	checkChain(t, m, n, 3)

	launches[1].Grid, launches[1].Args[0] = n/32, m.span(n, n)
	r.Set(1)
	run(t, r) // y + 1
	if got, want := m.at(2*n+5), float32(5*3+1+5); got != want {
		t.Errorf("got %v, want %v", got, want)
	}

	launches[1].Grid = 0
	r.Set(1)
	run(t, r)
	checkChain(t, m, n, 3)
}

func TestNothingToRun(t *testing.T) {
	d := open(t)
	for _, launches := range [][]runtime.Launch{nil, {{Kernel: bump, Args: make([]runtime.Span, 1)}}} {
		r := record(t, d, launches)
		run(t, r)
	}
}

// An argument without bytes is bound to something, as Metal wants.
func TestArgumentWithoutBytes(t *testing.T) {
	d := open(t)
	run(t, record(t, d, []runtime.Launch{
		{Kernel: add, Args: make([]runtime.Span, 3), Sizes: []int64{0}, Grid: 1},
	}))
	empty, err := d.Wrap(nil)
	must(t, err)
	must(t, empty.Close())
}

// bumps adds 1 to the first floats of a memory that many times.
func bumps(m *memory, times int) []runtime.Launch {
	launches := make([]runtime.Launch, times)
	for i := range launches {
		launches[i] = runtime.Launch{Kernel: bump, Args: []runtime.Span{m.span(0, 32)}, Grid: 1, Barrier: true, Pos: "m.mlx:3:9"}
	}
	return launches
}

// Each turn waits for the one before, also where its first launch has no barrier, and the
// host for those that it names.
func TestTurns(t *testing.T) {
	d := open(t)
	const turns, length = 5, 20
	m := newMemory(t, d, 4*32)
	launches := bumps(m, turns*length)
	for i := 0; i < turns*length; i += length {
		launches[i].Barrier = false
	}
	r := record(t, d, launches)
	begin(t, r, length)
	for n := range 3 {
		must(t, r.Wait(n*length+1))
		if got := m.at(31); got < float32(n+1)*length {
			t.Errorf("when turn %d has ended %v launches have run", n, got)
		}
	}
	end(t, r)
	if got := m.at(31); got != turns*length {
		t.Errorf("got %v, want %d", got, turns*length)
	}
	must(t, r.Wait(turns*length))        // for none
	for i := length; i < 2*length; i++ { // a turn with nothing to run
		launches[i].Grid = 0
		r.Set(i)
	}
	begin(t, r, length)
	must(t, r.Wait(2*length))
	end(t, r)
	if got := m.at(31); got != 2*turns*length-length {
		t.Errorf("got %v, want %d", got, 2*turns*length-length)
	}
}

// What is not its own a recording leaves alone.
func TestLaunchesOnCPU(t *testing.T) {
	d := open(t)
	m := newMemory(t, d, 4*32)
	launches := bumps(m, 3)
	launches[1] = runtime.Launch{Kernel: 7, OnCPU: true, Args: make([]runtime.Span, 40), Grid: 1}
	r, err := d.Record(launches)
	must(t, err)
	r.Set(0)
	r.Set(2)
	must(t, r.Begin(context.Background(), 0, 1))
	must(t, r.Begin(context.Background(), 2, 3))
	end(t, r)
	must(t, r.Close())
	if got := m.at(31); got != 2 {
		t.Errorf("got %v, want 2", got)
	}
}

func TestRecordRefuses(t *testing.T) {
	d := open(t)
	for _, c := range []struct {
		launch runtime.Launch
		want   string
	}{
		{runtime.Launch{Kernel: 3, Pos: "m.mlx:9:9"}, "metal: launch 0 (m.mlx:9:9) is of kernel 3, and there are 3"},
		{runtime.Launch{Kernel: -1}, "is of kernel -1"},
		{runtime.Launch{Kernel: scale, Args: make([]runtime.Span, 31), Sizes: make([]int64, 1)},
			"metal: kernel scale: it has 32 buffers, and Metal takes at most 31"},
		{runtime.Launch{Kernel: add, Sizes: make([]int64, 513), Pos: "m.mlx:9:9"},
			"metal: kernel add (m.mlx:9:9): it has 513 sizes in 4104 bytes, and Metal takes at most 4096"},
	} {
		_, err := d.Record([]runtime.Launch{c.launch})
		checkError(t, err, c.want)
	}
	_, err := d.Record([]runtime.Launch{{Kernel: scale, Args: make([]runtime.Span, 30), Sizes: make([]int64, 1024)}})
	must(t, err)
}

func TestRunRefuses(t *testing.T) {
	d := open(t)
	m := newMemory(t, d, 4096)
	foreign := m.span(0, 32)
	foreign.Buffer = nil
	outside := m.span(0, 32)
	outside.Offset = 1 << 20
	launches := []runtime.Launch{{Kernel: bump, Args: make([]runtime.Span, 1), Grid: 1, Pos: "m.mlx:7:7"}}
	r := record(t, d, launches)
	for _, c := range []struct {
		span runtime.Span
		want string
	}{
		{foreign, "metal: kernel bump (m.mlx:7:7): an argument is in memory that the GPU does not see"},
		{outside, "metal: kernel bump (m.mlx:7:7): an argument of 128 bytes at 1048576 is outside its memory of 4096"},
	} {
		launches[0].Args[0] = c.span
		r.Set(0)
		_, err := runs(r)
		checkError(t, err, c.want)
	}
	launches[0].Args[0] = m.span(0, 32)
	launches[0].Grid = 1 << 32
	r.Set(0)
	_, err := runs(r)
	checkError(t, err, "metal: kernel bump (m.mlx:7:7): 4294967296 threadgroups are more than Metal launches at once")
	launches[0].Grid = 1
	r.Set(0)
	run(t, r)
}

// checkError wants a DeviceError with that in its text.
func checkError(t testing.TB, err error, want string) {
	t.Helper()
	var e *runtime.DeviceError
	if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %q (%T), want %q", err, err, want)
	}
}
