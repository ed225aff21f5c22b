package softmetal

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/mlxc/mlxc/internal/required"
)

const arm64Root = "/usr/aarch64-linux-gnu"

// EmulateARM64 runs the tests of the package in dir under qemu-user, built for arm64
// with Metal; args go to the tests. Where a tool is missing it skips.
func EmulateARM64(t *testing.T, dir string, args ...string) {
	t.Helper()
	for _, tool := range []string{"qemu-aarch64", "aarch64-linux-gnu-gcc"} {
		if _, err := exec.LookPath(tool); err != nil {
			required.Skip(t, errors.New(tool+" is not installed (Debian: apt-get install qemu-user gcc-aarch64-linux-gnu)"))
		}
	}
	env, err := Env("arm64")
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "arm64.test")
	build := exec.Command("go", "test", "-c", "-tags", "mlxc_metal", "-o", binary, ".")
	build.Dir, build.Env = dir, append(os.Environ(), "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", dir, err, out)
	}
	const tries = 3
	for n := 1; ; n++ {
		out, err := emulate(dir, env, append([]string{binary, "-test.v"}, args...))
		switch {
		case err == nil:
			t.Logf("%s:\n%s", dir, out)
			return
		case errors.Is(err, context.DeadlineExceeded) && n < tries:
			t.Logf("%s: the emulator hangs, try %d of %d", dir, n, tries)
		default:
			t.Errorf("%s: %v\n%s", dir, err, out)
			return
		}
	}
}

// patience is several times what any of our tests take under the emulator.
const patience = 4 * time.Minute

// emulate runs a program under qemu-user. That forks a process with threads as it is,
// with whatever locks of its own another thread has taken: now and then the child, who
// would have become the compiler of kernels, waits for one forever. The error is
// context.DeadlineExceeded then.
func emulate(dir string, env, argv []string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	run := exec.CommandContext(ctx, "qemu-aarch64", append([]string{"-L", arm64Root}, argv...)...)
	run.Dir, run.Env = dir, append(os.Environ(), env...)
	run.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the child hangs too, and is killed with it
	run.Cancel = func() error { return syscall.Kill(-run.Process.Pid, syscall.SIGKILL) }
	run.WaitDelay = 5 * time.Second
	out, err := run.CombinedOutput()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return out, err
}
