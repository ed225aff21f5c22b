package dsl

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// A policy is what `compute` and `accum` mean; ir.Invalid: not said, hence f32.
type policy struct{ compute, accum ir.DType }

func (p policy) computeDType() ir.DType { return orF32(p.compute) }
func (p policy) accumDType() ir.DType   { return orF32(p.accum) }

func orF32(d ir.DType) ir.DType {
	if d == ir.Invalid {
		return ir.F32
	}
	return d
}

// plain are the annotations that say nothing about how a program computes: gpu is
// the default, and the others speak of gradients and of training.
var plain = []string{"gpu", "fused", "remat", "frozen", "trained"}

// annotated is a policy as annotations change it.
func (c *context) annotated(p policy, annos []*Anno) policy {
	for _, a := range annos {
		switch name := a.Name.Name; {
		case name == "precision":
			p = c.precision(p, a)
		case name == "cpu":
			c.unsupported(a.Name.span(), "`@cpu`")
		case !slices.Contains(plain, name):
			c.hintf(a.Name.span(), didYouMean(name, append([]string{"precision", "cpu"}, plain...)), "there is no annotation `@%s`", name)
		}
	}
	return p
}

func (c *context) precision(p policy, a *Anno) policy {
	if a.Args == nil {
		c.hintf(a.Name.span(), "`@precision(compute=f16, accum=f32)`", "`@precision` needs dtypes")
		return p
	}
	for _, arg := range a.Args.Args {
		v := c.eval(arg.Value)
		d, ok := v.(ir.DType)
		switch {
		case isPoison(v):
		case !ok || !d.IsFloat():
			c.errorf(arg.Value.span(), "a precision is a float dtype, not %s", describeValue(v))
		case arg.Name == "compute":
			p.compute = d
		case arg.Name == "accum":
			p.accum = d
		default:
			c.hintf(arg.Value.span(), "`@precision(compute=f16, accum=f32)`", "`@precision` has no `%s`", arg.Name)
		}
	}
	return p
}
