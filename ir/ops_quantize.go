package ir

import (
	"errors"
	"fmt"
)

// QuantizeAttrs name a format of MLX, and one of its planes.
type QuantizeAttrs struct {
	Format DType
	Plane  int
}

// quantize rounds each result to f32, in the reference, too: an element between two levels
// would else be another one there.
//
// The scale is negative where the largest number is farther from 0 than the least, as 0 then
// is the level of the one that is farther, which is exact; and such that another level is 0.
var quantize = &Op{
	Name: "quantize", Kind: KindComposite, Operands: []string{"x"}, Attrs: QuantizeAttrs{}, Tolerance: exact,
	Doc: "a plane of x in one of MLX's formats: the words (u32), scales or biases (f16) that mlx.core.quantize makes of x in f32; a group with NaN or an infinity, or whose scale is none of f16, stands for NaN or infinities",
	Rules: []Rule{operands("quantize", 1), dtypeOf("quantize", 0, floats),
		{"quantize/format", "the format is one of MLX", func(in *Instr) error {
			if t := in.Attrs.(QuantizeAttrs).Format; !t.Format().affine() {
				return fmt.Errorf("%s is no format with scales and biases, such as q8g64", t)
			}
			return nil
		}},
		{"quantize/plane", "the plane is 0, 1 or 2", func(in *Instr) error {
			if n := in.Attrs.(QuantizeAttrs).Plane; n < 0 || n > 2 {
				return errors.New("planes are 0, 1 and 2")
			}
			return nil
		}},
		{"quantize/shape", "the last of at least 2 axes is a multiple of the group", func(in *Instr) error {
			return in.Attrs.(QuantizeAttrs).Format.Format().Check(in.Args[0].Type.Shape)
		}}},
	Type: func(in *Instr) ([]Type, error) {
		a := in.Attrs.(QuantizeAttrs)
		return a.Format.Format().Types(in.Args[0].Type.Shape)[a.Plane : a.Plane+1], nil
	},
	Expand: expand(func(c *calc, in *Instr, x []*Value) *Value {
		a, t := in.Attrs.(QuantizeAttrs), x[0].Type
		f := a.Format.Format()
		plane, levels := f.Types(t.Shape)[a.Plane], float64(int(1)<<f.Bits-1)
		op := func(name string, xs ...*Value) *Value {
			return c.op("cast", CastAttrs{F32}, c.op(name, nil, xs...))
		}
		groups := Product(t.Shape).Div(N(int64(f.Group)))
		z := c.reshape(c.op("cast", CastAttrs{F32}, x[0]), groups, N(int64(f.Group)))
		lo, hi := c.reduce("min", []int{1}, z), c.reduce("max", []int{1}, z)
		scale := op("div", op("sub", hi, lo), c.like(lo, levels))
		scale = op("maximum", scale, c.like(lo, 1e-7))
		below := c.op("lt", nil, c.op("abs", nil, hi), c.op("abs", nil, lo))
		scale = c.op("where", nil, below, scale, c.op("neg", nil, scale))
		edge := c.op("where", nil, below, lo, hi)
		zero := c.op("round", nil, op("div", edge, scale)) // the level that 0 has
		none := c.op("eq", nil, zero, c.like(zero, 0))
		scale = c.op("where", nil, none, scale, op("div", edge, zero))
		bias := c.op("where", nil, none, c.like(edge, 0), edge)
		switch a.Plane {
		case 1:
			return c.reshape(c.cast(plane.DType, scale), plane.Shape...)
		case 2:
			return c.reshape(c.cast(plane.DType, bias), plane.Shape...)
		}
		q := c.op("round", nil, op("div", op("sub", z, bias), scale))
		q = c.op("minimum", nil, c.op("maximum", nil, q, c.like(q, 0)), c.like(q, levels))
		return c.reshape(c.words(c.cast(plane.DType, q), f.Bits), plane.Shape...)
	}),
}

// words are numbers of so many bits each, the first in the lowest bits of a word.
func (c *calc) words(q *Value, bits int) *Value {
	per := N(int64(32 / bits))
	q = c.reshape(q, Product(q.Type.Shape).Div(per), per)
	at := c.append(q, "iota", IotaAttrs{DType: q.Type.DType, Shape: q.Type.Shape, Axis: 1})
	return c.op("sum", ReduceAttrs{Axes: []int{1}}, c.op("shl", nil, q, c.op("mul", nil, at, c.like(at, float64(bits)))))
}
