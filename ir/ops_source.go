package ir

import (
	"fmt"
	"math"
)

// ConstAttrs is a number everywhere in a tensor of the given type.
type ConstAttrs struct {
	Value float64
	DType DType
	Shape []Size
}

// IotaAttrs is a tensor whose elements are their indices along Axis.
type IotaAttrs struct {
	DType DType
	Shape []Size
	Axis  int
}

// WeightAttrs names a param of the module.
type WeightAttrs struct{ Param *Param }

var sourceOps = []*Op{
	{
		Name: "const", Kind: KindSource, Attrs: ConstAttrs{},
		Doc: "a number, the same everywhere",
		Rules: []Rule{operands("const", 0), {"const/value", "an integer dtype has an integral value within its range", func(in *Instr) error {
			a := in.Attrs.(ConstAttrs)
			if a.DType.IsFloat() {
				return nil
			}
			if a.Value != math.Trunc(a.Value) || float64(wrap(int64(a.Value), a.DType)) != a.Value && !(a.DType == U64 && a.Value >= 0 && a.Value < 1<<64) {
				return fmt.Errorf("%v is no %s", a.Value, a.DType)
			}
			return nil
		}}},
		Type: func(in *Instr) ([]Type, error) {
			a := in.Attrs.(ConstAttrs)
			return typed(a.DType, a.Shape)
		},
		Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
			a := in.Attrs.(ConstAttrs)
			return p.Cast(a.DType, p.Num(a.DType, a.Value))
		},
		Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
			a := in.Attrs.(ConstAttrs)
			return env.fill(in.Result().Type, func(out *Tensor, n int, _ []int) { out.setNumber(n, a.Value) })
		},
	},
	{
		Name: "iota", Kind: KindSource, Attrs: IotaAttrs{},
		Doc: "the index along an axis",
		Rules: []Rule{operands("iota", 0), {"iota/axis", "the axis is in [0, rank)", func(in *Instr) error {
			a := in.Attrs.(IotaAttrs)
			if a.Axis < 0 || a.Axis >= len(a.Shape) {
				return fmt.Errorf("axis %d is outside %s", a.Axis, Type{a.DType, a.Shape})
			}
			return nil
		}}},
		Type: func(in *Instr) ([]Type, error) {
			a := in.Attrs.(IotaAttrs)
			return typed(a.DType, a.Shape)
		},
		Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
			a := in.Attrs.(IotaAttrs)
			return p.Cast(a.DType, p.Number(a.DType, at[a.Axis]))
		},
		Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
			axis := in.Attrs.(IotaAttrs).Axis
			return env.fill(in.Result().Type, func(out *Tensor, n int, at []int) { out.setNumber(n, float64(at[axis])) })
		},
	},
	{
		Name: "weight", Kind: KindSource, Attrs: WeightAttrs{},
		Doc:   "a param, as the checkpoint has it",
		Rules: []Rule{operands("weight", 0)},
		Type:  func(in *Instr) ([]Type, error) { return []Type{in.Attrs.(WeightAttrs).Param.Type}, nil },
		Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
			p := in.Attrs.(WeightAttrs).Param
			if t := env.Params[p.Name]; t != nil {
				return t, nil
			}
			return nil, fmt.Errorf("param %s has no value", p.Name)
		},
	},
}
