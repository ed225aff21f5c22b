package ir

import (
	"fmt"
	"math"
)

// AttentionAttrs: Scale multiplies the scores. Causal hides later keys: query i of T
// sees the keys up to S-T+i of S, so that all that a cache holds is seen. Acc is as
// for NormAttrs.
type AttentionAttrs struct {
	Scale  float64
	Causal bool
	Acc    DType
}

// attention has a tolerance of its parts: the scores are sums over a head, and the
// weighted sum is one over the keys, whose weights have the errors of their scores.
var attention = &Op{
	Name: "attention", Kind: KindComposite, Operands: []string{"q", "k", "v", "mask..."}, Attrs: AttentionAttrs{},
	Doc: "softmax(scale*q·k + mask)·v of heads q [B, H, T, D], k [B, G, S, D] and v [B, G, S, E], where G divides H and each head of k and v serves H/G of q that follow one another; the mask stretches to [B, H, T, S] and is added or, if bool, says what is seen; a query that sees nothing gives 0",
	Rules: []Rule{
		{"attention/operands", "takes 3 or 4 operands", func(in *Instr) error {
			if n := len(in.Args); n != 3 && n != 4 {
				return fmt.Errorf("takes 3 or 4 operands, got %d", n)
			}
			return nil
		}},
		dtypeOf("attention", 0, floats),
		{"attention/dtypes", "q, k and v have one dtype", func(in *Instr) error {
			for _, v := range in.Args[1:3] {
				if q := in.Args[0].Type; v.Type.DType != q.DType {
					return fmt.Errorf("operands differ: %s and %s", q, v.Type)
				}
			}
			return nil
		}},
		{"attention/shapes", "q, k and v have 4 axes, not negative for any size; batches are equal, head sizes of q and k, and heads and lengths of k and v", func(in *Instr) error {
			q, k, v := in.Args[0].Type, in.Args[1].Type, in.Args[2].Type
			for _, t := range []Type{q, k, v} {
				if t.Rank() != 4 {
					return fmt.Errorf("wants 4 axes, got %s", t)
				}
				for axis, s := range t.Shape {
					if !proves(in.Facts, s) {
						return fmt.Errorf("axis %d of %s may be negative", axis, t)
					}
				}
			}
			if !q.Shape[0].Equal(k.Shape[0]) || !q.Shape[3].Equal(k.Shape[3]) || !EqualShapes(k.Shape[:3], v.Shape[:3]) {
				return fmt.Errorf("%s, %s and %s do not fit together", q, k, v)
			}
			return nil
		}},
		{"attention/heads", "the heads of k divide those of q", func(in *Instr) error {
			q, k := in.Args[0].Type, in.Args[1].Type
			if _, ok := q.Shape[1].Exact(k.Shape[1]); !ok {
				return fmt.Errorf("%s heads of %s do not divide %s of %s", k.Shape[1], k, q.Shape[1], q)
			}
			return nil
		}},
		{"attention/mask", "the mask is a float or bool that stretches to [B, H, T, S]", func(in *Instr) error {
			if len(in.Args) < 4 {
				return nil
			}
			m, want := in.Args[3].Type, scoreShape(in)
			if m.DType.Class() != Boolean && !m.DType.IsFloat() {
				return fmt.Errorf("the mask is %s", m)
			}
			if joined, err := BroadcastShapes(want, m.Shape); err != nil || !EqualShapes(joined, want) {
				return fmt.Errorf("the mask %s does not stretch to %s", m, Type{m.DType, want})
			}
			return nil
		}},
		accRule("attention", func(in *Instr) DType { return in.Attrs.(AttentionAttrs).Acc }),
	},
	Type: func(in *Instr) ([]Type, error) {
		q, v := in.Args[0].Type, in.Args[2].Type
		return typed(q.DType, []Size{q.Shape[0], q.Shape[1], q.Shape[2], v.Shape[3]})
	},
	Expand: expand(attend),
	Grad:   GradExpand, Tolerance: Tolerance{Rel: 16.0 / (1 << 23), Abs: 16.0 / (1 << 23), Term: 4.0 / (1 << 24)},
}

// scoreShape is [B, H, T, S].
func scoreShape(in *Instr) []Size {
	q, k := in.Args[0].Type, in.Args[1].Type
	return []Size{q.Shape[0], q.Shape[1], q.Shape[2], k.Shape[2]}
}

// attend has an axis for the heads of q that share one of k: [B, G, H/G, T, S].
func attend(c *calc, in *Instr, x []*Value) *Value {
	a := in.Attrs.(AttentionAttrs)
	q, k, v := c.wide(a.Acc, x[0]), c.wide(a.Acc, x[1]), c.wide(a.Acc, x[2])
	each, _ := q.Type.Shape[1].Exact(k.Type.Shape[1])
	grouped := func(x *Value, heads Size) *Value {
		s := x.Type.Shape
		return c.op("reshape", ShapeAttrs{[]Size{s[0], k.Type.Shape[1], heads, s[2], s[3]}}, x)
	}
	product := func(x, y *Value) *Value {
		return c.append(x, "matmul", MatmulAttrs{q.Type.DType}, x, y)
	}
	keys := c.op("transpose", PermAttrs{[]int{0, 1, 2, 4, 3}}, grouped(k, N(1)))
	s := product(grouped(q, each), keys)
	s = c.op("mul", nil, s, c.like(s, a.Scale))
	if a.Causal {
		s = c.seen(s, c.visible(s, q.Type.Shape[2], k.Type.Shape[2]))
	}
	if len(x) > 3 {
		mask := grouped(c.op("broadcast", ShapeAttrs{scoreShape(in)}, x[3]), each)
		if mask.Type.DType == Bool {
			s = c.seen(s, mask)
		} else {
			s = c.op("add", nil, s, c.cast(s.Type.DType, mask))
		}
	}
	last := []int{4}
	m := c.reduce("max", last, s)
	masked := a.Causal || len(x) > 3
	if masked { // exp(-inf - 0) is 0, where exp(-inf + inf) were NaN
		m = c.op("where", nil, c.op("eq", nil, m, c.like(m, math.Inf(-1))), c.like(m, 0), m)
	}
	p := c.op("exp", nil, c.op("sub", nil, s, m))
	total := c.reduce("sum", last, p)
	if masked { // the largest of a row is exp(0), so that only that of nothing is below 1
		total = c.op("maximum", nil, total, c.like(total, 1))
	}
	y := c.op("div", nil, product(p, grouped(v, N(1))), total)
	return c.cast(x[0].Type.DType, c.op("reshape", ShapeAttrs{append(scoreShape(in)[:3:3], v.Type.Shape[3])}, y))
}

// seen is s where keep holds, and else -inf.
func (c *calc) seen(s, keep *Value) *Value {
	keep = c.op("broadcast", ShapeAttrs{s.Type.Shape}, keep)
	return c.op("where", nil, keep, s, c.like(s, math.Inf(-1)))
}

// visible is whether key j is at most S-T+i, for query i: [T, S]. Neither side of
// j + T <= i + S is negative, so that both are parts of one ramp.
func (c *calc) visible(s *Value, queries, keys Size) *Value {
	ramp := c.append(s, "iota", IotaAttrs{DType: I32, Shape: []Size{queries.Add(keys)}})
	part := func(from, size Size, shape ...Size) *Value {
		v := c.op("slice", SliceAttrs{Start: []Size{from}, Step: []int{1}, Size: []Size{size}}, ramp)
		return c.op("broadcast", ShapeAttrs{[]Size{queries, keys}}, c.op("reshape", ShapeAttrs{shape}, v))
	}
	return c.op("le", nil, part(queries, keys, N(1), keys), part(keys, queries, queries, N(1)))
}

// Accumulate makes AttentionAttrs an Accumulates.
func (a AttentionAttrs) Accumulate(t DType) any { a.Acc = chosen(a.Acc, t); return a }
