package source

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// The blocks of a file. The paths of params are a tree: what is in it several times, and what
// is an element of a list, is a block; all else stands in the file.

// A member is a node of the tree: a param, a layer of the library, a list, or a block.
type member struct {
	step  string // of the path, below the block that it is in; it may be several
	name  string
	ref   string // the expression that it is, in an entry
	param *ir.Param
	layer *layer
	kids  []*member
	shape string // equal for blocks that are the same but for whole numbers
	exact string // and with these
	row   string // what the steps of the members begin with, if these are equal blocks and the rest numbers
	seq   bool   // a list that is a block
	block *blockDecl
	nth   int     // of those that are made of the block
	list  *member // that it is an element of
	index int     // of it
}

// tree arranges the params and layers of a module.
func (w *writer) tree() {
	w.root = &member{}
	placed := map[*layer]bool{}
	for _, p := range w.module.Params {
		if p.Of != nil && p.Of.Index > 0 {
			continue // it is part of the one before
		}
		path, leaf := p.Path, &member{param: p}
		if l := w.layers[path[:max(strings.LastIndexByte(path, '.'), 0)]]; l != nil {
			if placed[l] {
				continue
			}
			placed[l] = true
			path, leaf = l.path, &member{layer: l}
		}
		w.root.insert(path, leaf)
	}
	w.root.collapse()
	count := map[string]int{}
	w.shapes(w.root, count)
	w.root.sequences(count)
	w.root.flatten(count)
	w.shapes(w.root, map[string]int{})
	w.declare(w.root, map[string]bool{}, w.bareConv())
}

// insert puts a leaf into the tree.
func (m *member) insert(path string, leaf *member) {
	steps := strings.Split(path, ".")
	if slices.Contains(steps, "") { // which `at` would leave out
		steps = []string{path}
	}
	for n := range steps[:len(steps)-1] {
		step := steps[n]
		i := slices.IndexFunc(m.kids, func(k *member) bool { return k.step == step })
		if i >= 0 && m.kids[i].kids == nil {
			steps = []string{strings.Join(steps[n:], ".")}
			break
		}
		if i < 0 {
			i = len(m.kids)
			m.kids = append(m.kids, &member{step: step})
		}
		m = m.kids[i]
	}
	leaf.step = steps[len(steps)-1]
	m.kids = append(m.kids, leaf)
}

// isList reports that a node is a list: its steps begin with numbers, and no param is one of
// them.
func (m *member) isList() bool {
	return m.row != "" || !m.seq && len(m.kids) > 0 && !slices.ContainsFunc(m.kids, func(k *member) bool {
		step, _, _ := strings.Cut(k.step, ".")
		_, err := strconv.ParseUint(step, 10, 31)
		return err != nil || k.param != nil
	})
}

// sequences makes blocks of lists of layers and blocks that are elements of lists, if there are
// several of one shape.
func (m *member) sequences(count map[string]int) {
	for _, k := range m.kids {
		k.sequences(count)
		k.seq = m.isList() && k.isList() && k.row == "" && len(k.kids) > 1 && count[k.shape] > 1 &&
			!slices.ContainsFunc(k.kids, (*member).isList)
	}
}

// rowOf is what the steps of at least three equal members begin with that numbers follow which
// count up; else empty.
func (m *member) rowOf() string {
	if len(m.kids) < 3 {
		return ""
	}
	prefix := strings.TrimRight(m.kids[0].step, "0123456789")
	first, err := strconv.Atoi(m.kids[0].step[len(prefix):])
	for i, k := range m.kids {
		if err != nil || k.param != nil || k.exact != m.kids[0].exact || k.step != prefix+strconv.Itoa(first+i) {
			return ""
		}
	}
	return prefix
}

// collapse joins a node that has one only to that one.
func (m *member) collapse() {
	for i, k := range m.kids {
		for len(k.kids) == 1 && (!k.isList() || k.kids[0].layer != nil) {
			k.kids[0].step = k.step + "." + k.kids[0].step
			k = k.kids[0]
		}
		m.kids[i] = k
		k.collapse()
	}
}

// shapes finds what is equal, and counts it.
func (w *writer) shapes(m *member, count map[string]int) {
	switch {
	case m.layer != nil:
		m.exact = m.layer.make
		m.shape = skeleton(m.exact)
	case m.param != nil:
		p := m.param
		rest := fmt.Sprintf(" %v %v %v", p.State, w.turned[p], p.Of)
		if p.Init != nil {
			rest += initText(p.Init, p.Type.Shape)
		}
		m.exact = p.Type.String() + rest
		m.shape = skeleton(p.Type.String()) + rest
	default:
		var shapes, exact []string
		for _, k := range m.kids {
			w.shapes(k, count)
			shapes, exact = append(shapes, k.step+": "+k.shape), append(exact, k.step+": "+k.exact)
		}
		m.shape, m.exact = "{"+strings.Join(shapes, ", ")+"}", "{"+strings.Join(exact, ", ")+"}"
		m.row = m.rowOf()
		count[m.shape]++
	}
}

// flatten puts the members of a node that is nothing by itself into the one that it is in.
func (m *member) flatten(count map[string]int) {
	var kids []*member
	for _, k := range m.kids {
		k.flatten(count)
		if k.kids != nil && !k.isList() && !m.isList() && count[k.shape] < 2 {
			for _, inner := range k.kids {
				inner.step = k.step + "." + inner.step
				kids = append(kids, inner)
			}
		} else {
			kids = append(kids, k)
		}
	}
	m.kids = kids
}

// declare gives the members of a node their names, and blocks to those that are some. Where no
// convolution is bare, a layer may be called conv.
func (w *writer) declare(m *member, taken map[string]bool, bare bool) {
	list := m.isList() && m != w.root
	if m.seq {
		m.nameLayers(w.reserved)
	}
	for i, k := range m.kids {
		if list {
			k.ref = fmt.Sprintf("%s[%d]", m.ref, i)
			k.list, k.index = m, i
		} else {
			if k.name == "" {
				k.name = k.shortName(func(name string) bool {
					return !taken[name] && (!w.reserved[name] || name == "conv" && !bare)
				})
			}
			taken[k.name] = true
			k.ref = k.name
			if m.ref != "" {
				k.ref = m.ref + "." + k.name
			}
		}
		if k.param != nil {
			w.params[k.param] = k.ref
		}
		if k.layer != nil {
			w.calls[k.layer] = k.ref
		}
		inner := map[string]bool{}
		if k.isList() {
			inner = taken
		}
		w.declare(k, inner, bare)
		if k.kids != nil && !k.isList() {
			k.block = w.blockOf(k, m)
		}
	}
}

// bareConv reports that the module has a convolution that is not that of a layer, which is written
// as the function conv.
func (w *writer) bareConv() bool {
	of := func(in *ir.Instr) bool {
		return slices.ContainsFunc(slices.Collect(maps.Values(w.layers)), func(l *layer) bool { return l.inside[in] })
	}
	for _, f := range w.module.Bodies() {
		if slices.ContainsFunc(f.Body, func(in *ir.Instr) bool { return in.Op.Name == "conv" && !of(in) }) {
			return true
		}
	}
	return false
}

// nameLayers names the layers of a list by what they are, with a number if there are several.
func (m *member) nameLayers(reserved map[string]bool) {
	count, n := map[string]int{}, map[string]int{}
	for _, k := range m.kids {
		if k.layer != nil {
			count[k.layer.kind()]++
		}
	}
	for _, k := range m.kids {
		if k.layer == nil {
			continue
		}
		kind := k.layer.kind()
		n[kind]++
		if k.name = kind; count[kind] > 1 || reserved[kind] {
			k.name = fmt.Sprintf("%s%d", kind, n[kind])
		}
	}
}

// shortName is a name that is free, of the last steps of a path: of one if that tells enough.
func (m *member) shortName(free func(name string) bool) string {
	steps := strings.Split(m.step, ".")
	if m.layer != nil {
		for n := len(steps) - 1; n > 0 && isNumber(steps[n]); n-- { // the only element of a list
			steps = steps[:n]
		}
		if name := identifier(steps[0], ""); len(steps) == 1 && free(name) && !isNumber(name) {
			return name
		}
	}
	n := len(steps) - 1
	if m.param != nil {
		n = max(0, n-1)
	}
	for ; n > 0; n-- {
		if name := identifier(strings.Join(steps[n:], "_"), "m"); free(name) && steps[n] != "" && (steps[n][0] < '0' || steps[n][0] > '9') {
			return name
		}
	}
	base := identifier(strings.Join(steps, "_"), "m")
	if m.param != nil {
		base = identifier(m.step, "w")
	}
	name := base
	for n := 2; !free(name); n++ {
		name = fmt.Sprintf("%s_%d", base, n)
	}
	return name
}

func isNumber(step string) bool {
	_, err := strconv.ParseUint(step, 10, 31)
	return err == nil
}

// counted are names with a number behind, which tells the members of a row apart; 1x1 is none.
var counted = regexp.MustCompile(`^(.*[A-Za-z]|.*[^x\d]_)\d+$`)

// blockOf is the block that a node is made of. It has the name of the node, or of the list that
// this is in.
func (w *writer) blockOf(m, in *member) *blockDecl {
	if b := w.blocks[m.shape]; b != nil {
		m.nth = len(b.made)
		b.made = append(b.made, m)
		return b
	}
	base := m.step
	if _, err := strconv.Atoi(base); err == nil {
		base = strings.TrimSuffix(in.step, "s")
	}
	if in.row != "" {
		base = in.row
	}
	base = base[strings.LastIndexByte(base, '.')+1:]
	if m := counted.FindStringSubmatch(base); m != nil {
		base = m[1]
	}
	name := ""
	for _, part := range strings.FieldsFunc(base, func(r rune) bool { return r == '_' || r == '.' || r == '-' }) {
		name += strings.ToUpper(part[:1]) + part[1:]
	}
	name = identifier(name, "Block")
	unique := name
	for n := 2; w.reserved[unique]; n++ {
		unique = fmt.Sprintf("%s%d", name, n)
	}
	w.reserved[unique] = true
	b := &blockDecl{name: unique, made: []*member{m}}
	w.blocks[m.shape] = b
	w.order = append(w.order, b)
	return b
}

// declarations are the lines that declare members.
func (w *writer) declarations(kids []*member) []string {
	var lines []string
	for _, k := range kids {
		if k.param != nil {
			lines = append(lines, w.declared(k))
			continue
		}
		value := strings.Split(k.value(), "\n")
		value[0] = k.name + " = " + value[0]
		if k.step != k.name {
			value[len(value)-1] += " at " + strconv.Quote(k.step)
		}
		lines = append(lines, value...)
	}
	return lines
}

// value is what makes a member. It may be several lines.
func (m *member) value() string {
	switch {
	case m.layer != nil:
		return m.layer.make
	case m.block != nil:
		return called(m.block.name, m.block.args(m.nth)).text
	}
	var items []string
	equal := true
	for i, k := range m.kids {
		item := k.value()
		equal = equal && item == m.kids[0].value() && k.step == strconv.Itoa(i)
		if k.step != strconv.Itoa(i) {
			item += " at " + strconv.Quote(k.step)
		}
		items = append(items, item)
	}
	if m.row != "" {
		first, _ := strconv.Atoi(m.kids[0].step[len(m.row):])
		return fmt.Sprintf("[%s at %q for i in %d..%d]", m.kids[0].value(), m.row+"{i}", first, first+len(m.kids))
	}
	if equal && len(items) > 1 {
		return fmt.Sprintf("[%s for i in 0..%d]", m.kids[0].value(), len(items))
	}
	if one := "[" + strings.Join(items, ", ") + "]"; len(shortLayers(one)) < wide-20 {
		return one
	}
	return "[\n" + strings.Join(items, ",\n") + "\n]"
}
