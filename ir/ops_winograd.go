package ir

import "fmt"

// WinogradAttrs: Pad has the zeros around each of the two spatial axes, and Acc is as
// for matmul.
type WinogradAttrs struct {
	Pad []int
	Acc DType
}

// winograd is F(2x2, 3x3) of Lavin and Gray (2015, arXiv:1509.09308). For operands of
// magnitude 1 its sums round no worse than those of conv: each of the 16 sums of I
// products has partial sums twice as large as conv's, and a result is 9 of these sums,
// together some 6*I/sqrt(2) roundings where conv has 9*I/sqrt(2). Besides, each of the 9
// has a rounding of its own and those of two factors, of numbers of magnitude 2 (Abs).
// Other operands may cancel more: the magnitudes of what is added are up to 64/9 those of
// conv. What is transformed has the dtype of the sums.
var winograd = &Op{
	Name: "conv_winograd", Kind: KindComposite, Operands: []string{"x", "w"}, Attrs: WinogradAttrs{}, Grad: GradExpand,
	Tolerance: Tolerance{Rel: 1.0 / (1 << 23), Abs: 9 * 2 * 3.0 / (1 << 24), Term: 4.0 / (1 << 24)},
	Doc:       "conv of [B, Y, X, I] with kernels [O, 3, 3, I] and stride 1, by 16 products for 4 results in place of 36 (Winograd's F(2x2, 3x3)); the transformed kernels are computed at load, and sums may cancel where those of conv do not",
	Rules: []Rule{operands("conv_winograd", 2), dtypeOf("conv_winograd", 0, floats), {"conv_winograd/dtypes", "both operands have one dtype", func(in *Instr) error {
		if x, w := in.Args[0].Type, in.Args[1].Type; x.DType != w.DType {
			return fmt.Errorf("operands differ: %s and %s", x, w)
		}
		return nil
	}}, {"conv_winograd/shapes", "the input has two spatial axes, each with a padding and always as long as a kernel with it, and kernels are 3 by 3 of its channels", func(in *Instr) error {
		x, w, pad := in.Args[0].Type, in.Args[1].Type, in.Attrs.(WinogradAttrs).Pad
		if x.Rank() != 4 || w.Rank() != 4 || len(pad) != 2 || !w.Shape[1].Is(3) || !w.Shape[2].Is(3) || !w.Shape[3].Equal(x.Shape[3]) {
			return fmt.Errorf("%s, %s and paddings %v do not fit together", x, w, pad)
		}
		for i, p := range pad {
			if free := room(x.Shape[1+i], N(3), p, 1); p < 0 || free.negative() || !proves(in.Facts, free.Add(N(1))) {
				return fmt.Errorf("kernel 3 may be larger than axis %d of %s with padding %d", 1+i, x, p)
			}
		}
		return nil
	}}, accRule("conv_winograd", func(in *Instr) DType { return in.Attrs.(WinogradAttrs).Acc })},
	Type: func(in *Instr) ([]Type, error) {
		x, pad := in.Args[0].Type, in.Attrs.(WinogradAttrs).Pad
		side := func(i int) Size { return windowSize(x.Shape[1+i], N(3), 1, pad[i], 1) }
		return typed(x.DType, []Size{x.Shape[0], side(0), side(1), in.Args[1].Type.Shape[0]})
	},
	Expand: expand(func(c *calc, in *Instr, x []*Value) *Value {
		a, t := in.Attrs.(WinogradAttrs), in.Results[0].Type
		last := func(shape []Size, channels Size) []Size { return append(shape[:3:3], channels) }
		down, across := t.Shape[1].Add(N(1)).Div(N(2)), t.Shape[2].Add(N(1)).Div(N(2))
		tiles := []Size{t.Shape[0], down, across, x[0].Type.Shape[3]}

		// Each element of the 4x4 inputs of all tiles is every second one of the padded input.
		padded := c.op("pad", PadAttrs{Lo: []int{0, a.Pad[0], a.Pad[1], 0}, Hi: []int{0, a.Pad[0] + 1, a.Pad[1] + 1, 0}}, x[0])
		inputs := c.both(winogradInput, func(i, j int) *Value {
			return c.wide(a.Acc, c.part(padded, []Size{{}, N(int64(i)), N(int64(j)), {}}, []int{1, 2, 2, 1}, tiles))
		})
		w := x[1].Type.Shape
		kernels := c.both(winogradKernel, func(i, j int) *Value {
			return c.wide(a.Acc, c.part(x[1], []Size{{}, N(int64(i)), N(int64(j)), {}}, []int{1, 1, 1, 1}, []Size{w[0], N(1), N(1), w[3]}))
		})
		products := ConvAttrs{Stride: []int{1, 1}, Pad: []int{0, 0}, Dilation: []int{1, 1}, Groups: 16, Acc: inputs[0].Type.DType}
		sums := c.append(inputs[0], "conv", products, c.join(3, inputs), c.join(0, kernels))

		results := c.join(3, c.both(winogradResult, func(i, j int) *Value {
			return c.part(sums, []Size{{}, {}, {}, t.Shape[3].Mul(N(int64(4*i + j)))}, []int{1, 1, 1, 1}, last(sums.Type.Shape, t.Shape[3]))
		}))
		y := c.op("reshape", ShapeAttrs{[]Size{t.Shape[0], down, across, N(2), N(2), t.Shape[3]}}, c.cast(t.DType, results))
		y = c.op("transpose", PermAttrs{[]int{0, 1, 3, 2, 4, 5}}, y)
		y = c.op("reshape", ShapeAttrs{[]Size{t.Shape[0], down.Mul(N(2)), across.Mul(N(2)), t.Shape[3]}}, y)
		return c.part(y, make([]Size, 4), []int{1, 1, 1, 1}, t.Shape)
	}),
}

// The matrices of F(2x2, 3x3): what is transformed is multiplied by one from the left,
// and by its transpose from the right.
var (
	winogradInput  = [][]float64{{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}}
	winogradKernel = [][]float64{{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}}
	winogradResult = [][]float64{{1, 1, 1, 0}, {0, 1, -1, -1}}
)

// both is m times the matrix of elements times m transposed, row by row, where each
// element is a tensor.
func (c *calc) both(m [][]float64, element func(i, j int) *Value) []*Value {
	left := make([][]*Value, len(m))
	for j := range m[0] {
		column := make([]*Value, len(m[0]))
		for i := range column {
			column[i] = element(i, j)
		}
		for r, row := range m {
			left[r] = append(left[r], c.combine(row, column))
		}
	}
	var all []*Value
	for r := range left {
		for _, row := range m {
			all = append(all, c.combine(row, left[r]))
		}
	}
	return all
}

// combine is the sum of x, each times its factor, some of which are positive.
func (c *calc) combine(factors []float64, x []*Value) *Value {
	var sum *Value
	for _, sign := range []float64{1, -1} {
		for i, f := range factors {
			if f *= sign; f <= 0 {
				continue
			}
			v := x[i]
			if f != 1 {
				v = c.op("mul", nil, v, c.like(v, f))
			}
			switch {
			case sum == nil:
				sum = v
			case sign < 0:
				sum = c.op("sub", nil, sum, v)
			default:
				sum = c.op("add", nil, sum, v)
			}
		}
	}
	return sum
}

// join puts tensors beside each other along an axis.
func (c *calc) join(axis int, x []*Value) *Value {
	return c.append(x[0], "concat", AxisAttrs{axis}, x...)
}

// part is a slice of x.
func (c *calc) part(x *Value, start []Size, step []int, size []Size) *Value {
	return c.op("slice", SliceAttrs{Start: start, Step: step, Size: size}, x)
}

// Accumulate makes WinogradAttrs an Accumulates.
func (a WinogradAttrs) Accumulate(t DType) any { a.Acc = chosen(a.Acc, t); return a }
