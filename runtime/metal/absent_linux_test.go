//go:build mlxc_metal

package metal

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/mlxc/mlxc/runtime"
)

// Without a Metal, or with a library that is none, there is an error. A process
// loads one library, so that each case is a process.
func TestAbsent(t *testing.T) {
	const child = "MLXC_TEST_ABSENT"
	if want := os.Getenv(child); want != "" {
		_, err := Kernels(source, kernels).Open(nil)
		checkError(t, err, want)
		var e *runtime.DeviceError
		if err := Available(); !errors.As(err, &e) {
			t.Errorf("got %v", err)
		}
		return
	}
	for _, c := range []struct{ library, want string }{
		{"", "metal: there is no Metal on Linux, and MLXC_SWMETAL names no software Metal"},
		{"/nonexistent.so", "metal: /nonexistent.so: cannot open"},
		{"libc.so.6", "metal: there is no function objc_msgSend in the system's Metal"},
	} {
		cmd := exec.Command(os.Args[0], "-test.run=TestAbsent")
		cmd.Env = append(os.Environ(), child+"="+c.want, "MLXC_SWMETAL="+c.library)
		out, err := cmd.CombinedOutput()
		if errors.Is(err, syscall.ENOEXEC) {
			t.Skip("an emulated process cannot start itself: ", err)
		}
		if err != nil || !strings.Contains(string(out), "PASS") {
			t.Errorf("%q: %v\n%s", c.library, err, out)
		}
	}
}
