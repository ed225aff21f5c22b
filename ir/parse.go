package ir

import (
	"slices"
	"strconv"
	"strings"
)

// Parse reads the text of a module. file names it in errors, which are
// *SyntaxError. The module is not verified.
func Parse(file string, text []byte) (*Module, error) {
	s := newScanner(file, string(text))
	scope := &textScope{module: &Module{}, dims: map[string]*Dim{}}
	m, err := s.module(scope)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// A textScope is what names mean while a module is read.
type textScope struct {
	module *Module
	dims   map[string]*Dim
	axes   map[string]*Axis // of the kernel being read
	guard  []Fact           // of the function, kernel or variant being read
	names  []string
	locs   []locRef
}

// A locRef is a place that refers to a position by its number, which is only
// known at the end.
type locRef struct {
	to *(*Pos)
	n  int64
	at scanner
}

func (c *textScope) size(name string) (Size, bool) {
	if a := c.axes[name]; a != nil {
		return a.Index(), true
	}
	if d := c.dims[name]; d != nil {
		return d.Size().Narrow(c.guard), true
	}
	return Size{}, false
}

// loc reads an optional reference to a position.
func (s *scanner) loc(c *textScope, to **Pos) error {
	if s.tok != "loc" {
		return nil
	}
	s.next()
	at := *s
	n, err := s.int()
	c.locs = append(c.locs, locRef{to, n, at})
	return err
}

func (s *scanner) module(c *textScope) (*Module, error) {
	m := c.module
	if err := s.expect("mlxir"); err != nil {
		return nil, err
	}
	at := *s
	if v, err := s.int(); err != nil || v != 1 {
		return nil, at.errorf("unexpected version %s, expected 1", at.found())
	}
	if err := s.expect("module"); err != nil {
		return nil, err
	}
	var err error
	if m.Name, err = s.str(); err != nil {
		return nil, err
	}
	if s.accept("target") {
		at := *s
		name, err := s.name()
		if err != nil {
			return nil, err
		}
		if m.Target = Target(name); m.Target != CPU && m.Target != Metal {
			return nil, at.errorf("there is no target %s; the targets are cpu and metal", name)
		}
	}
	if err := s.expect("{"); err != nil {
		return nil, err
	}
	for !s.accept("}") {
		item, ok := moduleItems[s.tok]
		if !ok {
			return nil, s.errorf("unexpected %s, expected checkpoint, dim, param, state, local, source, func, kernel, load or variant", s.found())
		}
		if err := item(s, c); err != nil {
			return nil, err
		}
	}
	return m, s.positions(c)
}

var moduleItems map[string]func(s *scanner, c *textScope) error

func init() { // the functions refer to the table through regions
	moduleItems = map[string]func(s *scanner, c *textScope) error{
		"checkpoint": (*scanner).checkpoint,
		"dim":        (*scanner).dim,
		"param":      (*scanner).param,
		"state":      (*scanner).param,
		"local":      (*scanner).param,
		"source":     (*scanner).source,
		"func":       (*scanner).fn,
		"kernel":     (*scanner).kernel,
		"load":       (*scanner).load,
		"variant":    (*scanner).variant,
	}
}

func (s *scanner) checkpoint(c *textScope) error {
	s.next()
	format, err := s.name()
	if err != nil {
		return err
	}
	file, err := s.str()
	c.module.Checkpoint = &Checkpoint{Format: format, File: file}
	return err
}

func (s *scanner) dim(c *textScope) error {
	s.next()
	at := *s
	d := &Dim{}
	var err error
	if d.Name, err = s.name(); err != nil {
		return err
	}
	if c.dims[d.Name] != nil {
		return at.errorf("dim %s is declared twice", d.Name)
	}
	if d.Min, err = s.int(); err != nil {
		return err
	}
	if err = s.expect(".."); err != nil {
		return err
	}
	if d.Max, err = s.int(); err != nil {
		return err
	}
	if d.Min < 0 || d.Max < d.Min {
		return at.errorf("dim %s has bounds %d..%d", d.Name, d.Min, d.Max)
	}
	d.Session = s.accept("session")
	d.Counter = !d.Session && s.accept("counter")
	c.dims[d.Name] = d
	c.names = append(c.names, d.Name)
	c.module.Dims = append(c.module.Dims, d)
	return s.loc(c, &d.Pos)
}

func (s *scanner) param(c *textScope) error {
	p := &Param{State: s.tok != "param", Local: s.tok == "local"}
	s.next()
	at := *s
	var err error
	if p.Name, err = s.sigil('@'); err != nil {
		return err
	}
	if c.module.Param(p.Name) != nil {
		return at.errorf("param @%s is declared twice", p.Name)
	}
	if err = s.expect(":"); err != nil {
		return err
	}
	if p.Type, err = s.typ(c.size, c.names); err != nil {
		return err
	}
	if err = s.expect("="); err != nil {
		return err
	}
	if p.Path, err = s.str(); err != nil {
		return err
	}
	if s.accept("plane") {
		p.Of = &Plane{}
		n, err := s.int()
		if err == nil {
			err = s.expect("of")
		}
		if err == nil {
			p.Of.Type, err = s.typ(c.size, c.names)
		}
		if err != nil {
			return err
		}
		p.Of.Index = int(n)
	}
	if s.accept("init") {
		p.Init = &Init{}
		if p.Init.Name, err = s.name(); err != nil {
			return err
		}
		err = s.listOf("(", ")", func() error {
			x, err := s.float()
			p.Init.Args = append(p.Init.Args, x)
			return err
		})
		if err != nil {
			return err
		}
	}
	c.module.Params = append(c.module.Params, p)
	return s.loc(c, &p.Pos)
}

// source reads a kernel that the model has written by hand, each line of its text a string.
func (s *scanner) source(c *textScope) error {
	s.next()
	at := *s
	src := &Source{}
	var err error
	if src.Name, err = s.sigil('@'); err != nil {
		return err
	}
	if c.module.Source(src.Name) != nil {
		return at.errorf("source @%s is declared twice", src.Name)
	}
	names := func(open, end string, to *[]string) {
		if err == nil {
			err = s.listOf(open, end, func() error {
				n, err := s.name()
				*to = append(*to, n)
				return err
			})
		}
	}
	names("(", ")", &src.In)
	if err == nil {
		err = s.expect("->")
	}
	names("(", ")", &src.Out)
	for _, clause := range []struct {
		word string
		to   *[]string
	}{{"dtypes", &src.DTypes}, {"sizes", &src.Sizes}, {"numbers", &src.Numbers}} {
		if s.accept(clause.word) {
			names("[", "]", clause.to)
		}
	}
	if err == nil && s.accept("shared") {
		at := *s
		var n int64
		if n, err = s.int(); err == nil && (n < 1 || n > maxGroupBytes/4) {
			err = at.errorf("a threadgroup shares at most %d numbers", maxGroupBytes/4)
		}
		src.Shared = int(n)
	}
	if err == nil {
		err = s.loc(c, &src.Pos)
	}
	if err == nil {
		err = s.expect("{")
	}
	var lines []string
	for err == nil && !s.accept("}") {
		var line string
		line, err = s.str()
		lines = append(lines, line)
	}
	src.Text = strings.Join(lines, "\n")
	c.module.Sources = append(c.module.Sources, src)
	return err
}

// when reads an optional guard. Until done is called sizes are read as it narrows them.
func (s *scanner) when(c *textScope) (guard []Fact, done func(), err error) {
	if s.accept("when") {
		guard, err = s.facts(c)
	}
	c.guard = guard
	return guard, func() { c.guard = nil }, err
}

// facts reads a list of relations.
func (s *scanner) facts(c *textScope) ([]Fact, error) {
	var out []Fact
	for {
		var f Fact
		var err error
		if f.Left, err = s.size(c.size, c.names); err != nil {
			return nil, err
		}
		switch Relation(s.tok) {
		case EQ, LE, LT:
			f.Rel = Relation(s.tok)
		default:
			return nil, s.errorf("unexpected %s, expected ==, <= or <", s.found())
		}
		s.next()
		if f.Right, err = s.size(c.size, c.names); err != nil {
			return nil, err
		}
		out = append(out, f)
		if s.tok == "loc" {
			n, err := s.factLoc()
			if err != nil {
				return nil, err
			}
			defer func(i int) { c.locs = append(c.locs, locRef{&out[i].Pos, n, *s}) }(len(out) - 1)
		}
		if !s.accept(",") {
			return out, nil
		}
	}
}

func (s *scanner) factLoc() (int64, error) {
	s.next()
	return s.int()
}

// positions reads the table at the end and puts the positions where they belong.
func (s *scanner) positions(c *textScope) error {
	table := map[int64]*Pos{}
	for s.tok != "" {
		if err := s.expect("loc"); err != nil {
			return err
		}
		at := *s
		n, err := s.int()
		if err != nil {
			return err
		}
		if table[n] != nil {
			return at.errorf("loc %d is given twice", n)
		}
		p, err := s.position(table)
		if err != nil {
			return err
		}
		table[n] = p
	}
	for _, l := range c.locs {
		p := table[l.n]
		if p == nil {
			return l.at.errorf("loc %d is not in the table at the end", l.n)
		}
		*l.to = p
	}
	return nil
}

func (s *scanner) position(table map[int64]*Pos) (*Pos, error) {
	p := &Pos{}
	err := s.expect("=")
	if err == nil {
		p.File, err = s.str()
	}
	for _, to := range []*int{&p.Line, &p.Col} {
		if err == nil {
			err = s.expect(":")
		}
		var n int64
		if err == nil {
			n, err = s.int()
		}
		*to = int(n)
	}
	if err == nil && s.accept("..") {
		var n int64
		n, err = s.int()
		p.End = int(n)
	}
	if err == nil && s.accept("in") {
		p.In, err = s.str()
	}
	if err == nil && s.tok == "from" {
		s.next()
		at := *s
		var n int64
		if n, err = s.int(); err == nil && table[n] == nil {
			err = at.errorf("loc %d must stand above", n)
		}
		p.From = table[n]
	}
	return p, err
}

// fn reads a signature, and the body where the function has one.
func (s *scanner) fn(c *textScope) error {
	s.next()
	f := &Func{}
	at := *s
	var err error
	if f.Name, err = s.sigil('@'); err != nil {
		return err
	}
	if slices.ContainsFunc(c.module.Funcs, func(g *Func) bool { return g.Name == f.Name && len(g.Guard) == 0 }) {
		return at.errorf("func @%s is declared twice", f.Name)
	}
	var done func()
	if f.Guard, done, err = s.when(c); err != nil {
		return err
	}
	defer done()
	values, err := s.head(c, f)
	if err != nil {
		return err
	}
	c.module.Funcs = append(c.module.Funcs, f)
	if !s.accept("{") {
		return nil
	}
	return s.code(c, f, values)
}

// head reads a signature and gives the values that it names.
func (s *scanner) head(c *textScope, f *Func) (map[string]*Value, error) {
	values := map[string]*Value{}
	err := s.listOf("(", ")", func() error {
		if s.tok != "" && isNameByte(s.tok[0]) {
			return s.dimArg(c, f)
		}
		v, err := s.define(values)
		if err != nil {
			return err
		}
		if err := s.expect(":"); err != nil {
			return err
		}
		v.Type, err = s.typ(c.size, c.names)
		f.Inputs = append(f.Inputs, v)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err = s.expect("->"); err != nil {
		return nil, err
	}
	err = s.listOf("(", ")", func() error {
		name, err := s.name()
		if err != nil {
			return err
		}
		if err := s.expect(":"); err != nil {
			return err
		}
		t, err := s.typ(c.size, c.names)
		f.Results = append(f.Results, Result{Name: name, Type: t})
		return err
	})
	if err != nil {
		return nil, err
	}
	if s.accept("where") {
		if f.Where, err = s.facts(c); err != nil {
			return nil, err
		}
	}
	if s.accept("split") {
		if f.Split, err = s.facts(c); err != nil {
			return nil, err
		}
	}
	return values, s.loc(c, &f.Pos)
}

// code reads what a function does, behind the brace.
func (s *scanner) code(c *textScope, f *Func, values map[string]*Value) error {
	for s.tok != "ret" {
		if s.tok == "write" {
			if err := s.write(c, f, values); err != nil {
				return err
			}
			continue
		}
		in, err := s.instr(c, f, values)
		if err != nil {
			return err
		}
		in.Facts = f.Where
		f.Body = append(f.Body, in)
	}
	s.next()
	i := 0
	at := *s
	err := s.listOf("(", ")", func() error {
		v, err := s.use(values)
		if err == nil && i == len(f.Results) {
			err = at.errorf("func @%s has %d results", f.Name, len(f.Results))
		}
		if err == nil {
			f.Results[i].Value = v
		}
		i++
		return err
	})
	if err == nil && i < len(f.Results) {
		err = at.errorf("func @%s has %d results", f.Name, len(f.Results))
	}
	if err != nil {
		return err
	}
	return s.expect("}")
}

// write reads what a state becomes: `write(@s, %v)`.
func (s *scanner) write(c *textScope, f *Func, values map[string]*Value) error {
	s.next()
	if err := s.expect("("); err != nil {
		return err
	}
	at := *s
	name, err := s.sigil('@')
	if err != nil {
		return err
	}
	p := c.module.Param(name)
	if p == nil || !p.State {
		return at.errorf("state @%s is not declared", name)
	}
	if err := s.expect(","); err != nil {
		return err
	}
	v, err := s.use(values)
	if err != nil {
		return err
	}
	f.Writes = append(f.Writes, Write{p, v})
	return s.expect(")")
}

// dimArg reads a dim that calls give: `pos: dim`.
func (s *scanner) dimArg(c *textScope, f *Func) error {
	at := *s
	name, err := s.name()
	if err != nil {
		return err
	}
	d := c.module.Dim(name)
	if d == nil {
		return at.errorf("dim %s is not declared", name)
	}
	if err := s.expect(":"); err != nil {
		return err
	}
	f.Dims = append(f.Dims, d)
	return s.expect("dim")
}

// define reads the name of a new value. Numbers are no names of the source.
func (s *scanner) define(values map[string]*Value) (*Value, error) {
	at := *s
	name, err := s.sigil('%')
	if err != nil {
		return nil, err
	}
	if values[name] != nil {
		return nil, at.errorf("%%%s is defined twice", name)
	}
	v := &Value{Name: name}
	if _, err := strconv.Atoi(name); err == nil {
		v.Name = ""
	}
	values[name] = v
	return v, nil
}

func (s *scanner) use(values map[string]*Value) (*Value, error) {
	at := *s
	name, err := s.sigil('%')
	if err != nil {
		return nil, err
	}
	v := values[name]
	if v == nil {
		var known []string
		for n := range values {
			known = append(known, n)
		}
		return nil, at.errorf("%%%s is not defined%s", name, didYouMean(name, known))
	}
	return v, nil
}

func (s *scanner) instr(c *textScope, f *Func, values map[string]*Value) (*Instr, error) {
	in := &Instr{}
	var defined []string // in scope only behind the instruction
	fresh := map[string]*Value{}
	for len(s.tok) > 1 && s.tok[0] == '%' {
		v, err := s.define(fresh)
		if err != nil {
			return nil, err
		}
		v.Instr = in
		in.Results = append(in.Results, v)
		if !s.accept(",") {
			break
		}
	}
	for n := range fresh {
		if values[n] != nil {
			return nil, s.errorf("%%%s is defined twice", n)
		}
		defined = append(defined, n)
	}
	if len(in.Results) > 0 {
		if err := s.expect("="); err != nil {
			return nil, err
		}
	}
	at := *s
	name, err := s.name()
	if err != nil {
		return nil, err
	}
	if in.Op = LookupOp(name); in.Op == nil {
		var known []string
		for _, op := range Ops() {
			known = append(known, op.Name)
		}
		return nil, at.errorf("there is no op %s%s", name, didYouMean(name, known))
	}
	if err := s.expect("("); err != nil {
		return nil, err
	}
	for len(s.tok) > 1 && s.tok[0] == '%' {
		v, err := s.use(values)
		if err != nil {
			return nil, err
		}
		in.Args = append(in.Args, v)
		if !s.accept(",") {
			break
		}
	}
	if in.Op.Attrs != nil {
		if in.Attrs, err = s.parseAttrs(in.Op.Attrs, c); err != nil {
			return nil, err
		}
	}
	if err := s.expect(")"); err != nil {
		return nil, err
	}
	for i, v := range in.Results {
		before := ","
		if i == 0 {
			before = ":"
		}
		if err := s.expect(before); err != nil {
			return nil, err
		}
		if v.Type, err = s.typ(c.size, c.names); err != nil {
			return nil, err
		}
	}
	if s.accept("on") {
		at := *s
		name, err := s.name()
		if err != nil {
			return nil, err
		}
		if in.Device = Device(name); in.Device != OnCPU && in.Device != OnGPU {
			return nil, at.errorf("there is no device %s; the devices are cpu and gpu", name)
		}
	}
	if s.accept("kernel") {
		at := *s
		n, err := s.int()
		if err != nil {
			return nil, err
		}
		if in.Kernel = int(n); n < 1 || n > 1<<31-1 {
			return nil, at.errorf("kernels are numbered from 1")
		}
		if s.accept("in") {
			if err := s.expect("parts"); err != nil {
				return nil, err
			}
			in.Parts = true
		}
		if in.Why, err = s.str(); err != nil {
			return nil, err
		}
	}
	for _, n := range defined {
		values[n] = fresh[n]
	}
	if err := s.loc(c, &in.Pos); err != nil || in.Op.Kind != KindLoop {
		return in, err
	}
	return in, s.loop(c, f, in)
}

// loop reads the body of a loop.
func (s *scanner) loop(c *textScope, f *Func, in *Instr) error {
	in.Body = &Func{Name: f.Name, Guard: f.Guard}
	values, err := s.head(c, in.Body)
	if err == nil {
		err = s.expect("{")
	}
	if err != nil {
		return err
	}
	return s.code(c, in.Body, values)
}
