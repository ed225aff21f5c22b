package ir

import "fmt"

// NormAttrs: Eps is added to the variance, Acc is the dtype of the computation;
// Invalid means the operand's arithmetic.
type NormAttrs struct {
	Eps float64
	Acc DType
}

// GroupNormAttrs are those of a norm over Groups groups of channels.
type GroupNormAttrs struct {
	Groups int
	Eps    float64
	Acc    DType
}

// SoftmaxAttrs: the axis, and the dtype of the computation.
type SoftmaxAttrs struct {
	Axis int
	Acc  DType
}

var compositeOps = []*Op{
	softmaxOp("softmax", "exp(x - m)/sum(exp(x - m)) along the axis, m being its maximum; a row of -inf is NaN", func(c *calc, axis []int, x *Value) *Value {
		e := c.op("exp", nil, c.op("sub", nil, x, c.reduce("max", axis, x)))
		return c.op("div", nil, e, c.reduce("sum", axis, e))
	}),
	softmaxOp("log_softmax", "x - m - log(sum(exp(x - m))) along the axis, m being its maximum", func(c *calc, axis []int, x *Value) *Value {
		d := c.op("sub", nil, x, c.reduce("max", axis, x))
		return c.op("sub", nil, d, c.op("log", nil, c.reduce("sum", axis, c.op("exp", nil, d))))
	}),
	{
		Name: "var", Kind: KindComposite, Operands: []string{"x"}, Attrs: ReduceAttrs{}, Grad: GradExpand,
		Doc:       "the mean of the squared distances from the mean",
		Tolerance: Tolerance{Rel: 1.0 / (1 << 20)},
		Rules:     []Rule{operands("var", 1), dtypeOf("var", 0, floats), axisRule("var", reduceAxes)},
		Type:      reducedType,
		Expand: expand(func(c *calc, in *Instr, x []*Value) *Value {
			a := in.Attrs.(ReduceAttrs)
			d := c.op("sub", nil, x[0], c.reduce("mean", a.Axes, x[0]))
			return c.op("mean", a, c.op("mul", nil, d, d))
		}),
	},
	norm("layer_norm", "(x - mean)/sqrt(var + eps)*weight + bias over the last axis", 3, func(c *calc, eps float64, x []*Value) *Value {
		last := []int{x[0].Type.Rank() - 1}
		d := c.op("sub", nil, x[0], c.reduce("mean", last, x[0]))
		return c.affine(c.normalise(d, last, eps), x[1], x[2])
	}),
	norm("rms_norm", "x/sqrt(mean(x²) + eps)*weight over the last axis", 2, func(c *calc, eps float64, x []*Value) *Value {
		return c.affine(c.normalise(x[0], []int{x[0].Type.Rank() - 1}, eps), x[1], nil)
	}),
	{
		Name: "group_norm", Kind: KindComposite, Operands: []string{"x", "weight", "bias"}, Attrs: GroupNormAttrs{}, Grad: GradExpand,
		Doc:       "layer norm without weights over each group of channels of [B, ...S, C] and all spatial axes, then times weight plus bias",
		Tolerance: Tolerance{Rel: 1.0 / (1 << 18), Abs: 1e-6},
		Rules: []Rule{operands("group_norm", 3), dtypeOf("group_norm", 0, floats), channelRule("group_norm"), {"group_norm/groups", "groups divides the channels", func(in *Instr) error {
			x, g := in.Args[0].Type, in.Attrs.(GroupNormAttrs).Groups
			if g < 1 || x.Rank() < 2 || !x.Shape[x.Rank()-1].Multiple(int64(g)) {
				return fmt.Errorf("the channels of %s do not divide into %d groups", x, g)
			}
			return nil
		}}},
		Type: likeArg(0),
		Expand: expand(func(c *calc, in *Instr, x []*Value) *Value {
			a, t := in.Attrs.(GroupNormAttrs), x[0].Type
			z := c.to(a.Acc, x[0])
			per, _ := t.Shape[t.Rank()-1].Exact(N(int64(a.Groups)))
			split := []Size{t.Shape[0], Product(t.Shape[1 : t.Rank()-1]), N(int64(a.Groups)), per}
			z = c.op("reshape", ShapeAttrs{split}, z)
			z = c.op("sub", nil, z, c.reduce("mean", []int{1, 3}, z))
			z = c.op("reshape", ShapeAttrs{t.Shape}, c.normalise(z, []int{1, 3}, a.Eps))
			return c.to(t.DType, c.affine(z, c.to(a.Acc, x[1]), c.to(a.Acc, x[2])))
		}),
	},
	norm("batch_norm", "(x - mean)/sqrt(var + eps)*weight + bias per channel of [..., C], with given mean and var", 5, func(c *calc, eps float64, x []*Value) *Value {
		v := x[4]
		inv := c.op("rsqrt", nil, c.op("add", nil, v, c.number(eps, v.Type)))
		d := c.op("sub", nil, x[0], c.stretch(x[3], x[0].Type.Shape))
		return c.affine(c.op("mul", nil, d, c.stretch(inv, x[0].Type.Shape)), x[1], x[2])
	}),
}

func softmaxOp(name, doc string, f func(c *calc, axis []int, x *Value) *Value) *Op {
	return &Op{
		Name: name, Kind: KindComposite, Operands: []string{"x"}, Attrs: SoftmaxAttrs{}, Doc: doc, Grad: GradExpand,
		Tolerance: Tolerance{Rel: 1.0 / (1 << 20), Abs: 1e-7},
		Rules: []Rule{operands(name, 1), dtypeOf(name, 0, floats),
			axisRule(name, func(in *Instr) []int { return []int{in.Attrs.(SoftmaxAttrs).Axis} })},
		Type: likeArg(0),
		Expand: expand(func(c *calc, in *Instr, x []*Value) *Value {
			a := in.Attrs.(SoftmaxAttrs)
			return c.to(x[0].Type.DType, f(c, []int{a.Axis}, c.to(a.Acc, x[0])))
		}),
	}
}

// norm is a composite over the channels of its first operand, computed in Acc.
func norm(name, doc string, n int, f func(c *calc, eps float64, x []*Value) *Value) *Op {
	return &Op{
		Name: name, Kind: KindComposite, Operands: []string{"x", "weight", "bias", "mean", "var"}[:n], Attrs: NormAttrs{}, Doc: doc, Grad: GradExpand,
		Tolerance: Tolerance{Rel: 1.0 / (1 << 18), Abs: 1e-6},
		Rules:     []Rule{operands(name, n), dtypeOf(name, 0, floats), channelRule(name)},
		Type:      likeArg(0),
		Expand: expand(func(c *calc, in *Instr, x []*Value) *Value {
			a := in.Attrs.(NormAttrs)
			wide := make([]*Value, len(x))
			for i, v := range x {
				wide[i] = c.to(a.Acc, v)
			}
			return c.to(x[0].Type.DType, f(c, a.Eps, wide))
		}),
	}
}

// channelRule: all operands but the first are vectors over its last axis.
func channelRule(op string) Rule {
	return Rule{op + "/channels", "weights are float vectors as long as the last axis", func(in *Instr) error {
		x := in.Args[0].Type
		if x.Rank() == 0 {
			return fmt.Errorf("%s has no axis", x)
		}
		for _, w := range in.Args[1:] {
			if t := w.Type; t.Rank() != 1 || !t.DType.IsFloat() || !t.Shape[0].Equal(x.Shape[x.Rank()-1]) {
				return fmt.Errorf("%s does not fit the last axis of %s", t, x)
			}
		}
		return nil
	}}
}

// A calc writes an expansion; after the first error it does nothing.
type calc struct {
	*Emit
	err error
}

func expand(f func(c *calc, in *Instr, x []*Value) *Value) func(b *Emit, in *Instr) ([]*Value, error) {
	return func(b *Emit, in *Instr) ([]*Value, error) {
		c := &calc{Emit: b}
		out := f(c, in, in.Args)
		return []*Value{out}, c.err
	}
}

func (c *calc) op(name string, attrs any, args ...*Value) *Value {
	if c.err != nil {
		return args[0]
	}
	if len(args) == 2 && !EqualShapes(args[0].Type.Shape, args[1].Type.Shape) {
		args[1] = c.stretch(args[1], args[0].Type.Shape)
	}
	in, err := c.Op(name, attrs, args...)
	if err != nil {
		c.err = err
		return args[0]
	}
	return in.Result()
}

// to converts to t; Invalid means no change.
func (c *calc) to(t DType, x *Value) *Value {
	if t == Invalid || t == x.Type.DType {
		return x
	}
	return c.op("cast", CastAttrs{t}, x)
}

func (c *calc) reduce(name string, axes []int, x *Value) *Value {
	return c.op(name, ReduceAttrs{Axes: axes, Keep: true}, x)
}

func (c *calc) stretch(x *Value, shape []Size) *Value {
	if EqualShapes(x.Type.Shape, shape) {
		return x
	}
	return c.op("broadcast", ShapeAttrs{shape}, x)
}

func (c *calc) number(x float64, t Type) *Value {
	if c.err != nil {
		return nil
	}
	in, err := c.Op("const", ConstAttrs{Value: x, DType: t.DType, Shape: t.Shape})
	if err != nil {
		c.err = err
		return nil
	}
	return in.Result()
}

// normalise is d/sqrt(mean(d²) + eps) over the axes.
func (c *calc) normalise(d *Value, axes []int, eps float64) *Value {
	v := c.reduce("mean", axes, c.op("mul", nil, d, d))
	if c.err != nil {
		return d
	}
	return c.op("mul", nil, d, c.op("rsqrt", nil, c.op("add", nil, v, c.number(eps, v.Type))))
}

// affine is x*w + b along the last axis; b may be nil.
func (c *calc) affine(x, w, b *Value) *Value {
	y := c.op("mul", nil, x, c.stretch(w, x.Type.Shape))
	if b == nil {
		return y
	}
	return c.op("add", nil, y, c.stretch(b, x.Type.Shape))
}

// Accumulate makes SoftmaxAttrs an Accumulates.
func (a SoftmaxAttrs) Accumulate(t DType) any { a.Acc = chosen(a.Acc, t); return a }

// Accumulate makes NormAttrs an Accumulates.
func (a NormAttrs) Accumulate(t DType) any { a.Acc = chosen(a.Acc, t); return a }

// Accumulate makes GroupNormAttrs an Accumulates.
func (a GroupNormAttrs) Accumulate(t DType) any { a.Acc = chosen(a.Acc, t); return a }
