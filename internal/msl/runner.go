package msl

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// An Order is that of threadgroups, and of threads within them.
type Order int

const (
	Forward Order = iota
	Reverse
	Random // a function of the seed
)

func (o Order) String() string { return [...]string{"forward", "reverse", "random"}[o] }

// A Launch runs a kernel on a grid.
type Launch struct {
	Kernel  string
	Buffers [][]byte  // by index; nil: not bound. What the kernel writes is written back.
	Groups  [3]uint32 // threadgroups of the grid; 0 counts as 1
	Threads [3]uint32 // threads of each; 0 counts as 1
	Order   Order
	Seed    uint64
}

// A Finding is what a run says is wrong with a kernel.
type Finding struct {
	Kernel string
	Line   int    // of the text; 0: not known
	Kind   string // race, bounds, uninitialised, divergence, …
	Text   string
}

func (f Finding) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", f.Kernel, f.Line, f.Kind, f.Text)
}

// A Result is what a run gives besides its buffers: none of the findings are there
// twice, and there are at most 16.
type Result struct {
	Findings []Finding
}

// maxLaunch is the most bytes of all buffers of a launch.
const maxLaunch = 1 << 30

// A Runner runs kernels in a child process, which it starts anew when a kernel crashes
// it. Runs of several goroutines take turns. Close ends the process.
type Runner struct {
	// Timeout is how long a run may take before it is ended, which is a finding.
	Timeout time.Duration

	argv []string
	mu   sync.Mutex
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
}

// NewRunner makes a runner for the machine that this program runs on.
func NewRunner() (*Runner, error) { return newRunner(runtime.GOARCH) }

// newRunner runs objects of another architecture through prefix, an emulator.
func newRunner(arch string, prefix ...string) (*Runner, error) {
	path, err := buildRunner(arch)
	if err != nil {
		return nil, err
	}
	return &Runner{Timeout: time.Minute, argv: append(prefix, path)}, nil
}

// executor is the sources of the executor in C.
var executor = []string{"exec.c", "fiber.c", "check.c", "report.c", "math.c"}

// WriteExecutor writes the executor's sources and headers to dir, for a program that
// runs kernels itself, and returns the names of the sources. They need -lm -ldl
// -lpthread, and the program must export their symbols.
func WriteExecutor(dir string) ([]string, error) {
	for _, name := range append([]string{"exec.h", "thread.h", "machine.h"}, executor...) {
		if err := os.WriteFile(filepath.Join(dir, name), nativeFile(name), 0o644); err != nil {
			return nil, err
		}
	}
	return executor, nil
}

func buildRunner(arch string) (string, error) {
	if err := Available(); err != nil {
		return "", err
	}
	cc := []string{clang}
	if arch != runtime.GOARCH {
		if arch != "arm64" {
			return "", fmt.Errorf("no compiler of C for %s", arch)
		}
		cc = []string{"aarch64-linux-gnu-gcc"}
	}
	cc = append(cc, "-std=gnu17", "-O2", "-Wall", "-Wextra", "-rdynamic", "-o", "mslrun", "run.c")
	cc = append(append(cc, executor...), "-Wl,--no-as-needed", "-lm", "-ldl", "-lpthread")
	parts := append([]string{}, cc...)
	for _, name := range append([]string{"exec.h", "thread.h", "machine.h", "run.c"}, executor...) {
		parts = append(parts, string(nativeFile(name)))
	}
	return cached(".run", parts, func(dir string) (string, error) {
		if _, err := WriteExecutor(dir); err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, "run.c"), nativeFile("run.c"), 0o644); err != nil {
			return "", err
		}
		cmd := exec.Command(cc[0], cc[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%s: %w\n%s", cc[0], err, out)
		}
		return "mslrun", nil
	})
}

// Close ends the child process.
func (r *Runner) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stop()
}

func (r *Runner) start() error {
	if r.cmd != nil {
		return nil
	}
	cmd := exec.Command(r.argv[0], r.argv[1:]...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	r.cmd, r.in, r.out = cmd, in, bufio.NewReader(out)
	return nil
}

func (r *Runner) stop() {
	if r.cmd == nil {
		return
	}
	r.in.Close()
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait() // it was killed
	r.cmd = nil
}

// Run runs a kernel of an object once. A kernel that crashes or takes too long is a
// finding; the error is for a launch that cannot be made.
func (r *Runner) Run(o *Object, l Launch) (Result, error) {
	request, err := l.request(o)
	if err != nil {
		return Result{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.start(); err != nil {
		return Result{}, err
	}
	process := r.cmd.Process
	late := time.AfterFunc(r.Timeout, func() { _ = process.Kill() })
	result, err := r.exchange(request, l)
	if err == nil {
		late.Stop()
		return result, nil
	}
	inTime := late.Stop()
	r.stop()
	var crash crashError
	switch {
	case errors.As(err, &crash):
		result.Findings = append(result.Findings, parseFinding(string(crash)))
		return result, nil
	case !inTime:
		result.Findings = append(result.Findings, Finding{l.Kernel, 0, "time", fmt.Sprintf("not done after %v", r.Timeout)})
		return result, nil
	}
	return result, fmt.Errorf("kernel %s: %w", l.Kernel, err)
}

// request is a launch as native/run.c reads it.
func (l Launch) request(o *Object) ([]byte, error) {
	var b bytes.Buffer
	put := func(v any) { _ = binary.Write(&b, binary.NativeEndian, v) } // never fails
	text := func(s string) { put(uint32(len(s))); b.WriteString(s) }
	text(o.Path)
	text(l.Kernel)
	check := uint32(0)
	if o.Mode != Flat {
		check = 1
	}
	put([]uint32{uint32(l.Order), check})
	put(l.Seed)
	for _, size := range [][3]uint32{l.Groups, l.Threads} {
		for _, n := range size {
			put(max(n, 1))
		}
	}
	if len(l.Buffers) > maxBuffer+1 {
		return nil, fmt.Errorf("kernel %s: %d buffers", l.Kernel, len(l.Buffers))
	}
	put(uint32(len(l.Buffers)))
	total := 0
	for _, data := range l.Buffers {
		if total += len(data); total > maxLaunch {
			return nil, fmt.Errorf("kernel %s: its buffers have more than %d bytes", l.Kernel, maxLaunch)
		}
		bound := uint32(0)
		if data != nil {
			bound = 1
		}
		put(bound)
		put(uint64(len(data)))
		b.Write(data)
	}
	return b.Bytes(), nil
}

// A crashError is what the child says before it ends.
type crashError string

func (e crashError) Error() string { return string(e) }

func (r *Runner) exchange(request []byte, l Launch) (Result, error) {
	var result Result
	if _, err := r.in.Write(request); err != nil {
		return result, err
	}
	for {
		letter, err := r.out.ReadByte()
		if err != nil {
			return result, err
		}
		var n uint64
		if err := binary.Read(r.out, binary.NativeEndian, &n); err != nil {
			return result, err
		}
		if n > maxLaunch+4 {
			return result, fmt.Errorf("the runner answers %d bytes", n)
		}
		switch letter {
		case 'D':
			return result, nil
		case 'B':
			var i uint32
			if err := binary.Read(r.out, binary.NativeEndian, &i); err != nil {
				return result, err
			}
			if int(i) >= len(l.Buffers) || uint64(len(l.Buffers[i])) != n-4 {
				return result, fmt.Errorf("the runner answers buffer %d of %d bytes", i, n-4)
			}
			if _, err := io.ReadFull(r.out, l.Buffers[i]); err != nil {
				return result, err
			}
		default:
			text := make([]byte, n)
			if _, err := io.ReadFull(r.out, text); err != nil {
				return result, err
			}
			switch letter {
			case 'F':
				result.Findings = append(result.Findings, parseFinding(string(text)))
			case 'C':
				return result, crashError(text)
			default:
				return result, errors.New(string(text))
			}
		}
	}
}

// parseFinding reads "KERNEL:LINE: KIND: TEXT".
func parseFinding(s string) Finding {
	var f Finding
	var line string
	f.Kernel, s, _ = strings.Cut(s, ":")
	line, s, _ = strings.Cut(s, ": ")
	f.Kind, f.Text, _ = strings.Cut(s, ": ")
	f.Line, _ = strconv.Atoi(line)
	return f
}
