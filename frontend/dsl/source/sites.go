package source

import (
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

// siteOf is what a function computes with the params of a block, from the first to the last; nil
// if others take part in that, or if it depends on more than values.
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
