package random

import (
	"math"
	"math/rand/v2"

	"github.com/mlxc/mlxc/ir"
)

// Inputs draws params and inputs for the first entry of a module, at random sizes
// that make none negative; ok is false where none were found. With special, some
// floats are NaN, an infinity or a zero.
func Inputs(m *ir.Module, seed uint64, special bool) (params map[string]*ir.Tensor, inputs []*ir.Tensor, ok bool) {
	params, all, ok := Calls(&ir.Module{Dims: m.Dims, Params: m.Params, Funcs: m.Funcs[:1]}, seed, special)
	if !ok {
		return nil, nil, false
	}
	return params, all[0], true
}

// Calls is Inputs for each function of a module, all at the same sizes.
func Calls(m *ir.Module, seed uint64, special bool) (params map[string]*ir.Tensor, inputs [][]*ir.Tensor, ok bool) {
	r := rand.New(rand.NewPCG(seed, 2))
	for range 20 {
		d := draw{r: r, dims: map[string]int64{}, special: special}
		for _, dim := range m.Dims {
			d.dims[dim.Name] = dim.Min + r.Int64N(dim.Max-dim.Min+1)
		}
		params, inputs = map[string]*ir.Tensor{}, nil
		for _, p := range m.Params {
			params[p.Name] = d.tensor(p.Type)
		}
		for _, f := range m.Funcs {
			var of []*ir.Tensor
			for _, v := range f.Inputs {
				of = append(of, d.tensor(v.Type))
			}
			inputs = append(inputs, of)
		}
		if !d.failed {
			return params, inputs, true
		}
	}
	return nil, nil, false
}

type draw struct {
	r       *rand.Rand
	dims    map[string]int64
	special bool
	failed  bool
}

func (d *draw) tensor(t ir.Type) *ir.Tensor {
	shape := make([]int, t.Rank())
	for i, s := range t.Shape {
		n, ok := s.Eval(func(name string) (int64, bool) { n, ok := d.dims[name]; return n, ok })
		d.failed = d.failed || !ok || n < 0
		shape[i] = int(max(0, n))
	}
	x := ir.NewTensor(t.DType, shape...)
	ir.SampleNormal.Fill(d.r, x)
	for i := range x.F {
		if d.special && d.r.IntN(4) == 0 {
			x.F[i] = pick(d.r, []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1)})
		}
	}
	return x
}
