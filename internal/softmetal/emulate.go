package softmetal

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const arm64Root = "/usr/aarch64-linux-gnu"

// EmulateARM64 runs the tests of the package in dir under qemu-user, built for arm64
// with Metal; args go to the tests. It skips the test where a tool is missing, unless
// MLXC_METAL_REQUIRED says that all must run.
func EmulateARM64(t *testing.T, dir string, args ...string) {
	t.Helper()
	for _, tool := range []string{"qemu-aarch64", "aarch64-linux-gnu-gcc"} {
		if _, err := exec.LookPath(tool); err != nil && os.Getenv("MLXC_METAL_REQUIRED") == "" {
			t.Skip(tool + " is not installed (Debian: apt-get install qemu-user gcc-aarch64-linux-gnu)")
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
	run := exec.Command("qemu-aarch64", append([]string{"-L", arm64Root, binary, "-test.v"}, args...)...)
	run.Dir, run.Env = dir, append(os.Environ(), env...)
	if out, err := run.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", dir, err, out)
	} else {
		t.Logf("%s:\n%s", dir, out)
	}
}
