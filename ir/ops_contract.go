package ir

import (
	"fmt"
	"slices"
)

// MatmulAttrs: Acc is the dtype of the sum; Invalid until the precision pass.
type MatmulAttrs struct{ Acc DType }

// ConvAttrs describe a convolution over the spatial axes of [B, ...S, I]; each
// list has one entry per spatial axis. Acc is as for matmul.
type ConvAttrs struct {
	Stride, Pad, Dilation []int
	Groups                int
	Acc                   DType
}

var contractOps = []*Op{
	{
		Name: "matmul", Kind: KindContract, Operands: []string{"a", "b"}, Attrs: MatmulAttrs{}, Grad: GradPending, Tolerance: summed,
		Doc: "the product of matrices in the last two axes, [..., m, k] by [..., k, n]; leading axes are equal or the literal 1",
		Rules: []Rule{operands("matmul", 2), dtypeOf("matmul", 0, floats|ints), {"matmul/dtypes", "both operands have one dtype", func(in *Instr) error {
			if a, b := in.Args[0].Type, in.Args[1].Type; a.DType != b.DType {
				return fmt.Errorf("operands differ: %s and %s", a, b)
			}
			return nil
		}}, {"matmul/rank", "both operands have at least 2 axes", func(in *Instr) error {
			for _, v := range in.Args {
				if v.Type.Rank() < 2 {
					return fmt.Errorf("wants at least 2 axes, got %s", v.Type)
				}
			}
			return nil
		}}, {"matmul/inner", "inner sizes are equal", func(in *Instr) error {
			a, b := in.Args[0].Type, in.Args[1].Type
			if x, y := a.Shape[a.Rank()-1], b.Shape[b.Rank()-2]; !x.Equal(y) {
				return fmt.Errorf("needs equal inner sizes: %s and %s", x, y)
			}
			return nil
		}}, {"matmul/batch", "leading sizes are equal or the literal 1", func(in *Instr) error {
			a, b := in.Args[0].Type, in.Args[1].Type
			_, err := BroadcastShapes(a.Shape[:a.Rank()-2], b.Shape[:b.Rank()-2])
			return err
		}}, accRule("matmul", func(in *Instr) DType { return in.Attrs.(MatmulAttrs).Acc })},
		Type: func(in *Instr) ([]Type, error) {
			a, b := in.Args[0].Type, in.Args[1].Type
			lead, err := BroadcastShapes(a.Shape[:a.Rank()-2], b.Shape[:b.Rank()-2])
			return []Type{{a.DType, append(lead, a.Shape[a.Rank()-2], b.Shape[b.Rank()-1])}}, err
		},
		Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
			a, b, l := in.Args[0].Type, in.Args[1].Type, len(at)
			k := p.Axis(a.Shape[a.Rank()-1])
			x := p.Arg(in.Args[0], append(stretched(at[:l-2], a.Shape[:a.Rank()-2]), at[l-2], k.Index()))
			y := p.Arg(in.Args[1], append(stretched(at[:l-2], b.Shape[:b.Rank()-2]), k.Index(), at[l-1]))
			return p.sumOfProducts(a.DType, in.Attrs.(MatmulAttrs).Acc, []*Axis{k}, x, y)
		},
		Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
			a, b := args[0], args[1]
			depth := a.Shape[len(a.Shape)-1]
			return env.fill(in.Result().Type, func(out *Tensor, n int, at []int) {
				l := len(at)
				i := append(stretchedInts(at[:l-2], a.Shape[:len(a.Shape)-2]), at[l-2], 0)
				j := append(stretchedInts(at[:l-2], b.Shape[:len(b.Shape)-2]), 0, at[l-1])
				for k := range depth {
					i[len(i)-1], j[len(j)-2] = k, k
					out.addProduct(n, a, a.offset(i), b, b.offset(j))
				}
			})
		},
	},
	{
		Name: "conv", Kind: KindContract, Operands: []string{"x", "w"}, Attrs: ConvAttrs{}, Grad: GradPending, Tolerance: summed,
		Doc: "the correlation of [B, ...S, I] with kernels [O, ...K, I/groups], channels last, zeros around",
		Rules: []Rule{operands("conv", 2), dtypeOf("conv", 0, floats|ints), {"conv/dtypes", "both operands have one dtype", func(in *Instr) error {
			if x, w := in.Args[0].Type, in.Args[1].Type; x.DType != w.DType {
				return fmt.Errorf("operands differ: %s and %s", x, w)
			}
			return nil
		}}, {"conv/rank", "input and kernels have the same number of spatial axes, at least 1, and each has a stride, a padding and a dilation", func(in *Instr) error {
			x, w, a := in.Args[0].Type, in.Args[1].Type, in.Attrs.(ConvAttrs)
			if n := x.Rank() - 2; n < 1 || w.Rank() != x.Rank() || len(a.Stride) != n || len(a.Pad) != n || len(a.Dilation) != n {
				return fmt.Errorf("%s, %s, strides %v, paddings %v and dilations %v do not fit together", x, w, a.Stride, a.Pad, a.Dilation)
			}
			return nil
		}}, {"conv/window", "kernel sizes are constants; strides and dilations are at least 1, paddings at least 0", func(in *Instr) error {
			x, w, a := in.Args[0].Type, in.Args[1].Type, in.Attrs.(ConvAttrs)
			for i := range a.Stride {
				k, ok := w.Shape[1+i].Int()
				if !ok || k < 1 || a.Stride[i] < 1 || a.Pad[i] < 0 || a.Dilation[i] < 1 {
					return fmt.Errorf("kernel %s with stride %d, padding %d and dilation %d is not possible", w.Shape[1+i], a.Stride[i], a.Pad[i], a.Dilation[i])
				}
				if room(x.Shape[1+i], w.Shape[1+i], a.Pad[i], a.Dilation[i]).negative() {
					return fmt.Errorf("kernel %d is larger than axis %d of %s", k, 1+i, x)
				}
			}
			return nil
		}}, {"conv/channels", "the kernels have the input's channels divided by groups, and groups divides the outputs", func(in *Instr) error {
			x, w, g := in.Args[0].Type, in.Args[1].Type, int64(in.Attrs.(ConvAttrs).Groups)
			if g < 1 {
				return fmt.Errorf("groups is %d", g)
			}
			if !w.Shape[w.Rank()-1].Mul(N(g)).Equal(x.Shape[x.Rank()-1]) {
				return fmt.Errorf("%s has %s channels, %s in %d groups wants %s", x, x.Shape[x.Rank()-1], w, g, w.Shape[w.Rank()-1].Mul(N(g)))
			}
			if !w.Shape[0].Multiple(g) {
				return fmt.Errorf("%s outputs do not divide into %d groups", w.Shape[0], g)
			}
			return nil
		}}, accRule("conv", func(in *Instr) DType { return in.Attrs.(ConvAttrs).Acc })},
		Type: func(in *Instr) ([]Type, error) {
			x, w, a := in.Args[0].Type, in.Args[1].Type, in.Attrs.(ConvAttrs)
			s := []Size{x.Shape[0]}
			for i := range a.Stride {
				s = append(s, windowSize(x.Shape[1+i], w.Shape[1+i], a.Stride[i], a.Pad[i], a.Dilation[i]))
			}
			return typed(x.DType, append(s, w.Shape[0]))
		},
		Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
			x, w, a := in.Args[0].Type, in.Args[1].Type, in.Attrs.(ConvAttrs)
			last := len(at) - 1
			from, kern := slices.Clone(at), slices.Clone(at)
			kern[0] = at[last]
			var over []*Axis
			var guard []Bound
			for i := range a.Stride {
				k := p.Axis(w.Shape[1+i])
				over = append(over, k)
				from[1+i] = at[1+i].Mul(N(int64(a.Stride[i]))).Add(k.Index().Mul(N(int64(a.Dilation[i])))).Sub(N(int64(a.Pad[i])))
				kern[1+i] = k.Index()
				guard = append(guard, Bound{from[1+i], x.Shape[1+i]})
			}
			c := p.Axis(w.Shape[last])
			over = append(over, c)
			group := Size{}
			if a.Groups > 1 {
				per, _ := w.Shape[0].Exact(N(int64(a.Groups)))
				group = at[last].Div(per)
			}
			from[last], kern[last] = group.Mul(w.Shape[last]).Add(c.Index()), c.Index()
			v := p.Guarded(guard, p.Num(x.DType, 0), func() *Scalar { return p.Arg(in.Args[0], from) })
			return p.sumOfProducts(x.DType, a.Acc, over, v, p.Arg(in.Args[1], kern))
		},
		Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
			a, x, w := in.Attrs.(ConvAttrs), args[0], args[1]
			last := len(x.Shape) - 1
			return env.fill(in.Result().Type, func(out *Tensor, n int, at []int) {
				from := slices.Clone(at)
				o := at[last]
				group := o / (w.Shape[0] / a.Groups)
				eachIndex(w.Shape[1:], func(k []int) {
					for i := range a.Stride {
						from[1+i] = at[1+i]*a.Stride[i] + k[i]*a.Dilation[i] - a.Pad[i]
						if from[1+i] < 0 || from[1+i] >= x.Shape[1+i] {
							return
						}
					}
					from[last] = group*w.Shape[last] + k[len(k)-1]
					out.addProduct(n, x, x.offset(from), w, w.offset(append([]int{o}, k...)))
				})
			})
		},
	},
}

// sumOfProducts is the sum over axes of x*y, accumulated in acc and stored as t.
func (p *Puller) sumOfProducts(t, acc DType, over []*Axis, x, y *Scalar) *Scalar {
	acc = chosen(acc, t)
	x, y = p.Cast(acc.Compute(), x), p.Cast(acc.Compute(), y)
	return p.Cast(t, p.Reduce(Add, over, p.Apply(Mul, x, y)))
}

// stretched drops the leading axes that a shape lacks and indexes its literal
// ones with 0.
func stretched(at, shape []Size) []Size {
	s := slices.Clone(at[len(at)-len(shape):])
	for i, e := range shape {
		if e.Is(1) {
			s[i] = Size{}
		}
	}
	return s
}

func stretchedInts(at, shape []int) []int {
	s := slices.Clone(at[len(at)-len(shape):])
	for i, e := range shape {
		if e == 1 {
			s[i] = 0
		}
	}
	return s
}

// BroadcastShapes joins shapes by NumPy's rule, where only the literal size 1
// stretches.
func BroadcastShapes(a, b []Size) ([]Size, error) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := slices.Clone(a)
	skip := len(a) - len(b)
	for i, e := range b {
		switch x := out[skip+i]; {
		case x.Is(1):
			out[skip+i] = e
		case !e.Is(1) && !e.Equal(x):
			return nil, fmt.Errorf("sizes differ: %s and %s in %s and %s", x, e, Type{F32, a}.shapeText(), Type{F32, b}.shapeText())
		}
	}
	return out, nil
}

func (t Type) shapeText() string {
	if t.Rank() == 0 {
		return "[]"
	}
	return t.String()[len(t.DType.String()):]
}

// Accumulate makes MatmulAttrs an Accumulates.
func (a MatmulAttrs) Accumulate(t DType) any { a.Acc = chosen(a.Acc, t); return a }

// Accumulate makes ConvAttrs an Accumulates.
func (a ConvAttrs) Accumulate(t DType) any { a.Acc = chosen(a.Acc, t); return a }

func chosen(acc, otherwise DType) DType {
	if acc == Invalid {
		return otherwise
	}
	return acc
}
