package msl

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/mlxc/mlxc/internal/required"
)

// The executor and the code for aarch64 give what those for x86-64 give, under an
// emulator.
func TestArm64(t *testing.T) {
	needClang(t)
	const root = "/usr/aarch64-linux-gnu"
	if runtime.GOARCH == "arm64" {
		t.Skip("every test is one of arm64 here")
	}
	for _, tool := range []string{"qemu-aarch64", "aarch64-linux-gnu-gcc"} {
		if _, err := exec.LookPath(tool); err != nil {
			required.Skip(t, errors.New(tool+" is not installed (Debian: apt-get install qemu-user gcc-aarch64-linux-gnu)"))
		}
	}
	if _, err := os.Stat(root); err != nil {
		required.Skip(t, err)
	}
	r, err := newRunner("arm64", "qemu-aarch64", "-L", root)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text := readText(t, "good.metal")
	flat, err := Compile(text, Flat, "arm64")
	if err != nil {
		t.Fatal(err)
	}
	checked, err := Compile(text, Checked, "arm64")
	if err != nil {
		t.Fatal(err)
	}
	for name, l := range goodLaunches() {
		t.Run(name, func(t *testing.T) {
			if err := r.Verify(&Program{flat, checked}, l.launch); err != nil {
				t.Fatal(err)
			}
			l.check(t, l.launch.Buffers)
		})
	}
	bad, err := Compile(readText(t, "bad.metal"), Checked, "arm64")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range bad.Kernels {
		result, err := r.Run(bad, badLaunch(k.Name, Forward))
		if err != nil {
			t.Fatal(err)
		}
		if len(result.Findings) == 0 {
			t.Errorf("%s: nothing is found", k.Name)
		}
	}
}
