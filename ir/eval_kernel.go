package ir

import "fmt"

// Eval interprets a kernel over buffers, one for each argument, that hold
// elements of the argument's dtype. Scalars are computed as by the reference
// evaluator and rounded where they are stored.
//
// What generated code must be able to rely on is checked: no access lies outside
// its buffer, no element is stored by two points of the grid, and no point reads
// what another one stores, however the arguments share memory.
func (k *Kernel) Eval(dims map[string]int64, args [][]byte) error {
	if k.Written != nil {
		return fmt.Errorf("kernel %s: only Metal runs what is written in it", k.Name)
	}
	e := &kernelEval{
		kernel: k, dims: dims, args: args,
		axes:   map[string]int64{},
		known:  make([]bool, len(k.Values)),
		memo:   make([]number, len(k.Values)),
		vary:   map[string][]int{},
		shared: make([]bool, len(args)),
		touch:  map[*byte]access{},
	}
	for _, v := range k.Values {
		for _, a := range v.Free {
			e.vary[a.Name] = append(e.vary[a.Name], v.ID)
		}
	}
	for i, a := range k.Args {
		n, err := e.size(a.Len)
		if err != nil {
			return err
		}
		if n*int64(a.DType.Size()) != int64(len(args[i])) {
			return fmt.Errorf("kernel %s: %s needs %d elements, its buffer has %d bytes", k.Name, a.Name, n, len(args[i]))
		}
		for j, b := range k.Args {
			if b.Write && n > 0 && len(args[j]) > 0 && &args[i][0] == &args[j][0] {
				e.shared[i] = true
			}
		}
	}
	return e.loop(k.Grid(), e.runPoint)
}

type kernelEval struct {
	kernel *Kernel
	dims   map[string]int64
	args   [][]byte
	axes   map[string]int64 // loop variables in scope
	point  int              // of the grid, from 1

	memo  []number // by a scalar's id, where it is known
	known []bool
	vary  map[string][]int // the scalars that vary with an axis

	shared []bool // arguments whose memory is written
	touch  map[*byte]access
}

// An access is what happened to an element of shared memory.
type access struct {
	stored bool
	point  int // -1: several have read it
}

func (e *kernelEval) size(s Size) (int64, error) {
	n, ok := s.EvalAt(func(name string) (int64, bool) {
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

// loop runs f at each point of the axes, forgetting what varies with them. An axis
// that has a value, as where a fold over the inner axis is needed at one of its
// points, has it again afterwards.
func (e *kernelEval) loop(axes []*Axis, f func() error) error {
	if len(axes) == 0 {
		return f()
	}
	name := axes[0].Name
	n, err := e.size(axes[0].Extent)
	if err != nil {
		return err
	}
	set := func(i int64) {
		e.axes[name] = i
		for _, id := range e.vary[name] {
			e.known[id] = false
		}
	}
	outer, nested := e.axes[name]
	for i := range n {
		set(i)
		if err := e.loop(axes[1:], f); err != nil {
			return err
		}
	}
	if delete(e.axes, name); nested {
		set(outer)
	}
	return nil
}

func (e *kernelEval) runPoint() error {
	e.point++
	for _, s := range e.kernel.Stores {
		if err := e.loop(e.kernel.Loops(s), func() error { return e.store(s) }); err != nil {
			return err
		}
	}
	return nil
}

func (e *kernelEval) store(s Store) error {
	if ok, err := inside(s.Guard, e.size); err != nil || !ok {
		return err
	}
	v, err := e.value(s.Value)
	if err != nil {
		return err
	}
	i, err := e.element(s.Arg, s.Index, nil)
	if err != nil {
		return err
	}
	arg := e.kernel.Args[s.Arg]
	p := &e.args[s.Arg][i*arg.DType.Size()]
	if a, ok := e.touch[p]; ok && (a.stored || a.point != e.point) {
		return fmt.Errorf("kernel %s: %s[%s] = [%d] is stored by one point and used by another", e.kernel.Name, arg.Name, s.Index, i)
	}
	e.touch[p] = access{true, e.point}
	arg.DType.encode(e.args[s.Arg], i, v)
	return nil
}

func (e *kernelEval) load(v *Scalar) (number, error) {
	if ok, err := inside(v.Guard, e.size); err != nil || !ok {
		return number{}, err
	}
	i, err := e.element(v.Arg, v.Index, v)
	if err != nil {
		return number{}, err
	}
	arg := e.kernel.Args[v.Arg]
	if e.shared[v.Arg] {
		p := &e.args[v.Arg][i*arg.DType.Size()]
		switch a, ok := e.touch[p]; {
		case ok && a.stored:
			return number{}, fmt.Errorf("kernel %s: v%d reads %s[%s] = [%d], which is overwritten already", e.kernel.Name, v.ID, arg.Name, v.Index, i)
		case ok && a.point != e.point:
			e.touch[p] = access{false, -1}
		default:
			e.touch[p] = access{false, e.point}
		}
	}
	return arg.DType.decode(e.args[v.Arg], i), nil
}

// element is the number of an argument's element, checked; load is nil for a store.
func (e *kernelEval) element(arg int, index Size, load *Scalar) (int, error) {
	i, err := e.size(index)
	if err != nil {
		return 0, err
	}
	a := e.kernel.Args[arg]
	if n := len(e.args[arg]) / a.DType.Size(); i < 0 || i >= int64(n) {
		who := "a store"
		if load != nil {
			who = fmt.Sprintf("v%d", load.ID)
		}
		return 0, fmt.Errorf("kernel %s: %s: %s[%s] = [%d] is outside its %d elements", e.kernel.Name, who, a.Name, index, i, n)
	}
	return int(i), nil
}

func (e *kernelEval) value(v *Scalar) (number, error) {
	if e.known[v.ID] {
		return e.memo[v.ID], nil
	}
	n, err := e.compute(v)
	e.memo[v.ID], e.known[v.ID] = n, err == nil
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
	if v.Kind == ScalarLoad {
		return e.load(v)
	}
	return evalScalar(v, args, e.size)
}

// reduce folds from the first element to the last; the first is taken as it is.
func (e *kernelEval) reduce(v *Scalar) (number, error) {
	t := v.Args[0].DType
	acc, best, n := v.Fn.identity(t), int64(0), int64(0)
	err := e.loop(v.Over, func() error {
		x, err := e.value(v.Args[0])
		switch {
		case err != nil:
		case n == 0:
			acc = x
		case v.Fn == ArgMax || v.Fn == ArgMin:
			if beats(v.Fn, t, x, acc) {
				acc, best = x, n
			}
		default:
			acc, err = v.Fn.eval(t, []number{acc, x})
		}
		n++
		return err
	})
	if v.Fn == ArgMax || v.Fn == ArgMin {
		return number{i: best}, err
	}
	return acc, err
}
