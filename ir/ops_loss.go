package ir

import "fmt"

// LossAttrs: Acc is as for NormAttrs.
type LossAttrs struct{ Acc DType }

var crossEntropy = &Op{
	Name: "cross_entropy", Kind: KindComposite, Operands: []string{"logits", "labels"}, Attrs: LossAttrs{},
	Doc: "log(sum(exp(x))) - x[label] for each row x of [..., C], in f32 or, for f64, f64; 0 where the label is outside [0, C)",
	Rules: []Rule{operands("cross_entropy", 2), dtypeOf("cross_entropy", 0, floats),
		{"cross_entropy/labels", "the labels are integers, one for each row", func(in *Instr) error {
			x, l := in.Args[0].Type, in.Args[1].Type
			if !l.DType.IsInt() || x.Rank() < 1 || !EqualShapes(l.Shape, x.Shape[:x.Rank()-1]) {
				return fmt.Errorf("labels %s do not fit %s", l, x)
			}
			return nil
		}},
		notEmpty("cross_entropy", func(in *Instr) []int { return []int{in.Args[0].Type.Rank() - 1} }),
		accRule("cross_entropy", func(in *Instr) DType { return in.Attrs.(LossAttrs).Acc })},
	Type: func(in *Instr) ([]Type, error) { return typed(in.Args[0].Type.DType.Compute(), in.Args[1].Type.Shape) },
	Expand: expand(func(c *calc, in *Instr, x []*Value) *Value {
		z, label := c.wide(in.Attrs.(LossAttrs).Acc, x[0]), x[1]
		shape, last := z.Type.Shape, []int{z.Type.Rank() - 1}
		class := I32
		if t := label.Type.DType; t == U32 || t.Size() == 8 {
			class = I64 // no label is another one's, wrapped
		}
		classes := c.append(z, "iota", IotaAttrs{DType: class, Shape: shape, Axis: last[0]})
		label = c.op("reshape", ShapeAttrs{append(shape[:last[0]:last[0]], N(1))}, c.cast(class, label))
		d := c.op("sub", nil, z, c.reduce("max", last, z))
		total := c.op("log", nil, c.reduce("sum", last, c.op("exp", nil, d)))
		loss := c.op("neg", nil, c.op("sub", nil, d, total))
		loss = c.op("where", nil, c.op("eq", nil, classes, label), loss, c.like(loss, 0))
		return c.cast(x[0].Type.DType.Compute(), c.op("sum", ReduceAttrs{Axes: last}, loss))
	}),
	Grad: GradExpand, Tolerance: cancelling(16),
}

// Accumulate makes LossAttrs an Accumulates.
func (a LossAttrs) Accumulate(t DType) any { a.Acc = chosen(a.Acc, t); return a }
