package source

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// The loops of a function. What a loop carries are variables that exist before it and that its
// body assigns, in their order.

// loop writes a loop, and before it the variables that it takes.
func (b *bodyWriter) loop(in *ir.Instr) error {
	a := in.Attrs.(ir.LoopAttrs)
	body := *in.Body
	inits, results, inputs := in.Args[:a.Carried], in.Results, body.Inputs[:a.Carried]
	var going *ir.Value
	if a.Ends {
		next, cond, err := rounds(in)
		if err != nil {
			return err
		}
		body.Results, going = next, cond
		inits, results, inputs = inits[1:], results[1:], inputs[1:]
	}
	captured, within := in.Args[a.Carried:], body.Inputs[a.Carried:]
	body.Results, inits, results, inputs = needed(body.Results, b.made, results, inputs), needed(inits, b.made, results, inputs),
		needed(results, b.made, results, inputs), needed(inputs, b.made, results, inputs)
	captured, within = needed(captured, b.made, within), needed(within, b.made, within)
	if len(body.Dims) == 0 {
		return &unsayable{in.Op, "it counts no rounds"}
	}
	inner := &bodyWriter{writer: b.writer, fn: &body, outer: b, made: b.made, prefix: b.prefix, hidden: b.hidden, indent: b.indent + 1, mode: b.mode,
		terms: map[*ir.Value]term{}, held: map[string]*ir.Value{}, state: map[*ir.Value]string{}}
	if in.Device != ir.OnAny {
		inner.mode.device = in.Device
	}
	for _, v := range captured {
		if !b.terms[v].named {
			if err := b.bind(v); err != nil {
				return err
			}
		}
	}
	// States are carried behind all variables.
	states := len(inits)
	for states > 0 && b.isState(inits[states-1], results[states-1]) && body.Results[states-1].Value != inputs[states-1] {
		states--
	}
	for i, v := range inits {
		name, err := b.carried(v, inputs[i], results[i], i >= states)
		if err != nil {
			return err
		}
		inner.carry = append(inner.carry, name)
		inner.hold(name, inputs[i])
	}
	for i, v := range captured {
		t := b.terms[v]
		t.vars = nil
		inner.terms[within[i]] = t
	}
	if err := inner.begin(); err != nil {
		return err
	}
	counter := body.Dims[0].Name
	head := fmt.Sprintf("loop %s in 0..%s {", counter, sizeText(a.Count))
	if going != nil {
		cond, err := inner.whole(going)
		if err != nil {
			return err
		}
		head = fmt.Sprintf("while %s max %s {", cond.text, sizeText(a.Count))
	}
	if err := inner.run(); err != nil {
		return err
	}
	if err := inner.carryOn(); err != nil {
		return err
	}
	lines := append(append([]string{head}, inner.text()...), "}")
	if going != nil && regexp.MustCompile(`\b`+counter+`\b`).MatchString(strings.Join(lines, "\n")) {
		return &unsayable{in.Op, "it may end early, and knows its rounds"}
	}
	annotations, err := modeOf(in).annotations(b.mode)
	if err != nil {
		return err
	}
	b.out = append(b.out, statement{annotations: annotations, lines: lines})
	for _, v := range captured {
		b.use(b.terms[v])
	}
	for i, v := range results {
		b.hold(inner.carry[i], v)
	}
	return nil
}

// needed are those of xs for which something is made of a value of the same place.
func needed[T any](xs []T, made map[*ir.Value]int, of ...[]*ir.Value) []T {
	var out []T
	for i, x := range xs {
		if slices.ContainsFunc(of, func(vs []*ir.Value) bool { return made[vs[i]] > 0 }) {
			out = append(out, x)
		}
	}
	return out
}

// makings are the values that what a function gives is made of, those of its loops with them,
// and how often each is used for that.
func makings(f *ir.Func) map[*ir.Value]int {
	type place struct {
		loop *ir.Instr
		n    int
	}
	given := map[*ir.Value]place{} // the inputs of bodies
	for _, g := range f.Bodies() {
		for _, in := range g.Body {
			if in.Body != nil {
				for i, v := range in.Body.Inputs {
					given[v] = place{in, i}
				}
			}
		}
	}
	made := map[*ir.Value]int{}
	var visit func(v *ir.Value)
	carried := func(loop *ir.Instr, n int) {
		visit(loop.Args[n])
		if a := loop.Attrs.(ir.LoopAttrs); n < a.Carried {
			visit(loop.Body.Results[n].Value)
		}
	}
	visit = func(v *ir.Value) {
		if made[v]++; made[v] > 1 {
			return
		}
		switch in := v.Instr; {
		case in == nil:
			if p := given[v]; p.loop != nil {
				carried(p.loop, p.n)
			}
		case in.Body != nil:
			carried(in, slices.Index(in.Results, v))
			if in.Attrs.(ir.LoopAttrs).Ends {
				carried(in, 0)
			}
		case in.Op.Name == "update" && replacesAll(in):
			visit(in.Args[1])
		default:
			for _, a := range in.Args {
				visit(a)
			}
		}
	}
	for _, v := range f.Kept() {
		visit(v)
	}
	return made
}

// isState reports that what a loop carries is a state as long as it runs.
func (b *bodyWriter) isState(init, result *ir.Value) bool {
	t := b.terms[init]
	return t.named && b.isStateName(t.text) && b.state[result] == t.text
}

// carried is the variable of what a loop carries, which begins with init. The variable of init
// itself serves if nothing else needs it.
func (b *bodyWriter) carried(init, input, result *ir.Value, state bool) (name string, err error) {
	t := b.terms[init]
	if t.text == "" {
		return "", noValue(init)
	}
	b.use(t)
	if t.named && len(t.vars) == 1 && b.left[init] == 0 && b.isStateName(t.text) == state && b.canBecome(t.text, result) {
		b.left[input] = 1 // the name is taken until the loop ends
		b.held[t.text] = input
		return t.text, nil
	}
	name = b.variable(b.base(input))
	b.left[input] = 1
	b.held[name] = input
	return name, b.add(t.mode, name+" = "+t.text)
}

// advance assigns what is carried before v, if v is carried, as long as what it was is not
// needed any more.
func (b *bodyWriter) advance(v *ir.Value) {
	if len(b.carry) == 0 {
		return
	}
	until := slices.IndexFunc(b.fn.Results[b.done:], func(r ir.Result) bool { return r.Value == v })
	for ; until > 0; until-- {
		r, name := b.fn.Results[b.done].Value, b.carry[b.done]
		t, old := b.terms[r], b.held[name]
		uses := 0
		for _, u := range t.vars {
			if u == old {
				uses++
			}
		}
		if t.text == "" || b.left[old] > uses || b.add(t.mode, name+" = "+t.text, t) != nil {
			return
		}
		if !t.named {
			b.hold(name, r)
		}
		b.done++
	}
}

// carryOn assigns what is carried to the next round, as far as it has not been.
func (b *bodyWriter) carryOn() error {
	together := false
	common := anyMode
	for k := b.done; k < len(b.fn.Results); k++ {
		v := b.fn.Results[k].Value
		if b.terms[v].text == "" {
			return noValue(v)
		}
		m, ok := common.and(b.terms[v].mode)
		if !ok { // as a variable it is of any mode, and may be the one that is carried
			if err := b.bind(v); err != nil {
				return err
			}
			k, common = b.done-1, anyMode
			continue
		}
		common = m
	}
	rest := b.fn.Results[b.done:]
	for i := range rest {
		old := b.held[b.carry[b.done+i]]
		for _, other := range rest[i+1:] {
			together = together || slices.Contains(b.terms[other.Value].vars, old)
		}
	}
	var names, values []string
	for i, r := range rest {
		name, t := b.carry[b.done+i], b.terms[r.Value]
		if !together {
			if err := b.add(t.mode, name+" = "+t.text, t); err != nil {
				return err
			}
		}
		names, values = append(names, name), append(values, t.text)
	}
	if together {
		return b.add(common, strings.Join(names, ", ")+" = "+strings.Join(values, ", "))
	}
	return nil
}

// rounds are what the body of a loop that may end early makes of what is carried, as long as
// the loop goes on, and whether it does.
func rounds(in *ir.Instr) (next []ir.Result, going *ir.Value, err error) {
	body := in.Body
	strange := &unsayable{in.Op, "it ends early in another way than `while` does"}
	a, ok := in.Args[0], false
	if a.Instr != nil {
		c, isConst := a.Instr.Attrs.(ir.ConstAttrs)
		ok = isConst && c.Value == 1
	}
	goes := body.Results[0].Value
	if !ok || goes.Instr == nil || goes.Instr.Op.Name != "and" || goes.Instr.Args[0] != body.Inputs[0] {
		return nil, nil, strange
	}
	for i, r := range body.Results[1:] {
		w := r.Value.Instr
		if w == nil || w.Op.Name != "where" {
			return nil, nil, strange
		}
		xs := stretches(w)
		if xs[0] != goes || w.Args[2] != body.Inputs[1+i] {
			return nil, nil, strange
		}
		next = append(next, ir.Result{Name: r.Name, Type: r.Type, Value: w.Args[1]})
	}
	return next, goes.Instr.Args[1], nil
}

// whole is the expression of a value with all that it is made of, whatever its length.
func (b *bodyWriter) whole(v *ir.Value) (term, error) {
	if t, ok := b.terms[v]; ok {
		return t, nil
	}
	in := v.Instr
	if in == nil || in.Body != nil || in.Op.Name == "update" {
		return term{}, &unsayable{ir.LookupOp("loop"), "the condition of a `while` is an expression"}
	}
	f, err := formOf(in)
	if err != nil {
		return term{}, err
	}
	if m, ok := b.mode.and(modeOf(in)); !ok || m != b.mode {
		return term{}, &unsayable{in.Op, "the condition of a `while` is computed as what is around it"}
	}
	args := make([]term, len(f.args))
	for i, a := range f.args {
		if args[i], err = b.whole(a); err != nil {
			return term{}, err
		}
	}
	return f.text(args), nil
}
