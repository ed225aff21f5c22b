//go:build darwin || (linux && mlxc_metal)

package mlxc_test

import (
	"bytes"
	"context"
	"math"
	"path/filepath"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/internal/program"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
	"github.com/mlxc/mlxc/runtime"
)

// On pictures of 64 by 64 pixels, which the software Metal has done in seconds, the GPU
// gives the logits of the CPU.
func TestMetalSqueezeNet(t *testing.T) {
	needMetal(t)
	const size = 64
	weights := squeezenetWeights(t)
	load := func() *ir.Module {
		m, err := mlxc.Load(squeezenetPath, mlxc.Source{Set: map[string]string{"size": "64"}})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	x := corner(t, channelsLast(t, readNPY(t, filepath.Join(filepath.Dir(weights), "test_data_set", "0", "input_0.npy"))), size)

	runner, err := mlxc.BuildRunner(context.Background(), load(), "squeezenet.mlx", ir.CPU, nil)
	if err != nil {
		t.Fatal(err)
	}
	var in, out bytes.Buffer
	if err := runtime.WriteNPY(&in, x); err != nil {
		t.Fatal(err)
	}
	if err := runner.Run(context.Background(), "classify", weights, 0, &in, &out); err != nil {
		t.Fatal(err)
	}
	onCPU, err := runtime.ReadNPY(&out, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}

	planned := load()
	if err := passes.Run(planned, ir.Metal, nil); err != nil {
		t.Fatal(err)
	}
	p, err := program.Metal(planned)
	if err != nil {
		t.Fatal(err)
	}
	m, err := runtime.Load(p, weights)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, m) })
	s, err := m.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, s) })
	onGPU, err := s.Call(context.Background(), 0, x)
	if err != nil {
		t.Fatal(err)
	}
	if s.DeviceTime() <= 0 {
		t.Error("no time of the GPU")
	}
	checkLogits(t, "Metal", floats(t, onGPU[0]), floats(t, onCPU))
}
