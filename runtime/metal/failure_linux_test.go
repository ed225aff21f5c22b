//go:build mlxc_metal

package metal

import (
	"strings"
	"testing"

	"github.com/mlxc/mlxc/runtime"
)

func TestCompileErrors(t *testing.T) {
	h := needHooks(t)
	before := objects(h)
	for _, c := range []struct{ old, new, want string }{
		{"a[i] + b[i]", "a[i] + c[i]", "metal: kernel add (m.mlx:2:1): "},
		{"x[i] + 1.0f", "x[i] + one", "metal: kernel bump (m.mlx:3:1): "},
		{"kernel void bump", "kernel void bounce", "metal: kernel bump (m.mlx:3:1): the library has no such function"},
	} {
		_, err := Kernels(strings.Replace(source, c.old, c.new, 1), kernels).Open(nil)
		checkError(t, err, c.want)
	}
	checkObjects(t, h, before)
}

func TestOpenFails(t *testing.T) {
	h := needHooks(t)
	before := objects(h)
	for _, c := range []struct{ setting, value, usual, want string }{
		{"FAIL", "buffer:1", "", "metal: no memory for a buffer of"},
		{"FAIL", "compile:1", "", "metal: "},
		{"FAIL", "pipeline:2", "", "metal: kernel add (m.mlx:2:1): "},
		{"MAXTHREADS", "32", "1024", "metal: kernel add (m.mlx:2:1): it has 64 threads in a threadgroup, and the GPU takes at most 32 of it"},
		{"MAXBUFFER", "4096", "17179869184", "metal: the GPU takes buffers of no more than 4096 bytes"},
	} {
		t.Run(c.setting+" "+c.value, func(t *testing.T) {
			set(t, h, c.setting, c.value, c.usual)
			_, err := Kernels(source, kernels).Open(nil)
			checkError(t, err, c.want)
		})
	}
	checkObjects(t, h, before)
}

// Before macOS 15 there is no setMathMode:, and the software Metal refuses fast math.
func TestOpenBeforeMathModes(t *testing.T) {
	h := needHooks(t)
	set(t, h, "OS", "14", "15")
	open(t)
}

func TestWrapFails(t *testing.T) {
	d, h := open(t), needHooks(t)
	d.largest = 4 * pageSize
	m := newMemory(t, d, 15*pageSize)
	before := objects(h)
	set(t, h, "FAIL", "buffer:3", "")
	_, err := d.Wrap(m.bytes)
	checkError(t, err, "metal: no buffer can be made over")
	checkObjects(t, h, before)
}

func TestRunFails(t *testing.T) {
	d, h := open(t), needHooks(t)
	const n = 64
	m := newMemory(t, d, 12*n)
	m.count(n)
	two := record(t, d, chain(m, n, 2))
	one := record(t, d, append([]runtime.Launch{{Kernel: bump, Args: make([]runtime.Span, 1)}}, chain(m, n, 2)[:1]...))
	many := record(t, d, bumps(m, 60))
	const both = "metal: one of 2 launches, from scale (m.mlx:1:5) to add (m.mlx:2:5): "
	before := objects(h)
	for _, c := range []struct {
		recording runtime.Recording
		failure   string
		want      string
	}{
		{two, "status:1", both + "the GPU's driver failed: "},
		{two, "timeout:1", both + "the GPU took too long, and the system stopped it: "},
		{one, "timeout:1", "metal: kernel scale (m.mlx:1:5): the GPU took too long, and the system stopped it: "},
		{two, "lost:1", both + "the system no longer lets this program use the GPU: "},
		{two, "status:9", both + "the system no longer lets this program use the GPU: "}, // still lost
	} {
		if c.failure != "status:9" {
			set(t, h, "FAIL", c.failure, "")
		}
		_, err := runs(c.recording)
		checkError(t, err, c.want)
	}
	must(t, h.Fail(""))
	for _, fails := range []string{"timeout:1", "timeout:2", "status:3"} { // what waits for it ends too
		for _, wait := range []int{0, 60} {
			set(t, h, "FAIL", fails, "")
			begin(t, many, 20)
			err := many.Wait(wait)
			if wait > 0 {
				checkError(t, err, "metal: one of 20 launches, from bump (m.mlx:3:9) to bump (m.mlx:3:9): ")
			}
			_, err = many.End()
			checkError(t, err, "metal: one of 20 launches, from bump (m.mlx:3:9) to bump (m.mlx:3:9): ")
			run(t, many)
		}
	}
	m.count(n)
	run(t, two)
	checkChain(t, m, n, 2)
	checkObjects(t, h, before)
}

func TestClosingFreesAllObjects(t *testing.T) {
	h := needHooks(t)
	before := objects(h)
	t.Run("use", func(t *testing.T) {
		d := open(t)
		m := newMemory(t, d, 4*32)
		r := record(t, d, bumps(m, 41))
		begin(t, r, 20)
		end(t, r)
	})
	checkObjects(t, h, before)
}

// A barrier is where a launch asks for one, and nowhere else: without it the
// software Metal finds a hazard.
func TestNoBarrierThatIsNotAskedFor(t *testing.T) {
	d, h := open(t), needHooks(t)
	const n = 64
	m := newMemory(t, d, 12*n)
	m.count(n)
	launches := append(chain(m, n, 2), chain(m, n, 2)[1])
	r := record(t, d, launches)
	set(t, h, "RECORD", "1", "0")
	for _, c := range []struct {
		barriers [3]bool
		hazard   bool
	}{
		{[3]bool{false, true, true}, false},
		{[3]bool{false, true, false}, true},
		{[3]bool{false, false, true}, true},
		{[3]bool{true, true, true}, false},
		{[3]bool{true, false, true}, true},
	} {
		for i, b := range c.barriers {
			launches[i].Barrier = b
			r.Set(i)
		}
		run(t, r)
		if found := h.Errors(); (len(found) > 0) != c.hazard {
			t.Errorf("barriers %v: found %q", c.barriers, found)
		}
	}
}
