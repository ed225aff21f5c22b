package ir

import (
	"fmt"
	"slices"
)

// Views are other indices of the same elements: a consumer that pulls through
// one reads the operand at another place, and no kernel is made for it.

// ShapeAttrs is the shape of the result.
type ShapeAttrs struct{ Shape []Size }

// PermAttrs: result axis i is operand axis Perm[i].
type PermAttrs struct{ Perm []int }

// SliceAttrs takes Size elements from Start in steps of Step, for each axis.
type SliceAttrs struct {
	Start []Size
	Step  []int
	Size  []Size
}

// PadAttrs puts Lo elements before and Hi behind each axis, all equal to Value.
type PadAttrs struct {
	Lo, Hi []int
	Value  float64
}

// FlipAttrs names the axes that are turned round.
type FlipAttrs struct{ Axes []int }

// AxisAttrs names one axis.
type AxisAttrs struct{ Axis int }

var viewOps = []*Op{
	{
		Name: "reshape", Kind: KindView, Operands: []string{"x"}, Attrs: ShapeAttrs{}, Grad: GradPending,
		Doc: "the same elements in row-major order under another shape",
		Rules: []Rule{operands("reshape", 1), {"reshape/elements", "the number of elements stays", func(in *Instr) error {
			x, s := in.Args[0].Type, in.Attrs.(ShapeAttrs).Shape
			if !x.Elems().Equal(Product(s)) {
				return fmt.Errorf("%s has %s elements, %s has %s", x, x.Elems(), Type{x.DType, s}, Product(s))
			}
			return nil
		}}},
		Type: shaped,
		Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
			shape := in.Result().Type.Shape
			at = slices.Clone(at)
			for i, e := range shape {
				if e.Is(1) { // by guards it is 0, which a division would not see
					at[i] = Size{}
				}
			}
			return p.Arg(in.Args[0], reshaped(at, shape, in.Args[0].Type.Shape))
		},
		Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
			return env.fill(in.Result().Type, func(out *Tensor, n int, _ []int) { out.copyFrom(n, args[0], n) })
		},
	},
	{
		Name: "transpose", Kind: KindView, Operands: []string{"x"}, Attrs: PermAttrs{}, Grad: GradPending,
		Doc: "axes in another order: result axis i is operand axis perm[i]",
		Rules: []Rule{operands("transpose", 1), axisRule("transpose", func(in *Instr) []int { return in.Attrs.(PermAttrs).Perm }),
			{"transpose/perm", "every axis is named", func(in *Instr) error {
				if n := len(in.Attrs.(PermAttrs).Perm); n != in.Args[0].Type.Rank() {
					return fmt.Errorf("%s named for %s", plural(n, "axis"), in.Args[0].Type)
				}
				return nil
			}}},
		Type: func(in *Instr) ([]Type, error) {
			var s []Size
			for _, a := range in.Attrs.(PermAttrs).Perm {
				s = append(s, in.Args[0].Type.Shape[a])
			}
			return typed(in.Args[0].Type.DType, s)
		},
		Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
			from := make([]Size, len(at))
			for i, a := range in.Attrs.(PermAttrs).Perm {
				from[a] = at[i]
			}
			return p.Arg(in.Args[0], from)
		},
		Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
			perm := in.Attrs.(PermAttrs).Perm
			from := make([]int, len(perm))
			return env.fill(in.Result().Type, func(out *Tensor, n int, at []int) {
				for i, a := range perm {
					from[a] = at[i]
				}
				out.copyFrom(n, args[0], args[0].offset(from))
			})
		},
	},
	{
		Name: "broadcast", Kind: KindView, Operands: []string{"x"}, Attrs: ShapeAttrs{}, Grad: GradPending,
		Doc: "repeated along new leading axes and along axes of size 1",
		Rules: []Rule{operands("broadcast", 1), {"broadcast/shape", "each size, from the last, is equal or the literal 1", func(in *Instr) error {
			x, s := in.Args[0].Type, in.Attrs.(ShapeAttrs).Shape
			skip := len(s) - x.Rank()
			if skip < 0 {
				return fmt.Errorf("%s has more axes than %s", x, Type{x.DType, s})
			}
			for i, e := range x.Shape {
				if !e.Is(1) && !e.Equal(s[skip+i]) {
					return fmt.Errorf("%s does not stretch to %s: %s against %s", x, Type{x.DType, s}, e, s[skip+i])
				}
			}
			return nil
		}}},
		Type: shaped,
		Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
			x := in.Args[0].Type
			from := slices.Clone(at[len(at)-x.Rank():])
			for i, e := range x.Shape {
				if e.Is(1) {
					from[i] = Size{}
				}
			}
			return p.Arg(in.Args[0], from)
		},
		Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
			x := args[0]
			from := make([]int, len(x.Shape))
			return env.fill(in.Result().Type, func(out *Tensor, n int, at []int) {
				copy(from, at[len(at)-len(from):])
				for i, e := range in.Args[0].Type.Shape {
					if e.Is(1) {
						from[i] = 0
					}
				}
				out.copyFrom(n, x, x.offset(from))
			})
		},
	},
	{
		Name: "slice", Kind: KindView, Operands: []string{"x"}, Attrs: SliceAttrs{}, Grad: GradPending,
		Doc: "a part of each axis: size elements from start, in steps",
		Rules: []Rule{operands("slice", 1), {"slice/range", "each axis has a start, a step of at least 1 and a size within it", func(in *Instr) error {
			x, a := in.Args[0].Type, in.Attrs.(SliceAttrs)
			if len(a.Start) != x.Rank() || len(a.Step) != x.Rank() || len(a.Size) != x.Rank() {
				return fmt.Errorf("%s needs a start, a step and a size for each axis", x)
			}
			for i, e := range x.Shape {
				if a.Step[i] < 1 {
					return fmt.Errorf("step %d of axis %d is less than 1", a.Step[i], i)
				}
				if a.Start[i].Is(0) && a.Step[i] == 1 && a.Size[i].Equal(e) { // whole, of any size
					continue
				}
				last := a.Start[i].Add(a.Size[i].Sub(N(1)).Mul(N(int64(a.Step[i]))))
				if !proves(in.Facts, a.Start[i]) || !proves(in.Facts, a.Size[i]) || !a.Size[i].Is(0) && !proves(in.Facts, e.Sub(last).Sub(N(1))) {
					return fmt.Errorf("%s elements from %s in steps of %d are not within axis %d of %s for all sizes that it may have", a.Size[i], a.Start[i], a.Step[i], i, x)
				}
			}
			return nil
		}}},
		Type: func(in *Instr) ([]Type, error) { return typed(in.Args[0].Type.DType, in.Attrs.(SliceAttrs).Size) },
		Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
			a := in.Attrs.(SliceAttrs)
			from := make([]Size, len(at))
			for i, e := range at {
				from[i] = e.Mul(N(int64(a.Step[i]))).Add(a.Start[i])
			}
			return p.Arg(in.Args[0], from)
		},
		Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
			a := in.Attrs.(SliceAttrs)
			start, err := env.sizes(a.Start)
			if err != nil {
				return nil, err
			}
			from := make([]int, len(start))
			return env.fill(in.Result().Type, func(out *Tensor, n int, at []int) {
				for i := range from {
					from[i] = start[i] + at[i]*a.Step[i]
				}
				out.copyFrom(n, args[0], args[0].offset(from))
			})
		},
	},
	{
		Name: "flip", Kind: KindView, Operands: []string{"x"}, Attrs: FlipAttrs{}, Grad: GradPending,
		Doc:   "some axes from their end to their beginning",
		Rules: []Rule{operands("flip", 1), axisRule("flip", func(in *Instr) []int { return in.Attrs.(FlipAttrs).Axes })},
		Type:  likeArg(0),
		Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
			from := slices.Clone(at)
			for _, a := range in.Attrs.(FlipAttrs).Axes {
				from[a] = in.Args[0].Type.Shape[a].Sub(N(1)).Sub(at[a])
			}
			return p.Arg(in.Args[0], from)
		},
		Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
			x, axes := args[0], in.Attrs.(FlipAttrs).Axes
			return env.fill(in.Result().Type, func(out *Tensor, n int, at []int) {
				from := slices.Clone(at)
				for _, a := range axes {
					from[a] = x.Shape[a] - 1 - at[a]
				}
				out.copyFrom(n, x, x.offset(from))
			})
		},
	},
	{
		Name: "pad", Kind: KindView, Operands: []string{"x"}, Attrs: PadAttrs{}, Grad: GradPending,
		Doc: "a number before and behind each axis",
		Rules: []Rule{operands("pad", 1), {"pad/width", "each axis has two widths of at least 0", func(in *Instr) error {
			x, a := in.Args[0].Type, in.Attrs.(PadAttrs)
			if len(a.Lo) != x.Rank() || len(a.Hi) != x.Rank() {
				return fmt.Errorf("%s needs two widths for each axis", x)
			}
			for i := range a.Lo {
				if a.Lo[i] < 0 || a.Hi[i] < 0 {
					return fmt.Errorf("width %d, %d of axis %d is negative", a.Lo[i], a.Hi[i], i)
				}
			}
			return nil
		}}, numberRule("pad", func(in *Instr) (float64, DType) {
			return in.Attrs.(PadAttrs).Value, in.Args[0].Type.DType
		})},
		Type: func(in *Instr) ([]Type, error) {
			x, a := in.Args[0].Type, in.Attrs.(PadAttrs)
			s := slices.Clone(x.Shape)
			for i := range s {
				s[i] = s[i].Add(N(int64(a.Lo[i]))).Add(N(int64(a.Hi[i])))
			}
			return typed(x.DType, s)
		},
		Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
			x, a := in.Args[0].Type, in.Attrs.(PadAttrs)
			from := make([]Size, len(at))
			var guard []Bound
			for i := range at {
				from[i] = at[i].Sub(N(int64(a.Lo[i])))
				guard = append(guard, Bound{from[i], x.Shape[i]})
			}
			return p.Guarded(guard, p.Num(x.DType, roundTo(a.Value, x.DType)), func() *Scalar { return p.Arg(in.Args[0], from) })
		},
		Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
			a, x := in.Attrs.(PadAttrs), args[0]
			from := make([]int, len(x.Shape))
			return env.fill(in.Result().Type, func(out *Tensor, n int, at []int) {
				inside := true
				for i := range from {
					from[i] = at[i] - a.Lo[i]
					inside = inside && from[i] >= 0 && from[i] < x.Shape[i]
				}
				if inside {
					out.copyFrom(n, x, x.offset(from))
				} else {
					out.setNumber(n, a.Value)
				}
			})
		},
	},
	{
		Name: "concat", Kind: KindView, Operands: []string{"x..."}, Attrs: AxisAttrs{}, Grad: GradPending,
		Doc: "tensors behind one another along an axis",
		Rules: []Rule{
			{"concat/operands", "takes at least 1 operand", func(in *Instr) error {
				if len(in.Args) == 0 {
					return fmt.Errorf("takes at least 1 operand")
				}
				return nil
			}},
			axisRule("concat", func(in *Instr) []int { return []int{in.Attrs.(AxisAttrs).Axis} }),
			{"concat/same", "dtypes and sizes off the axis are equal", func(in *Instr) error {
				axis, x := in.Attrs.(AxisAttrs).Axis, in.Args[0].Type
				for _, v := range in.Args[1:] {
					y := v.Type
					if y.DType != x.DType || y.Rank() != x.Rank() {
						return fmt.Errorf("operands differ: %s and %s", x, y)
					}
					for i := range x.Shape {
						if i != axis && !x.Shape[i].Equal(y.Shape[i]) {
							return fmt.Errorf("sizes differ off the axis: %s and %s in %s and %s", x.Shape[i], y.Shape[i], x, y)
						}
					}
				}
				return nil
			}}},
		Type: func(in *Instr) ([]Type, error) {
			axis := in.Attrs.(AxisAttrs).Axis
			s := slices.Clone(in.Args[0].Type.Shape)
			for _, v := range in.Args[1:] {
				s[axis] = s[axis].Add(v.Type.Shape[axis])
			}
			return typed(in.Args[0].Type.DType, s)
		},
		Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
			axis, t := in.Attrs.(AxisAttrs).Axis, in.Args[0].Type.DType
			out := p.Num(t, 0)
			start := Size{}
			for _, v := range in.Args {
				from := slices.Clone(at)
				from[axis] = at[axis].Sub(start)
				other := out
				out = p.Guarded([]Bound{{from[axis], v.Type.Shape[axis]}}, other, func() *Scalar { return p.Arg(v, from) })
				start = start.Add(v.Type.Shape[axis])
			}
			return out
		},
		Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
			axis := in.Attrs.(AxisAttrs).Axis
			return env.fill(in.Result().Type, func(out *Tensor, n int, at []int) {
				from := slices.Clone(at)
				for _, x := range args {
					if from[axis] < x.Shape[axis] {
						out.copyFrom(n, x, x.offset(from))
						return
					}
					from[axis] -= x.Shape[axis]
				}
			})
		},
	},
	update,
}

// UpdateAttrs: where along Axis the part begins.
type UpdateAttrs struct {
	Axis  int
	Start Size
}

var update = &Op{
	Name: "update", Kind: KindView, Operands: []string{"x", "y"}, Attrs: UpdateAttrs{}, Grad: GradPending,
	Doc: "x with y in the place of its elements from start on along an axis",
	Rules: []Rule{operands("update", 2), axisRule("update", func(in *Instr) []int { return []int{in.Attrs.(UpdateAttrs).Axis} }),
		{"update/same", "dtypes and sizes off the axis are equal", func(in *Instr) error {
			axis, x, y := in.Attrs.(UpdateAttrs).Axis, in.Args[0].Type, in.Args[1].Type
			same := y.DType == x.DType && y.Rank() == x.Rank()
			for i := range x.Shape {
				same = same && (i == axis || x.Shape[i].Equal(y.Shape[i]))
			}
			if !same {
				return fmt.Errorf("%s is no part of %s along axis %d", y, x, axis)
			}
			return nil
		}},
		{"update/range", "the part lies within the axis", func(in *Instr) error {
			a, x, y := in.Attrs.(UpdateAttrs), in.Args[0].Type, in.Args[1].Type
			n := y.Shape[a.Axis]
			if !proves(in.Facts, a.Start) || !proves(in.Facts, x.Shape[a.Axis].Sub(a.Start).Sub(n)) {
				return fmt.Errorf("%s elements from %s are not within axis %d of %s for all sizes that it may have", n, a.Start, a.Axis, x)
			}
			return nil
		}}},
	Type: likeArg(0),
	Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
		a, y := in.Attrs.(UpdateAttrs), in.Args[1]
		from := slices.Clone(at)
		from[a.Axis] = at[a.Axis].Sub(a.Start)
		return p.Guarded([]Bound{{from[a.Axis], y.Type.Shape[a.Axis]}}, p.Arg(in.Args[0], at), func() *Scalar { return p.Arg(y, from) })
	},
	Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
		a, y := in.Attrs.(UpdateAttrs), args[1]
		start, err := env.size(a.Start)
		if err != nil {
			return nil, err
		}
		return env.fill(in.Result().Type, func(out *Tensor, n int, at []int) {
			from := slices.Clone(at)
			from[a.Axis] -= int(start)
			if i := from[a.Axis]; i >= 0 && i < y.Shape[a.Axis] {
				out.copyFrom(n, y, y.offset(from))
			} else {
				out.copyFrom(n, args[0], n)
			}
		})
	},
}

func shaped(in *Instr) ([]Type, error) {
	return typed(in.Args[0].Type.DType, in.Attrs.(ShapeAttrs).Shape)
}

// Unravel is the index in a row-major tensor of the shape of its n-th element. Only
// axes behind the first that is not of size 1 need a division. Where an axis has no
// elements there are none to find.
func Unravel(n Size, shape []Size) []Size {
	at := make([]Size, len(shape))
	first := slices.IndexFunc(shape, func(e Size) bool { return !e.Is(1) })
	for i := len(shape) - 1; i > first; i-- {
		if shape[i].Is(0) {
			return make([]Size, len(shape))
		}
		at[i], n = n.Mod(shape[i]), n.Div(shape[i])
	}
	if first >= 0 {
		at[first] = n
	}
	return at
}

// reshaped is where the element at an index of one shape is in another: axes after axes
// that have as many elements in both, so that where one axis stays nothing is divided,
// whatever its size.
func reshaped(at, shape, other []Size) []Size {
	var index []Size
	for len(shape)+len(other) > 0 {
		n, m := sameElems(shape, other)
		index = append(index, Unravel(Linear(at[:n], shape[:n]), other[:m])...)
		at, shape, other = at[n:], shape[n:], other[m:]
	}
	return index
}

// sameElems is the fewest axes of both shapes, from the first on, that have as many
// elements; all, if no others have.
func sameElems(x, y []Size) (n, m int) {
	for sum := 1; sum < len(x)+len(y); sum++ {
		for n := max(0, sum-len(y)); n <= min(sum, len(x)); n++ {
			if Product(x[:n]).Equal(Product(y[:sum-n])) {
				return n, sum - n
			}
		}
	}
	return len(x), len(y)
}
