// Package onnxtest runs tests as ONNX keeps them: a folder with model.onnx, and beside it
// folders test_data_set_0, … with the tensors input_0.pb, … and output_0.pb, …
package onnxtest

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"github.com/mlxc/mlxc/frontend/onnx"
	"github.com/mlxc/mlxc/frontend/onnx/pb"
	"github.com/mlxc/mlxc/ir"
)

// A Case is a folder with a model.
type Case struct {
	Name string // the folder, as the caller wants to see it
	Dir  string
	Room int64 // how much larger than in a data set dims may be; 0: they are constants
}

const modelFile = "model.onnx"

// Find are the cases in a folder and below it, in the order of their names.
func Find(root string) (cases []Case, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != modelFile || d.IsDir() {
			return err
		}
		dir := filepath.Dir(path)
		cases = append(cases, Case{Name: filepath.ToSlash(dir), Dir: dir})
		return nil
	})
	if err == nil && len(cases) == 0 {
		err = fmt.Errorf("%s: there is no folder with a %s in it", root, modelFile)
	}
	return cases, err
}

var dataSet = regexp.MustCompile(`^test_data_set_(\d+)$`)

// sets are the folders of a case's data sets, by their numbers.
func (c Case) sets() ([]string, error) {
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return nil, err
	}
	number := func(name string) int {
		n, _ := strconv.Atoi(dataSet.FindStringSubmatch(name)[1])
		return n
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && dataSet.MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		return nil, errors.New("there is no folder test_data_set_0 beside the model")
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(number(a), number(b)) })
	return names, nil
}

// A Call is a case with one of its data sets: a model for it, and what goes in and comes
// out.
type Call struct {
	Model  *onnx.Model
	Inputs []*ir.Tensor // in the order of the entry
	Want   []*ir.Tensor
	set    string
	number int // of the model in the batch
}

// Calls imports a case's model for each of its data sets.
func (c Case) Calls() (calls []*Call, err error) {
	sets, err := c.sets()
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(c.Dir, modelFile))
	if err != nil {
		return nil, err
	}
	for _, set := range sets {
		m, err := onnx.Decode(data)
		if err != nil {
			return nil, err
		}
		one := &Call{set: set}
		if err := one.read(m, c.Dir, c.Room); err != nil {
			if len(sets) > 1 {
				err = fmt.Errorf("%s: %w", set, err)
			}
			return nil, err
		}
		calls = append(calls, one)
	}
	return calls, nil
}

// read reads the data set, and imports a model for it.
func (c *Call) read(m *pb.Model, dir string, room int64) error {
	for _, v := range slices.Concat(m.Graph.Input, m.Graph.Output) {
		if v.GetType().GetTensorType() == nil {
			return &onnx.Unsupported{Reason: v.Name + " is no tensor"}
		}
	}
	initialised := map[string]bool{}
	for _, t := range m.Graph.Initializer {
		initialised[t.Name] = true
	}
	inputs, o := map[string]*ir.Tensor{}, onnx.Options{Dims: map[string]onnx.Bounds{}, Bind: map[string]*ir.Tensor{}}
	for _, in := range m.Graph.Input {
		if initialised[in.Name] { // no data set has it
			continue
		}
		t, err := tensor(dir, c.set, "input", len(inputs))
		if err != nil {
			return err
		}
		inputs[in.Name] = t
		for axis, name := range onnx.DimNames(in) {
			if name != "" && axis < len(t.Shape) {
				size := int64(t.Shape[axis])
				if o.Dims[name] = (onnx.Bounds{Min: size, Max: size}); room > 0 {
					o.Dims[name] = onnx.Bounds{Min: min(size, 1), Max: size + room}
				}
			}
		}
	}
	var err error
	for {
		if c.Model, err = onnx.Build(m, dir, o); err == nil {
			break
		}
		var unbound *onnx.Unbound
		if !errors.As(err, &unbound) {
			return err
		}
		bound := len(o.Bind)
		for _, in := range unbound.Inputs {
			o.Bind[in] = inputs[in]
		}
		if len(o.Bind) == bound {
			return err
		}
	}
	for _, p := range c.Model.Inputs {
		c.Inputs = append(c.Inputs, inputs[p.ONNX])
	}
	for i := range c.Model.Outputs {
		t, err := tensor(dir, c.set, "output", i)
		if err != nil {
			return err
		}
		c.Want = append(c.Want, t)
	}
	return nil
}

// tensor reads a tensor of a data set.
func tensor(dir, set, kind string, number int) (*ir.Tensor, error) {
	name := fmt.Sprintf("%s_%d.pb", kind, number)
	data, err := os.ReadFile(filepath.Join(dir, set, name))
	if err != nil {
		return nil, err
	}
	_, t, err := onnx.DecodeTensor(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}
