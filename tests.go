package mlxc

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/mlxc/mlxc/frontend/dsl"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// Tests are the test blocks of a model.
type Tests struct {
	Module *ir.Module // an entry for each test that can be run; nil: there is none
	Cases  []dsl.TestCase

	path string // of the model
}

// LoadTests compiles the test blocks of a model, with dims at fixed values. What is
// wrong with the model comes back as ir.Diagnostics.
func LoadTests(path string, s Source, dims map[string]int64) (*Tests, error) {
	if filepath.Ext(path) != ".mlx" {
		return nil, fmt.Errorf("%s: tests are part of a file .mlx", path)
	}
	p, cases, err := dsl.LoadTests(path, dsl.Options{Set: s.Set, Config: s.Config, Weights: s.Weights, Dims: dims, Warnings: s.Warnings}, func(file string) (map[string]ir.Type, error) {
		w, err := runtime.OpenWeights(besideOf(path, file))
		if err != nil {
			return nil, err
		}
		defer w.Close()
		types := map[string]ir.Type{}
		for _, name := range w.Names() {
			t := w.Tensor(name)
			d, _ := ir.ParseDType(t.DType.String()) // the two packages name dtypes alike
			typ := ir.Type{DType: d}
			for _, n := range t.Shape {
				typ.Shape = append(typ.Shape, ir.N(int64(n)))
			}
			types[name] = typ
		}
		return types, nil
	})
	t := &Tests{Cases: cases, path: path}
	if p != nil {
		t.Module = p.Module()
	}
	return t, err
}

// Inputs are the arrays that a test gives to its entry, in its order.
func (t *Tests) Inputs(c *dsl.TestCase) ([]*runtime.Array, error) {
	if len(c.Inputs) == 0 {
		return nil, nil
	}
	w, err := runtime.OpenWeights(besideOf(t.path, c.Uses))
	if err != nil {
		return nil, err
	}
	defer w.Close()
	var inputs []*runtime.Array
	for _, name := range c.Inputs {
		found := w.Tensor(name)
		if found == nil {
			return nil, fmt.Errorf("%s: there is no array %s", c.Uses, name)
		}
		a, err := found.Array()
		if err != nil {
			return nil, err
		}
		if a, err = a.Clone(); err != nil {
			return nil, err
		}
		inputs = append(inputs, a)
	}
	return inputs, nil
}

// besideOf is the path of a file that the model at path names.
func besideOf(path, file string) string {
	return filepath.Join(filepath.Dir(path), filepath.FromSlash(file))
}

// WithoutWeights takes the tests that read weights out of the module.
func (t *Tests) WithoutWeights() {
	t.Module.Funcs = slices.DeleteFunc(t.Module.Funcs, func(f *ir.Func) bool { return readsWeights(f.Body) })
	t.Module.Params = t.Module.States()
	if len(t.Module.Funcs) == 0 {
		t.Module = nil
	}
}

func readsWeights(body []*ir.Instr) bool {
	return slices.ContainsFunc(body, func(in *ir.Instr) bool {
		_, ok := in.Attrs.(ir.WeightAttrs)
		return ok || in.Body != nil && readsWeights(in.Body.Body)
	})
}
