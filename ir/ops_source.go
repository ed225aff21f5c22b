package ir

import "fmt"

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

// ReadAttrs names a state of the module, and its shape, which is that of the state where
// the function's guard holds.
type ReadAttrs struct {
	State *Param
	Shape []Size
}

var sourceOps = []*Op{
	{
		Name: "const", Kind: KindSource, Attrs: ConstAttrs{},
		Doc: "a number, the same everywhere",
		Rules: []Rule{operands("const", 0), numberRule("const", func(in *Instr) (float64, DType) {
			a := in.Attrs.(ConstAttrs)
			return a.Value, a.DType
		})},
		Type: func(in *Instr) ([]Type, error) {
			a := in.Attrs.(ConstAttrs)
			return typed(a.DType, a.Shape)
		},
		Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
			a := in.Attrs.(ConstAttrs)
			return p.Num(a.DType, roundTo(a.Value, a.DType))
		},
		Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
			a := in.Attrs.(ConstAttrs)
			return env.fill(in.Result().Type, func(out *Tensor, n int, _ []int) { out.setNumber(n, a.Value) })
		},
	},
	{
		Name: "iota", Kind: KindSource, Attrs: IotaAttrs{},
		Doc: "the index along an axis",
		Rules: []Rule{operands("iota", 0), {"iota/axis", "the dtype is a number's and the axis is in [0, rank)", func(in *Instr) error {
			a := in.Attrs.(IotaAttrs)
			if !a.DType.IsFloat() && !a.DType.IsInt() {
				return fmt.Errorf("indices are no %s", a.DType)
			}
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
			t := env.Params[p.Name]
			if t == nil {
				return nil, fmt.Errorf("param %s has no value", p.Name)
			}
			env.live += int64(t.Len()) // as for values that are made
			return t, nil
		},
	},
	{
		Name: "read", Kind: KindSource, Attrs: ReadAttrs{},
		Doc: "a state, as it is when a call begins",
		Rules: []Rule{operands("read", 0), {"read/shape", "the shape has as many axes as the state", func(in *Instr) error {
			a := in.Attrs.(ReadAttrs)
			if !a.State.State || len(a.Shape) != a.State.Type.Rank() {
				return fmt.Errorf("%s is no shape of the state @%s", Type{a.State.Type.DType, a.Shape}, a.State.Name)
			}
			return nil
		}}},
		Type: func(in *Instr) ([]Type, error) {
			a := in.Attrs.(ReadAttrs)
			return typed(a.State.Type.DType, a.Shape)
		},
		Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
			return env.state(in.Attrs.(ReadAttrs).State)
		},
	},
}
