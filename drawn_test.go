package mlxc_test

import (
	"context"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/internal/repack"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// draw is an array of numbers in [-1, 1).
func draw(t *testing.T, name string, shape ...int) *runtime.Array {
	return drawn(t, name, shape, func(u float64) float64 { return u })
}

// drawTokens is an array of numbers from 0 to n-1.
func drawTokens(t *testing.T, name string, n int, shape ...int) *runtime.Array {
	t.Helper()
	var ids []int32
	for _, u := range data[float32](t, draw(t, name, shape...)) {
		ids = append(ids, int32((float64(u)+1)*float64(n)/2))
	}
	return arrayOf(t, runtime.I32, ids, shape...)
}

// columns are those of rows of tokens.
func columns(t *testing.T, rows *runtime.Array, from, to int) *runtime.Array {
	t.Helper()
	n, width := rows.Shape()[0], rows.Shape()[1]
	var ids []int32
	for i, x := 0, data[int32](t, rows); i < n; i++ {
		ids = append(ids, x[i*width+from:i*width+to]...)
	}
	return arrayOf(t, runtime.I32, ids, n, to-from)
}

// asFloats are an array's elements, of f32 or i32.
func asFloats(t *testing.T, a *runtime.Array) []float32 {
	t.Helper()
	if a.DType() == runtime.F32 {
		return floats(t, a)
	}
	var out []float32
	for _, n := range data[int32](t, a) {
		out = append(out, float32(n))
	}
	return out
}

// recordedResult is an array of what PyTorch computed for a model.
func recordedResult(t *testing.T, model, name string) []float32 {
	t.Helper()
	return floats(t, readNPY(t, filepath.Join("testdata", "models", model+"-"+name+".npy")))
}

// column is one of them, without their axis.
func column(t *testing.T, rows *runtime.Array, at int) *runtime.Array {
	t.Helper()
	a, err := columns(t, rows, at, at+1).Reshape(rows.Shape()[0])
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// drawnWeights writes a checkpoint with drawn weights, in PyTorch's layouts: a matrix or
// kernel times sqrt(3/fan), a bias or mean divided by 4, a gain from 3/4 to 5/4, a variance
// from 1/2 to 3/2. Then what the model has as quantised params is quantised. It is "" for a
// model without weights.
func drawnWeights(t *testing.T, m *ir.Module) string {
	t.Helper()
	var names []string
	var arrays []*runtime.Array
	quantised := map[string]ir.Type{}
	for _, p := range m.Weights() {
		typ := p.Type
		if p.Of != nil {
			typ = p.Of.Type
			if p.Of.Index > 0 {
				continue
			}
			quantised[p.Path] = typ
		}
		var shape []int
		fan := 1.0
		for i, s := range typ.Shape {
			n, _ := s.Int()
			if shape = append(shape, int(n)); i > 0 {
				fan *= float64(n)
			}
		}
		scale := func(u float64) float64 { return u * math.Sqrt(3/fan) }
		switch last := p.Path[strings.LastIndexByte(p.Path, '.')+1:]; {
		case strings.HasPrefix(last, "bias"), last == "running_mean":
			scale = func(u float64) float64 { return u / 4 }
		case last == "running_var":
			scale = func(u float64) float64 { return 1 + u/2 }
		case len(shape) == 1:
			scale = func(u float64) float64 { return 1 + u/4 }
		}
		names, arrays = append(names, p.Path), append(arrays, drawn(t, p.Path, shape, scale))
	}
	if names == nil {
		return ""
	}
	path := checkpoint(t, names, arrays)
	if len(quantised) == 0 {
		return path
	}
	return repacked(t, path, repack.Options{Output: filepath.Join(t.TempDir(), "weights.safetensors"), Wanted: quantised})
}

// repacked rewrites a checkpoint, as mlxc pack does.
func repacked(t *testing.T, path string, o repack.Options) string {
	t.Helper()
	w, err := runtime.OpenWeights(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	job, err := repack.Plan(path, w, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := job.Run(context.Background(), func(done, all int64) {}); err != nil {
		t.Fatal(err)
	}
	return o.Output
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
