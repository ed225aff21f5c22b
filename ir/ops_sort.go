package ir

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// SortAttrs: the axis along which to sort, and whether the largest comes first.
type SortAttrs struct {
	Axis       int
	Descending bool
}

// TopKAttrs: the axis, and how many elements of it.
type TopKAttrs struct{ Axis, K int }

// MergeAttrs: the axis whose two halves are merged, how many elements of it come out,
// and whether the largest comes first.
type MergeAttrs struct {
	Axis, Count int
	Descending  bool
}

// A sort is a merge sort from runs of one element. Each merge is a kernel that has a point
// for each element of its result, which finds by bisection how many elements of the first
// half come before it (the merge path of Odeh, Green, Mwassi, Shmueli and Birk 2012), so
// that all are computed in parallel and nothing is written but results: the order of n
// elements takes about n*log(n)*log(n)/2 comparisons in log(n) kernels. The runs of a
// choice of k are cut to k elements, and so the work of its later merges halves.
//
// Equal elements stay in order, since the elements of a first half come first. NaN is
// larger than all numbers.
var sortOps = []*Op{
	sortOp("sort", "the elements in order along an axis: ascending, NaN last, or descending, NaN first", nil, func(values, _ *Value) *Value { return values }),
	sortOp("argsort", "the indices (i32) of the elements in the order of sort; equal ones stay in theirs", orderType, func(_, order *Value) *Value { return order }),
	topkOp("topk", "the k largest elements along an axis, the largest first; NaN is larger than all numbers", func(in *Instr) DType { return in.Args[0].Type.DType }, func(values, _ *Value) *Value { return values }),
	topkOp("argtopk", "the indices (i32) of the elements of topk; of equal ones the first comes first", func(*Instr) DType { return I32 }, func(_, order *Value) *Value { return order }),
}

func orderType(in *Instr) ([]Type, error) { return typed(I32, in.Args[0].Type.Shape) }

func sortOp(name, doc string, typ func(in *Instr) ([]Type, error), result func(values, order *Value) *Value) *Op {
	if typ == nil {
		typ = likeArg(0)
	}
	return &Op{
		Name: name, Kind: KindComposite, Operands: []string{"x"}, Attrs: SortAttrs{}, Doc: doc, Grad: GradExpand, Tolerance: exact,
		Rules: []Rule{operands(name, 1), dtypeOf(name, 0, floats|ints), axisRule(name, func(in *Instr) []int { return []int{in.Attrs.(SortAttrs).Axis} }),
			countRule(name, func(in *Instr) int { return in.Attrs.(SortAttrs).Axis })},
		Type: typ,
		Expand: expand(func(c *calc, in *Instr, x []*Value) *Value {
			a := in.Attrs.(SortAttrs)
			return result(c.sorted(a.Axis, x[0], x[0].Type.Shape[a.Axis], a.Descending))
		}),
	}
}

func topkOp(name, doc string, dtype func(in *Instr) DType, result func(values, order *Value) *Value) *Op {
	return &Op{
		Name: name, Kind: KindComposite, Operands: []string{"x"}, Attrs: TopKAttrs{}, Doc: doc, Grad: GradExpand, Tolerance: exact,
		Rules: []Rule{operands(name, 1), dtypeOf(name, 0, floats|ints), axisRule(name, func(in *Instr) []int { return []int{in.Attrs.(TopKAttrs).Axis} }),
			{name + "/k", "k is at least 1, and the axis has as many elements", func(in *Instr) error {
				x, a := in.Args[0].Type, in.Attrs.(TopKAttrs)
				if a.K < 1 || !proves(in.Facts, x.Shape[a.Axis].Sub(N(int64(a.K)))) {
					return fmt.Errorf("axis %d of %s may not have %d elements to choose", a.Axis, x, a.K)
				}
				return nil
			}}},
		Type: func(in *Instr) ([]Type, error) {
			a := in.Attrs.(TopKAttrs)
			s := slices.Clone(in.Args[0].Type.Shape)
			s[a.Axis] = N(int64(a.K))
			return typed(dtype(in), s)
		},
		Expand: expand(func(c *calc, in *Instr, x []*Value) *Value {
			a := in.Attrs.(TopKAttrs)
			return result(c.sorted(a.Axis, x[0], N(int64(a.K)), true))
		}),
	}
}

// sorted is the first count elements of the order along an axis, and their indices.
//
// The axis is one of runs, and one of the elements of a run; runs are merged by twos, the
// last with one of elements that come last of all. Integers are sorted descending, of
// their complements where ascending is asked for: then what comes last is exact in f64.
func (c *calc) sorted(axis int, x *Value, count Size, descending bool) (values, order *Value) {
	n, t := x.Type.Shape[axis], x.Type.DType
	complement := t.IsInt() && !descending
	if complement {
		x, descending = c.op("not", nil, x), true
	}
	last := math.NaN()
	switch {
	case t.Class() == Signed:
		last = -math.Ldexp(1, 8*t.Size()-1)
	case t.Class() == Unsigned:
		last = 0
	case descending:
		last = math.Inf(-1)
	}
	runs, width, most := n, 1, longest(n)
	limit := int(min(longest(count), 1<<30))
	shape := func() []Size {
		return slices.Concat(x.Type.Shape[:axis], []Size{runs, N(int64(width))}, x.Type.Shape[axis+1:])
	}
	values = c.op("reshape", ShapeAttrs{shape()}, x)
	order = c.append(x, "iota", IotaAttrs{DType: I32, Shape: shape(), Axis: axis})
	for ; most > 1; most = (most + 1) / 2 {
		pairs := runs.CeilDiv(2)
		values = c.resize(axis, values, pairs.Mul(N(2)), 1, last)
		order = c.resize(axis, order, pairs.Mul(N(2)), 1, 0)
		runs, width = pairs, 2*width
		values = c.op("reshape", ShapeAttrs{shape()}, values)
		order = c.op("reshape", ShapeAttrs{shape()}, order)
		width = min(width, limit)
		pick := c.op("merge", MergeAttrs{axis + 1, width, descending}, values)
		values = c.append(x, "gather", GatherAttrs{axis + 1}, values, pick)
		order = c.append(x, "gather", GatherAttrs{axis + 1}, order, pick)
	}
	one := func(v *Value, number float64) *Value {
		v = c.resize(axis, v, N(1), 1, number) // an axis of size 0 has no run
		v = c.resize(axis+1, v, count, 0, 0)
		return c.op("reshape", ShapeAttrs{slices.Concat(x.Type.Shape[:axis], []Size{count}, x.Type.Shape[axis+1:])}, v)
	}
	values, order = one(values, last), one(order, 0)
	if complement {
		values = c.op("not", nil, values)
	}
	return values, order
}

var mergeOp = &Op{
	Name: "merge", Kind: KindSearch, Operands: []string{"x"}, Attrs: MergeAttrs{}, Grad: GradNone,
	Doc: "the indices (i32), along an axis whose two halves are in order, of its first count elements in order; of equal ones the first comes first: a step of sort",
	Rules: []Rule{operands("merge", 1), dtypeOf("merge", 0, floats|ints), axisRule("merge", func(in *Instr) []int { return []int{in.Attrs.(MergeAttrs).Axis} }),
		{"merge/halves", "the axis is even and constant, and count is in [1, size]", func(in *Instr) error {
			x, a := in.Args[0].Type, in.Attrs.(MergeAttrs)
			if n, ok := x.Shape[a.Axis].Int(); !ok || n%2 != 0 || a.Count < 1 || int64(a.Count) > n {
				return fmt.Errorf("axis %d of %s has no halves with %d elements", a.Axis, x, a.Count)
			}
			return nil
		}}},
	Type: func(in *Instr) ([]Type, error) {
		a := in.Attrs.(MergeAttrs)
		s := slices.Clone(in.Args[0].Type.Shape)
		s[a.Axis] = N(int64(a.Count))
		return typed(I32, s)
	},
	Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
		a := in.Attrs.(MergeAttrs)
		n, _ := in.Args[0].Type.Shape[a.Axis].Int()
		num := func(i int64) S { return p.Wrap(p.Num(I32, float64(i))) }
		element := func(i S) S {
			return p.Wrap(p.nearest(in, a.Axis, at[:a.Axis], i.V, at[a.Axis+1:]))
		}
		half, d := num(n/2), p.Wrap(p.Number(I32, at[a.Axis]))

		// Of the d elements before this one lo at least, and hi at most, are of the first half.
		lo, hi := d.Sub(half).Fn(Max, num(0)), d.Fn(Min, half)
		for range bits.Len64(uint64(n / 2)) {
			mid := lo.Add(hi).Fn(Shr, num(1))
			open := lo.Lt(hi)
			later := comesBefore(element(half.Add(d).Sub(num(1)).Sub(mid)), element(mid), a.Descending)
			lo, hi = open.Fn(And, later.Fn(Not)).Select(mid.Add(num(1)), lo), open.Fn(And, later).Select(mid, hi)
		}
		other := d.Sub(lo)
		second := other.Lt(half).Fn(And, comesBefore(element(half.Add(other)), element(lo), a.Descending))
		return second.Fn(Or, lo.Lt(half).Fn(Not)).Select(half.Add(other), lo).V
	},
	Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
		a, x := in.Attrs.(MergeAttrs), args[0]
		half := x.Shape[a.Axis] / 2
		return env.fill(in.Result().Type, func(out *Tensor, n int, at []int) {
			element := func(i int) number {
				from := slices.Clone(at)
				from[a.Axis] = i
				return x.at(x.offset(from))
			}
			i, j := 0, half // what comes next of the halves
			for range at[a.Axis] + 1 {
				if i == half || j < 2*half && precedes(element(j), element(i), x.DType, a.Descending) {
					out.I[n], j = int64(j), j+1
				} else {
					out.I[n], i = int64(i), i+1
				}
			}
		})
	},
}

// comesBefore is whether a stands before b in order, which equal ones do not.
func comesBefore(a, b S, descending bool) S {
	if descending {
		a, b = b, a
	}
	less := a.Lt(b)
	if a.V.DType.IsFloat() { // NaN is the largest
		less = less.Fn(Or, b.Fn(IsNaN).Fn(And, a.Fn(IsNaN).Fn(Not)))
	}
	return less
}

// precedes is comesBefore of numbers.
func precedes(a, b number, t DType, descending bool) bool {
	if descending {
		a, b = b, a
	}
	if t.IsFloat() {
		return a.f < b.f || math.IsNaN(b.f) && !math.IsNaN(a.f)
	}
	return compareInts(a.i, b.i, t) < 0
}
