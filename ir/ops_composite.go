package ir

import "fmt"

// NormAttrs: Eps is added to the variance. Acc is the dtype of the computation;
// Invalid means f32, or f64 for f64.
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

// SoftmaxAttrs: the axis, and the dtype of the computation as for NormAttrs.
type SoftmaxAttrs struct {
	Axis int
	Acc  DType
}

// Composites are ops that other ops express. They keep their name until a pass
// that knows better than the expansion has had its chance.
var compositeOps = []*Op{
	softmaxOp("softmax", "exp(x - m)/sum(exp(x - m)) along the axis, m being its maximum; a row of -inf is NaN", ulps(16), func(c *calc, axis []int, x *Value) *Value {
		e := c.op("exp", nil, c.op("sub", nil, x, c.reduce("max", axis, x)))
		return c.op("div", nil, e, c.reduce("sum", axis, e))
	}),
	softmaxOp("log_softmax", "x - m - log(sum(exp(x - m))) along the axis, m being its maximum", cancelling(16), func(c *calc, axis []int, x *Value) *Value {
		d := c.op("sub", nil, x, c.reduce("max", axis, x))
		return c.op("sub", nil, d, c.op("log", nil, c.reduce("sum", axis, c.op("exp", nil, d))))
	}),
	{
		Name: "var", Kind: KindComposite, Operands: []string{"x"}, Attrs: ReduceAttrs{},
		Doc:   "the mean of the squared distances from the mean; of nothing, NaN",
		Rules: []Rule{operands("var", 1), dtypeOf("var", 0, floats), axisRule("var", reduceAxes)},
		Type:  reducedType,
		Expand: expand(func(c *calc, in *Instr, x []*Value) *Value {
			a, t := in.Attrs.(ReduceAttrs), x[0].Type.DType
			z := c.wide(Invalid, x[0])
			d := c.op("sub", nil, z, c.reduce("mean", a.Axes, z))
			return c.cast(t, c.op("mean", a, c.op("mul", nil, d, d)))
		}),
		Grad: GradExpand, Tolerance: cancelling(8),
	},
	norm("layer_norm", "(x - mean)/sqrt(var + eps)*weight + bias over the last axis", 3, func(c *calc, eps float64, x []*Value) *Value {
		last := []int{x[0].Type.Rank() - 1}
		d := c.op("sub", nil, x[0], c.reduce("mean", last, x[0]))
		return c.affine(c.normalise(d, last, eps), x[1], x[2])
	}),
	norm("rms_norm", "x/sqrt(mean(x²) + eps)*weight over the last axis", 2, func(c *calc, eps float64, x []*Value) *Value {
		return c.op("mul", nil, c.normalise(x[0], []int{x[0].Type.Rank() - 1}, eps), x[1])
	}),
	{
		Name: "group_norm", Kind: KindComposite, Operands: []string{"x", "weight", "bias"}, Attrs: GroupNormAttrs{},
		Doc: "layer norm without weights over each group of channels of [B, ...S, C] and all spatial axes, then times weight plus bias",
		Rules: []Rule{operands("group_norm", 3), dtypeOf("group_norm", 0, floats), channelRule("group_norm", 2),
			{"group_norm/groups", "groups divides the channels", func(in *Instr) error {
				x, g := in.Args[0].Type, in.Attrs.(GroupNormAttrs).Groups
				if g < 1 || !x.Shape[x.Rank()-1].Multiple(int64(g)) {
					return fmt.Errorf("the channels of %s do not divide into %d groups", x, g)
				}
				return nil
			}},
			accRule("group_norm", func(in *Instr) DType { return in.Attrs.(GroupNormAttrs).Acc }),
		},
		Type: likeArg(0),
		Expand: expand(func(c *calc, in *Instr, x []*Value) *Value {
			a, t := in.Attrs.(GroupNormAttrs), x[0].Type
			per, _ := t.Shape[t.Rank()-1].Exact(N(int64(a.Groups)))
			split := []Size{t.Shape[0], Product(t.Shape[1 : t.Rank()-1]), N(int64(a.Groups)), per}
			z := c.op("reshape", ShapeAttrs{split}, c.wide(a.Acc, x[0]))
			z = c.op("sub", nil, z, c.reduce("mean", []int{1, 3}, z))
			z = c.op("reshape", ShapeAttrs{t.Shape}, c.normalise(z, []int{1, 3}, a.Eps))
			return c.cast(t.DType, c.affine(z, c.wide(a.Acc, x[1]), c.wide(a.Acc, x[2])))
		}),
		Grad: GradExpand, Tolerance: cancelling(16),
	},
	norm("batch_norm", "(x - mean)/sqrt(var + eps)*weight + bias per channel of [..., C], with given mean and var", 5, func(c *calc, eps float64, x []*Value) *Value {
		inv := c.op("rsqrt", nil, c.op("add", nil, x[4], c.like(x[4], eps)))
		scale := c.op("mul", nil, x[1], inv) // of parameters, computed once
		return c.affine(c.op("sub", nil, x[0], x[3]), scale, x[2])
	}),
	attention, rope, crossEntropy, winograd, convTranspose, threefry, fft, quantize,
}

func softmaxOp(name, doc string, tol Tolerance, f func(c *calc, axis []int, x *Value) *Value) *Op {
	axis := func(in *Instr) []int { return []int{in.Attrs.(SoftmaxAttrs).Axis} }
	return &Op{
		Name: name, Kind: KindComposite, Operands: []string{"x"}, Attrs: SoftmaxAttrs{}, Doc: doc,
		Rules: []Rule{operands(name, 1), dtypeOf(name, 0, floats), axisRule(name, axis), notEmpty(name, axis),
			accRule(name, func(in *Instr) DType { return in.Attrs.(SoftmaxAttrs).Acc })},
		Type: likeArg(0),
		Expand: expand(func(c *calc, in *Instr, x []*Value) *Value {
			a := in.Attrs.(SoftmaxAttrs)
			return c.cast(x[0].Type.DType, f(c, []int{a.Axis}, c.wide(a.Acc, x[0])))
		}),
		Grad: GradExpand, Tolerance: tol,
	}
}

// norm is a composite over the channels of its first operand, computed in Acc.
func norm(name, doc string, n int, f func(c *calc, eps float64, x []*Value) *Value) *Op {
	return &Op{
		Name: name, Kind: KindComposite, Operands: []string{"x", "weight", "bias", "mean", "var"}[:n], Attrs: NormAttrs{}, Doc: doc,
		Rules: []Rule{operands(name, n), dtypeOf(name, 0, floats), channelRule(name, 1),
			accRule(name, func(in *Instr) DType { return in.Attrs.(NormAttrs).Acc })},
		Type: likeArg(0),
		Expand: expand(func(c *calc, in *Instr, x []*Value) *Value {
			a := in.Attrs.(NormAttrs)
			wide := make([]*Value, len(x))
			for i, v := range x {
				wide[i] = c.wide(a.Acc, v)
			}
			return c.cast(x[0].Type.DType, f(c, a.Eps, wide))
		}),
		Grad: GradExpand, Tolerance: cancelling(16),
	}
}

// channelRule: the first operand has at least rank axes, and all others are
// vectors over its last.
func channelRule(op string, rank int) Rule {
	text := fmt.Sprintf("operand 0 has at least %s, the others are float vectors as long as its last", plural(rank, "axis"))
	return Rule{op + "/channels", text, func(in *Instr) error {
		x := in.Args[0].Type
		if x.Rank() < rank {
			return fmt.Errorf("%s has less than %s", x, plural(rank, "axis"))
		}
		for _, w := range in.Args[1:] {
			if t := w.Type; t.Rank() != 1 || !t.DType.IsFloat() || !t.Shape[0].Equal(x.Shape[x.Rank()-1]) {
				return fmt.Errorf("%s does not fit the last axis of %s", t, x)
			}
		}
		return nil
	}}
}

// A calc writes an expansion: operands are stretched to the first one's shape,
// and after the first error nothing is done.
type calc struct {
	body *Emit
	err  error
}

func expand(f func(c *calc, in *Instr, x []*Value) *Value) func(b *Emit, in *Instr) ([]*Value, error) {
	return func(b *Emit, in *Instr) ([]*Value, error) {
		c := &calc{body: b}
		out := f(c, in, in.Args)
		return []*Value{out}, c.err
	}
}

// op appends a primitive with at least one operand, which is also what stands
// for the result after an error.
func (c *calc) op(name string, attrs any, args ...*Value) *Value {
	for i := range args[1:] {
		if shape := args[0].Type.Shape; !EqualShapes(args[i+1].Type.Shape, shape) {
			args[i+1] = c.op("broadcast", ShapeAttrs{shape}, args[i+1])
		}
	}
	return c.append(args[0], name, attrs, args...)
}

func (c *calc) append(otherwise *Value, name string, attrs any, args ...*Value) *Value {
	if c.err != nil {
		return otherwise
	}
	in, err := c.body.append(primitiveByName[name], attrs, args)
	if err != nil {
		c.err = err
		return otherwise
	}
	return in.Result()
}

// like is a number in the type of v.
func (c *calc) like(v *Value, x float64) *Value {
	return c.append(v, "const", ConstAttrs{Value: x, DType: v.Type.DType, Shape: v.Type.Shape})
}

func (c *calc) cast(t DType, x *Value) *Value {
	if t == x.Type.DType {
		return x
	}
	return c.op("cast", CastAttrs{t}, x)
}

// wide converts to acc, or to the dtype that x is computed in.
func (c *calc) wide(acc DType, x *Value) *Value {
	return c.cast(chosen(acc, x.Type.DType.Compute()), x)
}

func (c *calc) reduce(name string, axes []int, x *Value) *Value {
	return c.op(name, ReduceAttrs{Axes: axes, Keep: true}, x)
}

// normalise is d/sqrt(mean(d²) + eps) over the axes.
func (c *calc) normalise(d *Value, axes []int, eps float64) *Value {
	v := c.reduce("mean", axes, c.op("mul", nil, d, d))
	return c.op("mul", nil, d, c.op("rsqrt", nil, c.op("add", nil, v, c.like(v, eps))))
}

// affine is x*w + b along the last axis.
func (c *calc) affine(x, w, b *Value) *Value {
	return c.op("add", nil, c.op("mul", nil, x, w), b)
}

// Accumulate makes SoftmaxAttrs an Accumulates.
func (a SoftmaxAttrs) Accumulate(t DType) any { a.Acc = chosen(a.Acc, t); return a }

// Accumulate makes NormAttrs an Accumulates.
func (a NormAttrs) Accumulate(t DType) any { a.Acc = chosen(a.Acc, t); return a }

// Accumulate makes GroupNormAttrs an Accumulates.
func (a GroupNormAttrs) Accumulate(t DType) any { a.Acc = chosen(a.Acc, t); return a }
