package mlxc_test

import (
	"bytes"
	"context"
	"math"
	"path/filepath"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

const recurrentPath = "testdata/recurrent/recurrent.mlx"

// recurrent reads a recorded array.
func recurrent(t *testing.T, name string) *runtime.Array {
	t.Helper()
	return readNPY(t, filepath.Join(filepath.Dir(recurrentPath), name+".npy"))
}

// isRecurrent compares a result with what PyTorch gives in f64. A round of these layers
// shrinks the errors that it is given, and adds those of sums of 11 terms and of two
// functions of 2 ulp: under 2^-20 in all, of results below 1.
func isRecurrent(t *testing.T, name string, got []float32) {
	t.Helper()
	want := floats(t, recurrent(t, name))
	worst := 0.0
	for i, w := range want {
		worst = max(worst, math.Abs(float64(got[i]-w)))
	}
	t.Logf("%s: errors up to %.2g", name, worst)
	if len(got) != len(want) || !(worst < 0x1p-20) {
		t.Errorf("%s: errors up to %.2g in %d of %d numbers", name, worst, len(got), len(want))
	}
}

// Layers of LSTM and GRU over a sequence are those of PyTorch: a loop of the run time, from
// compiled code.
func TestRecurrentLayers(t *testing.T) {
	m, err := mlxc.Load(recurrentPath, mlxc.Source{})
	if err != nil {
		t.Fatal(err)
	}
	runner, err := mlxc.BuildRunner(context.Background(), m, "recurrent.mlx", ir.CPU, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range m.Funcs {
		var in, out bytes.Buffer
		for _, v := range f.Inputs {
			if err := runtime.WriteNPY(&in, recurrent(t, v.Name)); err != nil {
				t.Fatal(err)
			}
		}
		if err := runner.Run(context.Background(), f.Name, filepath.Join(filepath.Dir(recurrentPath), "recurrent.safetensors"), 0, &in, &out); err != nil {
			t.Fatal(err)
		}
		for _, r := range f.Results {
			got, err := runtime.ReadNPY(&out, math.MaxInt64)
			if err != nil {
				t.Fatal(err)
			}
			isRecurrent(t, r.Name, floats(t, got))
		}
	}
}
