package main

import (
	"fmt"

	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// runReference runs an entry by the evaluator: slow, in float64, without a build.
func runReference(m *ir.Module, e *ir.Func, weights string, inputs []*runtime.Array, given []int64) ([]*runtime.Array, error) {
	params := map[string]*ir.Tensor{}
	if len(m.Weights()) > 0 {
		w, err := runtime.OpenWeights(weights)
		if err != nil {
			return nil, err
		}
		defer w.Close()
		for _, p := range m.Weights() {
			if params[p.Name], err = referenceParam(w, weights, p); err != nil {
				return nil, err
			}
		}
	}
	own, session := given[:len(e.Dims)], map[string]int64{}
	for i, d := range m.SessionDims() {
		session[d.Name] = given[len(e.Dims)+i]
	}
	for _, p := range m.States() {
		t, err := beginState(p, session)
		if err != nil {
			return nil, err
		}
		params[p.Name] = t
	}
	tensors := make([]*ir.Tensor, len(inputs))
	for i, a := range inputs {
		tensors[i] = toTensor(a)
	}
	serving, _, err := m.Serving(e.Name, params, tensors, own...)
	if err != nil {
		return nil, err
	}
	outs, err := m.Eval(serving, params, tensors, own...)
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

// beginState is what a state has in a new session, but for what the checkpoint says.
func beginState(p *ir.Param, session map[string]int64) (*ir.Tensor, error) {
	shape := make([]int, p.Type.Rank())
	for i, s := range p.Type.Shape {
		n, ok := s.Eval(func(name string) (int64, bool) { n, ok := session[name]; return n, ok })
		if !ok {
			return nil, fmt.Errorf("state %s: size %s is not known", p.Name, s)
		}
		shape[i] = int(n)
	}
	return filledTensor(p, shape), nil
}

func referenceParam(w *runtime.Weights, file string, p *ir.Param) (*ir.Tensor, error) {
	shape := paramShape(p)
	found := w.Tensor(p.Path)
	switch {
	case found == nil && p.Init.Numbers() != nil:
		return filledTensor(p, shape), nil
	case found == nil:
		return nil, fmt.Errorf("%s: there is no tensor %s, %s", file, p.Path, p.Type)
	}
	a, err := found.As(runtimeParam(p))
	if err != nil {
		return nil, &runtime.WeightError{File: file, Tensor: p.Path, Err: err}
	}
	return toTensor(a).Convert(p.Type.DType), nil
}

// filledTensor has the init of a param.
func filledTensor(p *ir.Param, shape []int) *ir.Tensor {
	t := ir.NewTensor(p.Type.DType, shape...)
	for i := range t.F {
		t.F[i] = p.Init.Element(i)
	}
	for i := range t.I {
		t.I[i] = int64(p.Init.Element(i))
	}
	return t
}
