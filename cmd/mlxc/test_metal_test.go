//go:build darwin || (linux && mlxc_metal)

package main

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/internal/required"
	"github.com/mlxc/mlxc/internal/softmetal"
	"github.com/mlxc/mlxc/runtime/metal"
)

// A kernel that is written by hand runs as its Metal on the GPU, and as its reference elsewhere:
// a test of one that does something else fails there alone.
func TestTestOnMetal(t *testing.T) {
	var err error
	if runtime.GOOS == "linux" {
		err = softmetal.Setup()
	}
	if err = errors.Join(err, metal.Available()); err != nil {
		required.Skip(t, err)
	}
	code, out, errs := mlxcRun(t, "test", "../../testdata/models/kernels.mlx", "--device", "metal")
	if code != exitOK || !strings.HasSuffix(out, "2 passed, 0 failed, 0 skipped\n") {
		t.Errorf("exit %d, %s, %s", code, out, errs)
	}
	other := write(t, "other.mlx", "kernel twice(x: f32[4]) -> (y: f32[4]) {\n  ref { return 2 * x }\n"+
		"  metal(grid=[4], group=[32]) `uint i = thread_position_in_grid.x; y[i] = 3.0f * x[i];`\n}\n"+
		"test \"doubled\" { assert close(twice(array([1, 2, 3, 4], f32)), array([2, 4, 6, 8], f32)) }\n")
	code, out, errs = mlxcRun(t, "test", other)
	if code != exitWrong || strings.Count(out, "FAIL") != 1 || !strings.Contains(out, "FAIL  "+other+": doubled, on metal\n") {
		t.Errorf("exit %d, %s, %s", code, out, errs)
	}
}
