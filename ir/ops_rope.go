package ir

import (
	"fmt"
	"math"
	"slices"
)

// RopeAttrs say by which angles rope turns: position p turns pair i of D/2 by
// p*f(i), where f(i) = Theta^(-2i/D), scaled. A Factor other than 1 stretches the
// positions: with Context 0 all frequencies are divided by it; else, as Llama 3.1
// does, those with less than Low periods in Context positions, while those with
// more than High stay, and between there is a line. Acc is as for NormAttrs.
type RopeAttrs struct {
	Pos               Size // of the first element of axis -2, where no positions are given
	Theta             float64
	Interleaved       bool // pair i is elements 2i and 2i+1 (GGUF); else i and i+D/2 (Hugging Face)
	Factor, Low, High float64
	Context           int
	Acc               DType
}

// rope in f32 has the error of its angles: that of a frequency is some 2^-23 of a
// period of the first pair, so that of position p is p*2^-23 (Term, positions being
// fewer than elements).
var rope = &Op{
	Name: "rope", Kind: KindComposite, Operands: []string{"x", "pos..."}, Attrs: RopeAttrs{},
	Doc: "pairs of the last axis of [..., T, D] turned by angles that grow with the position, which is pos, pos + 1 ... along T; an integer operand gives it instead: that of the first, of each, [T], or of each in each batch, [B, T]",
	Rules: []Rule{
		{"rope/operands", "takes 1 or 2 operands", func(in *Instr) error {
			if n := len(in.Args); n != 1 && n != 2 {
				return fmt.Errorf("takes 1 or 2 operands, got %d", n)
			}
			return nil
		}},
		dtypeOf("rope", 0, floats),
		{"rope/pairs", "there are at least 2 axes, and the last has a constant, even size", func(in *Instr) error {
			x := in.Args[0].Type
			if x.Rank() < 2 {
				return fmt.Errorf("%s has less than 2 axes", x)
			}
			if d, ok := x.Shape[x.Rank()-1].Int(); !ok || d%2 != 0 {
				return fmt.Errorf("the last size of %s is not a constant, even one", x)
			}
			return nil
		}},
		{"rope/pos", "positions and their number are not negative; those of an operand are integers of rank 0, [T] or [B, T], and start is then 0", func(in *Instr) error {
			a, x := in.Attrs.(RopeAttrs), in.Args[0].Type
			if !a.Pos.AtLeast(0) {
				return fmt.Errorf("position %s can be negative", a.Pos)
			}
			if !proves(in.Facts, x.Shape[x.Rank()-2]) {
				return fmt.Errorf("axis %d of %s may be negative", x.Rank()-2, x)
			}
			if len(in.Args) < 2 {
				return nil
			}
			p, t := in.Args[1].Type, x.Shape[x.Rank()-2]
			each := p.Rank() == 1 || p.Rank() == 2 && x.Rank() > 2 && p.Shape[0].Equal(x.Shape[0])
			if !p.DType.IsInt() || !a.Pos.Is(0) || p.Rank() > 0 && !(each && p.Shape[p.Rank()-1].Equal(t)) {
				return fmt.Errorf("positions %s, from %s, do not fit %s", p, a.Pos, x)
			}
			return nil
		}},
		{"rope/numbers", "theta and factor are positive; with a context, low is less than high", func(in *Instr) error {
			if a := in.Attrs.(RopeAttrs); !(a.Theta > 0 && a.Factor > 0) || a.Context < 0 || a.Context > 0 && !(a.Low < a.High) {
				return fmt.Errorf("theta %v, factor %v, low %v, high %v and context %d are not possible", a.Theta, a.Factor, a.Low, a.High, a.Context)
			}
			return nil
		}},
		accRule("rope", func(in *Instr) DType { return in.Attrs.(RopeAttrs).Acc }),
	},
	Type:   likeArg(0),
	Expand: expand(turn),
	Grad:   GradExpand, Tolerance: Tolerance{Rel: 16.0 / (1 << 23), Abs: 16.0 / (1 << 23), Term: 4.0 / (1 << 24)},
}

// turn has an axis of size 2 for the elements of a pair.
func turn(c *calc, in *Instr, x []*Value) *Value {
	a, t := in.Attrs.(RopeAttrs), x[0].Type
	last := t.Rank() - 1
	half := t.Shape[last].Div(N(2))
	axis := last
	if a.Interleaved {
		axis++
	}
	pairs := func(shape []Size, elements Size) ShapeAttrs {
		return ShapeAttrs{slices.Insert(append(shape[:len(shape)-1:len(shape)-1], half), len(shape)-1+axis-last, elements)}
	}
	z := c.wide(a.Acc, x[0])
	angle := c.angles(a, z, half, x[1:])
	angle = c.op("reshape", pairs(angle.Type.Shape, N(1)), angle)
	cos, sin := c.op("cos", nil, angle), c.op("sin", nil, angle)
	z = c.op("reshape", pairs(t.Shape, N(2)), z)
	element := func(i int64) *Value {
		s := SliceAttrs{Start: make([]Size, t.Rank()+1), Step: slices.Repeat([]int{1}, t.Rank()+1), Size: pairs(t.Shape, N(1)).Shape}
		s.Start[axis] = N(i)
		return c.op("slice", s, z)
	}
	u, v := element(0), element(1)
	y := c.op("concat", AxisAttrs{axis},
		c.op("sub", nil, c.op("mul", nil, u, cos), c.op("mul", nil, v, sin)),
		c.op("add", nil, c.op("mul", nil, v, cos), c.op("mul", nil, u, sin)))
	return c.cast(t.DType, c.op("reshape", ShapeAttrs{t.Shape}, y))
}

// angles are those of z's positions and pairs, [T, D/2], or [B, 1..., T, D/2] where
// each batch has positions of its own.
func (c *calc) angles(a RopeAttrs, z *Value, half Size, positions []*Value) *Value {
	acc, shape := z.Type.DType, z.Type.Shape
	tokens := shape[len(shape)-2]
	ramp := func(n Size) *Value { return c.append(z, "iota", IotaAttrs{DType: acc, Shape: []Size{n}}) }
	column := []Size{tokens, N(1)}
	var pos *Value
	switch {
	case len(positions) == 0:
		pos = c.op("slice", SliceAttrs{Start: []Size{a.Pos}, Step: []int{1}, Size: []Size{tokens}}, ramp(a.Pos.Add(tokens)))
	case positions[0].Type.Rank() == 0:
		pos = c.op("add", nil, ramp(tokens), c.cast(acc, positions[0]))
	default:
		pos = c.cast(acc, positions[0])
		if pos.Type.Rank() == 2 {
			column = slices.Concat(shape[:1], slices.Repeat([]Size{N(1)}, len(shape)-3), column)
		}
	}
	pos = c.op("reshape", ShapeAttrs{column}, pos)
	pos = c.op("broadcast", ShapeAttrs{append(column[:len(column)-1:len(column)-1], half)}, pos)
	return c.op("mul", nil, pos, c.frequencies(a, ramp(half)))
}

// frequencies are those of the pairs i, in radians a position.
func (c *calc) frequencies(a RopeAttrs, i *Value) *Value {
	n, _ := i.Type.Shape[0].Int()
	number := func(x float64) *Value { return c.like(i, x) }
	f := c.op("exp2", nil, c.op("mul", nil, i, number(-math.Log2(a.Theta)/float64(max(n, 1)))))
	switch {
	case a.Factor == 1:
		return f
	case a.Context == 0:
		return c.op("mul", nil, f, number(1/a.Factor))
	}
	periods := c.op("mul", nil, f, number(float64(a.Context)/(2*math.Pi)))
	keep := c.op("mul", nil, c.op("sub", nil, periods, number(a.Low)), number(1/(a.High-a.Low)))
	keep = c.op("clip", nil, keep, number(0), number(1))
	// f*keep + f/factor*(1 - keep)
	return c.op("mul", nil, f, c.op("add", nil, c.op("mul", nil, keep, number(1-1/a.Factor)), number(1/a.Factor)))
}

// Accumulate makes RopeAttrs an Accumulates.
func (a RopeAttrs) Accumulate(t DType) any { a.Acc = chosen(a.Acc, t); return a }
