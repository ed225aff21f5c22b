package ir

import (
	"slices"
	"strconv"
)

// A kernelScope is what names mean while a kernel is read.
type kernelScope struct {
	*textScope
	k      *Kernel
	dag    *DAG
	values []*Scalar // by their number in the text
}

func (s *scanner) kernel(c *textScope) error {
	s.next()
	at := *s
	k := &Kernel{}
	var err error
	if k.Name, err = s.sigil('@'); err != nil {
		return err
	}
	for _, other := range c.module.Kernels {
		if other.Name == k.Name {
			return at.errorf("kernel @%s is defined twice", k.Name)
		}
	}
	var done func()
	if k.Guard, done, err = s.when(c); err != nil {
		return err
	}
	defer done()
	if err = s.loc(c, &k.Pos); err != nil {
		return err
	}
	if err = s.expect("{"); err != nil {
		return err
	}
	c.axes = map[string]*Axis{}
	defer func() { c.axes = nil }()
	ks := &kernelScope{textScope: c, k: k, dag: NewDAG()}
	for !s.accept("}") {
		item, ok := kernelItems[s.tok]
		if !ok && isScalarName(s.tok) {
			item, ok = (*scanner).scalar, true
		}
		if !ok {
			return s.errorf("unexpected %s, expected a line of a kernel", s.found())
		}
		if err := item(s, ks); err != nil {
			return err
		}
	}
	k.Values = ks.dag.Values
	c.module.Kernels = append(c.module.Kernels, k)
	return nil
}

var kernelItems = map[string]func(s *scanner, k *kernelScope) error{
	"arg":      (*scanner).kernelArg,
	"dims":     (*scanner).kernelDims,
	"axes":     (*scanner).kernelAxes,
	"par":      (*scanner).kernelPar,
	"outer":    (*scanner).kernelOuter,
	"inner":    (*scanner).kernelInner,
	"store":    (*scanner).store,
	"contract": (*scanner).contract,
	"stream":   (*scanner).stream,
	"written":  (*scanner).written,
	"schedule": (*scanner).schedule,
}

// written reads what a kernel is that the model has written by hand.
func (s *scanner) written(k *kernelScope) error {
	s.next()
	if err := s.expect("("); err != nil {
		return err
	}
	attrs, err := s.parseAttrs(KernelAttrs{}, k.textScope)
	if err != nil {
		return err
	}
	w := attrs.(KernelAttrs)
	k.k.Written = &w
	return s.expect(")")
}

func isScalarName(tok string) bool {
	if len(tok) < 2 || tok[0] != 'v' {
		return false
	}
	_, err := strconv.ParseUint(tok[1:], 10, 32)
	return err == nil
}

func (s *scanner) kernelArg(k *kernelScope) error {
	s.next()
	a := KernelArg{}
	var err error
	if a.Name, err = s.sigil('%'); err != nil {
		return err
	}
	if err = s.expect(":"); err != nil {
		return err
	}
	at := *s
	t, err := s.typ(k.size, k.names)
	if err != nil {
		return err
	}
	if t.Rank() != 1 {
		return at.errorf("an argument has one size, its number of elements")
	}
	a.DType, a.Len = t.DType, t.Shape[0]
	switch {
	case s.accept("write"):
		a.Write = true
	case !s.accept("read"):
		return s.errorf("unexpected %s, expected read or write", s.found())
	}
	k.k.Args = append(k.k.Args, a)
	return nil
}

func (s *scanner) kernelDims(k *kernelScope) error {
	s.next()
	for {
		at := *s
		name, err := s.name()
		if err != nil {
			return err
		}
		d := k.dims[name]
		if d == nil {
			return at.errorf("dim %s is not declared", name)
		}
		k.k.Dims = append(k.k.Dims, d)
		if !s.accept(",") {
			return nil
		}
	}
}

func (s *scanner) kernelAxes(k *kernelScope) error {
	s.next()
	for {
		at := *s
		name, err := s.name()
		if err != nil {
			return err
		}
		if k.axes[name] != nil || k.dims[name] != nil {
			return at.errorf("%s is declared twice", name)
		}
		if err := s.expect("<"); err != nil {
			return err
		}
		extent, err := s.size(k.size, k.names)
		if err != nil {
			return err
		}
		k.axes[name] = &Axis{Name: name, Extent: extent}
		if !s.accept(",") {
			return nil
		}
	}
}

func (s *scanner) axis(k *kernelScope) (*Axis, error) {
	at := *s
	name, err := s.name()
	if err != nil {
		return nil, err
	}
	if k.axes[name] == nil {
		return nil, at.errorf("axis %s is not declared", name)
	}
	return k.axes[name], nil
}

func (s *scanner) axisList(k *kernelScope) ([]*Axis, error) {
	var out []*Axis
	for {
		a, err := s.axis(k)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
		if !s.accept(",") {
			return out, nil
		}
	}
}

func (s *scanner) kernelPar(k *kernelScope) (err error) {
	s.next()
	k.k.Par, err = s.axisList(k)
	return err
}

func (s *scanner) kernelOuter(k *kernelScope) (err error) {
	s.next()
	k.k.Outer, err = s.axisList(k)
	return err
}

func (s *scanner) kernelInner(k *kernelScope) (err error) {
	s.next()
	k.k.Inner, err = s.axis(k)
	return err
}

// ref reads v12.
func (s *scanner) ref(k *kernelScope) (*Scalar, error) {
	if !isScalarName(s.tok) {
		return nil, s.errorf("unexpected %s, expected a scalar such as v0", s.found())
	}
	n, _ := strconv.Atoi(s.tok[1:])
	if n >= len(k.values) {
		return nil, s.errorf("%s is not defined yet", s.tok)
	}
	s.next()
	return k.values[n], nil
}

// arg reads %name of an argument.
func (s *scanner) arg(k *kernelScope) (int, error) {
	at := *s
	name, err := s.sigil('%')
	if err != nil {
		return 0, err
	}
	for i, a := range k.k.Args {
		if a.Name == name {
			return i, nil
		}
	}
	return 0, at.errorf("the kernel has no argument %%%s", name)
}

func (s *scanner) element(k *kernelScope) (arg int, index Size, err error) {
	if arg, err = s.arg(k); err != nil {
		return
	}
	if err = s.expect("["); err != nil {
		return
	}
	if index, err = s.size(k.textScope.size, k.names); err != nil {
		return
	}
	return arg, index, s.expect("]")
}

// guard reads 0 <= index < extent, ...
func (s *scanner) guard(k *kernelScope) ([]Bound, error) {
	var out []Bound
	for {
		at := *s
		if n, err := s.int(); err != nil || n != 0 {
			return nil, at.errorf("unexpected %s, expected 0 <=", at.found())
		}
		if err := s.expect("<="); err != nil {
			return nil, err
		}
		index, err := s.size(k.textScope.size, k.names)
		if err != nil {
			return nil, err
		}
		if err := s.expect("<"); err != nil {
			return nil, err
		}
		extent, err := s.size(k.textScope.size, k.names)
		if err != nil {
			return nil, err
		}
		out = append(out, Bound{index, extent})
		if !s.accept(",") {
			return out, nil
		}
	}
}

func (s *scanner) scalar(k *kernelScope) error {
	if want := "v" + strconv.Itoa(len(k.values)); s.tok != want {
		return s.errorf("unexpected %s, expected %s", s.found(), want)
	}
	s.next()
	if err := s.expect("="); err != nil {
		return err
	}
	at := *s
	kind, err := s.name()
	if err != nil {
		return err
	}
	var v Scalar
	constant := false
	switch kind {
	case "const":
		constant = true
		v.Kind = ScalarConst
		v.Float, err = s.float()
	case "size":
		v.Kind = ScalarSize
		v.Index, err = s.size(k.textScope.size, k.names)
	case "load":
		v.Kind = ScalarLoad
		v.Arg, v.Index, err = s.element(k)
	case "inside":
		v.Kind = ScalarInside
		v.Guard, err = s.guard(k)
	case "cast":
		v.Kind = ScalarCast
		v.Args, err = s.refs(k, 1)
	case "reduce":
		v.Kind = ScalarReduce
		v.Fn, err = s.fnName()
		if err == nil {
			v.Args, err = s.refs(k, 1)
		}
		if err == nil {
			err = s.expect("over")
		}
		if err == nil {
			v.Over, err = s.axisList(k)
		}
	default:
		fn, ok := LookupFn(kind)
		if !ok {
			return at.errorf("there is no scalar function %s", kind)
		}
		v.Kind, v.Fn = ScalarApply, fn
		v.Args, err = s.refs(k, fn.Arity())
	}
	if err == nil && s.accept("if") {
		v.Guard, err = s.guard(k)
	}
	if err == nil && s.accept("bind") {
		err = s.bindings(k, &v)
	}
	if err == nil {
		err = s.expect(":")
	}
	if err == nil {
		v.DType, err = s.dtype()
	}
	if err != nil {
		return err
	}
	if constant && !v.DType.IsFloat() {
		v.Float = 0
		s2 := at
		s2.next() // behind the word const
		if v.Int, err = s2.int(); err != nil {
			return err
		}
	}
	n := len(k.dag.Values)
	w := k.dag.Add(v)
	if len(k.dag.Values) == n {
		return at.errorf("the scalar equals v%d", w.ID)
	}
	k.values = append(k.values, w)
	return nil
}

func (s *scanner) fnName() (Fn, error) {
	at := *s
	name, err := s.name()
	if err != nil {
		return NoFn, err
	}
	fn, ok := LookupFn(name)
	if !ok {
		return NoFn, at.errorf("there is no scalar function %s", name)
	}
	return fn, nil
}

func (s *scanner) refs(k *kernelScope, n int) ([]*Scalar, error) {
	out := make([]*Scalar, n)
	for i := range out {
		if i > 0 {
			if err := s.expect(","); err != nil {
				return nil, err
			}
		}
		var err error
		if out[i], err = s.ref(k); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *scanner) bindings(k *kernelScope, v *Scalar) error {
	for {
		a, err := s.axis(k)
		if err == nil {
			err = s.expect("=")
		}
		var w *Scalar
		if err == nil {
			w, err = s.ref(k)
		}
		if err != nil {
			return err
		}
		v.Bind, v.Args = append(v.Bind, a), append(v.Args, w)
		if !s.accept(",") {
			return nil
		}
	}
}

func (s *scanner) store(k *kernelScope) error {
	s.next()
	var st Store
	var err error
	if st.Arg, st.Index, err = s.element(k); err != nil {
		return err
	}
	if err = s.expect("="); err != nil {
		return err
	}
	if st.Value, err = s.ref(k); err != nil {
		return err
	}
	if s.accept("if") {
		st.Guard, err = s.guard(k)
	}
	k.k.Stores = append(k.k.Stores, st)
	return err
}

func (s *scanner) contract(k *kernelScope) error {
	s.next()
	c := &Contract{}
	k.k.Contract = c
	if err := s.parts(k, c.parts()); err != nil {
		return err
	}
	for first := true; first || s.tok == "b"; first = false {
		var r Right
		if err := s.parts(k, r.parts()); err != nil {
			return err
		}
		c.Rights = append(c.Rights, r)
	}
	return nil
}

func (s *scanner) stream(k *kernelScope) error {
	s.next()
	k.k.Stream = &Stream{}
	return s.parts(k, k.k.Stream.parts())
}

func (s *scanner) parts(k *kernelScope, parts []part) error {
	for _, p := range parts {
		if p.optional && s.tok != p.word {
			continue
		}
		err := s.expect(p.word)
		switch {
		case err != nil:
		case p.scalar != nil:
			*p.scalar, err = s.ref(k)
		case p.axis != nil:
			*p.axis, err = s.axis(k)
		case p.size != nil:
			*p.size, err = s.size(k.textScope.size, k.names)
		default:
			*p.axes, err = s.axisList(k)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *scanner) schedule(k *kernelScope) error {
	s.next()
	sch := &Schedule{}
	var threads, vec int64
	for _, item := range []struct {
		word string
		to   *int64
	}{{"grain", &sch.Grain}, {"threads", &threads}, {"vec", &vec}, {"align", &sch.Align}} {
		if err := s.expect(item.word); err != nil {
			return err
		}
		var err error
		if *item.to, err = s.int(); err != nil {
			return err
		}
	}
	sch.Threads, sch.Vec = int(threads), int(vec)
	if err := s.expect("over"); err != nil {
		return err
	}
	err := s.listOf("[", "]", func() error {
		ns, err := s.ints()
		if err == nil && len(ns) != 2 {
			err = s.errorf("expected a pair of arguments")
		}
		if err == nil {
			sch.Over = append(sch.Over, [2]int{ns[0], ns[1]})
		}
		return err
	})
	if err == nil {
		err = s.expect("scratch")
	}
	if err == nil {
		sch.Scratch, err = s.size(k.textScope.size, k.names)
	}
	if err == nil && s.accept("as") {
		err = s.form(sch)
	}
	k.k.Schedule = sch
	return err
}

// form reads points, simd, group, or tile, panels or stream with m 32 n 32 k 16.
func (s *scanner) form(sch *Schedule) error {
	at := *s
	name, err := s.name()
	if err != nil {
		return err
	}
	switch sch.Form = Form(name); {
	case sch.Form.Tiled():
	case slices.Contains([]Form{FormPoints, FormSimd, FormGroup, FormText}, sch.Form):
		return nil
	default:
		return at.errorf("there is no form %s", name)
	}
	for _, item := range []struct {
		word string
		to   *int
	}{{"m", &sch.Tile.M}, {"n", &sch.Tile.N}, {"k", &sch.Tile.K}} {
		if err := s.expect(item.word); err != nil {
			return err
		}
		n, err := s.int()
		if err != nil {
			return err
		}
		*item.to = int(n)
	}
	return nil
}

func (s *scanner) ints() ([]int, error) {
	var out []int
	err := s.listOf("[", "]", func() error {
		n, err := s.int()
		out = append(out, int(n))
		return err
	})
	return out, err
}
