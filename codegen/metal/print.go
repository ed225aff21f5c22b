// Package metal prints kernels as Metal Shading Language, in a restricted part of
// it: monomorphic functions without templates or macros, every literal suffixed,
// every conversion explicit. It prints what the passes decided and decides nothing
// itself: each form of a schedule has its file.
package metal

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// Print is the text of all kernels of a scheduled module that run on the GPU. An
// error names the kernel, the line of the model, and what Metal cannot say; wrong
// text is never printed.
func Print(m *ir.Module) (string, error) {
	var b strings.Builder
	b.WriteString("#include <metal_stdlib>\nusing namespace metal;\n")
	b.WriteString(helpersOf(m))
	names := Names(m)
	for i, k := range m.Kernels {
		if k.Schedule != nil && !k.OnGPU() {
			continue // it runs on the CPU
		}
		text, err := Kernel(k, names[i])
		if err != nil {
			return "", fmt.Errorf("%s: kernel %s: %w", k.Pos, k.Name, err)
		}
		b.WriteString("\n" + text)
	}
	return b.String(), nil
}

// Names are those of the functions of a module's kernels, in their order.
func Names(m *ir.Module) []string {
	used := words()
	names := make([]string, len(m.Kernels))
	for i, k := range m.Kernels {
		names[i] = used.unique(k.Name)
	}
	return names
}

// maxBuffers is how many buffers a kernel can have.
const maxBuffers = 31

// Kernel is the text of one scheduled kernel, as a function of the given name. Its
// buffers are the arguments in order, then, if a size varies, one buffer of all
// dims, which are int, or long where LongDims says so. It is launched as
// Groups threadgroups of Schedule.Threads threads, in one dimension.
func Kernel(k *ir.Kernel, name string) (string, error) {
	if k.Schedule == nil {
		return "", errors.New("it has no schedule")
	}
	if k.Written != nil {
		return text(k, name)
	}
	form, ok := forms[k.Schedule.Form]
	if !ok {
		return "", fmt.Errorf("there is no form %q for Metal", k.Schedule.Form)
	}
	p := &printer{kernel: k, names: newNames(k, name), inline: k.Inline(), index: "int", text: map[*ir.Scalar]string{}, b: &strings.Builder{}, mentioned: map[string]bool{}}
	if LongDims(k) {
		p.index = "long"
	}
	var params []string
	for i, a := range k.Args {
		t, ok := storage[a.DType]
		if !ok {
			return "", fmt.Errorf("%s is %s, which Metal does not have", a.Name, a.DType)
		}
		mode := "device const "
		if a.Write {
			mode = "device "
		}
		params = append(params, fmt.Sprintf("%s%s *%s [[buffer(%d)]]", mode, t, p.names.arg[i], i))
	}
	if len(k.Dims) > 0 {
		params = append(params, fmt.Sprintf("constant %s *dims [[buffer(%d)]]", p.index, len(k.Args)))
	}
	if len(params) > maxBuffers {
		return "", fmt.Errorf("%d buffers are more than %d", len(params), maxBuffers)
	}
	positions := form.positions
	if p.index == "long" && k.Schedule.Form == ir.FormPoints {
		positions = []string{"group", "tid"} // there may be more than 2^32 points
	}
	for _, name := range positions {
		params = append(params, fmt.Sprintf("uint %s [[%s]]", name, attributes[name]))
	}
	p.line("// %s computes %s.", name, summary(k))
	if doc := form.doc(p); doc != "" {
		p.line("// %s", doc)
	}
	p.line("kernel void %s(", name)
	for i, s := range params {
		end := ","
		if i == len(params)-1 {
			end = ") {"
		}
		p.line("    %s%s", s, end)
	}
	p.depth++
	if k.Empty() { // it is never launched
		p.depth--
		p.line("}")
		return p.b.String(), p.err
	}
	text, mentioned := p.capture(func() { form.body(p) })
	for i, d := range k.Dims {
		if mentioned[d.Name] {
			p.line("const %s %s = dims[%d];", p.index, p.names.dim[d.Name], i)
		}
	}
	p.b.WriteString(text)
	p.depth--
	p.line("}")
	return p.b.String(), p.err
}

// A form prints the kernels of one form of schedule.
type form struct {
	positions []string                // what a thread knows of its own
	doc       func(p *printer) string // how the work is dealt; empty: a point to each thread
	body      func(p *printer)
}

var forms = map[ir.Form]form{
	ir.FormPoints: {[]string{"point"}, (*printer).pointsDoc, (*printer).points},
	ir.FormSimd:   {[]string{"group", "sgid", "lane"}, (*printer).rowsDoc, (*printer).rows},
	ir.FormGroup:  {[]string{"group", "tid", "sgid", "lane"}, (*printer).rowsDoc, (*printer).rows},
	ir.FormTile:   {[]string{"group", "tid", "sgid"}, (*printer).tileDoc, (*printer).tile},
	ir.FormStream: {[]string{"group", "tid", "sgid", "lane"}, (*printer).streamDoc, (*printer).stream},
}

var attributes = map[string]string{
	"point": "thread_position_in_grid",
	"group": "threadgroup_position_in_grid",
	"tid":   "thread_index_in_threadgroup",
	"sgid":  "simdgroup_index_in_threadgroup",
	"lane":  "thread_index_in_simdgroup",
}

// summary says what a kernel writes and for which line of the model.
func summary(k *ir.Kernel) string {
	var outs []string
	for _, a := range k.Args {
		if a.Write {
			outs = append(outs, a.Name)
		}
	}
	text := strings.Join(outs, ", ")
	if k.Pos != nil {
		own := *k.Pos.Own()
		own.File = filepath.Base(own.File) // the folder is a matter of the machine
		text += " (" + own.String() + ")"
	}
	return text
}

// product is the number of points of axes.
func product(axes []*ir.Axis) ir.Size {
	n := ir.N(1)
	for _, a := range axes {
		n = n.Mul(a.Extent)
	}
	return n
}

// A printer prints one kernel.
type printer struct {
	kernel *ir.Kernel
	names  *names
	inline map[*ir.Scalar]bool   // printed where they are used
	index  string                // the type of indices
	binds  map[string]*ir.Scalar // variables of an index that are values of scalars
	text   map[*ir.Scalar]string // loads that stand in an element of a vector
	depth  int
	b      *strings.Builder

	mentioned map[string]bool // dims and axes, in what is being printed
	err       error
}

func (p *printer) line(format string, args ...any) {
	p.b.WriteString(strings.Repeat("    ", p.depth))
	fmt.Fprintf(p.b, format, args...)
	p.b.WriteByte('\n')
}

// block prints a head that ends with a brace, what body prints, and the other brace.
func (p *printer) block(head string, body func()) {
	p.line("%s {", head)
	p.depth++
	body()
	p.depth--
	p.line("}")
}

// choice prints an if with what body and, where there is one, otherwise print.
func (p *printer) choice(cond string, body, otherwise func()) {
	p.line("if (%s) {", cond)
	p.depth++
	body()
	p.depth--
	if otherwise != nil {
		p.line("} else {")
		p.depth++
		otherwise()
		p.depth--
	}
	p.line("}")
}

func (p *printer) fail(format string, args ...any) string {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
	return "0"
}

// axes prints body after declaring those axes that it mentions, of which from counts
// the points, the last running fastest.
func (p *printer) axes(axes []*ir.Axis, from string, body func()) {
	text, mentioned := p.capture(body)
	inner := ir.N(1)
	var lines []string
	for n := len(axes) - 1; n >= 0; n-- {
		a := axes[n]
		text := from
		switch {
		case a.Extent.Is(1):
			text = "0"
		case !inner.Is(1) && n > 0:
			text += " / " + p.factor(inner) + " % " + p.factor(a.Extent)
		case !inner.Is(1):
			text += " / " + p.factor(inner)
		case n > 0:
			text += " % " + p.factor(a.Extent)
		}
		if mentioned[a.Name] || p.names.axis[a.Name] == "" {
			if !a.Extent.Is(1) {
				p.mentioned[asked(from)] = true
			}
			lines = append(lines, fmt.Sprintf("const %s %s = %s;", p.index, p.axis(a), text))
		}
		inner = inner.Mul(a.Extent)
	}
	slices.Reverse(lines)
	for _, l := range lines {
		p.line("%s", l)
	}
	p.b.WriteString(text)
}

// capture is what body prints, and the dims and axes that it mentions.
func (p *printer) capture(body func()) (text string, mentioned map[string]bool) {
	b, outer := p.b, p.mentioned
	p.b, p.mentioned = &strings.Builder{}, map[string]bool{}
	body()
	text, mentioned = p.b.String(), p.mentioned
	p.b, p.mentioned = b, outer
	maps.Copy(p.mentioned, mentioned)
	return text, mentioned
}

// axis is the variable of an axis.
func (p *printer) axis(a *ir.Axis) string {
	if name, ok := p.names.axis[a.Name]; ok {
		return name
	}
	return a.Name
}

func (p *printer) stmts(list []ir.Stmt) {
	for _, s := range list {
		switch s.Kind {
		case ir.StmtLet:
			p.let(s.Scalar)
		case ir.StmtStart:
			p.start(s.Scalar)
		case ir.StmtFold:
			p.fold(s.Scalar)
		case ir.StmtLoop:
			p.loop(s)
		case ir.StmtStore:
			p.store(s.Store)
		}
	}
}

func (p *printer) loop(s ir.Stmt) {
	i := p.axis(s.Axis)
	p.block(fmt.Sprintf("for (%s %s = 0; %s < %s; %s++)", p.index, i, i, p.size(s.Axis.Extent), i), func() { p.stmts(s.Body) })
}

// stores prints the stores of a point of the grid, after what they need besides the
// scalars that have variables.
func (p *printer) stores(known ...*ir.Scalar) {
	k := p.kernel
	var values []*ir.Scalar
	for _, s := range k.Stores {
		values = append(values, s.Value)
	}
	p.stmts(k.Lets(k.Grid(), known, values))
	for _, s := range k.Stores {
		p.store(s)
	}
}

func (p *printer) store(s ir.Store) {
	set := fmt.Sprintf("%s[%s] = %s;", p.names.arg[s.Arg], p.size(s.Index), p.stored(s))
	if len(s.Guard) == 0 {
		p.line("%s", set)
		return
	}
	p.block("if ("+p.inside(s.Guard)+")", func() { p.line("%s", set) })
}

// stored is the value of a store in the argument's type.
func (p *printer) stored(s ir.Store) string {
	t := p.kernel.Args[s.Arg].DType
	if storage[t] != computed[t.Compute()] {
		return storage[t] + "(" + p.alone(s.Value) + ")"
	}
	return p.alone(s.Value)
}

// let declares a variable.
func (p *printer) let(v *ir.Scalar) {
	if p.text[v] != "" {
		return
	}
	name, t := variable(v), p.typ(v.DType)
	if v.Kind == ir.ScalarLoad && len(v.Guard) > 0 {
		p.line("%s %s = %s;", t, name, p.zero(v.DType))
		p.block("if ("+p.bound(v, func() string { return p.inside(v.Guard) })+")", func() { p.line("%s = %s;", name, p.expr(v)) })
		return
	}
	p.line("const %s %s = %s;", t, name, p.expr(v))
}

func variable(v *ir.Scalar) string { return "v" + strconv.Itoa(v.ID) }
