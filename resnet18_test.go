package mlxc_test

import (
	"bytes"
	"context"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// ResNet-18 with weights that are drawn as scripts/oracles/resnet18.py draws them gives
// the logits that PyTorch 2.15.0 gave in float64, to 1e-4 of the largest: twenty layers,
// each of which rounds sums of up to 4608 products.
func TestResNet18(t *testing.T) {
	m, err := mlxc.Load("testdata/resnet18/resnet18.mlx", mlxc.Source{Set: map[string]string{"size": "64"}})
	if err != nil {
		t.Fatal(err)
	}
	runner, err := mlxc.BuildRunner(context.Background(), m, "resnet18.mlx", ir.CPU, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := floats(t, readNPY(t, "testdata/resnet18/logits.npy"))
	var in, out bytes.Buffer
	if err := runtime.WriteNPY(&in, drawn(t, "x", []int{2, 64, 64, 3}, func(u float64) float64 { return u })); err != nil {
		t.Fatal(err)
	}
	if err := runner.Run(context.Background(), "classify", resnet18Weights(t, m), 0, &in, &out); err != nil {
		t.Fatal(err)
	}
	logits, err := runtime.ReadNPY(&out, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	largest, worst := 0.0, 0.0
	for i, x := range floats(t, logits) {
		largest = max(largest, math.Abs(float64(want[i])))
		worst = max(worst, math.Abs(float64(x-want[i])))
	}
	if !(worst <= 1e-4*largest) {
		t.Errorf("a logit is off by %g, of %g", worst, largest)
	}
	t.Logf("logits within %.2g of %.3g", worst, largest)
}

// resnet18Weights writes a checkpoint with drawn weights, in PyTorch's layouts.
func resnet18Weights(t *testing.T, m *ir.Module) string {
	t.Helper()
	var names []string
	var arrays []*runtime.Array
	for _, p := range m.Params {
		shape := make([]int, p.Type.Rank())
		fan := 1.0
		for i, s := range p.Type.Shape {
			n, _ := s.Int()
			if shape[i] = int(n); i > 0 {
				fan *= float64(n)
			}
		}
		scale := func(u float64) float64 { return u * math.Sqrt(6/fan) }
		switch {
		case strings.HasSuffix(p.Path, "bias"), strings.HasSuffix(p.Path, "running_mean"):
			scale = func(u float64) float64 { return u / 4 }
		case strings.HasSuffix(p.Path, "running_var"):
			scale = func(u float64) float64 { return 1 + u/2 }
		case len(shape) == 1:
			scale = func(u float64) float64 { return 1 + u/4 }
		}
		names, arrays = append(names, p.Path), append(arrays, drawn(t, p.Path, shape, scale))
	}
	return checkpoint(t, names, arrays)
}

// checkpoint writes arrays as an .npz file.
func checkpoint(t *testing.T, names []string, arrays []*runtime.Array) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "weights.npz")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := runtime.WriteNPZ(f, names, arrays); err != nil {
		t.Fatal(err)
	}
	return path
}

// drawn is an array whose elements are drawn by their place from a name: by SplitMix64
// (Steele et al. 2014) from the FNV-1a hash of the name, in [-1, 1) before they are scaled.
func drawn(t *testing.T, name string, shape []int, scale func(u float64) float64) *runtime.Array {
	t.Helper()
	a, err := runtime.NewArray(runtime.F32, shape...)
	if err != nil {
		t.Fatal(err)
	}
	h := fnv.New64a()
	h.Write([]byte(name))
	seed := h.Sum64()
	x, err := runtime.Data[float32](a)
	if err != nil {
		t.Fatal(err)
	}
	for i := range x {
		z := seed + uint64(i+1)*0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
		x[i] = float32(scale(float64(z>>40)/(1<<23) - 1))
	}
	return a
}
