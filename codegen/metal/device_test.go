package metal_test

import (
	"testing"

	"github.com/mlxc/mlxc/internal/msl"
	"github.com/mlxc/mlxc/internal/required"
)

// A device runs the kernels of one text.
type device struct {
	t      *testing.T
	runner *msl.Runner
	text   *msl.Program
}

// newDevice compiles a text, strictly and held to our language.
func newDevice(t *testing.T, text string) *device {
	t.Helper()
	if err := msl.Available(); err != nil {
		required.Skip(t, err)
	}
	d := &device{t: t}
	var err error
	if d.text, err = msl.Prepare(text); err != nil {
		t.Fatal(err)
	}
	if d.runner, err = msl.NewRunner(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.runner.Close)
	return d
}

// A pass is one way of running kernels.
type pass struct {
	name    string
	order   msl.Order
	checked bool
}

var allPasses = []pass{{"forward", msl.Forward, false}, {"reverse", msl.Reverse, false}, {"random", msl.Random, false}, {"checked", msl.Random, true}}

// launch runs a kernel, and returns what is found to be wrong with it.
func (d *device) launch(kernel string, p pass, buffers [][]byte, groups, threads int) []msl.Finding {
	d.t.Helper()
	o := d.text.Flat
	if p.checked {
		o = d.text.Checked
	}
	r, err := d.runner.Run(o, msl.Launch{
		Kernel: kernel, Buffers: buffers, Groups: [3]uint32{uint32(groups), 1, 1}, Threads: [3]uint32{uint32(threads), 1, 1},
		Order: p.order, Seed: 1,
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return r.Findings
}
