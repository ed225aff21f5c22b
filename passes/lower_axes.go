package passes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// The steps below bring a kernel's axes to the form that targets want. Each
// rewrites every index of the kernel and leaves its meaning alone.

// eachSize visits every index, bound and extent of a kernel.
func eachSize(k *ir.Kernel, f func(s ir.Size)) {
	guards := func(gs []ir.Bound) {
		for _, g := range gs {
			f(g.Index)
			f(g.Extent)
		}
	}
	for _, a := range k.Grid() {
		f(a.Extent)
	}
	for _, a := range k.Args {
		f(a.Len)
	}
	for _, v := range k.Values {
		f(v.Index)
		guards(v.Guard)
		for _, o := range slices.Concat(v.Over, v.Bind) {
			f(o.Extent)
		}
	}
	for _, s := range k.Stores {
		f(s.Index)
		guards(s.Guard)
	}
}

// rebuild puts every scalar through a new DAG with f applied to its indices.
func rebuild(k *ir.Kernel, f func(ir.Size) ir.Size) {
	remake(k, f, func(_ *ir.DAG, v *ir.Scalar, args []*ir.Scalar) *ir.Scalar { return nil })
}

// remake is rebuild where g may replace a scalar, given its new operands; nil
// keeps it.
func remake(k *ir.Kernel, f func(ir.Size) ir.Size, g func(d *ir.DAG, v *ir.Scalar, args []*ir.Scalar) *ir.Scalar) {
	d := ir.NewDAG()
	to := map[*ir.Scalar]*ir.Scalar{}
	guards := func(gs []ir.Bound) []ir.Bound {
		var out []ir.Bound
		for _, b := range gs {
			out = append(out, ir.Bound{Index: f(b.Index), Extent: f(b.Extent)})
		}
		return out
	}
	for _, v := range k.Values {
		args := make([]*ir.Scalar, len(v.Args))
		for i, a := range v.Args {
			args[i] = to[a]
		}
		if w := g(d, v, args); w != nil {
			to[v] = w
			continue
		}
		w := *v
		w.Args, w.Index, w.Guard = args, f(v.Index), guards(v.Guard)
		to[v] = d.Add(w)
	}
	for i, s := range k.Stores {
		k.Stores[i] = ir.Store{Arg: s.Arg, Index: f(s.Index), Guard: guards(s.Guard), Value: to[s.Value]}
	}
	if c := k.Contract; c != nil {
		c.A, c.B, c.Sum = to[c.A], to[c.B], to[c.Sum]
	}
	k.Values = d.Values
	prune(k)
}

// prune drops the scalars that no store needs and numbers the rest.
func prune(k *ir.Kernel) {
	need := map[*ir.Scalar]bool{}
	var visit func(v *ir.Scalar)
	visit = func(v *ir.Scalar) {
		if need[v] {
			return
		}
		need[v] = true
		for _, a := range v.Args {
			visit(a)
		}
	}
	for _, s := range k.Stores {
		visit(s.Value)
	}
	k.Values = slices.DeleteFunc(k.Values, func(v *ir.Scalar) bool { return !need[v] })
	for i, v := range k.Values {
		v.ID = i
	}
}

// dropUnitAxes removes the reduced axes of size 1.
func dropUnitAxes(k *ir.Kernel) {
	unit := func(a *ir.Axis) bool { return a.Extent.Is(1) }
	zero := func(s ir.Size) ir.Size {
		return s.Subst(func(a *ir.Atom) (ir.Size, bool) { return ir.Size{}, a.Kind == ir.AtomAxis && unit(a.Axis) })
	}
	remake(k, zero, func(d *ir.DAG, v *ir.Scalar, args []*ir.Scalar) *ir.Scalar {
		if v.Kind != ir.ScalarReduce || !slices.ContainsFunc(v.Over, unit) {
			return nil
		}
		over := slices.DeleteFunc(slices.Clone(v.Over), unit)
		switch {
		case len(over) > 0:
			return d.Reduce(v.Fn, over, args[0])
		case v.Fn == ir.ArgMax || v.Fn == ir.ArgMin:
			return d.Num(ir.I32, 0)
		}
		return args[0]
	})
}

// splitAxes removes quotients: an axis that stands under /c or %c becomes
// outer*c + inner, where c divides its extent.
func splitAxes(k *ir.Kernel) {
	for range 8 { // each split removes a quotient; more than this no model has shown
		axis, inner := quotientAxis(k)
		if axis == nil {
			return
		}
		outer := &ir.Axis{Name: axis.Name + "o", Extent: axis.Extent.Div(inner)}
		in := &ir.Axis{Name: axis.Name + "i", Extent: inner}
		i := slices.Index(k.Par, axis)
		k.Par = slices.Replace(k.Par, i, i+1, outer, in)
		by := outer.Index().Mul(inner).Add(in.Index())
		rebuild(k, func(s ir.Size) ir.Size { return s.Replace(axis, by) })
	}
}

// quotientAxis finds a parallel axis under a quotient, and the extent of the
// inner part that makes the quotient vanish.
func quotientAxis(k *ir.Kernel) (axis *ir.Axis, inner ir.Size) {
	look := func(q *ir.Atom) {
		if q.Kind != ir.AtomQuo && q.Kind != ir.AtomRem || axis != nil {
			return
		}
		d, ok := q.D.Int()
		if !ok {
			return
		}
		for _, a := range k.Par {
			coef, _, affine := q.X.Coef(a)
			c, ok1 := coef.Int()
			n, ok2 := a.Extent.Int()
			if affine && ok1 && ok2 && c > 0 && d%c == 0 && d/c < n && n%(d/c) == 0 {
				axis, inner = a, ir.N(d/c)
				return
			}
		}
	}
	eachSize(k, func(s ir.Size) { s.Walk(look) })
	return axis, inner
}

// mergeAxes joins neighbouring parallel axes that every index walks as one.
func mergeAxes(k *ir.Kernel) {
	for i := len(k.Par) - 2; i >= 0; i-- {
		p, q := k.Par[i], k.Par[i+1]
		together := true
		check := func(s ir.Size) {
			cp, _, ok1 := s.Coef(p)
			cq, _, ok2 := s.Coef(q)
			together = together && ok1 && ok2 && cp.Equal(cq.Mul(q.Extent))
		}
		for _, v := range k.Values {
			check(v.Index)
			for _, g := range v.Guard {
				check(g.Index)
			}
		}
		for _, s := range k.Stores {
			check(s.Index)
		}
		if !together {
			continue
		}
		one := &ir.Axis{Name: p.Name + strings.TrimPrefix(q.Name, "i"), Extent: p.Extent.Mul(q.Extent)}
		k.Par = slices.Replace(k.Par, i, i+2, one)
		rebuild(k, func(s ir.Size) ir.Size { return s.Replace(p, ir.Size{}).Replace(q, one.Index()) })
	}
}

// chooseInner makes the last parallel axis the one that vectors run along, where
// nothing is reduced.
func chooseInner(k *ir.Kernel) {
	if len(k.Par) == 0 || slices.ContainsFunc(k.Values, func(v *ir.Scalar) bool { return v.Kind == ir.ScalarReduce }) {
		return
	}
	k.Inner = k.Par[len(k.Par)-1]
	k.Par = k.Par[:len(k.Par)-1]
}

// recogniseContract finds a sum of products whose factors vary with one of the
// last two parallel axes each.
func recogniseContract(k *ir.Kernel) {
	if len(k.Par) < 2 {
		return
	}
	m, n := k.Par[len(k.Par)-2], k.Par[len(k.Par)-1]
	for _, v := range k.Values {
		if v.Kind != ir.ScalarReduce || v.Fn != ir.Add || v.Args[0].Kind != ir.ScalarApply || v.Args[0].Fn != ir.Mul {
			continue
		}
		a, b := v.Args[0].Args[0], v.Args[0].Args[1]
		if a.Varies(n) {
			a, b = b, a
		}
		if a.Varies(m) && !a.Varies(n) && b.Varies(n) && !b.Varies(m) {
			k.Contract = &ir.Contract{M: m, N: n, A: a, B: b, Sum: v}
			return
		}
	}
}

// kernelKey is the text of a kernel without its names: equal keys, equal code.
func kernelKey(k *ir.Kernel) string {
	c := *k
	c.Name, c.Pos = "", nil
	c.Args = slices.Clone(k.Args)
	for i := range c.Args {
		c.Args[i].Name = fmt.Sprintf("a%d", i)
	}
	return ir.PrintKernel(&c)
}
