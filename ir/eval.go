package ir

import (
	"fmt"
	"slices"
)

// MaxEvalElems is how many elements the reference evaluator holds at once, of 8
// bytes each: beyond it a run is refused rather than exhausting memory.
const MaxEvalElems = 1 << 27

// An Env is what an evaluation knows: the params by name, and the sizes of dims.
type Env struct {
	Params map[string]*Tensor
	Dims   map[string]int64

	locals map[string]*Tensor
	live   int64 // elements of the values that are held
}

// Eval runs an entry by the reference evaluator: one op after another, nothing
// fused, floats in float64, where only sources, casts and narrow dtypes' rounding
// functions round. Integers have their own width. Dims are solved from the
// inputs' shapes and those of states, but for those of f.Dims, which are given. What is
// written to states is put into params; a state that is not there has its init.
func (m *Module) Eval(f *Func, params map[string]*Tensor, inputs []*Tensor, given ...int64) ([]*Tensor, error) {
	dims, err := m.SolveDims(f, params, inputs, given)
	if err != nil {
		return nil, err
	}
	env := &Env{Params: params, Dims: dims, locals: map[string]*Tensor{}}
	return env.body(f, inputs)
}

// body evaluates a function, and writes states and locals.
func (e *Env) body(f *Func, inputs []*Tensor) ([]*Tensor, error) {
	kept, err := e.run(f.Body, f.Inputs, inputs, f.Kept())
	if err != nil {
		return nil, err
	}
	for i, w := range f.Writes {
		to := e.Params
		if w.State.Local {
			to = e.locals
		}
		to[w.State.Name] = kept[len(f.Results)+i]
	}
	return kept[:len(f.Results)], nil
}

// state is the value of a state before a call.
func (e *Env) state(p *Param) (*Tensor, error) {
	if p.Local {
		t := e.locals[p.Name]
		if t == nil {
			return nil, fmt.Errorf("local %s has no value", p.Name)
		}
		e.live += int64(t.Len())
		return t, nil
	}
	if t := e.Params[p.Name]; t != nil {
		e.live += int64(t.Len())
		return t, nil
	}
	if p.Init.Numbers() == nil {
		return nil, fmt.Errorf("state %s has no value", p.Name)
	}
	return e.fill(p.Type, func(out *Tensor, n int, _ []int) { out.setNumber(n, p.Init.Element(n)) })
}

// run evaluates a body and drops each value after its last use.
func (e *Env) run(body []*Instr, inputs []*Value, args []*Tensor, results []*Value) ([]*Tensor, error) {
	last := map[*Value]int{}
	for i, in := range body {
		for _, a := range in.Args {
			last[a] = i
		}
	}
	for _, r := range results {
		last[r] = len(body)
	}
	values := map[*Value]*Tensor{}
	for i, v := range inputs {
		values[v] = args[i]
	}
	lookup := func(vs []*Value) []*Tensor {
		ts := make([]*Tensor, len(vs))
		for i, v := range vs {
			ts[i] = values[v]
		}
		return ts
	}
	for i, in := range body {
		outs, err := e.instr(in, lookup(in.Args))
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", in.Pos, in.Op.Name, err)
		}
		for j, v := range in.Results {
			values[v] = outs[j]
		}
		for _, v := range slices.Concat(in.Args, in.Results) {
			if last[v] <= i && values[v] != nil && !slices.Contains(inputs, v) {
				e.live -= int64(values[v].Len())
				delete(values, v)
			}
		}
	}
	return lookup(results), nil
}

func (e *Env) instr(in *Instr, args []*Tensor) ([]*Tensor, error) {
	if in.Body != nil {
		return e.loop(in, args)
	}
	if a, isKernel := in.Attrs.(KernelAttrs); isKernel {
		if len(args) == len(a.Source.In) {
			return nil, fmt.Errorf("its reference is not here, and only Metal runs @%s", a.Source.Name)
		}
		return args[len(a.Source.In):], nil
	}
	if in.Op.Expand != nil {
		b := &Emit{Pos: in.Pos, Facts: in.Facts}
		results, err := in.Op.Expand(b, in)
		if err != nil {
			return nil, err
		}
		return e.run(b.Body, in.Args, args, results)
	}
	eval := in.Op.Eval
	if in.Op.Body != nil {
		eval = pointwise
	}
	out, err := eval(in, args, e)
	return []*Tensor{out}, err
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
		if elems, ok = mulInt(elems, int64(s)); !ok {
			elems = MaxEvalElems + 1
			break
		}
	}
	if elems > MaxEvalElems-e.live {
		return nil, fmt.Errorf("%s%v is too large: the reference evaluator holds %d elements at once", t.DType, shape, MaxEvalElems)
	}
	e.live += elems
	out := NewTensor(t.DType, shape...)
	n := 0
	eachIndex(shape, func(at []int) {
		set(out, n, at)
		n++
	})
	return out, nil
}

// pointwise evaluates a scalar body at each element.
func pointwise(in *Instr, args []*Tensor, e *Env) (*Tensor, error) {
	d := NewDAG()
	x := make([]S, len(args))
	for i, a := range args {
		x[i] = d.Wrap(d.Add(Scalar{Kind: ScalarLoad, DType: a.DType.Compute(), Arg: i}))
	}
	result := in.Op.Body(x...).V
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
