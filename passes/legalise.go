package passes

import (
	"github.com/mlxc/mlxc/ir"
)

// legalise rewrites what the device of a kernel does not have, does badly, or
// does in one step.
func legalise(m *ir.Module) error {
	on := devices(m)
	for _, k := range m.Kernels {
		d := dialects[on[k]]
		edit{scalar: d.rewrite}.apply(k)
		if d.fma {
			contractFMA(k)
		}
	}
	return nil
}

// devices tells where each kernel runs: on one device, since equal kernels of two
// devices are two kernels.
func devices(m *ir.Module) map[*ir.Kernel]ir.Device {
	on := map[*ir.Kernel]ir.Device{}
	for _, f := range m.Funcs {
		for _, v := range f.Variants {
			for _, s := range v.Steps {
				on[s.Kernel] = s.Device
			}
		}
	}
	return on
}

// A dialect is what a device's language lacks, in terms of what it has.
type dialect struct {
	float map[ir.Fn]func(x ...ir.S) ir.S // functions of floats
	fma   bool                           // has x*y + z in one step
}

// In portable Go the functions of package math serve, computed in f64 and rounded
// once; an FMA would be slow where the machine has none.
var dialects = map[ir.Device]dialect{
	ir.OnCPU: {float: map[ir.Fn]func(x ...ir.S) ir.S{ir.Pow: pow}},
	ir.OnGPU: {float: map[ir.Fn]func(x ...ir.S) ir.S{
		ir.Pow: pow, ir.Erf: erf, ir.Erfc: erfc, ir.Erfinv: erfinv, ir.Expm1: expm1, ir.Log1p: log1p,
	}, fma: true},
}

// rewrite makes the functions that the dialect lacks of others.
func (t dialect) rewrite(d *ir.DAG, v ir.Scalar) *ir.Scalar {
	if v.Kind != ir.ScalarApply || !v.DType.IsFloat() || t.float[v.Fn] == nil {
		return nil
	}
	x := make([]ir.S, len(v.Args))
	for i, a := range v.Args {
		x[i] = d.Wrap(a)
	}
	return t.float[v.Fn](x...).V
}

// contractFMA turns x*y + z, x*y - z and z - x*y into one step where nothing else
// needs the product. A product that is summed over axes is not touched.
func contractFMA(k *ir.Kernel) {
	uses := map[*ir.Scalar]int{}
	for _, v := range k.Values {
		for _, a := range v.Args {
			uses[a]++
		}
	}
	for _, s := range k.Stores {
		uses[s.Value]++
	}
	before := k.Values
	edit{scalar: func(d *ir.DAG, v ir.Scalar) *ir.Scalar {
		if v.Kind != ir.ScalarApply || !v.DType.IsFloat() || v.Fn != ir.Add && v.Fn != ir.Sub {
			return nil
		}
		for i, p := range v.Args {
			if p.Kind != ir.ScalarApply || p.Fn != ir.Mul || uses[before[v.ID].Args[i]] > 1 {
				continue
			}
			x, y, z := p.Args[0], p.Args[1], v.Args[1-i]
			switch {
			case v.Fn == ir.Sub && i == 0:
				z = d.Apply(ir.Neg, z)
			case v.Fn == ir.Sub:
				x = d.Apply(ir.Neg, x)
			}
			return d.Apply(ir.FMA, x, y, z)
		}
		return nil
	}}.apply(k)
}
