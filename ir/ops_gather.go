package ir

import (
	"fmt"
	"slices"
)

var gatherOps = []*Op{
	{
		Name: "take", Kind: KindGather, Operands: []string{"x", "i"}, Attrs: AxisAttrs{}, Grad: GradPending,
		Doc: "the elements of x at the indices i along an axis; an index out of range is clamped",
		Rules: []Rule{operands("take", 2), {"take/index", "the indices are integers", dtypeOf("take", 1, ints).Check},
			axisRule("take", func(in *Instr) []int { return []int{in.Attrs.(AxisAttrs).Axis} }),
			{"take/empty", "the axis is not of size 0", func(in *Instr) error {
				if in.Args[0].Type.Shape[in.Attrs.(AxisAttrs).Axis].Is(0) {
					return fmt.Errorf("axis %d of %s is empty", in.Attrs.(AxisAttrs).Axis, in.Args[0].Type)
				}
				return nil
			}}},
		Type: func(in *Instr) ([]Type, error) {
			x, axis := in.Args[0].Type, in.Attrs.(AxisAttrs).Axis
			s := slices.Concat(x.Shape[:axis], in.Args[1].Type.Shape, x.Shape[axis+1:])
			return typed(x.DType, s)
		},
		Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
			x, axis, n := in.Args[0].Type, in.Attrs.(AxisAttrs).Axis, in.Args[1].Type.Rank()
			pick := p.clamp(p.Arg(in.Args[1], at[axis:axis+n]), x.Shape[axis])
			return p.Bound(x.Shape[axis], pick, func(i Size) *Scalar {
				return p.Arg(in.Args[0], slices.Concat(at[:axis], []Size{i}, at[axis+n:]))
			})
		},
		Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
			axis, x, pick := in.Attrs.(AxisAttrs).Axis, args[0], args[1]
			n := len(pick.Shape)
			if x.Shape[axis] == 0 && len(pick.I) > 0 {
				return nil, fmt.Errorf("take from an empty axis")
			}
			return env.fill(in.Result().Type, func(out *Tensor, o int, at []int) {
				i := pick.I[pick.offset(at[axis:axis+n])]
				if pick.DType.Class() == Unsigned && i < 0 { // beyond int64
					i = int64(x.Shape[axis]) - 1
				}
				i = max(0, min(i, int64(x.Shape[axis])-1))
				from := slices.Concat(at[:axis], []int{int(i)}, at[axis+n:])
				out.copyFrom(o, x, x.offset(from))
			})
		},
	},
}

// clamp brings an index of any integer dtype into [0, extent), as i64.
func (p *Puller) clamp(i *Scalar, extent Size) *Scalar {
	last := extent.Sub(N(1))
	if i.DType == U64 { // before it could turn negative
		return p.Cast(I64, p.Apply(Min, i, p.Size(U64, last)))
	}
	i = p.Apply(Max, p.Cast(I64, i), p.Num(I64, 0))
	return p.Apply(Min, i, p.Size(I64, last))
}
