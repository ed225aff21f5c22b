package ir

import (
	"fmt"
	"math"
	"slices"
)

// ReduceAttrs are the axes that are folded; Keep leaves them with size 1. Acc is
// the dtype of the accumulator; Invalid means that of the operand's arithmetic.
type ReduceAttrs struct {
	Axes []int
	Keep bool
}

// IndexAttrs are those of argmax and argmin: one axis.
type IndexAttrs struct {
	Axis int
	Keep bool
}

var reduceOps = []*Op{
	reduction("sum", "the sum; of nothing, 0", Add, floats|ints, false, GradPending),
	reduction("prod", "the product; of nothing, 1", Mul, floats|ints, false, GradPending),
	reduction("max", "the largest element; NaN if one is", Max, floats|ints, true, GradPending),
	reduction("min", "the smallest element; NaN if one is", Min, floats|ints, true, GradPending),
	reduction("any", "whether one is true; of nothing, false", Or, bools, false, GradNone).sample(SampleBool),
	reduction("all", "whether all are true; of nothing, true", And, bools, false, GradNone).sample(SampleBool),
	mean,
	argument("argmax", "the index of the largest element: the first, or that of the first NaN", ArgMax),
	argument("argmin", "the index of the smallest element: the first, or that of the first NaN", ArgMin),
}

func reduceAxes(in *Instr) []int { return in.Attrs.(ReduceAttrs).Axes }

// notEmpty: a fold without identity needs an element, where that is known.
func notEmpty(op string, axes func(in *Instr) []int) Rule {
	return Rule{op + "/empty", "the folded axes are not of size 0", func(in *Instr) error {
		for _, a := range axes(in) {
			if a < in.Args[0].Type.Rank() && in.Args[0].Type.Shape[a].Is(0) {
				return fmt.Errorf("axis %d of %s is empty", a, in.Args[0].Type)
			}
		}
		return nil
	}}
}

func reduction(name, doc string, fn Fn, c classes, needsOne bool, grad Grad) *Op {
	op := &Op{
		Name: name, Kind: KindReduce, Operands: []string{"x"}, Attrs: ReduceAttrs{}, Doc: doc, Grad: grad,
		Tolerance: Tolerance{Rel: 1.0 / (1 << 22)},
		Rules:     []Rule{operands(name, 1), dtypeOf(name, 0, c), axisRule(name, reduceAxes)},
		Type:      reducedType,
		Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
			v, over := p.fold(in, at)
			return p.Cast(in.Args[0].Type.DType, p.Reduce(fn, over, v))
		},
		Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
			return env.reduce(in, args[0], fn)
		},
	}
	if needsOne {
		op.Rules = append(op.Rules, notEmpty(name, reduceAxes))
	}
	return op
}

var mean = &Op{
	Name: "mean", Kind: KindReduce, Operands: []string{"x"}, Attrs: ReduceAttrs{}, Grad: GradPending,
	Doc:       "the sum divided by the number of elements; of nothing, NaN",
	Tolerance: Tolerance{Rel: 1.0 / (1 << 22)},
	Rules:     []Rule{operands("mean", 1), dtypeOf("mean", 0, floats), axisRule("mean", reduceAxes)},
	Type:      reducedType,
	Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
		v, over := p.fold(in, at)
		n := N(1)
		for _, a := range over {
			n = n.Mul(a.Extent)
		}
		t := in.Args[0].Type.DType
		return p.Cast(t, p.Apply(Div, p.Reduce(Add, over, v), p.Size(t, n)))
	},
	Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
		out, err := env.reduce(in, args[0], Add)
		if err != nil {
			return nil, err
		}
		n := 1.0
		for _, a := range reduceAxes(in) {
			n *= float64(args[0].Shape[a])
		}
		for i := range out.F {
			out.F[i] /= n
		}
		return out, nil
	},
}

// fold pulls a reduction's operand with fresh variables on the folded axes.
func (p *Puller) fold(in *Instr, at []Size) (v *Scalar, over []*Axis) {
	x, a := in.Args[0].Type, in.Attrs.(ReduceAttrs)
	from := make([]Size, x.Rank())
	rest := 0
	for i := range from {
		if slices.Contains(a.Axes, i) {
			r := p.Axis(x.Shape[i])
			over = append(over, r)
			from[i] = r.Index()
			if a.Keep {
				rest++
			}
			continue
		}
		from[i] = at[rest]
		rest++
	}
	return p.Arg(in.Args[0], from), over
}

func reducedType(in *Instr) ([]Type, error) {
	a := in.Attrs.(ReduceAttrs)
	return typed(in.Args[0].Type.DType, reducedShape(in.Args[0].Type.Shape, a.Axes, a.Keep))
}

func reducedShape(shape []Size, axes []int, keep bool) []Size {
	var s []Size
	for i, e := range shape {
		switch {
		case !slices.Contains(axes, i):
			s = append(s, e)
		case keep:
			s = append(s, N(1))
		}
	}
	return s
}

func argument(name, doc string, fn Fn) *Op {
	axes := func(in *Instr) []int { return []int{in.Attrs.(IndexAttrs).Axis} }
	return &Op{
		Name: name, Kind: KindReduce, Operands: []string{"x"}, Attrs: IndexAttrs{}, Doc: doc, Grad: GradNone,
		Rules: []Rule{operands(name, 1), dtypeOf(name, 0, floats|ints), axisRule(name, axes), notEmpty(name, axes)},
		Type: func(in *Instr) ([]Type, error) {
			a := in.Attrs.(IndexAttrs)
			return typed(I32, reducedShape(in.Args[0].Type.Shape, []int{a.Axis}, a.Keep))
		},
		Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
			x, a := in.Args[0].Type, in.Attrs.(IndexAttrs)
			r := p.Axis(x.Shape[a.Axis])
			from := slices.Clone(at)
			if a.Keep {
				from[a.Axis] = r.Index()
			} else {
				from = slices.Insert(from, a.Axis, r.Index())
			}
			return p.Reduce(fn, []*Axis{r}, p.Arg(in.Args[0], from))
		},
		Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
			a, x := in.Attrs.(IndexAttrs), args[0]
			if x.Shape[a.Axis] == 0 {
				return nil, fmt.Errorf("%s of an empty axis", name)
			}
			return env.fill(in.Result().Type, func(out *Tensor, n int, at []int) {
				from := slices.Clone(at)
				if !a.Keep {
					from = slices.Insert(from, a.Axis, 0)
				}
				best := 0
				from[a.Axis] = 0
				first := x.offset(from)
				for i := 1; i < x.Shape[a.Axis]; i++ {
					from[a.Axis] = i
					if o := x.offset(from); x.beats(fn, o, first) {
						best, first = i, o
					}
				}
				out.I[n] = int64(best)
			})
		},
	}
}

// beats reports whether element i comes before element j as an extreme.
func (t *Tensor) beats(fn Fn, i, j int) bool {
	if t.DType.IsFloat() {
		a, b := t.F[i], t.F[j]
		if math.IsNaN(a) || math.IsNaN(b) {
			return !math.IsNaN(b)
		}
		if fn == ArgMax {
			return a > b
		}
		return a < b
	}
	c := compareInts(t.I[i], t.I[j], t.DType)
	return fn == ArgMax && c > 0 || fn == ArgMin && c < 0
}
