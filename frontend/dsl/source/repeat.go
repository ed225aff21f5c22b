package source

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// The blocks of a list that one after another do the same: what they do is a function of the
// block, and a `for` calls it.

// A repeat is what the elements of a list make of values, each of what the one before has made.
type repeat struct {
	list   *member
	inits  []*ir.Value // what the first element is given
	given  []*ir.Value // what each is given besides
	outs   []*ir.Value // what the last one makes
	writes []ir.Write  // the states of all elements
	fn     *ir.Func    // what the second element does: a function of what the first makes, and of given
	args   []*ir.Value // of fn
}

// repeats finds what is repeated in a function, among the lists of members.
func (b *bodyWriter) repeats(kids []*member) []*repeat {
	var found []*repeat
	for _, k := range kids {
		if k.isList() {
			if r := b.repeat(k); r != nil {
				found = append(found, r)
				continue
			}
		}
		found = append(found, b.repeats(k.kids)...)
	}
	return found
}

// A matcher compares what the elements of a list do.
type matcher struct {
	body    *bodyWriter
	element map[*ir.Param]int         // of the list
	within  map[*ir.Param]string      // the path of a param in its element
	depth   map[*ir.Value]int         // the last element that a value is made of; less than 0: of none
	outs    [][]*ir.Value             // what elements make for the next one
	inits   []*ir.Value               // of the first
	to      []map[*ir.Value]*ir.Value // of each element but the last, the values of the next that are alike
	given   []*ir.Value
}

// repeat is what the elements of a list do, if all do the same; else nil.
func (b *bodyWriter) repeat(list *member) *repeat {
	n := len(list.kids)
	for _, k := range list.kids {
		if n < 2 || k.block == nil || k.exact != list.kids[0].exact || b.isCalled(k) {
			return nil
		}
	}
	m := &matcher{body: b, element: map[*ir.Param]int{}, within: map[*ir.Param]string{}, depth: map[*ir.Value]int{}, outs: make([][]*ir.Value, n)}
	for i, k := range list.kids {
		for p, path := range b.paramsOf(k, "") {
			m.element[p], m.within[p] = i, path
		}
	}
	m.measure(b.fn)
	if !m.boundaries(n) {
		return nil
	}
	writes, ok := m.writes(n)
	if !ok || len(m.outs[0])+len(writes[0]) == 0 || !m.pairs(n, writes) {
		return nil
	}
	return m.result(list, writes)
}

// paramsOf are the params of a member, and their paths in it.
func (w *writer) paramsOf(m *member, path string) map[*ir.Param]string {
	all := map[*ir.Param]string{}
	switch {
	case m.param != nil:
		all[m.param] = path
		next := slices.Index(w.module.Params, m.param) + 1
		for i, p := range w.module.Params[next:] { // the planes of a quantised one
			if p.Of == nil || p.Of.Index == 0 {
				break
			}
			all[p] = fmt.Sprintf("%s#%d", path, i)
		}
	case m.layer != nil:
		for _, p := range w.module.Params {
			if step, ok := strings.CutPrefix(p.Path, m.layer.path+"."); ok {
				all[p] = path + "." + step
			}
		}
	}
	for _, k := range m.kids {
		maps.Copy(all, w.paramsOf(k, path+"."+k.step))
	}
	return all
}

// measure finds the depths of all values.
func (m *matcher) measure(f *ir.Func) {
	for _, in := range f.Body {
		d := -1
		for _, a := range in.Args {
			if of, ok := m.depth[a]; ok {
				d = max(d, of)
			}
		}
		for _, g := range within(in) {
			switch a := g.Attrs.(type) {
			case ir.WeightAttrs:
				d = max(d, m.elementOf(a.Param))
			case ir.ReadAttrs:
				d = max(d, m.elementOf(a.State))
			}
		}
		for _, r := range in.Results {
			m.depth[r] = d
		}
	}
}

// within is an instruction, and those of its body.
func within(in *ir.Instr) []*ir.Instr {
	all := []*ir.Instr{in}
	if in.Body != nil {
		for _, g := range in.Body.Bodies() {
			all = append(all, g.Body...)
		}
	}
	return all
}

func (m *matcher) elementOf(p *ir.Param) int {
	if i, ok := m.element[p]; ok {
		return i
	}
	return -1
}

func (m *matcher) depthOf(v *ir.Value) int {
	if d, ok := m.depth[v]; ok {
		return d
	}
	return -1
}

// boundaries finds what elements make for the next one, if no other uses it.
func (m *matcher) boundaries(n int) bool {
	made := m.body.made
	for _, in := range m.body.fn.Body {
		if !slices.ContainsFunc(in.Results, func(v *ir.Value) bool { return made[v] > 0 }) {
			continue
		}
		d := m.depthOf(in.Results[0])
		for _, a := range in.Args {
			of := m.depthOf(a)
			switch {
			case of < 0 || of == d || a.Instr != nil && a.Instr.InMemory():
			case of != d-1:
				return false
			case !slices.Contains(m.outs[of], a):
				m.outs[of] = append(m.outs[of], a)
			}
		}
	}
	for _, r := range m.body.fn.Results {
		if d := m.depthOf(r.Value); d >= 0 && d < n-1 {
			return false
		}
	}
	for i := range n - 1 {
		// In the order in which they are made.
		slices.SortFunc(m.outs[i], func(a, b *ir.Value) int { return cmp.Compare(m.place(a), m.place(b)) })
		if len(m.outs[i]) != len(m.outs[0]) {
			return false
		}
	}
	m.inits = make([]*ir.Value, len(m.outs[0]))
	return true
}

// place is where a value is made.
func (m *matcher) place(v *ir.Value) int { return slices.Index(m.body.fn.Body, v.Instr) }

// writes are those of each element's states, in the order of their paths in it.
func (m *matcher) writes(n int) (of [][]ir.Write, ok bool) {
	of = make([][]ir.Write, n)
	for _, w := range m.body.fn.Writes {
		i, d := m.elementOf(w.State), m.depthOf(w.Value)
		switch {
		case i < 0 && d >= 0 && d < n-1, i >= 0 && d > i:
			return nil, false
		case i >= 0:
			of[i] = append(of[i], w)
		}
	}
	for i := range of {
		slices.SortFunc(of[i], func(a, b ir.Write) int { return cmp.Compare(m.within[a.State], m.within[b.State]) })
		if len(of[i]) != len(of[0]) {
			return nil, false
		}
		for k, w := range of[i] {
			if m.within[w.State] != m.within[of[0][k].State] {
				return nil, false
			}
		}
	}
	return of, true
}

// pairs compares each element with the next one. What the last one makes is what is like that
// which the one before makes.
func (m *matcher) pairs(n int, writes [][]ir.Write) bool {
	for i := range n - 1 {
		m.to = append(m.to, map[*ir.Value]*ir.Value{})
		for k, w := range writes[i] {
			if !m.alike(i, w.Value, writes[i+1][k].Value) {
				return false
			}
		}
		for k, u := range m.outs[i] {
			if i+1 < n-1 {
				if !m.alike(i, u, m.outs[i+1][k]) {
					return false
				}
				continue
			}
			found := false
			for _, in := range m.body.fn.Body {
				v := in.Results[0]
				if in.Op != u.Instr.Op || m.depthOf(v) != n-1 || m.body.made[v] == 0 {
					continue
				}
				before, inits, given := maps.Clone(m.to[i]), slices.Clone(m.inits), slices.Clone(m.given)
				if found = m.alike(i, u, v); found {
					m.outs[n-1] = append(m.outs[n-1], v)
					break
				}
				m.to[i], m.inits, m.given = before, inits, given
			}
			if !found {
				return false
			}
		}
	}
	return !slices.Contains(m.inits, nil)
}

// alike reports that u is to element i what v is to the next one.
func (m *matcher) alike(i int, u, v *ir.Value) bool {
	if k := slices.Index(m.outs[i], v); k >= 0 {
		if i > 0 {
			return slices.Index(m.outs[i-1], u) == k
		}
		if m.inits[k] == nil && m.depthOf(u) < 0 && u.Type.Equal(v.Type) {
			m.inits[k] = u
		}
		return m.inits[k] == u
	}
	if i > 0 && slices.Contains(m.outs[i-1], u) {
		return false
	}
	if before, ok := m.to[i][u]; ok {
		return before == v
	}
	if u == v && !fromNothing(u) {
		if !slices.Contains(m.given, u) {
			m.given = append(m.given, u)
		}
		return m.depthOf(u) < 0
	}
	x, y := u.Instr, v.Instr
	du, dv := m.depthOf(u), m.depthOf(v)
	if x == nil || y == nil || x.Op != y.Op || x.Device != y.Device || x.Body != nil || len(x.Args) != len(y.Args) ||
		slices.Index(x.Results, u) != slices.Index(y.Results, v) || !u.Type.Equal(v.Type) || !(du == i && dv == i+1 || du < 0 && dv < 0) {
		return false
	}
	var p, q *ir.Param
	switch a := x.Attrs.(type) {
	case ir.WeightAttrs:
		p, q = a.Param, y.Attrs.(ir.WeightAttrs).Param
	case ir.ReadAttrs:
		p, q = a.State, y.Attrs.(ir.ReadAttrs).State
	}
	if p != nil {
		return m.elementOf(p) == i && m.elementOf(q) == i+1 && m.within[p] == m.within[q] && m.pair(i, u, v)
	}
	if ir.AttrText(x.Attrs) != ir.AttrText(y.Attrs) || !m.pair(i, u, v) {
		return false
	}
	for k, a := range x.Args {
		if !m.alike(i, a, y.Args[k]) {
			return false
		}
	}
	return true
}

// pair notes that two values are alike.
func (m *matcher) pair(i int, u, v *ir.Value) bool {
	m.to[i][u] = v
	return true
}

// fromNothing reports that a value is made of numbers and indices alone.
func fromNothing(v *ir.Value) bool {
	in := v.Instr
	return in != nil && in.Body == nil && !in.InMemory() && !slices.ContainsFunc(in.Args, func(a *ir.Value) bool { return !fromNothing(a) })
}

// result is the repeat, if nothing else uses what is within the elements.
func (m *matcher) result(list *member, writes [][]ir.Write) *repeat {
	n := len(list.kids)
	inside := map[*ir.Instr]bool{}
	second := map[*ir.Instr]bool{}
	for i, to := range m.to {
		for u, v := range to {
			inside[u.Instr], inside[v.Instr] = true, true
			if i == 0 {
				second[v.Instr] = true
			}
		}
	}
	last := m.outs[n-1]
	for _, in := range m.body.fn.Body {
		if inside[in] || m.body.made[in.Results[0]] == 0 {
			continue
		}
		for _, a := range in.Args {
			if a.Instr != nil && inside[a.Instr] && m.depthOf(a) >= 0 && !slices.Contains(last, a) {
				return nil
			}
		}
	}
	r := &repeat{list: list, inits: m.inits, given: m.given, outs: last}
	for _, w := range writes {
		r.writes = append(r.writes, w...)
	}
	for _, res := range m.body.fn.Results {
		if inside[res.Value.Instr] && m.depthOf(res.Value) >= 0 && !slices.Contains(last, res.Value) {
			return nil
		}
	}
	for _, w := range m.body.fn.Writes {
		if m.elementOf(w.State) < 0 && inside[w.Value.Instr] && m.depthOf(w.Value) >= 0 && !slices.Contains(last, w.Value) {
			return nil
		}
	}
	r.args = slices.Concat(m.outs[0], m.given)
	r.fn = &ir.Func{Name: m.body.fn.Name, Inputs: r.args, Writes: writes[1]}
	for _, in := range m.body.fn.Body {
		if second[in] {
			r.fn.Body = append(r.fn.Body, in)
		}
	}
	outs := last
	if n > 2 {
		outs = m.outs[1]
	}
	for _, v := range outs {
		r.fn.Results = append(r.fn.Results, ir.Result{Type: v.Type, Value: v})
	}
	return r
}

// method is the name of the function of a block that does what a repeat's elements do.
func (b *bodyWriter) method(r *repeat) (string, error) {
	elem := r.list.kids[1]
	inner := &bodyWriter{writer: b.writer, fn: r.fn, indent: 2, mode: b.mode, prefix: elem.ref + ".", node: elem, made: b.made, hidden: map[string]bool{}, bases: maps.Clone(b.bases)}
	for _, k := range elem.kids {
		inner.hidden[k.name] = true
	}
	inner.clear()
	text, err := inner.asFunction(r.args, nil)
	if err != nil {
		return "", err
	}
	text = laidOut(text)
	block := elem.block
	if i := slices.IndexFunc(block.fns, func(f blockFn) bool { return f.text == text && len(f.sites) == 0 }); i >= 0 {
		return block.fns[i].name, nil
	}
	name := block.fnName(b.fn.Name)
	block.fns = append(block.fns, blockFn{name: name, text: text})
	return name, nil
}

// repeated writes the calls of a repeat.
func (b *bodyWriter) repeated(r *repeat) error {
	method, err := b.method(r)
	if err != nil {
		return err
	}
	for _, v := range r.given {
		if !b.terms[v].named {
			if err := b.bind(v); err != nil {
				return err
			}
		}
	}
	var names, args []string
	for i, v := range r.inits {
		name, err := b.carried(v, r.args[i], r.outs[i], false)
		if err != nil {
			return err
		}
		names = append(names, name)
	}
	args = slices.Clone(names)
	for _, v := range r.given {
		args = append(args, b.terms[v].text)
	}
	base := strings.TrimSuffix(r.list.name, "s")
	if base == r.list.name || base == "" {
		base = "layer"
	}
	each := b.variable(identifier(base, "layer"))
	callee := each
	if method != "forward" {
		callee += "." + method
	}
	line := callee + "(" + strings.Join(args, ", ") + ")"
	if len(names) > 0 {
		line = strings.Join(names, ", ") + " = " + line
	}
	head := fmt.Sprintf("for %s in %s {", each, strings.TrimPrefix(r.list.ref, b.prefix))
	lines := []string{head + " " + line + " }"}
	if len(lines[0]) > wide-2*b.indent {
		lines = []string{head, line, "}"}
	}
	b.out = append(b.out, statement{lines: lines})
	for _, v := range r.given {
		b.use(b.terms[v])
	}
	for i, v := range r.outs {
		b.hold(names[i], v)
	}
	return nil
}
