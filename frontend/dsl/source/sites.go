package source

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// What functions compute with the params of one block, and with nothing else of the model, is
// a function of that block, which they call.

// A site is such a part of a function.
type site struct {
	of     *member // a block
	in     *graph  // the function that it is part of
	body   map[*ir.Instr]bool
	inputs []*ir.Value
	twins  map[*ir.Value]*ir.Value // other values that are one of the inputs again
	out    *ir.Value
	fn     *ir.Func // it as a function
	mode   mode
	method string // that it calls
	used   bool
}

// A graph is a function, with who uses its values.
type graph struct {
	fn    *ir.Func
	made  map[*ir.Value]int
	users map[*ir.Value][]*ir.Instr
	kept  map[*ir.Value]bool
	fixed map[*ir.Value]bool  // what is made of weights and numbers alone; true: of numbers
	owner map[*ir.Instr]*site // what sites consist of
	calls map[*ir.Instr]*site // by what makes their results
	mode  mode
}

func graphOf(fn *ir.Func, made map[*ir.Value]int, m mode) *graph {
	g := &graph{fn: fn, made: made, users: map[*ir.Value][]*ir.Instr{}, kept: map[*ir.Value]bool{}, fixed: map[*ir.Value]bool{}, owner: map[*ir.Instr]*site{}, calls: map[*ir.Instr]*site{}, mode: m}
	for _, in := range fn.Body {
		if !g.live(in) {
			continue
		}
		_, weight := in.Attrs.(ir.WeightAttrs)
		fixed, number := in.Body == nil && (weight || !in.InMemory()), !weight
		for _, a := range in.Args {
			g.users[a] = append(g.users[a], in)
			of, ok := g.fixed[a]
			fixed, number = fixed && ok, number && of
		}
		for _, v := range in.Results {
			if fixed {
				g.fixed[v] = number
			}
		}
	}
	for _, v := range fn.Kept() {
		g.kept[v] = true
	}
	return g
}

func (g *graph) live(in *ir.Instr) bool {
	return slices.ContainsFunc(in.Results, func(v *ir.Value) bool { return g.made[v] > 0 })
}

// findSites finds the sites of the module. Blocks that others have members of come behind these.
func (w *writer) findSites() {
	for _, f := range w.module.Funcs {
		fs := slices.DeleteFunc(slices.Clone(w.module.Funcs), func(g *ir.Func) bool { return g.Name != f.Name })
		g := graphOf(f, makings(f), commonMode(fs, w.mode))
		w.graphs[f] = g
		w.sitesIn(g, w.root)
	}
	for _, level := range w.levels() {
		grow(level)
		for _, b := range level {
			for _, s := range b.sites {
				s.in.calls[s.out.Instr] = s
				s.fn = s.function()
				g := graphOf(s.fn, s.in.made, s.mode)
				w.graphs[s.fn] = g
				w.sitesIn(g, s.of)
			}
		}
	}
}

// levels are the blocks by how deep they are in others.
func (w *writer) levels() (levels [][]*blockDecl) {
	deepest := map[*blockDecl]int{}
	var visit func(m *member, depth int)
	visit = func(m *member, depth int) {
		if m.block != nil {
			deepest[m.block] = max(deepest[m.block], depth)
			depth++
		}
		for _, k := range m.kids {
			visit(k, depth)
		}
	}
	visit(w.root, 0)
	for _, b := range w.order {
		for deepest[b] >= len(levels) {
			levels = append(levels, nil)
		}
		levels[deepest[b]] = append(levels[deepest[b]], b)
	}
	return levels
}

// sitesIn finds the sites of the blocks among the members of m, or of their own members where
// they have none.
func (w *writer) sitesIn(g *graph, m *member) {
	for _, k := range m.kids {
		if k.block != nil {
			if s := w.siteOf(g, k); s != nil {
				k.block.sites = append(k.block.sites, s)
				continue
			}
		}
		w.sitesIn(g, k)
	}
}

// siteOf is what a function computes with the params of a block, from the first to the last; nil if others take
// part in that, or if it depends on more than values.
func (w *writer) siteOf(g *graph, m *member) *site {
	params := w.paramsOf(m, "")
	s := &site{of: m, in: g, body: map[*ir.Instr]bool{}, mode: g.mode}
	for p := range params {
		if p.State {
			return nil
		}
	}
	down, up := map[*ir.Instr]bool{}, map[*ir.Instr]bool{}
	own := map[*ir.Value]bool{} // made of its params alone
	for _, in := range g.fn.Body {
		if !g.live(in) {
			continue
		}
		if p := weightOf(in.Results[0]); p != nil {
			_, own[in.Results[0]] = params[p]
			continue
		}
		uses, all := false, true
		for _, a := range in.Args {
			uses = uses || own[a]
			all = all && (own[a] || g.fixed[a])
			down[in] = down[in] || a.Instr != nil && down[a.Instr]
		}
		switch {
		case uses && in.Body != nil:
			return nil
		case uses && all:
			own[in.Result()] = true
			delete(down, in)
		case uses:
			down[in], up[in] = true, true
		}
	}
	for _, in := range slices.Backward(g.fn.Body) {
		for _, v := range in.Results {
			up[in] = up[in] || slices.ContainsFunc(g.users[v], func(u *ir.Instr) bool { return up[u] })
		}
	}
	for _, in := range g.fn.Body {
		if !g.live(in) {
			continue
		}
		if len(in.Results) == 1 && own[in.Results[0]] || down[in] && up[in] {
			s.body[in] = true
		}
	}
	for in := range s.body {
		if in.Body != nil || in.Op.Kind != ir.KindKernel && len(in.Results) > 1 {
			return nil
		}
		if m, ok := s.mode.and(modeOf(in)); !ok || m != s.mode {
			return nil
		}
		for _, v := range in.Results {
			if own[v] && (g.kept[v] || slices.ContainsFunc(g.users[v], func(u *ir.Instr) bool { return !s.body[u] })) {
				return nil
			}
		}
		for _, a := range in.Args {
			if a.Instr != nil && !s.body[a.Instr] && !g.movable(a) && !g.fixed[a] {
				return nil
			}
		}
	}
	s.takes()
	return s
}

// movable reports that a value can be an argument: it is made of more than weights and numbers.
func (g *graph) movable(v *ir.Value) bool {
	_, fixed := g.fixed[v]
	return !fixed
}

// takes finds what a site takes from outside.
func (s *site) takes() {
	s.inputs, s.twins = nil, map[*ir.Value]*ir.Value{}
	for _, in := range s.in.fn.Body {
		if !s.body[in] {
			continue
		}
		for _, a := range in.Args {
			if a.Instr != nil && s.body[a.Instr] || s.in.fixed[a] || slices.Contains(s.inputs, a) {
				continue
			}
			if i := slices.IndexFunc(s.inputs, func(v *ir.Value) bool { return again(v, a) }); i >= 0 {
				s.twins[a] = s.inputs[i]
			} else {
				s.inputs = append(s.inputs, a)
			}
		}
	}
}

// again reports that two values are computed alike of the same.
func again(v, w *ir.Value) bool {
	x, y := v.Instr, w.Instr
	return x != nil && y != nil && x.Body == nil && len(x.Results) == 1 && x.Op == y.Op && x.Device == y.Device &&
		slices.Equal(x.Args, y.Args) && ir.AttrText(x.Attrs) == ir.AttrText(y.Attrs)
}

// gives are the values of a site that others use.
func (s *site) gives() (outs []*ir.Value) {
	for _, in := range s.in.fn.Body {
		if !s.body[in] {
			continue
		}
		for _, v := range in.Results {
			if s.in.kept[v] || slices.ContainsFunc(s.in.users[v], func(u *ir.Instr) bool { return !s.body[u] }) {
				outs = append(outs, v)
			}
		}
	}
	return outs
}

// free reports that an instruction may become part of a site: it needs no weights, and is part
// of no other.
func (s *site) free(in *ir.Instr) bool {
	if in == nil || s.body[in] || !s.in.live(in) || s.in.owner[in] != nil || in.Body != nil || len(in.Results) > 1 || in.InMemory() ||
		!s.in.movable(in.Result()) || slices.ContainsFunc(in.Args, func(a *ir.Value) bool { return !s.in.movable(a) && !s.in.fixed[a] }) {
		return false
	}
	m, ok := s.mode.and(modeOf(in))
	return ok && m == s.mode
}

// A step is instructions that a site may have too.
type step []*ir.Instr

// ops are the operations of a step, with the numbers that are not whole.
func (st step) ops() (ops string) {
	for _, in := range st {
		ops += " " + in.Op.Name
		for _, a := range in.Args {
			ops += numbersOf(a)
		}
	}
	return ops
}

// numbersOf are the numbers that a value is made of, if these are constant and not whole.
func numbersOf(v *ir.Value) (text string) {
	in := v.Instr
	if in == nil || !fromNothing(v) {
		return ""
	}
	if a, ok := in.Attrs.(ir.ConstAttrs); ok && a.Value != math.Trunc(a.Value) {
		return fmt.Sprintf(" %v", a.Value)
	}
	for _, a := range in.Args {
		text += numbersOf(a)
	}
	return text
}

// behind are the next steps, in order, behind what a site computes: instructions of its results and of what
// it takes.
func (s *site) behind() (steps []step) {
	grown := maps.Clone(s.body)
	for _, in := range s.in.fn.Body {
		if !s.free(in) || grown[in] || len(steps) == longest {
			continue
		}
		ofIt, st, ok := false, step{}, true
		for _, a := range in.Args {
			switch {
			case a.Instr != nil && grown[a.Instr]:
				ofIt = true
			case s.in.fixed[a] || slices.Contains(s.inputs, a):
			default:
				ok = ok && s.beside(a, &st)
			}
		}
		if !ok || !ofIt {
			continue
		}
		st = append(st, in)
		for _, x := range st {
			grown[x] = true
		}
		steps = append(steps, st)
	}
	return steps
}

// longest is how many steps a site may have behind it.
const longest = 12

// beside adds what makes v of what a site takes, if nothing else needs it.
func (s *site) beside(v *ir.Value, st *step) bool {
	if v.Instr == nil || !s.free(v.Instr) || s.in.kept[v] || len(s.in.users[v]) != 1 || len(*st) > 3 {
		return false
	}
	for _, a := range v.Instr.Args {
		if !s.in.fixed[a] && !slices.Contains(s.inputs, a) && !s.beside(a, st) {
			return false
		}
	}
	*st = append(*st, v.Instr)
	return true
}

// before is what makes one of the values that a site takes, of no more values than it takes now,
// if nothing else needs it; nil: there is none.
func (s *site) before() step {
	for _, v := range s.inputs {
		in := v.Instr
		if !s.free(in) || s.in.kept[v] || slices.ContainsFunc(s.in.users[v], func(u *ir.Instr) bool { return !s.body[u] }) {
			continue
		}
		others := 0
		for i, a := range in.Args {
			if !s.in.fixed[a] && !slices.Contains(s.inputs, a) && !slices.Contains(in.Args[:i], a) {
				others++
			}
		}
		if others <= 1 {
			return step{in}
		}
	}
	return nil
}

func (s *site) add(st step) {
	for _, in := range st {
		s.body[in], s.in.owner[in] = true, s
	}
	s.takes()
}

// grow makes the sites of blocks larger as long as all of a block agree, and leaves those that
// have one result. What two blocks could have goes to the one that there is more of, and else to
// the one that it is behind.
func grow(blocks []*blockDecl) {
	own := func(s *site) bool {
		for in := range s.body {
			if s.in.owner[in] != nil {
				return false
			}
		}
		for in := range s.body {
			s.in.owner[in] = s
		}
		return true
	}
	for _, b := range blocks {
		b.sites = slices.DeleteFunc(b.sites, func(s *site) bool { return !own(s) })
	}
	often := slices.SortedStableFunc(slices.Values(blocks), func(a, b *blockDecl) int { return cmp.Compare(len(b.sites), len(a.sites)) })
	for _, b := range often {
		for b.growBehind() || b.growBefore() {
		}
	}
	for _, b := range blocks {
		b.sites = slices.DeleteFunc(b.sites, func(s *site) bool {
			outs := s.gives()
			if len(outs) == 1 {
				s.out = outs[0]
			}
			return len(outs) != 1
		})
	}
}

// growBefore adds one instruction before all sites.
func (b *blockDecl) growBefore() bool {
	var next []step
	for _, s := range b.sites {
		next = append(next, s.before())
		if next[0] == nil || next[len(next)-1].ops() != next[0].ops() {
			return false
		}
	}
	for i, s := range b.sites {
		s.add(next[i])
	}
	return len(b.sites) > 0
}

// growBehind adds as many steps behind all sites as leave one result of each.
func (b *blockDecl) growBehind() bool {
	var all [][]step
	n := longest
	for _, s := range b.sites {
		steps := s.behind()
		all = append(all, steps)
		n = min(n, len(steps))
		for i, st := range steps[:n] {
			if st.ops() != all[0][i].ops() {
				n = i
				break
			}
		}
	}
	for ; n > 0; n-- {
		single := true
		for i, s := range b.sites {
			t := *s
			t.body = maps.Clone(s.body)
			for _, st := range all[i][:n] {
				for _, in := range st {
					t.body[in] = true
				}
			}
			single = single && len(t.gives()) == 1
		}
		if single {
			break
		}
	}
	for i, s := range b.sites {
		for _, st := range all[i][:n] {
			s.add(st)
		}
	}
	return n > 0 && len(b.sites) > 0
}

// function is a site as a function of its own.
func (s *site) function() *ir.Func {
	f := &ir.Func{Name: s.in.fn.Name, Inputs: s.inputs, Results: []ir.Result{{Type: s.out.Type, Value: s.out}}}
	for _, in := range s.in.fn.Body {
		if s.body[in] || len(in.Results) == 1 && s.in.fixed[in.Results[0]] {
			f.Body = append(f.Body, in)
		}
	}
	return f
}
