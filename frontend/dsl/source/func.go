package source

import (
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// The statements of a function. A value that one other is made of is part of its expression,
// as long as that is a line that can be read; all others are variables.

// wide is how many columns a line should have at most, and deep how many calls should stand in
// one another.
const (
	wide = 100
	deep = 4
)

// A bodyWriter writes the body of a function, or of a loop.
type bodyWriter struct {
	*writer
	fn     *ir.Func
	graph  *graph      // nil: it has no sites
	outer  *bodyWriter // nil: of an entry
	indent int
	mode   mode
	prefix string          // what the names of params begin with elsewhere, but not here
	node   *member         // whose members have their own names here
	hidden map[string]bool // the names of these, if it is a block
	plain  bool            // values have no names of their own
	loose  bool            // lines may be too long, and are as long with other numbers

	loops []*repeat
	from  map[*ir.Value]*repeat // that make a value

	made  map[*ir.Value]int // what something is made of, and of how many things
	forms map[*ir.Instr]form
	left  map[*ir.Value]int    // uses that are not written yet
	terms map[*ir.Value]term   // what a value is written as
	held  map[string]*ir.Value // what variables, and states, are now
	bases map[string]bool      // names that values have
	state map[*ir.Value]string // the state that becomes a value, by its name
	carry []string             // of a loop: the names of what is carried
	done  int                  // how many of these have been assigned
	out   []statement
}

// noValue is the error of what the end of a loop is told by, which a `while` has no name for.
func noValue(v *ir.Value) error {
	op := ir.LookupOp("loop")
	if v.Instr != nil {
		op = v.Instr.Op
	}
	return &unsayable{op, "whether a loop has ended is no value of the language"}
}

// ref is how a param is written here.
func (b *bodyWriter) ref(p *ir.Param) string { return strings.TrimPrefix(b.params[p], b.prefix) }

// isStateName reports that a name is that of a state.
func (b *bodyWriter) isStateName(name string) bool {
	return slices.ContainsFunc(b.module.Params, func(p *ir.Param) bool { return p.State && b.ref(p) == name })
}

// count finds what a value is made of, and how often all that is written.
func (b *bodyWriter) count(v *ir.Value) error {
	b.left[v]++
	in := v.Instr
	t, known := b.terms[v]
	if known && len(t.vars) == 1 && t.vars[0] != v { // its twin
		b.left[t.vars[0]]++
	}
	if known || in == nil || b.from[v] != nil || b.inMemory(in) != nil {
		return nil
	}
	if _, seen := b.forms[in]; seen {
		return nil
	}
	f, err := b.formOf(in)
	if err != nil {
		return err
	}
	b.forms[in] = f
	for _, a := range f.args {
		if err := b.count(a); err != nil {
			return err
		}
	}
	return nil
}

// inMemory is the param that an instruction is, as the file declares it; nil: none.
func (w *writer) inMemory(in *ir.Instr) *ir.Param {
	switch a := in.Attrs.(type) {
	case ir.WeightAttrs:
		return a.Param
	case ir.ReadAttrs:
		return a.State
	case ir.PermAttrs:
		if x := in.Args[0].Instr; x != nil {
			if of, ok := x.Attrs.(ir.WeightAttrs); ok && w.turned[of.Param] != nil {
				return of.Param
			}
		}
	}
	return nil
}

func (b *bodyWriter) formOf(in *ir.Instr) (form, error) {
	switch {
	case b.site(in) != nil:
		s := b.site(in)
		s.used = true
		name := strings.TrimPrefix(s.of.ref, b.prefix)
		if s.method != "forward" {
			name += "." + s.method
		}
		return call(name, s.inputs)
	case b.results[in].layer != nil:
		c := b.results[in]
		return call(strings.TrimPrefix(b.calls[c.layer], b.prefix)+c.method, []*ir.Value{c.x})
	case in.Body != nil:
		made := slices.Clone(in.Body.Inputs)
		for i, v := range in.Results {
			if b.made[v] > 0 {
				made[i] = v
			}
		}
		return form{args: needed(in.Args, b.made, made)}, nil
	case in.Op.Kind == ir.KindKernel:
		return b.kernelForm(in)
	case in.Op.Name == "reshape" && b.made[in.Args[0]] == 1:
		if f, ok := keepForm(in); ok {
			return f, nil
		}
	case in.Op.Name == "update" && replacesAll(in):
		return itself(in.Args[1])
	case in.Op.Name == "update":
		return form{args: []*ir.Value{in.Args[0], placed(in)}}, nil
	}
	return formOf(in)
}

// begin makes what is known before the first statement.
func (b *bodyWriter) begin() error {
	b.forms, b.left, b.from = map[*ir.Instr]form{}, map[*ir.Value]int{}, map[*ir.Value]*repeat{}
	b.nameInputs()
	if b.node != nil {
		b.loops = b.repeats(b.node.kids)
	}
	rest := *b.fn
	for _, r := range b.loops {
		for _, v := range r.outs {
			b.from[v] = r
		}
		rest.Writes = slices.DeleteFunc(slices.Clone(rest.Writes), func(w ir.Write) bool { return slices.Contains(r.writes, w) })
	}
	b.fn = &rest
	kept := b.fn.Kept()
	for _, r := range b.loops {
		kept = slices.Concat(kept, r.inits, r.given)
	}
	for _, v := range kept {
		if err := b.count(v); err != nil {
			return err
		}
	}
	for _, in := range b.fn.Body {
		for _, v := range in.Results {
			b.bases[v.Name] = true
			p := b.inMemory(in)
			if p == nil {
				continue
			}
			t := term{text: b.ref(p), binds: primary, mode: anyMode, named: true}
			if p.State {
				t.vars = []*ir.Value{v}
				b.held[t.text] = v
			}
			b.terms[v] = t
		}
	}
	for _, w := range b.fn.Writes {
		if _, twice := b.state[w.Value]; !twice {
			b.state[w.Value] = b.ref(w.State)
		}
	}
	return nil
}

// nameInputs notes the names that values have.
func (b *bodyWriter) nameInputs() {
	if b.bases == nil {
		b.bases = map[string]bool{}
	}
	for _, v := range b.fn.Inputs {
		b.bases[v.Name] = true
	}
	for _, in := range b.fn.Body {
		for _, v := range in.Results {
			b.bases[v.Name] = true
		}
	}
}

// run writes the instructions that something is made of, and what is repeated as soon as what
// it is given has been written.
func (b *bodyWriter) run() error {
	done := map[*ir.Instr]bool{}
	written := map[*repeat]bool{}
	var visit func(v *ir.Value) error
	instr := func(in *ir.Instr) error {
		f, live := b.forms[in]
		if !live || done[in] {
			return nil
		}
		done[in] = true
		for _, a := range f.args {
			if err := visit(a); err != nil {
				return err
			}
		}
		return b.instr(in, f)
	}
	again := func(r *repeat) error {
		if written[r] {
			return nil
		}
		written[r] = true
		for _, a := range slices.Concat(r.inits, r.given) {
			if err := visit(a); err != nil {
				return err
			}
		}
		return b.repeated(r)
	}
	visit = func(v *ir.Value) error {
		switch r := b.from[v]; {
		case r != nil:
			return again(r)
		case v.Instr != nil:
			return instr(v.Instr)
		}
		return nil
	}
	for _, in := range b.fn.Body {
		if err := instr(in); err != nil {
			return err
		}
	}
	for _, r := range b.loops {
		if err := again(r); err != nil {
			return err
		}
	}
	return nil
}

// instr writes an instruction.
func (b *bodyWriter) instr(in *ir.Instr, f form) error {
	switch {
	case in.Body != nil:
		return b.loop(in)
	case in.Op.Name == "update" && !replacesAll(in):
		return b.update(in, f.args[1])
	case len(in.Results) > 1:
		return b.several(in, f)
	}
	v := in.Result()
	s, run, first := b.site(in), false, false
	if s != nil {
		run, first = b.inRun(s)
	}
	if first && run && !b.terms[s.inputs[0]].named { // so that the call is like the others
		if err := b.bind(s.inputs[0]); err != nil {
			return err
		}
	}
	t, err := b.build(in, f)
	if err != nil {
		return err
	}
	b.terms[v] = t
	if run {
		return b.bindElement(v, s)
	}
	if b.left[v] > 1 && !b.isView(v) {
		return b.bind(v)
	}
	return nil
}

// isView reports that a value is written anew wherever it is used: a weight in another order.
func (b *bodyWriter) isView(v *ir.Value) bool {
	in := v.Instr
	return in.Op.Name == "transpose" && strings.HasSuffix(b.terms[v].text, ".T") && in.Args[0].Instr != nil && in.Args[0].Instr.Op.Name == "weight"
}

// build makes the expression of an instruction. Operands that would make it too long become
// variables.
func (b *bodyWriter) build(in *ir.Instr, f form) (term, error) {
	for {
		args := make([]term, len(f.args))
		own, calls := modeOf(in), 0
		if f.like != nil {
			own, _ = own.and(modeOf(f.like))
		}
		var vars []*ir.Value
		for i, a := range f.args {
			if args[i] = b.terms[a]; args[i].text == "" {
				return term{}, noValue(f.args[i])
			}
			m, ok := own.and(args[i].mode)
			if !ok {
				if err := b.bind(a); err != nil {
					return term{}, err
				}
				args[i] = b.terms[a]
			} else {
				own = m
			}
			calls = max(calls, args[i].calls)
			vars = append(vars, args[i].vars...)
		}
		t := f.text(args)
		t.vars, t.mode, t.calls = vars, own, t.calls+calls
		if b.width(t.text) <= wide-2*b.indent-len("return logits") && t.calls <= deep {
			return t, nil
		}
		// The longest becomes a variable.
		var longest *ir.Value
		for _, a := range f.args {
			if !b.terms[a].named && (longest == nil || b.heft(a) > b.heft(longest)) && b.heft(a) > 0 {
				longest = a
			}
		}
		if longest == nil {
			return t, nil
		}
		if err := b.bind(longest); err != nil {
			return term{}, err
		}
	}
}

// heft says how much shorter an expression is where a value is a variable of it.
func (b *bodyWriter) heft(v *ir.Value) int {
	t := b.terms[v]
	if t.calls == 0 && b.width(t.text) < 16 {
		return 0
	}
	return b.width(t.text) + 10*t.calls
}

func (b *bodyWriter) use(t term) {
	for _, v := range t.vars {
		b.left[v]--
	}
}

// finish writes the states, and the values that are returned.
func (b *bodyWriter) finish() error {
	for _, v := range b.fn.Kept() {
		if b.terms[v].text == "" {
			return noValue(v)
		}
	}
	for i, w := range b.fn.Writes {
		name := b.ref(w.State)
		if b.held[name] == w.Value && !(w.Value.Instr != nil && w.Value.Instr.InMemory()) {
			b.left[w.Value]--
			continue
		}
		if old := b.held[name]; old != nil && w.Value != old {
			if err := b.rescue(old, b.fn.Writes[i:]); err != nil {
				return err
			}
		}
		t := b.terms[w.Value]
		if err := b.add(t.mode, name+" = "+t.text, t); err != nil {
			return err
		}
		if !t.named {
			b.hold(name, w.Value)
		}
		b.held[name] = w.Value
	}
	if len(b.fn.Results) == 0 {
		return nil
	}
	for {
		var parts []string
		var longest *ir.Value
		for _, r := range b.fn.Results {
			t := b.terms[r.Value]
			if m, ok := b.mode.and(t.mode); !ok || m != b.mode {
				if err := b.bind(r.Value); err != nil {
					return err
				}
				t = b.terms[r.Value]
			}
			parts = append(parts, t.text)
			if !b.terms[r.Value].named && (longest == nil || b.heft(r.Value) > b.heft(longest)) && b.heft(r.Value) > 0 {
				longest = r.Value
			}
		}
		line := "return " + strings.Join(parts, ", ")
		if b.width(line) <= wide-2*b.indent || longest == nil || len(parts) == 1 {
			b.out = append(b.out, statement{lines: b.wrapped(line)})
			return nil
		}
		if err := b.bind(longest); err != nil {
			return err
		}
	}
}

// rescue makes variables of what a state was, and of what is made of it, before it is assigned.
// The first of the writes is the one that assigns it.
func (b *bodyWriter) rescue(old *ir.Value, writes []ir.Write) error {
	var later []*ir.Value
	for _, w := range writes[1:] {
		later = append(later, w.Value)
	}
	for _, r := range b.fn.Results {
		later = append(later, r.Value)
	}
	for _, v := range later {
		if v != old && v != writes[0].Value && !b.terms[v].named && slices.Contains(b.terms[v].vars, old) {
			if err := b.bind(v); err != nil {
				return err
			}
		}
	}
	if !slices.Contains(later, old) {
		return nil
	}
	name := b.variable(identifier(b.terms[old].text, "x"))
	if err := b.add(anyMode, name+" = "+b.terms[old].text); err != nil {
		return err
	}
	b.hold(name, old)
	return nil
}
