//go:build linux

package softmetal

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// The tests of this package pass on arm64, under an emulator.
func TestARM64(t *testing.T) {
	if runtime.GOARCH == "arm64" || testing.Short() {
		t.Skip("on arm64 all tests are of arm64")
	}
	need(t)
	for _, tool := range []string{"qemu-aarch64", "aarch64-linux-gnu-gcc"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s", tool)
		}
	}
	env, err := Env("arm64")
	must(t, err)
	binary := filepath.Join(t.TempDir(), "softmetal.test")
	build := exec.Command("go", "test", "-c", "-o", binary, ".")
	build.Env = append(os.Environ(), "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := exec.Command("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", binary, "-test.v", "-test.skip=EndsTheProcess|BadSetting")
	run.Env = append(os.Environ(), env...)
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	} else {
		t.Logf("%s", out)
	}
}
