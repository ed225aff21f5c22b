// Package initial draws what the params of a model begin with.
package initial

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/mlxc/mlxc/internal/repack"
	"github.com/mlxc/mlxc/ir"
)

// Tensors are those of a checkpoint that the inits of a model's params make, by their names in
// it. Numbers depend on the seed, the tensor's name and its shape. What several params share
// begins as the first of them that has an init. States are left out, as sessions begin with
// their inits. The error lists all params that have none.
func Tensors(m *ir.Module, seed uint64) ([]repack.Made, error) {
	var params []*ir.Param
	at := map[string]int{}
	for _, p := range m.Weights() {
		if p.Of != nil && p.Of.Index > 0 {
			continue // it is made with the first plane
		}
		if i, ok := at[p.Path]; !ok {
			at[p.Path] = len(params)
			params = append(params, p)
		} else if params[i].Init == nil {
			params[i] = p
		}
	}
	var tensors []repack.Made
	var without strings.Builder
	for _, p := range params {
		t := p.Type
		if p.Of != nil {
			t = p.Of.Type
		}
		n, _ := t.Elems().Int()
		switch {
		case p.Init == nil:
			fmt.Fprintf(&without, "\n  %s: %s %s", p.Pos, p.Path, t)
			continue
		case p.Init.Name != "constant" && n > math.MaxUint32:
			return nil, fmt.Errorf("%s: %s: %s has more elements than one key has counters, 2^32 - 1", p.Pos, p.Path, t)
		}
		init, k := p.Init.Of(t.Shape), keyOf(seed, p.Path)
		tensors = append(tensors, repack.Made{Name: p.Path, Type: t, Begin: func(ctx context.Context) (func(int, []float64), error) {
			return begin(ctx, init, k, t.Shape)
		}})
	}
	if without.Len() > 0 {
		return nil, fmt.Errorf("these parameters have no init, such as `= init.normal(0.02)` or `= 0`:%s", without.String())
	}
	return tensors, nil
}

// elements draw element i of n of a distribution whose argument is 1.
var elements = map[string]func(k key, i, n int) float64{
	"uniform":      func(k key, i, n int) float64 { return 2*k.uniform(i, n) - 1 },
	"normal":       key.normal,
	"trunc_normal": key.truncated,
}

// begin gives what fills x with the elements from at on of a tensor.
func begin(ctx context.Context, init ir.Init, k key, shape []ir.Size) (fill func(at int, x []float64), err error) {
	size, _ := ir.Product(shape).Int()
	n := int(size)
	element := init.Element
	if draw := elements[init.Name]; draw != nil {
		element = func(i int) float64 { return init.Args[0] * draw(k, i, n) }
	}
	if init.Name == "orthogonal" && n > 0 {
		rows, _ := shape[0].Int()
		matrix, err := orthogonal(ctx, k, int(rows), n/int(rows))
		if err != nil {
			return nil, err
		}
		element = func(i int) float64 { return init.Args[0] * matrix[i] }
	}
	return func(at int, x []float64) {
		for i := range x {
			x[i] = element(at + i)
		}
	}, nil
}
