package main

import (
	"fmt"

	"github.com/mlxc/mlxc/internal/repack"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// toTensor copies an array for the reference evaluator, and for looking at. The
// two packages name dtypes alike and lay elements out alike.
func toTensor(a *runtime.Array) *ir.Tensor {
	d, ok := ir.ParseDType(a.DType().String())
	if !ok {
		panic(fmt.Sprintf("ir has no dtype %s", a.DType()))
	}
	t, err := ir.TensorOf(d, a.Shape(), a.Bytes())
	if err != nil {
		panic(err) // an array has the bytes of its shape
	}
	return t
}

// toArray copies a tensor of the reference evaluator.
func toArray(t *ir.Tensor) (*runtime.Array, error) {
	d := repack.DTypeOf(t.DType)
	if d == 0 {
		return nil, fmt.Errorf("the runtime has no dtype %s", t.DType)
	}
	a, err := runtime.NewArray(d, t.Shape...)
	if err == nil {
		copy(a.Bytes(), t.Bytes())
	}
	return a, err
}
