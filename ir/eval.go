package ir

import (
	"fmt"
	"slices"
)

// MaxEvalElems is the largest tensor the reference evaluator makes: beyond it a
// run is refused rather than exhausting memory.
const MaxEvalElems = 1 << 28

// An Env is what an evaluation knows: the params by name and the sizes of dims.
type Env struct {
	Params map[string]*Tensor
	Dims   map[string]int64
}

// Eval runs an entry by the reference evaluator: one op after another, floats in
// float64, nothing fused. Dims are solved from the inputs' shapes.
func (m *Module) Eval(f *Func, params map[string]*Tensor, inputs []*Tensor) ([]*Tensor, error) {
	env := &Env{Params: params}
	var err error
	if env.Dims, err = SolveDims(f, inputs); err != nil {
		return nil, err
	}
	if err := env.where(f.Where); err != nil {
		return nil, err
	}
	values := map[*Value]*Tensor{}
	for i, v := range f.Inputs {
		values[v] = inputs[i]
	}
	for _, in := range f.Body {
		args := make([]*Tensor, len(in.Args))
		for i, a := range in.Args {
			args[i] = values[a]
		}
		outs, err := env.instr(in, args)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", in.Pos, in.Op.Name, err)
		}
		for i, v := range in.Results {
			values[v] = outs[i]
		}
	}
	outs := make([]*Tensor, len(f.Results))
	for i, r := range f.Results {
		outs[i] = values[r.Value]
	}
	return outs, nil
}

// SolveDims finds the dims of a call from its inputs: each size that is linear in
// one unknown dim gives its value, all others must agree.
func SolveDims(f *Func, inputs []*Tensor) (map[string]int64, error) {
	if len(inputs) != len(f.Inputs) {
		return nil, fmt.Errorf("%s takes %s, got %d", f.Name, plural(len(f.Inputs), "input"), len(inputs))
	}
	dims := map[string]int64{}
	for i, v := range f.Inputs {
		x := inputs[i]
		if x.DType != v.Type.DType || len(x.Shape) != v.Type.Rank() {
			return nil, fmt.Errorf("%s: %s is %s%v, want %s", f.Name, v.Name, x.DType, x.Shape, v.Type)
		}
		for j, s := range v.Type.Shape {
			if d, scale, rest, ok := linear(s); ok && dims[d.Name] == 0 {
				if n := int64(x.Shape[j]) - rest; n%scale == 0 {
					dims[d.Name] = n / scale
				}
				if n, known := dims[d.Name]; !known || n < d.Min || n > d.Max {
					return nil, fmt.Errorf("%s: %s = %d, but %d <= %s <= %d", f.Name, d.Name, n, d.Min, d.Name, d.Max)
				}
			}
		}
	}
	env := &Env{Dims: dims}
	for i, v := range f.Inputs {
		want, err := env.sizes(v.Type.Shape)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", f.Name, v.Name, err)
		}
		if !slices.Equal(want, inputs[i].Shape) {
			return nil, fmt.Errorf("%s: %s is %s%v, want %s", f.Name, v.Name, v.Type.DType, inputs[i].Shape, v.Type)
		}
	}
	return dims, nil
}

// linear splits a size that is scale*dim + rest.
func linear(s Size) (d *Dim, scale, rest int64, ok bool) {
	for _, t := range s.Terms() {
		switch {
		case len(t.Atoms) == 0:
			rest = t.Coef
		case len(t.Atoms) == 1 && t.Atoms[0].Kind == AtomDim && d == nil:
			d, scale = t.Atoms[0].Dim, t.Coef
		default:
			return nil, 0, 0, false
		}
	}
	return d, scale, rest, d != nil
}

func (e *Env) where(facts []Fact) error {
	for _, f := range facts {
		ok, err := f.Holds(e.Dims)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%s does not hold", f)
		}
	}
	return nil
}

// Holds reports whether f holds for the given dims.
func (f Fact) Holds(dims map[string]int64) (bool, error) {
	e := &Env{Dims: dims}
	a, err := e.size(f.Left)
	if err != nil {
		return false, err
	}
	b, err := e.size(f.Right)
	if err != nil {
		return false, err
	}
	switch f.Rel {
	case EQ:
		return a == b, nil
	case LE:
		return a <= b, nil
	}
	return a < b, nil
}

func (e *Env) size(s Size) (int64, error) {
	n, ok := s.Eval(func(name string) (int64, bool) { v, ok := e.Dims[name]; return v, ok })
	if !ok {
		return 0, fmt.Errorf("size %s is not known", s)
	}
	return n, nil
}

func (e *Env) sizes(ss []Size) ([]int, error) {
	out := make([]int, len(ss))
	for i, s := range ss {
		n, err := e.size(s)
		if err != nil {
			return nil, err
		}
		if n < 0 {
			return nil, fmt.Errorf("size %s is %d", s, n)
		}
		out[i] = int(n)
	}
	return out, nil
}

// fill makes a tensor and calls set for each element with its number and index.
func (e *Env) fill(t Type, set func(out *Tensor, n int, at []int)) (*Tensor, error) {
	shape, err := e.sizes(t.Shape)
	if err != nil {
		return nil, err
	}
	elems := int64(1)
	for _, s := range shape {
		var ok bool
		if elems, ok = mulInt(elems, int64(s)); !ok || elems > MaxEvalElems {
			return nil, fmt.Errorf("%s has more than %d elements, too many for the reference evaluator", t, MaxEvalElems)
		}
	}
	out := NewTensor(t.DType, shape...)
	n := 0
	eachIndex(shape, func(at []int) {
		set(out, n, at)
		n++
	})
	return out, nil
}

func (e *Env) instr(in *Instr, args []*Tensor) ([]*Tensor, error) {
	switch {
	case in.Op.Eval != nil:
		out, err := in.Op.Eval(in, args, e)
		return []*Tensor{out}, err
	case in.Op.Body != nil:
		out, err := e.pointwise(in, args)
		return []*Tensor{out}, err
	}
	b := &Emit{Pos: in.Pos}
	results, err := in.Op.Expand(b, in)
	if err != nil {
		return nil, err
	}
	values := map[*Value]*Tensor{}
	for i, a := range in.Args {
		values[a] = args[i]
	}
	for _, step := range b.Body {
		stepArgs := make([]*Tensor, len(step.Args))
		for i, a := range step.Args {
			stepArgs[i] = values[a]
		}
		outs, err := e.instr(step, stepArgs)
		if err != nil {
			return nil, err
		}
		for i, v := range step.Results {
			values[v] = outs[i]
		}
	}
	outs := make([]*Tensor, len(results))
	for i, r := range results {
		outs[i] = values[r]
	}
	return outs, nil
}

// pointwise evaluates a scalar body at each element.
func (e *Env) pointwise(in *Instr, args []*Tensor) (*Tensor, error) {
	d := NewDAG()
	bodyArgs := make([]S, len(args))
	for i, a := range args {
		bodyArgs[i] = d.Wrap(d.Add(Scalar{Kind: ScalarLoad, DType: a.DType.Compute(), Arg: i}))
	}
	result := in.Op.Body(bodyArgs...).V
	numbers := make([]number, len(d.Values))
	var operands [3]number
	var failed error
	out, err := e.fill(in.Result().Type, func(out *Tensor, n int, _ []int) {
		for _, v := range d.Values {
			if v.Kind == ScalarLoad {
				numbers[v.ID] = args[v.Arg].at(n)
				continue
			}
			for i, a := range v.Args {
				operands[i] = numbers[a.ID]
			}
			var err error
			if numbers[v.ID], err = evalScalar(v, operands[:len(v.Args)], e.size); err != nil {
				failed = err
			}
		}
		out.set(n, numbers[result.ID])
	})
	if err == nil {
		err = failed
	}
	return out, err
}

// reduce folds fn over axes.
func (e *Env) reduce(in *Instr, x *Tensor, fn Fn) (*Tensor, error) {
	a := in.Attrs.(ReduceAttrs)
	fold := &Scalar{Kind: ScalarApply, Fn: fn, DType: x.DType, Args: []*Scalar{{DType: x.DType}, {DType: x.DType}}}
	var failed error
	out, err := e.fill(in.Result().Type, func(out *Tensor, n int, at []int) {
		extents := make([]int, len(x.Shape))
		base := make([]int, len(x.Shape))
		rest := 0
		for i := range x.Shape {
			extents[i] = 1
			if slices.Contains(a.Axes, i) {
				extents[i] = x.Shape[i]
				if a.Keep {
					rest++
				}
				continue
			}
			base[i] = at[rest]
			rest++
		}
		first := true
		acc := identity(fn, x.DType)
		from := make([]int, len(base))
		eachIndex(extents, func(k []int) {
			for i := range from {
				from[i] = base[i] + k[i]
			}
			v := x.at(x.offset(from))
			if first {
				acc, first = v, false
				return
			}
			if acc, failed = fn.eval(fold, []number{acc, v}); failed != nil {
				return
			}
		})
		if first && (fn == Max || fn == Min) {
			failed = fmt.Errorf("%s of nothing", in.Op.Name)
		}
		out.set(n, acc)
	})
	if err == nil {
		err = failed
	}
	return out, err
}

// identity is what a fold of nothing gives.
func identity(fn Fn, t DType) number {
	switch fn {
	case Mul, And:
		return numberOf(t, 1)
	}
	return number{}
}
