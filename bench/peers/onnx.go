package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/frontend/onnx"
	"github.com/mlxc/mlxc/ir"
)

// onnxFiles are files of ONNX, each followed by the sizes of its dynamic axes, and the values
// of inputs of rank 0.
func onnxFiles(args []string) (all []benchmark, err error) {
	for _, a := range args {
		name, text, sized := strings.Cut(a, "=")
		switch {
		case filepath.Ext(a) == ".onnx":
			path, err := filepath.Abs(a)
			if err != nil {
				return nil, err
			}
			sizes := map[string]int64{}
			all = append(all, benchmark{
				name: strings.TrimSuffix(filepath.Base(a), ".onnx"), entry: onnx.Forward, peers: []string{"onnxruntime"},
				load: func() (*ir.Module, string, error) { return importONNX(path, sizes) },
				ask:  map[string]any{"case": path, "sizes": sizes},
			})
		case sized && len(all) > 0:
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("%s is no size", a)
			}
			all[len(all)-1].ask["sizes"].(map[string]int64)[name] = n
		default:
			return nil, fmt.Errorf("%s is no file of ONNX, and no size of one", a)
		}
	}
	return all, nil
}

// importONNX imports a file, and writes its weights to a temporary one.
func importONNX(path string, sizes map[string]int64) (*ir.Module, string, error) {
	types, err := onnx.InputTypes(path)
	if err != nil {
		return nil, "", err
	}
	o := onnx.Options{Dims: map[string]onnx.Bounds{}, Bind: map[string]*ir.Tensor{}}
	for name, n := range sizes {
		if t, ok := types[name]; ok {
			o.Bind[name] = ir.NewTensor(t.DType)
			o.Bind[name].I[0] = n
			continue
		}
		o.Dims[name] = onnx.Bounds{Min: n, Max: n}
	}
	m, err := onnx.Import(path, o)
	if err != nil {
		return nil, "", err
	}
	f, err := os.CreateTemp("", "mlxc-*.safetensors")
	if err != nil {
		return nil, "", err
	}
	f.Close()
	return m.Program.Module(), f.Name(), mlxc.WriteWeights(f.Name(), m.Weights, nil)
}
