package source

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// The calls of blocks in functions. Elements of a list that are called one after another are a
// loop.

// An elementCall gives a variable what an element of a list makes of arguments.
type elementCall struct {
	list               *member
	index              int
	name, method, args string
}

// site is what the instruction gives the result of; nil: none.
func (b *bodyWriter) site(in *ir.Instr) *site {
	if b.graph == nil {
		return nil
	}
	return b.graph.calls[in]
}

// inRun reports that calls of elements of a list, each with what the one before gives, are a
// loop; first, that s is the first of them.
func (b *bodyWriter) inRun(s *site) (run, first bool) {
	if s.of.list == nil {
		return false, false
	}
	calls := make([]*site, len(s.of.list.kids))
	for _, c := range b.graph.calls {
		if c.of.list == s.of.list {
			calls[c.of.index] = c
		}
	}
	linked := func(i int) bool { // to the one before, whose result nothing else needs
		if i == 0 || i == len(calls) || calls[i-1] == nil || calls[i] == nil || len(calls[i].inputs) == 0 {
			return false
		}
		x, out := calls[i].inputs[0], calls[i-1].out
		return follows(x, out) && !b.graph.kept[out] && !slices.ContainsFunc(b.graph.users[out], func(u *ir.Instr) bool {
			return !calls[i].body[u] && !follows(x, u.Results[0])
		})
	}
	from, to := s.of.index, s.of.index+1
	for linked(from) {
		from--
	}
	for linked(to) {
		to++
	}
	return to-from > 2 || to-from > 1 && to-from == len(calls), from == s.of.index
}

// follows reports that v is made of the other and of numbers alone, in few steps.
func follows(v, other *ir.Value) bool {
	for range 4 {
		if v == other {
			return true
		}
		if v.Instr == nil || v.Instr.Body != nil || len(v.Instr.Args) != 1 {
			return false
		}
		v = v.Instr.Args[0]
	}
	return false
}

// isCalled reports that a block is called here.
func (b *bodyWriter) isCalled(m *member) bool {
	return b.graph != nil && slices.ContainsFunc(m.block.sites, func(s *site) bool { return s.in == b.graph })
}

// bindElement makes a variable of what an element of a list gives: that of its first argument,
// if this is not needed any more.
func (b *bodyWriter) bindElement(v *ir.Value, s *site) error {
	b.advance(v)
	t := b.terms[v]
	b.use(t)
	name := ""
	if x := b.terms[s.inputs[0]]; x.named && len(x.vars) == 1 && b.left[s.inputs[0]] <= 0 && !b.isStateName(x.text) && b.canBecome(x.text, v) {
		name = x.text
	} else {
		name = b.nameFor(v)
	}
	var args []string
	for _, a := range s.inputs {
		args = append(args, b.terms[a].text)
	}
	b.hold(name, v)
	if err := b.add(t.mode, name+" = "+t.text); err != nil {
		return err
	}
	method := ""
	if s.method != "forward" {
		method = "." + s.method
	}
	b.out[len(b.out)-1].call = &elementCall{s.of.list, s.of.index, name, method, strings.Join(args, ", ")}
	return nil
}

// folded has loops in the place of calls of elements of a list one after another.
func (b *bodyWriter) folded(out []statement) (all []statement) {
	for len(out) > 0 {
		n, c := 1, out[0].call
		for c != nil && n < len(out) && out[n].annotations == out[0].annotations && out[n].call != nil {
			next := *out[n].call
			if next.index -= n; next != *c {
				break
			}
			n++
		}
		each, of := "", ""
		switch {
		case n > 1 && n == len(c.list.kids):
			of = strings.TrimPrefix(c.list.ref, b.prefix)
			base := strings.TrimSuffix(c.list.name, "s")
			if base == c.list.name || base == "" {
				base = "layer"
			}
			each = b.variable(identifier(base, "layer"))
			c.method = each + c.method
		case n > 2:
			each, of = b.variable("i"), fmt.Sprintf("%d..%d", c.index, c.index+n)
			c.method = fmt.Sprintf("%s[%s]%s", strings.TrimPrefix(c.list.ref, b.prefix), each, c.method)
		default:
			all, out = append(all, out[:n]...), out[n:]
			continue
		}
		head, call := fmt.Sprintf("for %s in %s {", each, of), fmt.Sprintf("%s = %s(%s)", c.name, c.method, c.args)
		lines := []string{head + " " + call + " }"}
		if b.width(lines[0]) > wide-2*b.indent {
			lines = append(append([]string{head}, b.wrapped(call)...), "}")
		}
		all, out = append(all, statement{annotations: out[0].annotations, lines: lines}), out[n:]
	}
	return all
}
