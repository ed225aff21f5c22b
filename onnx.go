package mlxc

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"

	"github.com/mlxc/mlxc/frontend/onnx"
	"github.com/mlxc/mlxc/runtime"
)

// producer marks the files that WriteWeights has written.
const producer = "mlxc"

// WroteWeights reports whether a file is one that WriteWeights has written.
func WroteWeights(path string) bool {
	w, err := runtime.OpenWeights(path)
	if err != nil {
		return false
	}
	defer w.Close()
	return string(w.Metadata()["producer"]) == producer
}

// WriteWeights writes the weights of an imported model to a file of safetensors, which is
// complete or not there. progress, if not nil, is called with the bytes that are written,
// and with all.
func WriteWeights(path string, weights []onnx.Weight, progress func(done, all int64)) (err error) {
	// In the order of their elements' sizes all are aligned.
	weights = slices.Clone(weights)
	slices.SortStableFunc(weights, func(a, b onnx.Weight) int { return cmp.Compare(b.DType.Size(), a.DType.Size()) })
	var specs []runtime.TensorSpec
	for _, w := range weights {
		specs = append(specs, runtime.TensorSpec{Name: w.Path, Type: w.DType.String(), Shape: w.Shape})
	}
	header, starts, err := runtime.SafetensorsHeader(specs, map[string]string{"format": "pt", "producer": producer}, 8)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".mlxc-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(header)
	for i, w := range weights {
		if err == nil {
			_, err = f.Write(w.Bytes)
		}
		if err == nil && progress != nil {
			progress(starts[i+1], starts[len(weights)])
		}
	}
	if err == nil {
		err = f.Chmod(0o644)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
