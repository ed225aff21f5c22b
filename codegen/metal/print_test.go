package metal_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/codegen/metal"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
)

// What Metal cannot say is an error that names the kernel.
func TestRefusals(t *testing.T) {
	wide := kernelSuite(t, "\narg %x: f64[1] read\narg %out: f64[1] write\nv0 = load %x[0] : f64\nstore %out[0] = v0", 1).module
	var args strings.Builder
	for i := range 31 {
		fmt.Fprintf(&args, "\narg %%x%d: f32[1] read", i)
	}
	many := kernelSuite(t, args.String()+"\narg %out: f32[1] write\nv0 = load %x0[0] : f32\nstore %out[0] = v0", 1).module
	unscheduled := *many
	k := *many.Kernels[0]
	k.Schedule = nil
	unscheduled.Kernels = []*ir.Kernel{&k}
	for _, test := range []struct {
		m    *ir.Module
		want string
	}{
		{wide, "kernel k: x is f64, which Metal does not have"},
		{many, "kernel k: 32 buffers are more than 31"},
		{&unscheduled, "kernel k: it has no schedule"},
	} {
		if text, err := metal.Print(test.m); err == nil || !strings.Contains(err.Error(), test.want) || text != "" {
			t.Errorf("%v, want %s", err, test.want)
		}
	}
}

// Kernels of the CPU are not printed.
func TestOnlyGPU(t *testing.T) {
	m, err := ir.Parse("mixed.mlxir", []byte(`mlxir 1
module "mixed" {
  func @run(%x: f32[64]) -> (y: f32[64]) {
    %0 = exp(%x) : f32[64] on gpu
    %y = neg(%0) : f32[64] on cpu
    ret(%y)
  }
}
`))
	if err != nil {
		t.Fatal(err)
	}
	if err := passes.Run(m, ir.Metal, nil); err != nil {
		t.Fatal(err)
	}
	text, err := metal.Print(m)
	if err != nil || strings.Count(text, "kernel void") != 1 || !strings.Contains(text, "kernel void run_exp(") {
		t.Errorf("%v\n%s", err, text)
	}
}
