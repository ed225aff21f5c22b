package ir

import (
	"fmt"
	"slices"
)

// ConvTransposeAttrs describe a transposed convolution over the spatial axes of
// [B, ...S, I], as ConvAttrs do a convolution; OutPad is more elements behind each axis of
// the result.
type ConvTransposeAttrs struct {
	Stride, Pad, Dilation, OutPad []int
	Groups                        int
	Acc                           DType
}

// convTranspose is conv where the elements of the input lie Stride apart, zeros between
// them, with kernels turned round (Dumoulin and Visin 2016, arXiv:1603.07285).
var convTranspose = &Op{
	Name: "conv_transpose", Kind: KindComposite, Operands: []string{"x", "w"}, Attrs: ConvTransposeAttrs{}, Grad: GradExpand, Tolerance: summed,
	Doc: "the transposed convolution of [B, ...S, I] with kernels [O, ...K, I/groups], channels last: each element of the input times the kernel, added up where it reaches, (n-1)*stride - 2*pad + dilation*(k-1) + outPad + 1 elements of an axis",
	Rules: []Rule{operands("conv_transpose", 2), dtypeOf("conv_transpose", 0, floats|ints), {"conv_transpose/dtypes", "both operands have one dtype", func(in *Instr) error {
		if x, w := in.Args[0].Type, in.Args[1].Type; x.DType != w.DType {
			return fmt.Errorf("operands differ: %s and %s", x, w)
		}
		return nil
	}}, {"conv_transpose/rank", "input and kernels have the same number of spatial axes, at least 1, and each has a stride, a padding, a dilation and a padding of the result", func(in *Instr) error {
		x, w, a := in.Args[0].Type, in.Args[1].Type, in.Attrs.(ConvTransposeAttrs)
		if n := x.Rank() - 2; n < 1 || w.Rank() != x.Rank() || len(a.Stride) != n || len(a.Pad) != n || len(a.Dilation) != n || len(a.OutPad) != n {
			return fmt.Errorf("%s, %s, strides %v, paddings %v, dilations %v and paddings %v of the result do not fit together", x, w, a.Stride, a.Pad, a.Dilation, a.OutPad)
		}
		return nil
	}}, {"conv_transpose/window", "kernel sizes are constants; strides and dilations are at least 1, paddings at least 0, those of the result less than stride or dilation, and the result has no negative size", func(in *Instr) error {
		x, w, a := in.Args[0].Type, in.Args[1].Type, in.Attrs.(ConvTransposeAttrs)
		for i := range a.Stride {
			k, ok := w.Shape[1+i].Int()
			if !ok || k < 1 || a.Stride[i] < 1 || a.Pad[i] < 0 || a.Dilation[i] < 1 || a.OutPad[i] < 0 || a.OutPad[i] >= max(a.Stride[i], a.Dilation[i]) {
				return fmt.Errorf("kernel %s with stride %d, padding %d, dilation %d and padding %d of the result is not possible", w.Shape[1+i], a.Stride[i], a.Pad[i], a.Dilation[i], a.OutPad[i])
			}
			if !proves(in.Facts, a.size(i, x.Shape[1+i], k)) {
				return fmt.Errorf("axis %d of %s may be too short for stride %d, padding %d and kernel %d", 1+i, x, a.Stride[i], a.Pad[i], k)
			}
		}
		return nil
	}}, {"conv_transpose/channels", "the kernels have the input's channels divided by groups, and groups divides the outputs", func(in *Instr) error {
		x, w, g := in.Args[0].Type, in.Args[1].Type, int64(in.Attrs.(ConvTransposeAttrs).Groups)
		if g < 1 || !w.Shape[w.Rank()-1].Mul(N(g)).Equal(x.Shape[x.Rank()-1]) || !w.Shape[0].Multiple(g) {
			return fmt.Errorf("%s and %s do not fit together in %d groups", x, w, g)
		}
		return nil
	}}, accRule("conv_transpose", func(in *Instr) DType { return in.Attrs.(ConvTransposeAttrs).Acc })},
	Type: func(in *Instr) ([]Type, error) {
		x, w, a := in.Args[0].Type, in.Args[1].Type, in.Attrs.(ConvTransposeAttrs)
		s := []Size{x.Shape[0]}
		for i := range a.Stride {
			k, _ := w.Shape[1+i].Int()
			s = append(s, a.size(i, x.Shape[1+i], k))
		}
		return typed(x.DType, append(s, w.Shape[0]))
	},
	Expand: expand(func(c *calc, in *Instr, x []*Value) *Value {
		a, t := in.Attrs.(ConvTransposeAttrs), x[0].Type
		n := len(a.Stride)

		// Zeros behind each element: an axis for them, of which the first is the element.
		apart, whole := []Size{t.Shape[0]}, slices.Clone(t.Shape)
		more := []int{0}
		for i, s := range a.Stride {
			apart, more = append(apart, t.Shape[1+i], N(1)), append(more, 0, s-1)
			whole[1+i] = whole[1+i].Mul(N(int64(s)))
		}
		z := c.op("reshape", ShapeAttrs{append(apart, t.Shape[1+n])}, x[0])
		z = c.op("pad", PadAttrs{Lo: make([]int, 2*n+2), Hi: append(more, 0)}, z)
		z = c.op("reshape", ShapeAttrs{whole}, z)

		// What a kernel reaches before and behind them; where that is less than nothing, they
		// lose elements.
		lo, hi := make([]int, n+2), make([]int, n+2)
		cut := SliceAttrs{Start: make([]Size, n+2), Step: slices.Repeat([]int{1}, n+2), Size: slices.Clone(whole)}
		var axes []int
		for i := range n {
			k, _ := x[1].Type.Shape[1+i].Int()
			before := a.Dilation[i]*int(k-1) - a.Pad[i]
			behind := before - (a.Stride[i] - 1) + a.OutPad[i]
			lo[1+i], hi[1+i] = max(0, before), max(0, behind)
			first, last := max(0, -before), max(0, -behind)
			cut.Start[1+i], cut.Size[1+i] = N(int64(first)), whole[1+i].Sub(N(int64(first+last)))
			axes = append(axes, 1+i)
		}
		z = c.op("slice", cut, z)
		z = c.op("pad", PadAttrs{Lo: lo, Hi: hi}, z)
		w := c.op("flip", FlipAttrs{axes}, x[1])
		plain := ConvAttrs{Stride: slices.Repeat([]int{1}, n), Pad: make([]int, n), Dilation: a.Dilation, Groups: a.Groups, Acc: a.Acc}
		return c.append(z, "conv", plain, z, w)
	}),
}

// size is the elements of the ith spatial axis of the result, for n of the input.
func (a ConvTransposeAttrs) size(i int, n Size, k int64) Size {
	reach := a.Dilation[i]*int(k-1) - 2*a.Pad[i] + a.OutPad[i] + 1
	return n.Sub(N(1)).Mul(N(int64(a.Stride[i]))).Add(N(int64(reach)))
}

// Accumulate makes ConvTransposeAttrs an Accumulates.
func (a ConvTransposeAttrs) Accumulate(t DType) any { a.Acc = chosen(a.Acc, t); return a }
