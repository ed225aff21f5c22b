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
		d.rewrite(k)
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
	f32 map[ir.Fn]func(x ...ir.S) ir.S // functions of f32; the zero S: it stays
	fma bool                           // has x*y + z in one step
}

// On the CPU all functions become what vectors have; those of f64 are left to
// package math. A product and a sum are not made one step there, since in portable
// Go that takes longer.
var dialects = map[ir.Device]dialect{
	ir.OnCPU: {f32: map[ir.Fn]func(x ...ir.S) ir.S{
		ir.Sign: sign, ir.Rsqrt: rsqrt, ir.IsNaN: isNaN, ir.IsInf: isInf, ir.CopySign: copySign, ir.Ldexp: ldexp,
		ir.Exp: exp, ir.Exp2: exp2, ir.Expm1: expm1, ir.Log: log, ir.Log2: log2, ir.Log1p: log1pSteps, ir.Pow: pow,
		ir.Sin: sin, ir.Cos: cos, ir.Tan: tan, ir.Asin: asin, ir.Acos: acos, ir.Atan: atan,
		ir.Sinh: sinh, ir.Cosh: cosh, ir.Tanh: tanh, ir.Asinh: asinh, ir.Acosh: acosh, ir.Atanh: atanh,
		ir.Erf: erf, ir.Erfc: erfc, ir.Erfinv: erfinv, ir.Gelu: gelu,
	}},
	ir.OnGPU: {f32: map[ir.Fn]func(x ...ir.S) ir.S{
		ir.Pow: pow, ir.Erf: erf, ir.Erfc: erfc, ir.Erfinv: erfinv, ir.Gelu: geluOfErfc, ir.Expm1: expm1, ir.Log1p: log1p,
	}, fma: true},
}

// rewrite makes the functions that the dialect lacks of others, and of those that it
// lacks too, until it has all.
func (t dialect) rewrite(k *ir.Kernel) {
	for again := true; again; {
		again = false
		edit{scalar: func(d *ir.DAG, v ir.Scalar) *ir.Scalar {
			n := len(v.Args)
			if v.Kind != ir.ScalarApply || t.f32[v.Fn] == nil || v.Args[n-1].DType != ir.F32 {
				return nil
			}
			x := make([]ir.S, n)
			for i, a := range v.Args {
				x[i] = d.Wrap(a)
			}
			y := t.f32[v.Fn](x...).V
			again = again || y != nil
			return y
		}}.apply(k)
	}
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
