package ir

import (
	"errors"
	"fmt"
	"slices"
)

// DequantAttrs name the format of the planes.
type DequantAttrs struct{ Format DType }

var dequant = &Op{
	Name: "dequant", Kind: KindDequant, Operands: []string{"planes..."}, Attrs: DequantAttrs{}, Tolerance: rounded,
	Doc: "the elements (f32) of a quantised tensor, of its planes: scale*q + bias, or of GGUF's formats what ggml defines; computed in f32",
	Rules: []Rule{{"dequant/format", "the format is a quantised dtype", func(in *Instr) error {
		if in.Attrs.(DequantAttrs).Format.Format() == nil {
			return fmt.Errorf("%s is no quantised dtype", in.Attrs.(DequantAttrs).Format)
		}
		return nil
	}}, {"dequant/planes", "the operands are the planes of one tensor", func(in *Instr) error {
		f := in.Attrs.(DequantAttrs).Format.Format()
		if len(in.Args) != len(f.Planes) {
			return fmt.Errorf("%s has %s, got %s", f.DType, plural(len(f.Planes), "plane"), plural(len(in.Args), "operand"))
		}
		shape, err := f.shape(in.Args[0].Type)
		if err != nil {
			return err
		}
		for i, want := range f.Types(shape) {
			if got := in.Args[i].Type; !got.Equal(want) {
				return fmt.Errorf("plane %d of %s is %s, not %s", i, Type{f.DType, shape}, want, got)
			}
		}
		return nil
	}}},
	Type: func(in *Instr) ([]Type, error) {
		shape, err := in.Attrs.(DequantAttrs).Format.Format().shape(in.Args[0].Type)
		if err != nil {
			return nil, err
		}
		return typed(F32, shape)
	},
	Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
		return in.Attrs.(DequantAttrs).Format.Format().pull(&element{p, in, at[:len(at)-1], at[len(at)-1]}).V
	},
	Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
		var planes [][]byte
		for _, a := range args {
			planes = append(planes, a.Bytes())
		}
		f := in.Attrs.(DequantAttrs).Format.Format()
		x := make([]float32, len(planes[0])/f.Bytes(0, f.Group)*f.Group)
		f.Decode(planes, x)
		return env.fill(in.Result().Type, func(out *Tensor, n int, _ []int) { out.F[n] = float64(x[n]) })
	},
}

// shape is that of the tensor whose first plane has a type.
func (f *Format) shape(first Type) ([]Size, error) {
	if len(first.Shape) == 0 {
		return nil, errors.New("a number is no plane")
	}
	shape := slices.Clone(first.Shape)
	last := &shape[len(shape)-1]
	groups, ok := last.Exact(N(int64(f.Planes[0].Units)))
	if !ok {
		return nil, fmt.Errorf("rows of %s are no multiple of %d, which %s has of %d elements", first, f.Planes[0].Units, f.DType, f.Planes[0].Elems)
	}
	*last = groups.Mul(N(int64(f.Planes[0].Elems)))
	return shape, f.Check(shape)
}

// An element is one of a quantised tensor for a kernel to compute: the ith of a row.
type element struct {
	*Puller
	in  *Instr
	row []Size
	i   Size
}

// of is the element of a plane at a place of the row.
func (e *element) of(plane int, i Size) S {
	return e.Wrap(e.Arg(e.in.Args[plane], append(e.row[:len(e.row):len(e.row)], i)))
}

// index is a number (i32) that follows from i.
func (e *element) index(s Size) S { return e.Wrap(e.Number(I32, s)) }

// pullAffine computes an element of MLX's formats.
func pullAffine(bits, group int64) func(e *element) S {
	return func(e *element) S {
		word := N(32 / bits)
		shift := e.Wrap(e.Number(U32, e.i.Mod(word).Mul(N(bits))))
		q := e.of(0, e.i.Div(word)).Fn(Shr, shift)
		q = q.Fn(And, q.Num(float64(int64(1)<<bits-1)))
		g := e.i.Div(N(group))
		return q.Cast(I32).Cast(F32).Mul(e.of(1, g)).Add(e.of(2, g))
	}
}
