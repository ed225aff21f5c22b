// Package source writes modules as models in the language.
package source

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/mlxc/mlxc/frontend/dsl"
	"github.com/mlxc/mlxc/ir"
)

// Of is a module as a model in the language: what dsl.Load makes of the text is the module
// again, but for positions, the names of values, and instructions of which nothing is made;
// a param of a layer of the library may begin as that says where the module says nothing.
// The module is as a frontend leaves it; what the language cannot say is an error.
func Of(m *ir.Module) (string, error) {
	w := &writer{module: m, params: map[*ir.Param]string{}, calls: map[*layer]string{}, blocks: map[string]*blockDecl{}, reserved: map[string]bool{}, meant: map[string]bool{}, turned: turned(m), graphs: map[*ir.Func]*graph{}}
	w.mode.accum = commonMode(m.Funcs, mode{}).accum
	var err error
	if err = w.names(); err == nil {
		err = w.model()
	}
	if err != nil {
		return "", fmt.Errorf("model %s: %w", m.Name, err)
	}
	text, err := dsl.Format(m.Name+".mlx", []byte(w.b.String()))
	if err != nil {
		return "", fmt.Errorf("model %s: internal error: its source: %w", m.Name, err)
	}
	return string(text), nil
}

// A writer writes a module.
type writer struct {
	module   *ir.Module
	b        strings.Builder
	root     *member                 // the members of the file
	params   map[*ir.Param]string    // what params are written as
	layers   map[string]*layer       // by their paths
	calls    map[*layer]string       // what layers are written as
	results  map[*ir.Instr]layerCall // of layers
	blocks   map[string]*blockDecl   // by their shapes
	order    []*blockDecl            // the blocks, those that others have members of before these
	kernels  []kernelDecl            // in order of their first use
	graphs   map[*ir.Func]*graph
	reserved map[string]bool     // names that no variable may have
	meant    map[string]bool     // names that no input may have
	turned   map[*ir.Param][]int // the order of axes in which params are loaded
	compute  ir.DType            // of the library's layers
	mode     mode                // in which all is that nothing else is said of
}

func (w *writer) line(format string, args ...any) {
	fmt.Fprintf(&w.b, format+"\n", args...)
}

// names gives the declarations of the file their names, and looks at those that are fixed.
func (w *writer) names() error {
	for _, n := range dsl.Words() {
		w.reserved[n], w.meant[n] = true, true
	}
	fixed := func(what, name string) error {
		if w.reserved[name] || identifier(name, "") != name {
			return fmt.Errorf("%s has the name `%s`, which means something else in the language", what, name)
		}
		return nil
	}
	taken := map[string]bool{}
	for _, d := range w.module.Dims {
		if err := fixed("a dim", d.Name); err != nil && !d.Counter { // of `while`, which has no name for it
			return err
		}
		taken[d.Name], w.meant[d.Name] = true, true
	}
	for _, p := range w.module.Params {
		if strings.ContainsAny(p.Path, "{}") {
			return fmt.Errorf("a param has the path %q, in which braces mean something else in the language", p.Path)
		}
	}
	for _, f := range w.module.Funcs {
		if err := fixed("an entry", f.Name); err != nil {
			return err
		}
		w.meant[f.Name] = true
	}
	for _, f := range w.module.Funcs {
		taken[f.Name] = true
		for _, v := range f.Inputs {
			taken[w.port(v.Name)] = true
		}
	}
	for _, d := range w.module.Dims {
		w.reserved[d.Name] = true
	}
	for _, f := range w.module.Funcs {
		w.reserved[f.Name] = true
	}
	w.compute = computeOf(w.module)
	w.layers, w.results = layersOf(w.module, w.mode, w.compute)
	if len(w.layers) > 0 {
		w.reserved["nn"] = true
	}
	outside := maps.Clone(w.reserved)
	for name := range taken {
		w.reserved[name] = true
	}
	w.tree()
	for _, k := range w.root.kids {
		outside[k.name] = true
	}
	for _, b := range w.order {
		outside[b.name] = true
	}
	w.reserved = outside
	return nil
}

// port is the name of an input or a result: its own, with _ behind it if that means something
// else in the language.
func (w *writer) port(name string) string {
	for w.meant[name] {
		name += "_"
	}
	return name
}

// identifier is a name as the language has them: of letters, digits and _. One that is empty
// is otherwise.
func identifier(name, otherwise string) string {
	clean := strings.Map(func(r rune) rune {
		if r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, name)
	if name != clean {
		clean = strings.Trim(clean, "_")
	}
	switch {
	case clean == "" || clean == "_":
		return otherwise
	case clean[0] >= '0' && clean[0] <= '9':
		return otherwise + clean
	}
	return clean
}

// model writes the file.
func (w *writer) model() error {
	w.findSites()
	if err := w.settle(); err != nil {
		return err
	}
	var entries []string
	for i := 0; i < len(w.module.Funcs); {
		n := 1
		for i+n < len(w.module.Funcs) && w.module.Funcs[i+n].Name == w.module.Funcs[i].Name {
			n++
		}
		lines, err := w.entry(w.module.Funcs[i : i+n])
		if err != nil {
			return fmt.Errorf("entry %s: %w", w.module.Funcs[i].Name, err)
		}
		entries = append(append(entries, ""), lines...)
		i += n
	}
	if len(w.layers) > 0 {
		w.line("import nn\n")
	}
	w.dims()
	compute := given(len(w.layers) > 0 && w.compute != ir.F32, "compute", w.compute)
	if accum := given(w.mode.accum != ir.Invalid, "accum", w.mode.accum); compute+accum != "" {
		w.line("default %s", called("@precision", []string{compute, accum}).text)
		w.line("")
	}
	for _, b := range w.order {
		w.line("%s", b.text())
	}
	for _, k := range w.kernels {
		w.line("kernel %s%s\n", k.name, k.text)
	}
	for _, l := range strings.Split(shortLayers(strings.Join(w.declarations(w.root.kids), "\n")), "\n") {
		w.line("%s", l)
	}
	for _, l := range entries {
		w.line("%s", l)
	}
	if c := w.module.Checkpoint; c != nil {
		w.line("")
		format := c.Format + " "
		if dsl.FormatOf(c.File) == c.Format {
			format = ""
		}
		w.line("weights %s%q", format, c.File)
	}
	return nil
}

// dims declares the dims, but those that count rounds.
func (w *writer) dims() {
	var bounds []string
	for _, d := range w.module.Dims {
		switch {
		case d.Counter:
		case d.Min > 0:
			bounds = append(bounds, fmt.Sprintf("%d <= %s <= %d", d.Min, d.Name, d.Max))
		default:
			bounds = append(bounds, fmt.Sprintf("%s <= %d", d.Name, d.Max))
		}
	}
	for len(bounds) > 0 {
		n := 1
		for n < len(bounds) && len("dim "+strings.Join(bounds[:n+1], ", ")) <= wide {
			n++
		}
		w.line("dim %s", strings.Join(bounds[:n], ", "))
		bounds = bounds[n:]
	}
	w.line("")
}

// declared declares a param or a state.
func (w *writer) declared(m *member) string {
	p, name := m.param, m.name
	typ := p.Type
	if p.Of != nil {
		typ = p.Of.Type
	}
	kind := "param"
	if p.State {
		kind = "state"
	}
	perm := w.turned[p]
	if perm != nil {
		typ.Shape = nil
		for _, axis := range perm {
			typ.Shape = append(typ.Shape, p.Type.Shape[axis])
		}
	}
	line := fmt.Sprintf("%s %s: %s", kind, name, typeText(typ))
	if m.step != name {
		line += " at " + strconv.Quote(m.step)
	}
	if perm != nil {
		line += " load transpose(_, " + intsText(perm) + ")"
	}
	if p.Init != nil {
		line += " = " + initText(p.Init, typ.Shape)
	}
	return line
}

// turned are the params that all functions use in one other order of axes, and that order. A
// matrix is turned where it is used: w.T.
func turned(m *ir.Module) map[*ir.Param][]int {
	orders := map[*ir.Param][]int{}
	fixed := map[*ir.Param]bool{} // as they are
	weight := func(v *ir.Value) *ir.Param {
		if v.Instr != nil {
			if a, ok := v.Instr.Attrs.(ir.WeightAttrs); ok {
				return a.Param
			}
		}
		return nil
	}
	for _, f := range m.Bodies() {
		for _, v := range f.Kept() {
			fixed[weight(v)] = true
		}
		for _, in := range f.Body {
			for _, v := range in.Args {
				p := weight(v)
				a, ok := in.Attrs.(ir.PermAttrs)
				if p == nil {
					continue
				}
				if !ok || in.Device != ir.OnAny || len(a.Perm) < 3 || orders[p] != nil && !slices.Equal(orders[p], a.Perm) || p.Init != nil && p.Init.Ordered() {
					fixed[p] = true
				}
				orders[p] = a.Perm
			}
			if in.Device != ir.OnAny { // and with it what is made of a weight there
				return nil
			}
		}
	}
	maps.DeleteFunc(orders, func(p *ir.Param, _ []int) bool { return fixed[p] })
	return orders
}

// initText is the first value of a tensor of a shape.
func initText(in *ir.Init, shape []ir.Size) string {
	numbers := make([]string, len(in.Args))
	for i, x := range in.Args {
		numbers[i] = numberText(x).text
	}
	if in.Name != "constant" {
		return "init." + in.Name + "(" + strings.Join(numbers, ", ") + ")"
	}
	if len(numbers) == 1 && !(len(shape) > 0 && ir.Product(shape).Is(1)) {
		return numbers[0]
	}
	for _, n := range slices.Backward(shape) {
		var rows []string
		k, _ := n.Int()
		for row := range slices.Chunk(numbers, max(1, int(k))) {
			rows = append(rows, "["+strings.Join(row, ", ")+"]")
		}
		numbers = rows
	}
	return numbers[0]
}

// entry writes an entry, which is several functions where it asks for sizes.
func (w *writer) entry(fs []*ir.Func) ([]string, error) {
	f := fs[len(fs)-1]
	m := commonMode(fs, w.mode)
	annotations, err := m.annotations(w.mode)
	if err != nil {
		return nil, err
	}
	var inputs, results, where []string
	for _, v := range f.Inputs {
		inputs = append(inputs, w.port(v.Name)+": "+typeText(v.Type))
	}
	for _, d := range f.Dims {
		inputs = append(inputs, d.Name+": dim")
	}
	for _, r := range f.Results {
		results = append(results, w.port(r.Name)+": "+typeText(r.Type))
	}
	for _, g := range f.Where {
		where = append(where, factText(g))
	}
	head := annotations
	if head != "" {
		head += " "
	}
	head += "entry " + f.Name
	parts := []string{"(" + strings.Join(inputs, ", ") + ")"}
	if len(results) > 0 {
		parts = append(parts, "-> ("+strings.Join(results, ", ")+")")
	}
	if len(where) > 0 {
		parts = append(parts, "where "+strings.Join(where, ", "))
	}
	lines, err := w.cases(fs, 0, 1, m)
	if err != nil {
		return nil, err
	}
	one := head + strings.Join(parts, " ") + " {"
	if len(lines) == 1 && len(one)+len(lines[0])+len("  }") <= wide {
		return []string{one + " " + lines[0] + " }"}, nil
	}
	if len(one) > wide {
		if len(head)+len(parts[0]) > wide {
			parts[0] = "(\n" + strings.Join(inputs, ",\n") + "\n)"
		}
		one = head + strings.Join(parts, "\n") + " {"
	}
	return append(append([]string{one}, lines...), "}"), nil
}

func factText(f ir.Fact) string {
	return sizeText(f.Left) + " " + string(f.Rel) + " " + sizeText(f.Right)
}

// cases are the statements of functions whose first guards, as many as asked says, hold: those
// for which the next one holds too, and then the others.
func (w *writer) cases(fs []*ir.Func, asked, indent int, m mode) ([]string, error) {
	f := fs[0]
	if len(f.Guard) == asked {
		b := &bodyWriter{writer: w, fn: f, graph: w.graphs[f], indent: indent, mode: m, node: w.root, made: makings(f)}
		return b.function()
	}
	is := f.Guard[asked].String()
	n := 1
	for n < len(fs) && len(fs[n].Guard) > asked && fs[n].Guard[asked].String() == is {
		n++
	}
	if n == len(fs) {
		return nil, fmt.Errorf("no function serves the calls for which %s does not hold", is)
	}
	yes, err := w.cases(fs[:n], asked+1, indent+1, m)
	if err != nil {
		return nil, err
	}
	inner, end := indent, "}"
	if len(f.Results) == 0 { // nothing is returned
		inner, end = indent+1, "} else {"
	}
	no, err := w.cases(fs[n:], asked, inner, m)
	if err != nil {
		return nil, err
	}
	lines := append([]string{"if " + factText(f.Guard[asked]) + " {"}, yes...)
	lines = append(append(lines, end), no...)
	if len(f.Results) == 0 {
		lines = append(lines, "}")
	}
	return lines, nil
}

// function is the statements of a function of the module.
func (b *bodyWriter) function() ([]string, error) {
	b.clear()
	for _, v := range b.fn.Inputs {
		b.hold(b.port(v.Name), v)
	}
	return b.lines()
}

// clear forgets what is written as what.
func (b *bodyWriter) clear() {
	b.terms, b.held, b.state = map[*ir.Value]term{}, map[string]*ir.Value{}, map[*ir.Value]string{}
}

// lines are the statements of a function whose inputs have their names.
func (b *bodyWriter) lines() ([]string, error) {
	if err := b.begin(); err != nil {
		return nil, err
	}
	if err := b.run(); err != nil {
		return nil, err
	}
	if err := b.finish(); err != nil {
		return nil, err
	}
	return b.text(), nil
}
