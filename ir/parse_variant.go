package ir

// variant reads a plan of a function that stands above.
func (s *scanner) variant(c *textScope) error {
	s.next()
	at := *s
	name, err := s.sigil('@')
	if err != nil {
		return err
	}
	f := c.module.Func(name)
	if f == nil {
		return at.errorf("func @%s is not declared", name)
	}
	v := &Variant{}
	var done func()
	if v.Guard, done, err = s.when(c); err != nil {
		return err
	}
	defer done()
	f.Variants = append(f.Variants, v)
	return s.variantBody(c, v)
}

// load reads what computes the packed tensors.
func (s *scanner) load(c *textScope) error {
	at := *s
	if s.next(); c.module.Load != nil {
		return at.errorf("load is there twice")
	}
	c.module.Load = &Variant{}
	return s.variantBody(c, c.module.Load)
}

func (s *scanner) variantBody(c *textScope, v *Variant) error {
	err := s.expect("{")
	if err != nil {
		return err
	}
	buffers := map[string]*Buffer{}
	for !s.accept("}") {
		switch s.tok {
		case "buffer":
			err = s.buffer(c, v, buffers)
		case "step":
			err = s.step(c, v, buffers)
		case "loop":
			err = s.loopSteps(c, v, buffers)
		case "plan":
			err = s.plan(c, v, buffers)
		default:
			err = s.errorf("unexpected %s, expected buffer, step, loop or plan", s.found())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *scanner) buffer(c *textScope, v *Variant, buffers map[string]*Buffer) error {
	s.next()
	at := *s
	b := &Buffer{}
	var err error
	if b.Name, err = s.sigil('%'); err != nil {
		return err
	}
	if buffers[b.Name] != nil {
		return at.errorf("buffer %%%s is defined twice", b.Name)
	}
	if err = s.expect(":"); err != nil {
		return err
	}
	if b.Type, err = s.typ(c.size, c.names); err != nil {
		return err
	}
	at = *s
	place, err := s.name()
	if err != nil {
		return err
	}
	switch b.Place = Place(place); b.Place {
	case InInput, InOutput, InParam, InState, InPacked:
		n, err := s.int()
		if err != nil {
			return err
		}
		b.Index = int(n)
	case InArena:
	default:
		return at.errorf("unexpected %s, expected input, output, param, state, packed or arena", at.found())
	}
	buffers[b.Name] = b
	v.Buffers = append(v.Buffers, b)
	return nil
}

func (s *scanner) bufferRef(buffers map[string]*Buffer) (*Buffer, error) {
	at := *s
	name, err := s.sigil('%')
	if err != nil {
		return nil, err
	}
	if buffers[name] == nil {
		return nil, at.errorf("buffer %%%s is not defined", name)
	}
	return buffers[name], nil
}

func (s *scanner) step(c *textScope, v *Variant, buffers map[string]*Buffer) error {
	s.next()
	st := &Step{}
	at := *s
	name, err := s.sigil('@')
	if err != nil {
		return err
	}
	for _, k := range c.module.Kernels {
		if k.Name == name {
			st.Kernel = k
		}
	}
	if st.Kernel == nil {
		return at.errorf("kernel @%s is not defined", name)
	}
	err = s.listOf("(", ")", func() error {
		b, err := s.bufferRef(buffers)
		st.Args = append(st.Args, b)
		return err
	})
	if err == nil {
		err = s.expect("sizes")
	}
	if err == nil {
		st.Sizes, err = s.sizes(c.size, c.names)
	}
	if err == nil {
		err = s.expect("on")
	}
	var device string
	if err == nil {
		device, err = s.name()
		st.Device = Device(device)
	}
	if err == nil {
		err = s.expect("epoch")
	}
	var n int64
	if err == nil {
		n, err = s.int()
		st.Epoch = int(n)
	}
	if err == nil && s.accept("barrier") {
		h := &Hazard{}
		var kind string
		kind, err = s.name()
		h.Kind = HazardKind(kind)
		if err == nil {
			h.Buffer, err = s.bufferRef(buffers)
		}
		if err == nil {
			err = s.expect("after")
		}
		if err == nil {
			n, err = s.int()
			h.After = int(n)
		}
		st.Barrier = h
	}
	if err != nil {
		return err
	}
	v.Steps = append(v.Steps, st)
	return s.loc(c, &st.Pos)
}

// loopSteps reads `loop steps 1..4 count T counter t while %going`.
func (s *scanner) loopSteps(c *textScope, v *Variant, buffers map[string]*Buffer) error {
	s.next()
	err := s.expect("steps")
	var first, end int64
	if err == nil {
		first, err = s.int()
	}
	if err == nil {
		err = s.expect("..")
	}
	if err == nil {
		end, err = s.int()
	}
	if err == nil {
		err = s.expect("count")
	}
	l := Loop{First: int(first), End: int(end)}
	if err == nil {
		l.Count, err = s.size(c.size, c.names)
	}
	if err == nil {
		err = s.expect("counter")
	}
	at := *s
	var name string
	if err == nil {
		name, err = s.name()
	}
	if l.Counter = c.dims[name]; err == nil && l.Counter == nil {
		err = at.errorf("dim %s is not declared", name)
	}
	if err == nil && s.accept("while") {
		l.Going, err = s.bufferRef(buffers)
	}
	v.Loops = append(v.Loops, l)
	return err
}

func (s *scanner) plan(c *textScope, v *Variant, buffers map[string]*Buffer) error {
	s.next()
	if err := s.expect("{"); err != nil {
		return err
	}
	p := &Plan{}
	for !s.accept("}") {
		var err error
		switch s.tok {
		case "block":
			err = s.block(c, p, buffers)
		case "stack":
			err = s.stack(p)
		case "point":
			err = s.point(p)
		default:
			err = s.errorf("unexpected %s, expected block, stack or point", s.found())
		}
		if err != nil {
			return err
		}
	}
	v.Plan = p
	return nil
}

func (s *scanner) block(c *textScope, p *Plan, buffers map[string]*Buffer) error {
	s.next()
	b := &Block{}
	err := s.listOf("[", "]", func() error {
		buf, err := s.bufferRef(buffers)
		b.Buffers = append(b.Buffers, buf)
		return err
	})
	if err == nil {
		err = s.expect("bytes")
	}
	if err == nil {
		b.Bytes, err = s.size(c.size, c.names)
	}
	if err == nil {
		err = s.expect("life")
	}
	var first, last int64
	if err == nil {
		first, err = s.int()
	}
	if err == nil {
		err = s.expect("..")
	}
	if err == nil {
		last, err = s.int()
	}
	b.First, b.Last = int(first), int(last)
	p.Blocks = append(p.Blocks, b)
	return err
}

func (s *scanner) stack(p *Plan) error {
	s.next()
	var st Stack
	err := s.expect("order")
	if err == nil {
		st.Order, err = s.ints()
	}
	if err == nil {
		err = s.expect("on")
	}
	if err == nil {
		err = s.listOf("[", "]", func() error {
			on, err := s.ints()
			st.On = append(st.On, on)
			return err
		})
	}
	p.Stacks = append(p.Stacks, st)
	return err
}

func (s *scanner) point(p *Plan) error {
	s.next()
	var pt PlanPoint
	err := s.listOf("[", "]", func() error {
		n, err := s.int()
		pt.Dims = append(pt.Dims, n)
		return err
	})
	for _, item := range []struct {
		word string
		to   *int64
	}{{"arena", &pt.Arena}, {"live", &pt.Live}, {"bound", &pt.Bound}} {
		if err == nil {
			err = s.expect(item.word)
		}
		if err == nil {
			*item.to, err = s.int()
		}
	}
	p.Report = append(p.Report, pt)
	return err
}
