package ir

import "slices"

func (v *verifier) kernel(k *Kernel) {
	if k.Written != nil {
		v.written(k)
		return
	}
	fault := func(rule, format string, args ...any) {
		v.fault(k.Pos, rule, "kernel @"+k.Name+": "+format, args...)
	}
	grid := map[string]bool{}
	if len(k.Outer) > 0 && (k.Inner == nil || hasAxis(k.Grid(), k.Inner)) {
		fault("kernel/outer", "outer axes stand around an inner one that is reduced over")
		return
	}
	for _, a := range slices.Concat(k.Par, k.Shared()) {
		if grid[a.Name] {
			fault("kernel/axis", "axis %s is there twice", a.Name)
		}
		grid[a.Name] = true
		v.size(k.Pos, "axis "+a.Name, a.Extent, nil)
	}
	for i, a := range k.Args {
		if slices.ContainsFunc(k.Args[:i], func(b KernelArg) bool { return b.Name == a.Name }) {
			fault("kernel/arg", "argument %s is there twice", a.Name)
		}
	}
	for _, d := range k.Dims {
		if v.module.Dim(d.Name) != d {
			fault("kernel/dim", "dim %s is not the module's", d.Name)
		}
	}
	declared := func(s Size) {
		s.Walk(func(a *Atom) {
			if a.Kind == AtomDim && !slices.ContainsFunc(k.Dims, func(d *Dim) bool { return d.Name == a.Dim.Name }) {
				fault("kernel/dims", "dim %s is used and no argument", a.Dim.Name)
			}
		})
	}
	for _, a := range k.Grid() {
		declared(a.Extent)
	}
	reduced := map[string]bool{}
	for _, s := range k.Values {
		for _, a := range slices.Concat(s.Over, s.Bind) {
			if slices.ContainsFunc(k.Par, func(p *Axis) bool { return p.Name == a.Name }) {
				fault("kernel/capture", "v%d reduces over or binds the parallel axis %s", s.ID, a.Name)
			}
			reduced[a.Name] = true
		}
	}
	dag := NewDAG()
	for i, s := range k.Values {
		if s.ID != i {
			fault("scalar/id", "v%d is number %d", s.ID, i)
		}
		for _, a := range s.Args {
			if a.ID >= i || k.Values[a.ID] != a {
				fault("scalar/defined", "v%d uses a scalar before it is defined", i)
				return
			}
		}
		v.scalar(k, s, grid, reduced)
		copied := *s
		copied.Args = make([]*Scalar, len(s.Args))
		for j, a := range s.Args {
			copied.Args[j] = dag.Values[a.ID]
		}
		w := dag.Add(copied)
		if w.ID != i {
			fault("scalar/once", "v%d equals v%d", i, w.ID)
			return
		}
		if w.Stage != s.Stage || !slices.EqualFunc(w.Free, s.Free, func(a, b *Axis) bool { return a.Name == b.Name }) {
			fault("scalar/derived", "v%d has stale axes or stage", i)
		}
		declared(s.Index)
	}
	if k.Contract != nil {
		v.contract(k)
	}
	if k.Stream != nil {
		if err := k.Stream.Check(k); err != nil {
			fault("stream/parts", "%v", err)
		}
	}
	if k.Schedule != nil {
		v.schedule(k)
	}
	if len(k.Stores) == 0 {
		fault("kernel/stores", "nothing is stored")
	}
	for _, st := range k.Stores {
		if st.Arg < 0 || st.Arg >= len(k.Args) || !k.Args[st.Arg].Write {
			fault("store/arg", "argument %d is not written", st.Arg)
			continue
		}
		arg := k.Args[st.Arg]
		if arg.DType.Compute() != st.Value.DType {
			fault("store/dtype", "%%%s is %s, the value %s", arg.Name, arg.DType, st.Value.DType)
		}
		for _, a := range st.Value.Free {
			if !grid[a.Name] {
				fault("store/axis", "the value of %%%s varies with %s, which is no axis of the grid", arg.Name, a.Name)
			}
		}
		v.size(k.Pos, "store", st.Index, grid)
		if k.Empty() { // it stores nowhere
			continue
		}
		if len(st.Guard) == 0 && !(Bound{st.Index, arg.Len}).Proven() {
			if _, isInt := arg.Len.Int(); isInt && !hasQuotient(st.Index) && !v.stays(k, st) {
				fault("store/bounds", "%%%s[%s] is not within %s elements", arg.Name, st.Index, arg.Len)
			}
		}
		for _, a := range k.Grid() {
			if !a.Extent.Is(1) && !st.Index.Has(a) {
				fault("store/disjoint", "%%%s[%s] does not depend on %s: points would write the same element", arg.Name, st.Index, a.Name)
			}
		}
	}
}

// stays proves that a store without a guard is within its argument by the facts of every
// function that launches the kernel.
func (v *verifier) stays(k *Kernel, st Store) bool {
	size, launched := k.Args[st.Arg].Len, false
	for _, f := range v.module.Funcs {
		for _, w := range f.Variants {
			for _, s := range w.Steps {
				if s.Kernel != k {
					continue
				}
				launched = true
				if !s.outside(st.Index).within(s.outside(size), f.Where) {
					return false
				}
			}
		}
	}
	return launched
}

// written: a kernel that is written by hand is that, and nothing else.
func (v *verifier) written(k *Kernel) {
	w := k.Written
	fault := func(rule, format string, args ...any) {
		v.fault(k.Pos, rule, "kernel @"+k.Name+": "+format, args...)
	}
	if v.module.Source(w.Source.Name) != w.Source {
		fault("kernel/source", "source @%s is not the module's", w.Source.Name)
	}
	if len(k.Par)+len(k.Outer)+len(k.Values)+len(k.Stores) > 0 || k.Inner != nil || k.Contract != nil || k.Stream != nil {
		fault("kernel/written", "it is written by hand, and computes more")
	}
	names := slices.Concat(w.Source.In, w.Source.Out)
	if !slices.EqualFunc(k.Args, names, func(a KernelArg, name string) bool { return a.Name == name }) {
		fault("kernel/arg", "its arguments are not those of @%s", w.Source.Name)
	}
	for _, s := range slices.Concat(w.Sizes, w.Grid) {
		v.size(k.Pos, "size", s, nil)
	}
	if s := k.Schedule; s != nil && (s.Form != FormText || s.Threads != w.Threads()) {
		fault("schedule/threads", "%d threads of form %q, and its text wants %d", s.Threads, s.Form, w.Threads())
	}
}

func hasQuotient(s Size) bool {
	found := false
	s.Walk(func(a *Atom) { found = found || a.Kind == AtomQuo || a.Kind == AtomRem })
	return found
}

func (v *verifier) scalar(k *Kernel, s *Scalar, grid, reduced map[string]bool) {
	fault := func(rule, format string, args ...any) {
		v.fault(k.Pos, rule, "kernel @"+k.Name+": v%d: "+format, append([]any{s.ID}, args...)...)
	}
	axes := map[string]bool{}
	for _, m := range []map[string]bool{grid, reduced} {
		for a := range m {
			axes[a] = true
		}
	}
	v.size(k.Pos, "index", s.Index, axes)
	if s.DType != s.DType.Compute() || s.DType == Invalid {
		fault("scalar/dtype", "is computed in %s", s.DType)
	}
	switch s.Kind {
	case ScalarLoad:
		if s.Arg < 0 || s.Arg >= len(k.Args) {
			fault("load/arg", "there is no argument %d", s.Arg)
			return
		}
		if arg := k.Args[s.Arg]; arg.DType.Compute() != s.DType {
			fault("load/dtype", "%%%s is %s, the scalar %s", arg.Name, arg.DType, s.DType)
		}
	case ScalarApply:
		if len(s.Args) != s.Fn.Arity() {
			fault("apply/arity", "%s takes %d operands, got %d", s.Fn, s.Fn.Arity(), len(s.Args))
			return
		}
		last := s.Args[len(s.Args)-1].DType
		if s.Fn.Result(last) != s.DType {
			fault("apply/dtype", "%s of %s is not %s", s.Fn, last, s.DType)
		}
		operands := s.Args
		if s.Fn == Select {
			if operands[0].DType != Bool {
				fault("select/condition", "the condition is %s", operands[0].DType)
			}
			operands = operands[1:]
		} else if !s.Fn.Accepts(last) {
			fault("apply/class", "%s is not defined on %s", s.Fn, last)
		}
		for _, a := range operands {
			if a.DType != last {
				fault("apply/same", "%s of %s and %s", s.Fn, a.DType, last)
			}
		}
	case ScalarReduce:
		if len(s.Over) == 0 {
			fault("reduce/over", "reduces over nothing")
		}
		if s.Fn.Result(s.Args[0].DType) != s.DType {
			fault("reduce/dtype", "%s of %s is not %s", s.Fn, s.Args[0].DType, s.DType)
		}
	case ScalarInside:
		if s.DType != Bool {
			fault("inside/dtype", "is %s", s.DType)
		}
	}
	if s.Kind != ScalarReduce && s.Kind != ScalarApply && s.Kind != ScalarCast && len(s.Args) != len(s.Bind) {
		fault("bind/args", "binds %d axes to %d scalars", len(s.Bind), len(s.Args))
	}
}
