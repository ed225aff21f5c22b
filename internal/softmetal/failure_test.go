//go:build linux

package softmetal

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestFailures(t *testing.T) {
	b := newBench(t)
	fail := func(spec string) {
		t.Helper()
		must(t, metal.hooks.Fail(spec))
	}
	defer fail("")

	fail("buffer:2")
	for i, want := range []bool{true, false, true} {
		x := newBuffer(8, 0)
		if (x != 0) != want {
			t.Errorf("buffer %d is %#x", i+1, x)
		}
		x.release()
	}
	fail("compile:1")
	if l, p := newLibrary(kernels); l != 0 || p.domain != "MTLLibraryErrorDomain" || p.code != 3 || p.message == "" {
		t.Error(l, p)
	}
	fail("pipeline:1")
	if l, p := newPipeline(b.library, "scale"); l != 0 || p.code == 0 || p.message == "" {
		t.Error(l, p)
	}

	// submit puts v into c; what fails does not run.
	submit := func(v float32) (status int, p problem) {
		pool(func() {
			c := b.commandBuffer()
			e := encoder(c, false)
			b.put(e, b.c, 0, 1, v)
			e.end()
			c.commitAndWait()
			status, p = int(c.send("status")), problemOf(id(c.send("error")))
		})
		return status, p
	}
	for _, c := range []struct {
		kind, message string
		code          int
	}{
		{"status", "Internal Error", 1},
		{"timeout", "kIOGPUCommandBufferCallbackErrorTimeout", 2},
		{"lost", "kIOGPUCommandBufferCallbackErrorSubmissionsIgnored", 4},
	} {
		fail(c.kind + ":2")
		if s, p := submit(1); s != completed || p != (problem{}) || b.c.floats()[0] != 1 {
			t.Errorf("%s: before it status %d, %v", c.kind, s, p)
		}
		s, p := submit(2)
		if s != failed || p.domain != "MTLCommandBufferErrorDomain" || p.code != c.code || !strings.Contains(p.message, c.message) {
			t.Errorf("%s: status %d, %v", c.kind, s, p)
		}
		if got := b.c.floats()[0]; got != 1 {
			t.Errorf("%s: it ran: %v", c.kind, got)
		}
		want := completed
		if c.kind == "lost" {
			want = failed
		}
		if s, _ := submit(3); s != want {
			t.Errorf("%s: after it status %d", c.kind, s)
		}
	}
	fail("")
	if s, _ := submit(4); s != completed {
		t.Error("the device is still lost")
	}
	for _, spec := range []string{"buffers:1", "buffer", "buffer:", "buffer:0", "buffer:x", "buffer:1;compile:1"} {
		if metal.hooks.Fail(spec) == nil {
			t.Errorf("%q is taken", spec)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	need(t)
	l, p := newLibrary(strings.Replace(kernels, "= x[i] * k[0]", "= nope", 1))
	const place = "program_source:9:12: error: "
	if l != 0 || p.code != 3 || !strings.HasPrefix(p.message, place) || !strings.Contains(p.message, "nope") {
		t.Error(l, p)
	}
	for name, want := range map[string]string{"": "MLXC_MSLC is not set", "/does/not/exist": "cannot run /does/not/exist"} {
		t.Run(want, func(t *testing.T) {
			before := os.Getenv(compilerVariable)
			must(t, os.Setenv(compilerVariable, name))
			if name == "" {
				must(t, os.Unsetenv(compilerVariable))
			}
			defer os.Setenv(compilerVariable, before)
			if l, p := newLibrary(kernels); l != 0 || !strings.Contains(p.message, want) {
				t.Error(l, p)
			}
		})
	}
}

// An error that is not recorded ends the process and says why.
func TestErrorEndsTheProcess(t *testing.T) {
	need(t)
	if os.Getenv("SOFTMETAL_TEST_CRASH") != "" {
		newBuffer(0, 0)
		return
	}
	c := exec.Command(os.Args[0], "-test.run=^TestErrorEndsTheProcess$")
	c.Env = append(os.Environ(), "SOFTMETAL_TEST_CRASH=1")
	out, err := c.CombinedOutput()
	const want = "swmetal: -[MTLDevice newBufferWithLength:options:]: failed assertion: buffer length must not be zero"
	if err == nil || !strings.Contains(string(out), want) {
		t.Errorf("%v\n%s", err, out)
	}
}

// A setting that cannot be ends the process too.
func TestBadSetting(t *testing.T) {
	need(t)
	for name, value := range map[string]string{"LAZY": "yes", "ORDER": "up", "FAIL": "x:1"} {
		c := exec.Command(os.Args[0], "-test.run=^TestABI$")
		c.Env = append(os.Environ(), "SWMETAL_"+name+"="+value)
		out, err := c.CombinedOutput()
		if want := "swmetal: SWMETAL_" + name + ` cannot be "` + value + `"`; err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%v\n%s", err, out)
		}
	}
	if metal.hooks.Set("COLOUR", "1") == nil {
		t.Error("there is no such setting")
	}
}
