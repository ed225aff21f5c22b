package source

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// The blocks of the file. What those that are made of one differ in are numbers, which are its
// parameters: sizes, strides and the like.

// A blockDecl is a block of the file.
type blockDecl struct {
	name   string
	made   []*member // of it
	sites  []*site
	params []column // values are by what is made of it
	lines  []string // the declarations of its members
	fns    []blockFn
}

// A blockFn is a function of a block.
type blockFn struct {
	name, text string // the text without the name
	sites      []*site
}

// used reports that something calls the function.
func (f *blockFn) used() bool {
	return len(f.sites) == 0 || slices.ContainsFunc(f.sites, func(s *site) bool { return s.used })
}

// args are the arguments of one that is made of the block.
func (b *blockDecl) args(nth int) []string {
	var args []string
	for _, p := range b.params {
		args = append(args, strconv.FormatInt(p.values[nth], 10))
	}
	return args
}

// settle writes the members and the functions of blocks.
func (w *writer) settle() error {
	for _, b := range w.order {
		var texts []string
		for _, m := range b.made {
			texts = append(texts, strings.Join(w.declarations(m.kids), "\n"))
		}
		p := patternOf(texts)
		places := p.places()
		for i := range p.tokens {
			if values := p.holes[i]; values != nil {
				name, small := w.role(places[i])
				by := slices.DeleteFunc(slices.Clone(b.params), func(c column) bool { return c.small != small })
				text, operator, ok := said(values, by)
				if !ok {
					text, operator = w.param(b, name, values, small, p), false
				}
				p.fill(i, text, operator)
			}
		}
		b.lines = strings.Split(shortLayers(p.text()), "\n")
		if err := w.methods(b); err != nil {
			return err
		}
	}
	return nil
}

// roles are what the library calls arguments that stand by their place.
var roles = map[string][]string{
	"nn.Linear": {"in", "out"}, "nn.Conv2d": {"in", "out", "k"}, "nn.Conv1d": {"in", "out", "k"}, "nn.Embedding": {"n", "width"},
	"nn.LayerNorm": {"D"}, "nn.RMSNorm": {"D"}, "nn.BatchNorm": {"C"}, "nn.GroupNorm": {"groups", "C"},
}

// role is what an argument at a place is called, and whether it counts no elements.
func (w *writer) role(at place) (name string, small bool) {
	name = at.name
	if of := roles[at.callee]; name == "" && at.n < len(of) {
		name = of[at.n]
	}
	for _, b := range w.order {
		if b.name == at.callee && at.n < len(b.params) {
			return b.params[at.n].name, b.params[at.n].small
		}
	}
	switch name {
	case "":
		return "n", false
	case "pad":
		return "padding", true
	}
	return name, name == "k" || name == "stride" || name == "dilation"
}

// has reports that a text has a name, but for those of arguments.
func (p *pattern) has(name string) bool {
	for i, t := range p.tokens {
		if t == name && (i+1 == len(p.tokens) || p.tokens[i+1] != "=") {
			return true
		}
	}
	return false
}

// param adds a parameter to a block. Its name is none that the text has.
func (w *writer) param(b *blockDecl, base string, values []int64, small bool, text *pattern) string {
	name := base
	for n := 2; w.reserved[name] || text.has(name) || slices.ContainsFunc(b.params, func(c column) bool { return c.name == name }) ||
		slices.ContainsFunc(b.made[0].kids, func(k *member) bool { return k.name == name }); n++ {
		name = fmt.Sprintf("%s_%d", base, n)
	}
	b.params = append(b.params, column{name: name, values: values, small: small})
	return name
}

// text is the block.
func (b *blockDecl) text() string {
	var params, parts []string
	for _, p := range b.params {
		params = append(params, p.name+": int")
	}
	parts = append(parts, called("block "+b.name, params).text+" {", strings.Join(b.lines, "\n"))
	for _, f := range b.fns {
		if f.used() {
			parts = append(parts, "\nfn "+f.name+f.text)
		}
	}
	return strings.Join(append(parts, "}\n"), "\n")
}

// fnName is a name that no other function or member of a block has.
func (b *blockDecl) fnName(otherwise string) string {
	taken := func(name string) bool {
		return slices.ContainsFunc(b.fns, func(f blockFn) bool { return f.name == name }) || slices.ContainsFunc(b.made[0].kids, func(k *member) bool { return k.name == name })
	}
	name := "forward"
	for n := 1; taken(name); n++ {
		name = otherwise
		if n > 1 {
			name = fmt.Sprintf("%s_%d", otherwise, n)
		}
	}
	return name
}

// methods makes functions of what the sites of a block compute: one of all that differ in
// numbers alone, as far as these follow from those that the function knows.
func (w *writer) methods(b *blockDecl) error {
	var groups [][]*site
	plain, named := map[*site]string{}, map[*site]string{}
	for _, s := range b.sites {
		var err error
		if plain[s], err = w.siteText(s, true); err != nil {
			return err
		}
		if named[s], err = w.siteText(s, false); err != nil {
			return err
		}
		i := slices.IndexFunc(groups, func(g []*site) bool { return skeleton(plain[g[0]]) == skeleton(plain[s]) })
		if i < 0 {
			i, groups = len(groups), append(groups, nil)
		}
		groups[i] = append(groups[i], s)
	}
	for _, sites := range groups {
		texts := named
		if slices.ContainsFunc(sites, func(s *site) bool { return skeleton(named[s]) != skeleton(named[sites[0]]) }) {
			texts = plain
		}
		if w.general(b, sites, texts) {
			continue
		}
		for len(sites) > 0 {
			text := texts[sites[0]]
			alike := func(s *site) bool { return texts[s] == text }
			same := slices.DeleteFunc(slices.Clone(sites), func(s *site) bool { return !alike(s) })
			sites = slices.DeleteFunc(sites, alike)
			b.method(text, same)
		}
	}
	return nil
}

// method adds a function that sites call.
func (b *blockDecl) method(text string, sites []*site) {
	name := b.fnName(sites[0].fn.Name)
	b.fns = append(b.fns, blockFn{name, laidOut(text), sites})
	for _, s := range sites {
		s.method = name
	}
}

// general makes one function of sites whose texts differ in numbers. It reports whether that is
// possible.
func (w *writer) general(b *blockDecl, sites []*site, texts map[*site]string) bool {
	var all []string
	for _, s := range sites {
		all = append(all, texts[s])
	}
	p := patternOf(all)
	places := p.places()
	first := false // channels are, in the type that is looked at
	by := func(c column) column {
		values := make([]int64, len(sites))
		for i, s := range sites {
			values[i] = c.values[s.of.nth]
		}
		c.values = values
		return c
	}
	var known []column
	for _, c := range b.params {
		if c = by(c); !c.small {
			known = append(known, c)
		}
	}
	params := slices.Clone(b.params)
	head := closing(p.tokens)
	body := slices.Index(p.tokens, "{")
	for i := range p.tokens {
		values := p.holes[i]
		if values == nil {
			continue
		}
		at := places[i]
		axis := axisOf(at, first)
		usable := slices.DeleteFunc(slices.Clone(known), func(c column) bool { return c.axis != "" && (!at.brackets || i < head && c.axis != axis) })
		text, operator, ok := said(values, slices.DeleteFunc(slices.Clone(usable), func(c column) bool { return c.axis != "" && c.axis != axis }))
		if !ok {
			text, operator, ok = said(values, usable)
		}
		if i < head && at.rank == 4 && at.n == 1 {
			first = ok
		}
		switch {
		case ok && (operator || strings.HasPrefix(text, "div(")):
			known = append(known, column{name: text, operator: operator, values: values, axis: axis})
		case ok:
		case i < head && at.brackets && p.alone(i):
			text = w.axisName(b, axis, p, known)
			known = append(known, column{name: text, values: values, axis: axis})
		case i > head && i < body: // the type of the result follows from what is computed
			for k := head + 1; k < body; k++ {
				p.tokens[k] = ""
				delete(p.holes, k)
			}
			p.tokens[head+1] = " "
			continue
		default:
			of, one := b.each(sites, values)
			if !one {
				b.params = params
				return false
			}
			text = w.param(b, "n", of, false, p)
			known = append(known, by(b.params[len(b.params)-1]))
		}
		p.fill(i, text, operator)
	}
	b.method(p.text(), sites)
	return true
}

// each is the number that each of what is made of a block has at all its sites; ok is false if
// one has none, or several.
func (b *blockDecl) each(sites []*site, values []int64) (of []int64, ok bool) {
	of = make([]int64, len(b.made))
	seen := make([]bool, len(b.made))
	for i, s := range sites {
		n := s.of.nth
		if seen[n] && of[n] != values[i] {
			return nil, false
		}
		of[n], seen[n] = values[i], true
	}
	return of, !slices.Contains(seen, false)
}

// closing is the token that closes the first parenthesis.
func closing(tokens []string) int {
	depth := 0
	for i, t := range tokens {
		switch t {
		case "(":
			depth++
		case ")":
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(tokens)
}

// axisOf is what a size of a type is called: of a picture, whose channels may come first, of a
// sequence, or of anything.
func axisOf(at place, first bool) string {
	names := map[int]string{2: "NC", 3: "NTC", 4: "NHWC"}[at.rank]
	if first && at.rank == 4 {
		names = "NCHW"
	}
	if at.n < len(names) {
		return names[at.n : at.n+1]
	}
	return "N"
}

// axisName is a name for a size that the type of an argument binds.
func (w *writer) axisName(b *blockDecl, base string, p *pattern, known []column) string {
	name := base
	for n := 2; w.reserved[name] || w.meant[name] || p.has(name) || slices.ContainsFunc(known, func(c column) bool { return c.name == name }) ||
		slices.ContainsFunc(b.made[0].kids, func(k *member) bool { return k.name == name }); n++ {
		name = fmt.Sprintf("%s_%d", base, n)
	}
	return name
}

// siteText is a site as a function. In plain text values have no names of their own.
func (w *writer) siteText(s *site, plain bool) (string, error) {
	inner := &bodyWriter{writer: w, fn: s.fn, graph: w.graphs[s.fn], indent: 2, mode: s.mode, prefix: s.of.ref + ".", node: s.of, made: s.in.made,
		hidden: map[string]bool{}, plain: plain, loose: true}
	for _, k := range s.of.kids {
		inner.hidden[k.name] = true
	}
	for _, p := range s.of.block.params {
		inner.hidden[p.name] = true
	}
	inner.clear()
	return inner.asFunction(s.inputs, s.twins)
}

// asFunction is the text of a function of the arguments, some of which have twins, without its
// name.
func (b *bodyWriter) asFunction(args []*ir.Value, twins map[*ir.Value]*ir.Value) (string, error) {
	var params, results []string
	b.left = map[*ir.Value]int{}
	b.nameInputs()
	for i, v := range args {
		b.left[v] = 1 // its name is taken
		base := b.base(v)
		if b.plain {
			base = "xyzuvw"[min(i, 5) : min(i, 5)+1]
		}
		name := b.variable(base)
		b.hold(name, v)
		params = append(params, name+": "+typeText(v.Type))
	}
	for v, arg := range twins {
		b.terms[v] = b.terms[arg]
	}
	lines, err := b.lines()
	if err != nil {
		return "", err
	}
	for _, r := range b.fn.Results {
		results = append(results, typeText(r.Type))
	}
	head := "(" + strings.Join(params, ", ") + ") "
	switch len(results) {
	case 0:
	case 1:
		head += "-> " + results[0] + " "
	default:
		head += "-> (" + strings.Join(results, ", ") + ") "
	}
	return head + "{\n" + strings.Join(lines, "\n") + "\n}", nil
}

// laidOut is the text of a function in lines that can be read.
func laidOut(text string) string {
	lines := strings.Split(text, "\n")
	if len(lines) == 3 && len(text) < wide-12 {
		return strings.Join(lines, " ")
	}
	if i := strings.Index(lines[0], ") -> ") + 1; i > 0 && len(lines[0]) > wide-16 {
		lines = slices.Insert(lines, 1, lines[0][i+1:])
		lines[0] = lines[0][:i]
	}
	var out []string
	for _, l := range lines {
		out = append(out, wrapped(l, 2)...)
	}
	return strings.Join(out, "\n")
}
