//go:build mlxc_metal

package metal

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/runtime"
)

func TestCompileError(t *testing.T) {
	needMetal(t)
	before := live(t)
	for _, c := range []struct{ old, new, want string }{
		{"y[i] = a[i] + b[i]", "y[i] = a[i] + c[i]", "metal: kernel add (m.mlx:2:1): "},
		{"x[i] + 1.0f", "x[i] + one", "metal: kernel bump (m.mlx:3:1): "},
		{"kernel void bump", "kernel void bounce", "metal: kernel bump (m.mlx:3:1): the library has no such function"},
	} {
		_, err := Kernels(strings.Replace(source, c.old, c.new, 1), kernels).Open(nil)
		checkError(t, err, c.want)
	}
	checkLive(t, before)
}

func TestKernelOfAMessage(t *testing.T) {
	for _, c := range []struct{ message, want string }{
		{"program_source:12:5: error: no", "metal: kernel scale (m.mlx:1:1): program_source:12:5: error: no"},
		{"warm\nprogram_source:16:1: warning: hm\nprogram_source:24:1: error: no", "metal: kernel add (m.mlx:2:1): warm"},
		{"program_source:15:1: error: no", "metal: kernel add (m.mlx:2:1): "},
		{"program_source:2:1: fatal error: no", "metal: program_source:2:1"},
		{"program_source:9999:1: error: no", "metal: kernel bump (m.mlx:3:1): "},
		{"the compiler is out of order", "metal: the compiler is out of order"},
	} {
		checkError(t, compileError(source, kernels, errors.New(c.message)), c.want)
	}
}

func TestOpenFails(t *testing.T) {
	needMetal(t)
	before := live(t)
	for _, c := range []struct{ setting, value, want string }{
		{"FAIL", "buffer:1", "metal: no memory for a buffer of"},
		{"FAIL", "compile:1", "metal: "},
		{"FAIL", "pipeline:2", "metal: kernel add (m.mlx:2:1): "},
		{"MAXTHREADS", "32", "metal: kernel add (m.mlx:2:1): it has 64 threads in a threadgroup, and the GPU takes at most 32 of it"},
		{"MAXBUFFER", "4096", "metal: the GPU takes buffers of no more than 4096 bytes"},
	} {
		set(t, c.setting, c.value)
		_, err := Kernels(source, kernels).Open(nil)
		checkError(t, err, c.want)
	}
	checkLive(t, before)
}

func TestWrapFails(t *testing.T) {
	d := open(t)
	d.largest = 4 * pageSize
	m := newMemory(t, d, 15*pageSize)
	before := live(t)
	set(t, "FAIL", "buffer:3")
	_, err := d.Wrap(m.bytes)
	checkError(t, err, "metal: no buffer can be made over")
	checkLive(t, before)
}

func TestRunFails(t *testing.T) {
	d := open(t)
	const n = 64
	m := newMemory(t, d, 12*n)
	m.count(n)
	two := record(t, d, chain(m, n, 2))
	one := record(t, d, chain(m, n, 2)[:1])
	many := record(t, d, bumps(m, 3*partLength))
	const both = "metal: one of 2 launches, from scale (m.mlx:1:5) to add (m.mlx:2:5): "
	before := live(t)
	for _, c := range []struct {
		recording runtime.Recording
		failure   string
		want      string
	}{
		{two, "status:1", both + "the GPU's driver failed: "},
		{two, "timeout:1", both + "the GPU took too long, and the system stopped it: "},
		{one, "timeout:1", "metal: kernel scale (m.mlx:1:5): the GPU took too long, and the system stopped it: "},
		{many, "timeout:2", "metal: one of 512 launches, from bump (m.mlx:3:9) to bump (m.mlx:3:9): the GPU took too long"},
		{two, "lost:1", both + "the system no longer lets this program use the GPU: "},
	} {
		set(t, "FAIL", c.failure)
		_, err := c.recording.Run(context.Background())
		checkError(t, err, c.want)
	}
	_, err := two.Run(context.Background()) // still lost
	checkError(t, err, "the system no longer lets this program use the GPU")
	set(t, "FAIL", "")
	m.count(n)
	run(t, two)
	checkChain(t, m, n, 2)
	checkLive(t, before)
}

func TestCancelledRunsFreeTheirObjects(t *testing.T) {
	d := open(t)
	m := newMemory(t, d, 4*32)
	r := record(t, d, bumps(m, 3*partLength))
	before := live(t)
	for looks := range 3 {
		if _, err := r.Run(&countdown{context.Background(), looks}); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled at look %d: got %v", looks, err)
		}
	}
	checkLive(t, before)
}
