package ir

import (
	"fmt"
	"math"
	"slices"
)

// ReduceAttrs are the axes that are folded; Keep leaves them with size 1. Sums are
// accumulated in the operand's dtype, for f16 and bf16 in f32.
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
	reduction("sum", "the sum; of nothing, 0", Add, floats|ints, GradPending, summed),
	reduction("prod", "the product; of nothing, 1", Mul, floats|ints, GradPending, summed).sample(SamplePositive),
	reduction("max", "the largest element; NaN if one is", Max, floats|ints, GradPending, exact),
	reduction("min", "the smallest element; NaN if one is", Min, floats|ints, GradPending, exact),
	reduction("any", "whether one is true; of nothing, false", Or, bools, GradNone, exact),
	reduction("all", "whether all are true; of nothing, true", And, bools, GradNone, exact),
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

func reduction(name, doc string, fn Fn, c classes, grad Grad, tol Tolerance) *Op {
	op := &Op{
		Name: name, Kind: KindReduce, Operands: []string{"x"}, Attrs: ReduceAttrs{}, Doc: doc, Grad: grad, Tolerance: tol,
		Rules: []Rule{operands(name, 1), dtypeOf(name, 0, c), axisRule(name, reduceAxes)},
		Type:  reducedType,
		Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
			v, over := p.folded(in, at)
			return p.Cast(in.Args[0].Type.DType, p.Reduce(fn, over, v))
		},
		Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
			return env.fold(in, args[0], fn)
		},
	}
	if fn == Max || fn == Min {
		op.Rules = append(op.Rules, notEmpty(name, reduceAxes))
	}
	return op
}

var mean = &Op{
	Name: "mean", Kind: KindReduce, Operands: []string{"x"}, Attrs: ReduceAttrs{}, Grad: GradPending,
	Doc:       "the sum divided by the number of elements; of nothing, NaN",
	Tolerance: cancelling(4), // that of the sum, divided as well
	Rules:     []Rule{operands("mean", 1), dtypeOf("mean", 0, floats), axisRule("mean", reduceAxes)},
	Type:      reducedType,
	Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
		v, over := p.folded(in, at)
		n := N(1)
		for _, a := range over {
			n = n.Mul(a.Extent)
		}
		t := in.Args[0].Type.DType
		return p.Cast(t, p.Apply(Div, p.Reduce(Add, over, v), p.Size(t, n)))
	},
	Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
		out, err := env.fold(in, args[0], Add)
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

// folded pulls a reduction's operand with fresh variables on the folded axes.
func (p *Puller) folded(in *Instr, at []Size) (v *Scalar, over []*Axis) {
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

// fold folds fn over axes of x, from the first element to the last.
func (e *Env) fold(in *Instr, x *Tensor, fn Fn) (*Tensor, error) {
	a := in.Attrs.(ReduceAttrs)
	extents := make([]int, len(x.Shape)) // of the folded axes; 1 for the others
	empty := false
	for i := range extents {
		extents[i] = 1
		if slices.Contains(a.Axes, i) {
			extents[i] = x.Shape[i]
			empty = empty || x.Shape[i] == 0
		}
	}
	base, from := make([]int, len(x.Shape)), make([]int, len(x.Shape))
	var failed error
	out, err := e.fill(in.Result().Type, func(out *Tensor, n int, at []int) {
		rest := 0
		for i := range base {
			isFolded := slices.Contains(a.Axes, i)
			if !isFolded {
				base[i] = at[rest]
			}
			if !isFolded || a.Keep {
				rest++
			}
		}
		acc, first := fn.identity(x.DType), true
		eachIndex(extents, func(k []int) {
			for i := range from {
				from[i] = base[i] + k[i]
			}
			v := x.at(x.offset(from))
			if first {
				acc, first = v, false
				return
			}
			var err error
			if acc, err = fn.eval(x.DType, []number{acc, v}); err != nil {
				failed = err
			}
		})
		out.set(n, acc)
	})
	if err == nil && empty && out.Len() > 0 && (fn == Max || fn == Min) {
		err = fmt.Errorf("%s of nothing", fn)
	}
	if err == nil {
		err = failed
	}
	return out, err
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
				extreme := x.at(x.offset(from))
				for i := 1; i < x.Shape[a.Axis]; i++ {
					from[a.Axis] = i
					if v := x.at(x.offset(from)); beats(fn, x.DType, v, extreme) {
						best, extreme = i, v
					}
				}
				out.I[n] = int64(best)
			})
		},
	}
}

// beats reports whether b gives way to a as the extreme element.
func beats(fn Fn, t DType, a, b number) bool {
	if t.IsFloat() {
		switch {
		case math.IsNaN(a.f) || math.IsNaN(b.f):
			return !math.IsNaN(b.f)
		case fn == ArgMax:
			return a.f > b.f
		}
		return a.f < b.f
	}
	c := compareInts(a.i, b.i, t)
	return fn == ArgMax && c > 0 || fn == ArgMin && c < 0
}
