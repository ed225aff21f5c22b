package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// cut makes straight pieces of functions with loops: what stands before a loop becomes a
// loop of one round, so that in each function loops come first, and behind them code
// without any. What one piece leaves to another, or a round to the next, is in a local,
// which is to the piece what a state is to an entry: it is stored where it is wherever
// nothing needs what it was.
func cut(m *ir.Module) error {
	c := &cutting{module: m, names: map[string]bool{}}
	for _, p := range m.Params {
		c.names[p.Name] = true
	}
	for _, f := range m.Funcs {
		if err := c.fn(f); err != nil {
			return err
		}
	}
	return nil
}

type cutting struct {
	module *ir.Module
	names  map[string]bool
	locals map[*ir.Value]*ir.Param // of values of the function at hand that several pieces use
}

// A piece is straight code between loops.
type piece struct {
	ir.Emit
	writes []ir.Write
	inputs []*ir.Value             // of the function, that it uses
	here   map[*ir.Value]*ir.Value // what values of other pieces are called in it
}

// fn cuts a function, then the bodies of its loops.
func (c *cutting) fn(f *ir.Func) error {
	if !slices.ContainsFunc(f.Body, func(in *ir.Instr) bool { return in.Body != nil }) {
		return nil
	}
	outer := c.locals
	defer func() { c.locals = outer }()
	c.locals = c.crossing(f)
	var body []*ir.Instr
	p := newPiece(f)
	for _, in := range f.Body {
		if in.Body == nil {
			if err := p.add(c, in); err != nil {
				return err
			}
			continue
		}
		if err := c.carry(p, in); err != nil {
			return err
		}
		body = append(body, p.block(f, in.Device)...)
		if err := c.fn(in.Body); err != nil {
			return err
		}
		body = append(body, in)
		p = newPiece(f)
	}
	for i, r := range f.Results {
		v, err := p.use(c, r.Value)
		if err != nil {
			return err
		}
		f.Results[i].Value = v
	}
	for i, w := range f.Writes {
		v, err := p.use(c, w.Value)
		if err != nil {
			return err
		}
		f.Writes[i].Value = v
	}
	f.Body = append(body, p.Body...)
	return nil
}

// crossing makes the locals of what a function computes in one piece, or in a loop, and
// uses in another. What comes from no memory, or from that of a weight, is made anew.
func (c *cutting) crossing(f *ir.Func) map[*ir.Value]*ir.Param {
	locals := map[*ir.Value]*ir.Param{}
	pieceOf := map[*ir.Value]int{}
	now := 0
	use := func(v *ir.Value, where int) {
		if at, inside := pieceOf[v]; inside && at != where && locals[v] == nil && v.Instr.Op.Kind != ir.KindSource {
			locals[v] = c.local(v)
		}
	}
	for _, in := range f.Body {
		if in.Body != nil {
			now++
			carried := in.Attrs.(ir.LoopAttrs).Carried
			for i, a := range in.Args {
				if i < carried {
					use(a, now-1) // the piece before leaves it to the loop
				} else {
					use(a, -1)
				}
			}
			for _, r := range in.Results {
				pieceOf[r] = -1
				locals[r] = c.local(r)
			}
			continue
		}
		for _, a := range in.Args {
			use(a, now)
		}
		for _, r := range in.Results {
			pieceOf[r] = now
		}
	}
	for _, v := range f.Kept() {
		use(v, now)
	}
	return locals
}

func (c *cutting) local(v *ir.Value) *ir.Param {
	p := &ir.Param{Name: unique(c.names, valueName(v)), State: true, Local: true, Type: v.Type, Pos: v.Instr.Pos}
	c.module.Params = append(c.module.Params, p)
	return p
}

// carry gives a loop its operands by locals, but for inputs of the function: the piece
// before it writes what it carries, which its body reads and writes.
func (c *cutting) carry(p *piece, in *ir.Instr) error {
	a := in.Attrs.(ir.LoopAttrs)
	b := &ir.Emit{Pos: in.Pos, Facts: in.Body.Where}
	to := map[*ir.Value]*ir.Value{}
	var args, inputs []*ir.Value
	for i, x := range in.Args {
		v := in.Body.Inputs[i]
		var err error
		switch local := c.locals[x]; {
		case i < a.Carried:
			local = c.locals[in.Results[i]]
			var init *ir.Value
			if init, err = p.use(c, x); err != nil {
				return err
			}
			p.writes = append(p.writes, ir.Write{State: local, Value: init})
			to[v], err = read(b, local, in.Device)
			in.Body.Writes = append(in.Body.Writes, ir.Write{State: local, Value: in.Body.Results[i].Value})
		case local != nil:
			to[v], err = read(b, local, in.Device)
		case x.Instr == nil:
			args, inputs = append(args, x), append(inputs, v)
		default:
			to[v], err = again(b, x)
		}
		if err != nil {
			return err
		}
		if to[v] != nil {
			to[v].Name = v.Name
		}
	}
	for _, inner := range in.Body.Body {
		substitute(inner.Args, to)
	}
	in.Body.Results = nil
	substituteResults(in.Body, to)
	in.Body.Body = append(b.Body, in.Body.Body...)
	in.Body.Inputs, in.Args, in.Results = inputs, args, nil
	a.Carried = 0
	in.Attrs = a
	return nil
}

// read appends the reading of a local, which is on a device or, if that has not its dtype,
// on the CPU.
func read(b *ir.Emit, p *ir.Param, on ir.Device) (*ir.Value, error) {
	in, err := b.Op("read", ir.ReadAttrs{State: p, Shape: p.Type.Shape})
	if err != nil {
		return nil, err
	}
	in.Device, in.Result().Name = able(on, p.Type), p.Name
	return in.Result(), nil
}

// again appends a source once more.
func again(b *ir.Emit, v *ir.Value) (*ir.Value, error) {
	in, err := b.Op(v.Instr.Op.Name, v.Instr.Attrs)
	if err != nil {
		return nil, err
	}
	in.Device, in.Result().Name = v.Instr.Device, v.Name
	return in.Result(), nil
}

func newPiece(f *ir.Func) *piece {
	return &piece{Emit: ir.Emit{Pos: f.Pos, Facts: f.Where}, here: map[*ir.Value]*ir.Value{}}
}

// add appends an instruction; what it computes for other pieces it writes.
func (p *piece) add(c *cutting, in *ir.Instr) error {
	for i, a := range in.Args {
		v, err := p.use(c, a)
		if err != nil {
			return err
		}
		in.Args[i] = v
	}
	p.Body = append(p.Body, in)
	for _, r := range in.Results {
		p.here[r] = r
		if local := c.locals[r]; local != nil {
			p.writes = append(p.writes, ir.Write{State: local, Value: r})
		}
	}
	return nil
}

// use is a value of the function as the piece has it.
func (p *piece) use(c *cutting, v *ir.Value) (*ir.Value, error) {
	if p.here[v] != nil {
		return p.here[v], nil
	}
	here, err := v, error(nil)
	switch local := c.locals[v]; {
	case local != nil:
		here, err = read(&p.Emit, local, v.Instr.Device)
	case v.Instr != nil:
		here, err = again(&p.Emit, v)
	default:
		p.inputs = append(p.inputs, v)
	}
	p.here[v] = here
	return here, err
}

// block is a piece as a loop of one round; nothing if it does nothing.
func (p *piece) block(f *ir.Func, on ir.Device) []*ir.Instr {
	if len(p.writes) == 0 {
		return nil
	}
	body := &ir.Func{Name: f.Name, Guard: f.Guard, Where: f.Where, Body: p.Body, Writes: p.writes, Pos: f.Pos}
	to := map[*ir.Value]*ir.Value{}
	for _, v := range p.inputs {
		to[v] = &ir.Value{Name: v.Name, Type: v.Type}
		body.Inputs = append(body.Inputs, to[v])
	}
	for _, in := range body.Body {
		substitute(in.Args, to)
	}
	substituteResults(body, to)
	return []*ir.Instr{{Op: ir.LookupOp("loop"), Args: p.inputs, Attrs: ir.LoopAttrs{Count: ir.N(1)},
		Body: body, Device: on, Facts: f.Where, Pos: f.Pos}}
}
