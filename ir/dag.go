package ir

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// A DAG makes scalars, each expression once, and derives what follows from their
// operands: the axes they vary with and their stage.
type DAG struct {
	Values []*Scalar
	once   map[string]*Scalar
}

// NewDAG returns an empty DAG.
func NewDAG() *DAG { return &DAG{once: map[string]*Scalar{}} }

// Add returns the scalar like v: an old one where there is one. ID, Free and
// Stage of v are derived, it binds what its indices mention, and a size that is known is in
// the range of its dtype.
func (d *DAG) Add(v Scalar) *Scalar {
	if n, ok := v.Index.Int(); ok && v.Kind == ScalarSize && v.DType.IsInt() {
		v.Index = N(wrap(n, v.DType))
	}
	if slices.ContainsFunc(v.Bind, func(a *Axis) bool { return !v.indexedBy(a) }) {
		bind, args := v.Bind, v.Args
		v.Bind, v.Args = nil, nil
		for i, a := range bind {
			if v.indexedBy(a) {
				v.Bind, v.Args = append(v.Bind, a), append(v.Args, args[i])
			}
		}
	}
	key := d.key(&v)
	if old, ok := d.once[key]; ok {
		return old
	}
	v.ID, v.Free, v.Stage = len(d.Values), nil, 0
	free := map[string]*Axis{}
	axes := func(s Size) {
		s.Walk(func(a *Atom) {
			if a.Kind == AtomAxis {
				free[a.Axis.Name] = a.Axis
			}
		})
	}
	axes(v.Index)
	for _, g := range v.Guard {
		axes(g.Index)
		axes(g.Extent)
	}
	for _, b := range v.Bind {
		delete(free, b.Name)
	}
	for _, a := range v.Args {
		v.Stage = max(v.Stage, a.Stage)
		for _, f := range a.Free {
			free[f.Name] = f
		}
	}
	if v.Kind == ScalarReduce {
		v.Stage++
		for _, o := range v.Over {
			delete(free, o.Name)
		}
	}
	for _, f := range free {
		v.Free = append(v.Free, f)
	}
	slices.SortFunc(v.Free, func(a, b *Axis) int { return strings.Compare(a.Name, b.Name) })
	d.Values = append(d.Values, &v)
	d.once[key] = &v
	return &v
}

// indexedBy reports that an index or a guard of v mentions the axis.
func (v *Scalar) indexedBy(axis *Axis) bool {
	return v.Index.Has(axis) || slices.ContainsFunc(v.Guard, func(g Bound) bool { return g.Index.Has(axis) || g.Extent.Has(axis) })
}

// key tells expressions apart.
func (d *DAG) key(v *Scalar) string {
	b := make([]byte, 0, 128)
	number := func(n int64) { b = append(strconv.AppendInt(b, n, 36), ' ') }
	size := func(s Size) { b = append(append(b, s.String()...), ';') }
	for _, n := range []int64{int64(v.Kind), int64(v.DType), int64(v.Fn), int64(math.Float64bits(v.Float)), v.Int, int64(v.Arg)} {
		number(n)
	}
	size(v.Index)
	for _, g := range v.Guard {
		size(g.Index)
		size(g.Extent)
	}
	for _, a := range v.Args {
		b = append(b, 'v')
		number(int64(a.ID))
	}
	for _, axes := range [][]*Axis{v.Over, v.Bind} {
		for _, a := range axes {
			b = append(append(b, a.Name...), ' ')
		}
	}
	return string(b)
}

// Num is the constant x, which must be integral where the dtype is no float's.
func (d *DAG) Num(t DType, x float64) *Scalar {
	if t.Compute().IsFloat() {
		return d.Add(Scalar{Kind: ScalarConst, DType: t.Compute(), Float: x})
	}
	return d.Add(Scalar{Kind: ScalarConst, DType: t, Int: numberOf(t, x).i})
}

// Size is a size or an index as a number of dtype t.
func (d *DAG) Size(t DType, s Size) *Scalar {
	return d.Add(Scalar{Kind: ScalarSize, DType: t.Compute(), Index: s})
}

// Apply is fn of scalars of one dtype.
func (d *DAG) Apply(fn Fn, args ...*Scalar) *Scalar {
	return d.Add(Scalar{Kind: ScalarApply, DType: fn.Result(args[len(args)-1].DType), Fn: fn, Args: args})
}

// Reduce folds fn over axes; over none it is v.
func (d *DAG) Reduce(fn Fn, over []*Axis, v *Scalar) *Scalar {
	if len(over) == 0 {
		return v
	}
	return d.Add(Scalar{Kind: ScalarReduce, DType: fn.Result(v.DType), Fn: fn, Over: over, Args: []*Scalar{v}})
}

// Cast converts v to t, and rounds to f16 or bf16 where t is one, though the
// result is computed with in f32.
func (d *DAG) Cast(t DType, v *Scalar) *Scalar {
	switch t {
	case F16:
		v = d.Apply(RoundF16, d.Cast(F32, v))
	case BF16:
		v = d.Apply(RoundBF16, d.Cast(F32, v))
	default:
		if v.DType != t {
			v = d.Add(Scalar{Kind: ScalarCast, DType: t, Args: []*Scalar{v}})
		}
	}
	return v
}

// An S is a scalar with its DAG: what bodies in the op table are written with.
type S struct {
	dag *DAG
	V   *Scalar
}

// Wrap makes an S of a scalar of d.
func (d *DAG) Wrap(v *Scalar) S { return S{d, v} }

// Num is the constant x in the dtype of s.
func (s S) Num(x float64) S { return S{s.dag, s.dag.Num(s.V.DType, x)} }

// Fn applies fn to s and more operands.
func (s S) Fn(fn Fn, more ...S) S {
	args := []*Scalar{s.V}
	for _, m := range more {
		args = append(args, m.V)
	}
	return S{s.dag, s.dag.Apply(fn, args...)}
}

// Cast converts s to t.
func (s S) Cast(t DType) S { return S{s.dag, s.dag.Cast(t, s.V)} }

func (s S) Add(t S) S { return s.Fn(Add, t) }
func (s S) Sub(t S) S { return s.Fn(Sub, t) }
func (s S) Mul(t S) S { return s.Fn(Mul, t) }
func (s S) Div(t S) S { return s.Fn(Div, t) }
func (s S) Neg() S    { return s.Fn(Neg) }

// Lt is the bool s < t.
func (s S) Lt(t S) S { return s.Fn(Lt, t) }

// Select is a where s holds, else b.
func (s S) Select(a, b S) S { return s.Fn(Select, a, b) }
