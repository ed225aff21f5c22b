package ir

import (
	"fmt"
	"math"
)

// EvalVariant runs a lowered entry by interpreting its kernels: each argument is
// a buffer of its own dtype, and every access is checked against its length. It
// is what lowering is tested with.
func (m *Module) EvalVariant(f *Func, v *Variant, params map[string]*Tensor, inputs []*Tensor) ([]*Tensor, error) {
	dims, err := SolveDims(f, inputs)
	if err != nil {
		return nil, err
	}
	env := &Env{Params: params, Dims: dims}
	memory := map[*Buffer]*Tensor{}
	for _, b := range v.Buffers {
		switch b.Place {
		case InInput:
			memory[b] = inputs[b.Index]
		case InParam:
			p := params[m.Params[b.Index].Name]
			if p == nil {
				return nil, fmt.Errorf("param %s has no value", m.Params[b.Index].Name)
			}
			memory[b] = p
		default:
			if memory[b], err = env.fill(b.Type, poison); err != nil {
				return nil, err
			}
		}
	}
	for _, s := range v.Steps {
		args := make([]*Tensor, len(s.Args))
		for i, b := range s.Args {
			args[i] = memory[b]
		}
		local := map[string]int64{}
		for i, d := range s.Kernel.Dims {
			if local[d.Name], err = env.size(s.Sizes[i]); err != nil {
				return nil, err
			}
		}
		if err := s.Kernel.Eval(local, args); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Pos, err)
		}
	}
	outs := make([]*Tensor, len(f.Results))
	for _, b := range v.Buffers {
		if b.Place == InOutput {
			outs[b.Index] = memory[b]
		}
	}
	return outs, nil
}

// poison is what memory holds before it is written.
func poison(out *Tensor, n int, _ []int) {
	if out.DType.IsFloat() {
		out.F[n] = math.NaN()
	} else {
		out.I[n] = wrap(0x5a5a5a5a5a5a5a5a, out.DType)
	}
}

// Eval runs a kernel over tensors, one for each argument, whose shapes do not
// matter. An access outside a buffer is an error.
func (k *Kernel) Eval(dims map[string]int64, args []*Tensor) error {
	e := &kernelEval{kernel: k, dims: dims, args: args, axes: map[string]int64{}, memo: map[*Scalar]number{}}
	return e.loop(k.Grid(), e.point)
}

type kernelEval struct {
	kernel *Kernel
	dims   map[string]int64
	args   []*Tensor
	axes   map[string]int64 // loop variables in scope
	memo   map[*Scalar]number
}

func (e *kernelEval) size(s Size) (int64, error) {
	n, ok := s.Eval(func(name string) (int64, bool) {
		if v, ok := e.axes[name]; ok {
			return v, true
		}
		v, ok := e.dims[name]
		return v, ok
	})
	if !ok {
		return 0, fmt.Errorf("kernel %s: %s is not known", e.kernel.Name, s)
	}
	return n, nil
}

// loop runs f at each point of the axes.
func (e *kernelEval) loop(axes []*Axis, f func() error) error {
	if len(axes) == 0 {
		return f()
	}
	n, err := e.size(axes[0].Extent)
	if err != nil {
		return err
	}
	for i := range n {
		e.axes[axes[0].Name] = i
		if err := e.loop(axes[1:], f); err != nil {
			return err
		}
	}
	delete(e.axes, axes[0].Name)
	return nil
}

func (e *kernelEval) point() error {
	clear(e.memo)
	for _, s := range e.kernel.Stores {
		var inner []*Axis
		if in := e.kernel.Inner; in != nil && (s.Index.Has(in) || s.Value.Varies(in)) {
			if _, bound := e.axes[in.Name]; !bound {
				inner = []*Axis{in}
			}
		}
		err := e.loop(inner, func() error {
			e.forget(inner)
			return e.store(s)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// forget drops what was computed for other values of the axes.
func (e *kernelEval) forget(axes []*Axis) {
	for _, a := range axes {
		for v := range e.memo {
			if v.Varies(a) {
				delete(e.memo, v)
			}
		}
	}
}

func (e *kernelEval) inside(guard []Bound) (bool, error) {
	for _, g := range guard {
		i, err := e.size(g.Index)
		if err != nil {
			return false, err
		}
		n, err := e.size(g.Extent)
		if err != nil || i < 0 || i >= n {
			return false, err
		}
	}
	return true, nil
}

func (e *kernelEval) store(s Store) error {
	if ok, err := e.inside(s.Guard); err != nil || !ok {
		return err
	}
	v, err := e.value(s.Value)
	if err != nil {
		return err
	}
	i, err := e.index(s.Arg, s.Index, "store")
	if err != nil {
		return err
	}
	out := e.args[s.Arg]
	if out.DType.IsFloat() {
		v.f = roundTo(v.f, out.DType)
	}
	out.set(i, v)
	return nil
}

func (e *kernelEval) index(arg int, index Size, what string) (int, error) {
	i, err := e.size(index)
	if err != nil {
		return 0, err
	}
	if n := e.args[arg].Len(); i < 0 || i >= int64(n) {
		return 0, fmt.Errorf("kernel %s: %s of %s[%s] = [%d], but it has %d elements", e.kernel.Name, what, e.kernel.Args[arg].Name, index, i, n)
	}
	return int(i), nil
}

func (e *kernelEval) value(v *Scalar) (number, error) {
	if n, ok := e.memo[v]; ok {
		return n, nil
	}
	n, err := e.compute(v)
	if err == nil {
		e.memo[v] = n
	}
	return n, err
}

func (e *kernelEval) compute(v *Scalar) (number, error) {
	if v.Kind == ScalarReduce {
		return e.reduce(v)
	}
	args := make([]number, len(v.Args))
	for i, a := range v.Args {
		var err error
		if args[i], err = e.value(a); err != nil {
			return number{}, err
		}
	}
	for i, b := range v.Bind {
		e.axes[b.Name] = args[i].i
		defer delete(e.axes, b.Name)
	}
	if v.Kind != ScalarLoad {
		return evalScalar(v, args, e.size)
	}
	if ok, err := e.inside(v.Guard); err != nil || !ok {
		return number{}, err
	}
	i, err := e.index(v.Arg, v.Index, "load")
	if err != nil {
		return number{}, err
	}
	return e.args[v.Arg].at(i), nil
}

func (e *kernelEval) reduce(v *Scalar) (number, error) {
	t := v.Args[0].DType
	fold := &Scalar{Kind: ScalarApply, Fn: v.Fn, DType: t, Args: []*Scalar{v.Args[0], v.Args[0]}}
	acc, best, n := identity(v.Fn, t), int64(0), int64(0)
	pair := &Tensor{DType: t, F: make([]float64, 2), I: make([]int64, 2)}
	err := e.loop(v.Over, func() error {
		e.forget(v.Over)
		x, err := e.value(v.Args[0])
		switch {
		case err != nil:
		case n == 0:
			acc = x
		case v.Fn == ArgMax || v.Fn == ArgMin:
			pair.set(0, x)
			pair.set(1, acc)
			if pair.beats(v.Fn, 0, 1) {
				acc, best = x, n
			}
		default:
			acc, err = v.Fn.eval(fold, []number{acc, x})
		}
		n++
		return err
	})
	e.forget(v.Over)
	if v.Fn == ArgMax || v.Fn == ArgMin {
		return number{i: best}, err
	}
	return acc, err
}
