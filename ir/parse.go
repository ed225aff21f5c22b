package ir

import "strings"

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
