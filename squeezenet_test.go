package mlxc_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

const squeezenetPath = "testdata/squeezenet/squeezenet.mlx"

// squeezenetWeights are those of the ONNX model zoo, with inputs and results that its
// authors recorded beside them.
func squeezenetWeights(t *testing.T) string {
	return shared(t, "models/squeezenet1.1-nchw/weights.npz")
}

// The three inputs of the model zoo give the logits that were recorded with them.
func TestSqueezeNet(t *testing.T) {
	weights := squeezenetWeights(t)
	m, err := mlxc.Load(squeezenetPath, mlxc.Source{})
	if err != nil {
		t.Fatal(err)
	}
	runner, err := mlxc.BuildRunner(context.Background(), m, "squeezenet.mlx", ir.CPU, nil)
	if err != nil {
		t.Fatal(err)
	}
	for set := range 3 {
		dir := filepath.Join(filepath.Dir(weights), "test_data_set", fmt.Sprint(set))
		x := channelsLast(t, readNPY(t, filepath.Join(dir, "input_0.npy")))
		want := floats(t, readNPY(t, filepath.Join(dir, "output_0.npy")))
		var in, out bytes.Buffer
		if err := runtime.WriteNPY(&in, x); err != nil {
			t.Fatal(err)
		}
		if err := runner.Run(context.Background(), "classify", weights, 0, &in, &out); err != nil {
			t.Fatal(err)
		}
		logits, err := runtime.ReadNPY(&out, math.MaxInt64)
		if err != nil {
			t.Fatal(err)
		}
		checkLogits(t, fmt.Sprintf("set %d", set), floats(t, logits), want)
	}
}

// checkLogits holds logits to 1e-3 + 1e-3·|want|, which is what the model zoo's own
// tests allow, and to the same five best classes.
func checkLogits(t *testing.T, name string, got, want []float32) {
	t.Helper()
	worst := 0.0
	for i, w := range want {
		d := math.Abs(float64(got[i] - w))
		worst = max(worst, d)
		if !(d <= 1e-3+1e-3*math.Abs(float64(w))) {
			t.Errorf("%s: logit %d is %v, want %v", name, i, got[i], w)
			return
		}
	}
	if a, b := best(got, 5), best(want, 5); !slices.Equal(a, b) {
		t.Errorf("%s: the best classes are %v, want %v", name, a, b)
	}
	t.Logf("%s: logits within %.2g", name, worst)
}

// best are the indices of the n largest numbers, the largest first.
func best(x []float32, n int) []int {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case x[a] > x[b]:
			return -1
		case x[a] < x[b]:
			return 1
		}
		return 0
	})
	return order[:n]
}

// floats is a copy of an array's elements.
func floats(t *testing.T, a *runtime.Array) []float32 {
	t.Helper()
	x := slices.Clone(data[float32](t, a))
	goruntime.KeepAlive(a) // its memory is not the collector's
	return x
}

func readNPY(t *testing.T, path string) *runtime.Array {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a, err := runtime.ReadNPY(f, math.MaxInt64)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return a
}

// channelsLast turns [B, C, H, W] of f32 into [B, H, W, C].
func channelsLast(t *testing.T, x *runtime.Array) *runtime.Array {
	t.Helper()
	s := x.Shape()
	y, err := runtime.NewArray(runtime.F32, s[0], s[2], s[3], s[1])
	if err != nil {
		t.Fatal(err)
	}
	from, to := floats(t, x), data[float32](t, y)
	pixels := s[2] * s[3]
	for b := range s[0] {
		for c := range s[1] {
			for p := range pixels {
				to[(b*pixels+p)*s[1]+c] = from[(b*s[1]+c)*pixels+p]
			}
		}
	}
	return y
}

// corner is the first rows and columns of a picture [1, H, W, C].
func corner(t *testing.T, x *runtime.Array, size int) *runtime.Array {
	t.Helper()
	shape := x.Shape()
	y, err := runtime.NewArray(runtime.F32, 1, size, size, shape[3])
	if err != nil {
		t.Fatal(err)
	}
	from, to := floats(t, x), data[float32](t, y)
	row := size * shape[3]
	for i := range size {
		copy(to[i*row:(i+1)*row], from[i*shape[2]*shape[3]:])
	}
	return y
}
