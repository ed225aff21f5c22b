package main

import (
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// runReference runs an entry by the evaluator: slow, in float64, without a build.
func runReference(m *ir.Module, e *ir.Func, weights string, inputs []*runtime.Array, given []int64) ([]*runtime.Array, error) {
	params := map[string]*ir.Tensor{}
	if len(m.Params) > 0 {
		w, err := runtime.OpenWeights(weights)
		if err != nil {
			return nil, err
		}
		defer w.Close()
		for _, p := range m.Params {
			if params[p.Name], err = referenceParam(w, weights, p); err != nil {
				return nil, err
			}
		}
	}
	tensors := make([]*ir.Tensor, len(inputs))
	for i, a := range inputs {
		tensors[i] = toTensor(a)
	}
	serving, _, err := m.Serving(e.Name, tensors, given...)
	if err != nil {
		return nil, err
	}
	outs, err := m.Eval(serving, params, tensors, given...)
	if err != nil {
		return nil, err
	}
	results := make([]*runtime.Array, len(outs))
	for i, t := range outs {
		if results[i], err = toArray(t); err != nil {
			return nil, err
		}
	}
	return results, nil
}

func referenceParam(w *runtime.Weights, file string, p *ir.Param) (*ir.Tensor, error) {
	shape := make([]int, p.Type.Rank())
	for i, s := range p.Type.Shape {
		n, _ := s.Int()
		shape[i] = int(n)
	}
	found := w.Tensor(p.Path)
	switch {
	case found == nil && p.Init != nil && p.Init.Name == "constant":
		t := ir.NewTensor(p.Type.DType, shape...)
		for i := range t.F {
			t.F[i] = p.Init.Args[0]
		}
		for i := range t.I {
			t.I[i] = int64(p.Init.Args[0])
		}
		return t, nil
	case found == nil:
		return nil, fmt.Errorf("%s: there is no tensor %s, %s", file, p.Path, p.Type)
	case !slices.Equal(found.Shape, shape):
		return nil, fmt.Errorf("%s: tensor %s is %s, the model wants %s", file, p.Path, found, p.Type)
	}
	a, err := found.Array()
	if err != nil {
		return nil, err
	}
	t := toTensor(a)
	if t.DType != p.Type.DType && !(t.DType.IsFloat() && p.Type.DType.IsFloat()) {
		return nil, fmt.Errorf("%s: tensor %s is %s, the model wants %s", file, p.Path, found, p.Type)
	}
	return t.Convert(p.Type.DType), nil
}
