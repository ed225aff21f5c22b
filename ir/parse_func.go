package ir

import (
	"slices"
	"strconv"
)

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
