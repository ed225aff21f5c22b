package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/frontend/onnx"
	"github.com/mlxc/mlxc/ir"
)

// onnxFlags say what a file of ONNX leaves open.
type onnxFlags struct {
	bind     []string
	dims     []string // those that load leaves are the command's
	dimsOwn  bool     // the command has a use for them
	imported *onnx.Model
}

// registerONNX adds the flags. dims says what a command makes of --dim with other models;
// empty: nothing.
func (s *sourceFlags) registerONNX(cmd *cobra.Command, dims string) {
	s.onnx.dimsOwn = dims != ""
	if s.onnx.dimsOwn {
		dims += "; "
	}
	cmd.Flags().StringSliceVar(&s.onnx.dims, "dim", nil, dims+"`NAME<=MAX or NAME=SIZE` of a dim of ONNX")
	cmd.Flags().StringArrayVar(&s.onnx.bind, "bind", nil, "`NAME=VALUE or NAME=FILE`, an input of ONNX that is known already: .npy, .npz, .json, or numbers as JSON; once for each")
}

// unused refuses the flags for other models.
func (f *onnxFlags) unused(model string) error {
	switch {
	case len(f.bind) > 0:
		return usageError{fmt.Errorf("--bind is for models of ONNX, which %s is not", model)}
	case len(f.dims) > 0 && !f.dimsOwn:
		return usageError{fmt.Errorf("--dim is for models of ONNX: %s says what bounds its dims have", model)}
	}
	return nil
}

func (s *sourceFlags) importONNX(path string, stderr io.Writer) (*ir.Module, error) {
	if s.config != "" || len(s.set) > 0 {
		return nil, usageError{fmt.Errorf("--set and --config are for models with a config, which %s is not", path)}
	}
	o := onnx.Options{Bind: map[string]*ir.Tensor{}}
	var err error
	if o.Dims, s.onnx.dims, err = parseBounds(s.onnx.dims); err != nil {
		return nil, err
	}
	if len(s.onnx.dims) > 0 && !s.onnx.dimsOwn {
		return nil, usageError{fmt.Errorf("--dim %s: it has bounds already", s.onnx.dims[0])}
	}
	binds, err := parsePairs("--bind", s.onnx.bind)
	if err != nil {
		return nil, err
	}
	if len(binds) > 0 {
		types, err := onnx.InputTypes(path)
		if err != nil {
			return nil, err
		}
		for _, b := range binds {
			t, ok := types[b.name]
			if !ok {
				return nil, fmt.Errorf("%s has no input %q to bind", path, b.name)
			}
			a, err := readInput(b, t)
			if err != nil {
				return nil, err
			}
			o.Bind[b.name] = toTensor(a)
		}
	}
	s.onnx.imported, err = onnx.Import(path, o)
	if err != nil {
		return nil, show(err, stderr)
	}
	return s.onnx.imported.Program.Module(), nil
}

// parseBounds reads what --dim says of dims of ONNX: NAME<=MAX, MIN<=NAME<=MAX, or NAME=SIZE.
// rest are sizes of dims that have bounds too.
func parseBounds(texts []string) (bounds map[string]onnx.Bounds, rest []string, err error) {
	bounds = map[string]onnx.Bounds{}
	var sizes []string
	for _, t := range texts {
		parts := strings.Split(t, "<=")
		if len(parts) == 1 {
			sizes = append(sizes, t)
			continue
		}
		lo := int64(1)
		if len(parts) == 3 {
			if lo, err = strconv.ParseInt(parts[0], 10, 64); err == nil {
				parts = parts[1:]
			}
		}
		if err := bound(bounds, t, parts, lo); err != nil {
			return nil, nil, err
		}
	}
	fixed := map[string]onnx.Bounds{}
	for _, t := range sizes {
		at := strings.LastIndex(t, "=") // names of ONNX may have one
		if _, ok := bounds[t[:max(at, 0)]]; ok {
			rest = append(rest, t)
		} else if err := bound(fixed, t, []string{t[:max(at, 0)], t[at+1:]}, -1); err != nil {
			return nil, nil, err
		}
	}
	for name, b := range fixed {
		bounds[name] = b
	}
	return bounds, rest, nil
}

// bound notes the bounds of a dim: its name and the largest size. A least one below 0 is as
// large.
func bound(bounds map[string]onnx.Bounds, text string, parts []string, lo int64) error {
	hi, err := strconv.ParseInt(parts[len(parts)-1], 10, 64)
	if lo < 0 {
		lo = hi
	}
	name := parts[0]
	if err != nil || len(parts) != 2 || name == "" || lo < 0 || hi < lo {
		return usageError{fmt.Errorf("--dim wants NAME<=MAX, MIN<=NAME<=MAX or NAME=SIZE, got %q", text)}
	}
	if _, twice := bounds[name]; twice {
		return usageError{fmt.Errorf("--dim %s is given twice", name)}
	}
	bounds[name] = onnx.Bounds{Min: lo, Max: hi}
	return nil
}

// weights are those of a model of ONNX that has been loaded.
func (f *onnxFlags) weights() []onnx.Weight {
	if f.imported == nil {
		return nil
	}
	return f.imported.Weights
}

// withWeights writes weights to a temporary file below a folder, which use moves to its
// place, and shows on a terminal how far it is.
func withWeights(cmd *cobra.Command, dir string, weights []onnx.Weight, use func(temp string) error) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(dir, ".mlxc-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	path := filepath.Join(temp, onnx.Checkpoint)
	if err := mlxc.WriteWeights(path, weights, bytesBar(cmd, "writing weights")); err != nil {
		return err
	}
	return use(path)
}

// checkpoint is the file with the weights of a model that was loaded: as asked for, the
// model's own, or one of what was imported, which done removes. It is empty where the model
// has none.
func (s *sourceFlags) checkpoint(m *ir.Module, model string) (path string, done func(), err error) {
	done = func() {}
	if s.weights != "" || len(s.onnx.weights()) == 0 {
		return checkpoint(m, model, s.weights), done, nil
	}
	dir, err := os.MkdirTemp("", "mlxc-*")
	if err != nil {
		return "", done, err
	}
	path = filepath.Join(dir, onnx.Checkpoint)
	if err := mlxc.WriteWeights(path, s.onnx.weights(), nil); err != nil {
		os.RemoveAll(dir)
		return "", done, err
	}
	return path, func() { os.RemoveAll(dir) }, nil
}
