package msl

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// Every kernel of bad.metal is caught by the checks, at the line whose comment says so,
// in every order.
func TestBadKernels(t *testing.T) {
	for _, mode := range []Mode{Checked, Quick} {
		t.Run(mode.String(), func(t *testing.T) { badKernels(t, mode) })
	}
}

func badKernels(t *testing.T, mode Mode) {
	r := testRunner(t)
	text := readText(t, "bad.metal")
	object, err := Compile(text, mode, runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	starts := regexp.MustCompile(`kernel void (\w+)\(`)
	said := regexp.MustCompile(`// (race|bounds|undefined|uninitialised|threadgroup memory|divergence|constant|alignment): ?(.*)$`)
	kernel, kernels := "", 0
	for i, line := range strings.Split(text, "\n") {
		if m := starts.FindStringSubmatch(line); m != nil {
			kernel = m[1]
		}
		m := said.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		kernels++
		name, want := kernel, m[2]
		t.Run(name, func(t *testing.T) {
			for _, order := range []Order{Forward, Reverse, Random} {
				result, err := r.Run(object, badLaunch(name, order))
				if err != nil {
					t.Fatal(err)
				}
				found := slices.ContainsFunc(result.Findings, func(f Finding) bool {
					exact := order != Forward || strings.Contains(f.Text, want)
					near := f.Line == i+1 || f.Line > 0 && order != Forward // another order may find it elsewhere first
					return f.Kernel == name && f.Kind == m[1] && (near || mode == Quick) && exact
				})
				if !found {
					t.Errorf("order %d: want %s:%d: %s: %s, got %v", order, name, i+1, m[1], want, result.Findings)
				}
			}
		})
	}
	if kernels != len(object.Kernels) {
		t.Errorf("%d kernels say what is wrong, there are %d", kernels, len(object.Kernels))
	}
}

func badLaunch(kernel string, order Order) Launch {
	l := Launch{Kernel: kernel, Order: order, Seed: 1, Threads: [3]uint32{64}}
	l.Buffers = [][]byte{bytesOf(randomFloats(128, 1)), bytesOf(randomFloats(128, 2))}
	switch kernel {
	case "divergent_sum", "two_sums", "other_memory_of_simdgroup", "shuffled":
		l.Threads[0] = 32
	case "across", "read_across", "left_over":
		l.Threads[0], l.Groups[0] = 8, 4
	case "straddles":
		l.Buffers[0] = l.Buffers[0][:260]
	case "beyond", "before":
		l.Buffers[0] = l.Buffers[0][:256]
	}
	return l
}

// What would harm the process for values is reported too.
func TestCrashes(t *testing.T) {
	r := testRunner(t)
	text := readText(t, "bad.metal")
	object, err := Compile(text, Flat, runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ kernel, want string }{
		{"beyond", "beyond:0: crash: byte 256 of y, which has 256"},
		{"to_constant", "to_constant:0: crash: writes x, which is constant"},
		{"far_away", "far_away:0: crash: Segmentation fault at address"},
	} {
		result, err := r.Run(object, badLaunch(test.kernel, Forward))
		if err != nil {
			t.Fatal(err)
		}
		if len(result.Findings) != 1 || !strings.HasPrefix(result.Findings[0].String(), test.want) {
			t.Errorf("%s: got %v, want %s", test.kernel, result.Findings, test.want)
		}
	}
	good := goodLaunches()["axpy"] // the next child serves
	if err := r.Verify(prepare(t, readText(t, "good.metal")), good.launch); err != nil {
		t.Error(err)
	}
}

// The orders are what they say, and threadgroup memory starts as NaN.
func TestOrders(t *testing.T) {
	r := testRunner(t)
	object, err := Compile(readText(t, "bad.metal"), Flat, runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	run := func(kernel string, order Order, seed uint64) []float32 {
		l := badLaunch(kernel, order)
		l.Seed = seed
		if result, err := r.Run(object, l); err != nil || len(result.Findings) > 0 {
			t.Fatal(result, err)
		}
		return floats(l.Buffers[0])
	}
	for _, test := range []struct {
		kernel string
		order  Order
		want   []float32
	}{
		{"across", Forward, []float32{2, 2, 2, 2, 2, 2, 2, 2, 3}},
		{"across", Reverse, []float32{0, 0, 0, 0, 0, 0, 0, 0, 1}},
		{"write_write", Forward, []float32{1, 3, 5}},
		{"write_write", Reverse, []float32{0, 2, 4}},
	} {
		if got := run(test.kernel, test.order, 0); !slices.Equal(got[:len(test.want)], test.want) {
			t.Errorf("%s, %v order: %v, want %v", test.kernel, test.order, got[:len(test.want)], test.want)
		}
	}
	for _, kernel := range []string{"across", "write_write"} {
		a, b, again := run(kernel, Random, 1), run(kernel, Random, 2), run(kernel, Random, 1)
		if slices.Equal(a, b) || !slices.Equal(a, again) {
			t.Errorf("%s: random orders of two seeds are %v and %v, the first again %v", kernel, a[:16], b[:16], again[:16])
		}
	}
	if y := run("uninitialised", Forward, 0); y[63] == y[63] || y[62] != 1 {
		t.Errorf("uninitialised threadgroup memory is %v", y[63])
	}
}

// A launch ends at the first access that would harm, however many threads make it.
func TestStops(t *testing.T) {
	r := testRunner(t)
	object, err := Compile(readText(t, "bad.metal"), Checked, runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	l := badLaunch("far_away", Forward)
	l.Groups[0] = 5000
	if result, err := r.Run(object, l); err != nil || len(result.Findings) != 1 || result.Findings[0].Kind != "bounds" {
		t.Errorf("got %v, %v", result, err)
	}
}

// A runner serves more objects than it keeps open.
func TestManyObjects(t *testing.T) {
	r := testRunner(t)
	object, err := Compile(readText(t, "good.metal"), Flat, runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for i := range 600 {
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.Symlink(object.Path, path); err != nil {
			t.Fatal(err)
		}
		l := goodLaunches()["gelu4"]
		result, err := r.Run(&Object{Path: path}, l.launch)
		if err != nil || len(result.Findings) > 0 {
			t.Fatal(i, result, err)
		}
		l.check(t, l.launch.Buffers)
	}
}

// Verify passes on what any of its runs finds.
func TestVerify(t *testing.T) {
	r := testRunner(t)
	both := func(text string) *Program {
		flat, err := Compile(text, Flat, runtime.GOARCH)
		if err != nil {
			t.Fatal(err)
		}
		checked, err := Compile(text, Checked, runtime.GOARCH)
		if err != nil {
			t.Fatal(err)
		}
		return &Program{flat, checked}
	}
	bad := both(readText(t, "bad.metal"))
	harmless := both(head + `kernel void write_write(device float *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    y[t] = 1.0f;
}
`)
	for _, test := range []struct {
		kernel string
		p      *Program
		want   string
	}{
		{"neighbour", bad, "checked, forward order:\nneighbour:9: race: thread 1 reads"},
		{"write_write", &Program{bad.Flat, harmless.Checked}, "kernel write_write: byte 2 of buffer 0 is another in reverse order than forward (flat)"},
		{"write_write", harmless, "<nil>"},
	} {
		err := r.Verify(test.p, badLaunch(test.kernel, Forward))
		if !strings.HasPrefix(fmt.Sprint(err), test.want) {
			t.Errorf("%s: %v, want %s", test.kernel, err, test.want)
		}
	}
}

func TestTimeout(t *testing.T) {
	r := testRunner(t)
	object, err := Compile(head+`kernel void forever(device int *y [[buffer(0)]], uint i [[thread_position_in_grid]]) {
    while (y[i] == 0) {
        y[i] = 0;
    }
}
`, Checked, runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	r.Timeout = 50 * time.Millisecond
	result, err := r.Run(object, Launch{Kernel: "forever", Buffers: [][]byte{make([]byte, 4)}})
	if err != nil || len(result.Findings) != 1 || result.Findings[0].Kind != "time" {
		t.Errorf("got %v, %v", result, err)
	}
}

const head = "#include <metal_stdlib>\nusing namespace metal;\n"

func TestLaunches(t *testing.T) {
	r := testRunner(t)
	object, err := Compile(readText(t, "good.metal"), Flat, runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	good := goodLaunches()["axpy"].launch
	for name, test := range map[string]struct {
		change func(*Launch)
		want   string
	}{
		"threads": {func(l *Launch) { l.Threads = [3]uint32{1025} }, "too many: the limit is 1024"},
		"volume":  {func(l *Launch) { l.Threads = [3]uint32{32, 32, 2} }, "too many: the limit is 1024"},
		"unbound": {func(l *Launch) { l.Buffers = l.Buffers[:2] }, "s [[buffer(2)]] is not bound"},
		"kernel":  {func(l *Launch) { l.Kernel = "saxpy" }, "the object has no such kernel"},
		"buffers": {func(l *Launch) { l.Buffers = make([][]byte, 32) }, "32 buffers"},
	} {
		t.Run(name, func(t *testing.T) {
			l := good
			test.change(&l)
			result, err := r.Run(object, l)
			got := ""
			if err != nil {
				got = err.Error()
			} else if len(result.Findings) == 1 {
				got = result.Findings[0].String()
			}
			if !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
