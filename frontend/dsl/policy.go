package dsl

import (
	"cmp"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// A policy is what annotations say of how a program computes.
type policy struct {
	compute, accum ir.DType  // what these names mean; ir.Invalid: not said, hence f32
	device         ir.Device // where ops run
	otherwise      ir.Device // where they run if no annotation says it, but a default line
}

func (p policy) computeDType() ir.DType { return orF32(p.compute) }
func (p policy) accumDType() ir.DType   { return orF32(p.accum) }

func orF32(d ir.DType) ir.DType {
	if d == ir.Invalid {
		return ir.F32
	}
	return d
}

// within is the policy of what a file declares where p is in force around it: its default
// line says the precision, and where ops run that nothing else places.
func (s *source) within(p policy) policy {
	if s.policy == nil {
		return p
	}
	in := *s.policy
	in.device = p.device
	return in
}

// asDefault is what a default line makes of a policy. That the GPU is the default goes
// without saying.
func (p policy) asDefault() policy {
	switch p.device {
	case ir.OnCPU:
		p.otherwise = ir.OnCPU
	case ir.OnGPU:
		p.otherwise = ir.OnAny
	}
	p.device = ir.OnAny
	return p
}

// placed makes values where the policy says.
func (c *context) placed(make func()) { c.b.On(cmp.Or(c.policy.device, c.policy.otherwise), make) }

// devices are the annotations that place ops.
var devices = map[string]ir.Device{"cpu": ir.OnCPU, "gpu": ir.OnGPU}

// plain are the annotations that say nothing about how a program computes: they speak of
// gradients and of training.
var plain = []string{"fused", "remat", "frozen", "trained"}

// annotated is a policy as annotations change it.
func (c *context) annotated(p policy, annos []*Anno) policy {
	var on ir.Device
	for _, a := range annos {
		switch name := a.Name.Name; {
		case name == "precision":
			p = c.precision(p, a)
		case devices[name] == ir.OnAny && !slices.Contains(plain, name):
			hint := didYouMean(name, slices.Concat([]string{"precision"}, keys(devices), plain))
			c.hintf(a.Name.span(), cmp.Or(hint, "`@cpu` and `@gpu` place what they stand before"), "there is no annotation `@%s`", name)
		case devices[name] == ir.OnAny:
		case a.Args != nil:
			c.hintf(a.Name.span(), "there is one CPU and one GPU", "`@%s` takes nothing in parentheses", name)
		case on != ir.OnAny && on != devices[name]:
			c.hintf(a.Name.span(), "of one within another the inner one counts", "this is placed on the CPU and on the GPU")
		default:
			on = devices[name]
			p.device = on
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
