package bounds

import (
	"errors"
	"fmt"
	"math"

	"github.com/mlxc/mlxc/ir"
)

// ErrNothing is what the evaluator refuses: the extreme of no elements, or a tensor of fewer.
var ErrNothing = errors.New("the extreme of nothing")

// A kernel is one launch: scalars are computed when they are asked for, and kept until an
// axis moves that they vary with.
type kernel struct {
	*ir.Kernel
	model
	sizes map[string]int64 // of dims, and of axes in scope
	args  [][]Value

	stack []Value // the operands of what is being computed
	memo  []Value
	known []bool
	vary  map[string][]int // the scalars that vary with an axis
}

func (m model) launch(k *ir.Kernel, dims map[string]int64, args [][]Value) error {
	if k.Written != nil {
		return fmt.Errorf("kernel %s is written by hand", k.Name)
	}
	e := &kernel{Kernel: k, model: m, sizes: dims, args: args,
		memo: make([]Value, len(k.Values)), known: make([]bool, len(k.Values)), vary: map[string][]int{}}
	for _, v := range k.Values {
		for _, a := range v.Free {
			e.vary[a.Name] = append(e.vary[a.Name], v.ID)
		}
	}
	loops := make([][]*ir.Axis, len(k.Stores))
	for i, s := range k.Stores {
		loops[i] = k.Loops(s)
	}
	return e.loop(k.Grid(), func() error {
		for i, s := range k.Stores {
			if err := e.loop(loops[i], func() error { return e.store(s) }); err != nil {
				return err
			}
		}
		return nil
	})
}

func (e *kernel) size(s ir.Size) (int64, error) {
	n, ok := s.EvalAt(func(name string) (int64, bool) { n, ok := e.sizes[name]; return n, ok })
	if !ok {
		return 0, fmt.Errorf("kernel %s: %s is not known", e.Name, s)
	}
	return n, nil
}

func (e *kernel) loop(axes []*ir.Axis, f func() error) error {
	if len(axes) == 0 {
		return f()
	}
	name := axes[0].Name
	n, err := e.size(axes[0].Extent)
	if err != nil {
		return err
	}
	set := func(i int64) {
		e.sizes[name] = i
		for _, id := range e.vary[name] {
			e.known[id] = false
		}
	}
	outer, nested := e.sizes[name]
	for i := range n {
		set(i)
		if err := e.loop(axes[1:], f); err != nil {
			return err
		}
	}
	if delete(e.sizes, name); nested {
		set(outer)
	}
	return nil
}

func (e *kernel) store(s ir.Store) error {
	ok, err := e.inside(s.Guard)
	if err != nil || !ok {
		return err
	}
	v, err := e.value(s.Value)
	if err != nil {
		return err
	}
	i, err := e.size(s.Index)
	if err != nil {
		return err
	}
	if t := e.Args[s.Arg].DType; t.IsFloat() {
		v = e.cast(v, t, t)
	}
	e.args[s.Arg][i] = v
	return nil
}

func (e *kernel) inside(guard []ir.Bound) (bool, error) {
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

func (e *kernel) value(v *ir.Scalar) (Value, error) {
	if e.known[v.ID] {
		return e.memo[v.ID], nil
	}
	x, err := e.compute(v)
	e.memo[v.ID], e.known[v.ID] = x, err == nil
	return x, err
}

func (e *kernel) compute(v *ir.Scalar) (Value, error) {
	if v.Kind == ir.ScalarReduce {
		return e.reduce(v)
	}
	below := len(e.stack)
	defer func() { e.stack = e.stack[:below] }()
	for _, a := range v.Args {
		x, err := e.value(a)
		if err != nil {
			return Value{}, err
		}
		e.stack = append(e.stack, x)
	}
	args := e.stack[below:]
	switch v.Kind {
	case ir.ScalarConst:
		if v.DType.IsFloat() {
			x := e.round(none, v.DType, v.Float)
			if off := unit(v.DType) * v.Float; e.exactly && v.Float != math.Trunc(v.Float) { // folded from others
				x = x.with(v.Float - off).with(v.Float + off)
			}
			return x, nil
		}
		return integer(v.Int), nil
	case ir.ScalarApply:
		t := v.Args[len(args)-1].DType
		x := e.apply(v.Fn, t, args)
		if e.Stream != nil && v.Fn == ir.Exp && x.Hi < 0x1p-125 { // which is 0 there
			x = x.with(0)
		}
		if e.exactly && v.Fn == ir.Exp && x.Lo < 0x1p-149 { // what exp is made of ends there, and is not rounded to 0
			x = x.with(0x1p-149)
		}
		return x, nil
	case ir.ScalarCast:
		return e.cast(args[0], v.Args[0].DType, v.DType), nil
	}
	return e.bind(v, args)
}

// bind computes what depends on the values of scalars as those of axes: of each that these
// may have.
func (e *kernel) bind(v *ir.Scalar, args []Value) (Value, error) {
	for i, a := range args {
		if a.n == 1 {
			continue
		}
		if a.n == 0 {
			return anyOf(v.DType), nil
		}
		var out Value
		for j, n := range a.ints[:a.n] {
			args[i] = integer(n)
			x, err := e.bind(v, args)
			if err != nil {
				return x, err
			}
			if j == 0 {
				out = x
			} else {
				out = or(v.DType, out, x)
			}
		}
		args[i] = a
		return out, nil
	}
	for i, b := range v.Bind {
		outer, nested := e.sizes[b.Name]
		e.sizes[b.Name] = args[i].ints[0]
		defer func() {
			if delete(e.sizes, b.Name); nested {
				e.sizes[b.Name] = outer
			}
		}()
	}
	ok, err := e.inside(v.Guard)
	if err != nil {
		return Value{}, err
	}
	switch {
	case v.Kind == ir.ScalarInside && ok:
		return integer(1), nil
	case v.Kind == ir.ScalarInside:
		return integer(0), nil
	case v.Kind == ir.ScalarLoad && !ok && v.DType.IsFloat():
		return one(0), nil
	case v.Kind == ir.ScalarLoad && !ok:
		return integer(0), nil
	}
	i, err := e.size(v.Index)
	if err != nil {
		return Value{}, err
	}
	if v.Kind == ir.ScalarLoad {
		if i < 0 || i >= int64(len(e.args[v.Arg])) {
			return Value{}, fmt.Errorf("kernel %s: v%d reads element %d of %d", e.Name, v.ID, i, len(e.args[v.Arg]))
		}
		return e.args[v.Arg][i], nil
	}
	return e.cast(integer(i), ir.I64, v.DType), nil
}

func (e *kernel) reduce(v *ir.Scalar) (Value, error) {
	t, x := v.Args[0].DType, v.Args[0]
	float := t.IsFloat()
	var terms []Value
	err := e.loop(v.Over, func() error {
		term, err := e.value(x)
		if err != nil {
			return err
		}
		if float && v.Fn == ir.Add && x.Kind == ir.ScalarApply && x.Fn == ir.Mul {
			a, err := e.value(x.Args[0])
			if err != nil {
				return err
			}
			b, err := e.value(x.Args[1])
			if err != nil {
				return err
			}
			term = model{exactly: true, fused: e.fused}.apply(ir.Mul, t, []Value{a, b})
			if e.Stream != nil && v == e.Stream.Weighted && term.NaN { // a value of no weight need not be read
				term = anyFloat
			}
		}
		terms = append(terms, term)
		return nil
	})
	if err != nil {
		return Value{}, err
	}
	switch {
	case (v.Fn == ir.ArgMax || v.Fn == ir.ArgMin) && len(terms) == 0:
		return Value{}, ErrNothing
	case v.Fn == ir.ArgMax || v.Fn == ir.ArgMin:
		return best(v.Fn, t, terms), nil
	case float && v.Fn == ir.Add:
		sum := newTotal(t)
		for _, term := range terms {
			sum.add(term)
		}
		more := 0.0
		if s := e.Stream; s != nil && v != s.Dot {
			more = rescalings(len(terms))
		}
		return sum.sum(e.model, more), nil
	case float && v.Fn == ir.Mul:
		return product(e.model, t, terms), nil
	case len(terms) == 0 && (v.Fn == ir.Max || v.Fn == ir.Min):
		return Value{}, ErrNothing
	case len(terms) == 0:
		return integer(map[ir.Fn]int64{ir.Mul: 1, ir.And: 1}[v.Fn]), nil
	}
	out := terms[0]
	for _, term := range terms[1:] {
		out = e.apply(v.Fn, t, []Value{out, term})
	}
	return out, nil
}

// rescalings are the units of rounding that the sums of a stream may be off, besides those of
// n terms: a weight exp(s - max) is made as a product of exponentials of differences that add
// up to s - max, one for each larger score, of which each is 4 units off (2 ulp) and rounded
// once more as a product. The differences are rounded, too, which makes a weight off by
// units of |s - max|, and that is at most 104 where there is a weight at all.
func rescalings(n int) float64 { return 5*float64(n) + 2*104 }

// element is what a tensor has.
func element(x *ir.Tensor, i int) Value {
	if x.DType.IsFloat() {
		return one(x.F[i])
	}
	return integer(x.I[i])
}

// poison is memory before anything is written.
func poison(t ir.DType) Value {
	if t.IsFloat() {
		return one(math.NaN())
	}
	return Value{}
}
