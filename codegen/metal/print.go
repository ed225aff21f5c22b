// Package metal prints kernels as Metal Shading Language, in a restricted part of
// it: monomorphic functions without templates or macros, every literal suffixed,
// every conversion explicit. One thread computes one point of a kernel's grid.
// It prints what the passes decided and decides nothing itself.
package metal

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// Print is the text of all kernels of a module that was compiled for target
// metal. An error names the kernel, the line of the model, and what Metal cannot
// say; wrong text is never printed.
func Print(m *ir.Module) (string, error) {
	var b strings.Builder
	b.WriteString("#include <metal_stdlib>\nusing namespace metal;\n")
	for _, k := range m.Kernels {
		text, err := Kernel(k)
		if err != nil {
			return "", fmt.Errorf("%s: kernel %s: %w", k.Pos, k.Name, err)
		}
		b.WriteString("\n" + text)
	}
	return b.String(), nil
}

// Name is the name of the kernel's function in the text.
func Name(k *ir.Kernel) string { return newNames(k).kernel }

// LongDims reports whether the kernel takes its dims as 64-bit integers; else they
// are of 32 bits.
func LongDims(k *ir.Kernel) bool { return indexType(k) == "long" }

// maxBuffers is how many buffers a kernel can have.
const maxBuffers = 31

// Kernel is the text of one kernel. Its buffers are the arguments in order, then,
// if a size varies, one buffer of all dims.
func Kernel(k *ir.Kernel) (string, error) {
	p := &printer{kernel: k, names: newNames(k), inline: k.Inline(), index: indexType(k)}
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
	if len(k.Args)+1 > maxBuffers {
		return "", fmt.Errorf("%d buffers are more than %d", len(k.Args), maxBuffers)
	}
	params = append(params, "uint point [[thread_position_in_grid]]")
	p.line("// %s computes %s.", p.names.kernel, summary(k))
	p.line("kernel void %s(", p.names.kernel)
	for i, s := range params {
		end := ","
		if i == len(params)-1 {
			end = ") {"
		}
		p.line("    %s%s", s, end)
	}
	p.depth++
	if k.Empty() {
		p.depth--
		p.line("}")
		return p.b.String(), p.err
	}
	for i, d := range k.Dims {
		p.line("const %s %s = dims[%d];", p.index, p.names.dim[d.Name], i)
	}
	p.grid()
	p.stmts(k.Nest(k.Grid()))
	p.depth--
	p.line("}")
	return p.b.String(), p.err
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

// indexType is int where the bounds prove that all indices fit, else long.
func indexType(k *ir.Kernel) string {
	for _, a := range k.Args {
		if n, ok := a.Len.Max(); !ok || n > math.MaxInt32/2 { // room for padding around
			return "long"
		}
	}
	return "int"
}

// A printer prints one kernel.
type printer struct {
	kernel *ir.Kernel
	names  *names
	inline map[*ir.Scalar]bool   // printed where they are used
	index  string                // the type of indices
	binds  map[string]*ir.Scalar // variables of an index that are values of scalars
	b      strings.Builder
	depth  int
	err    error
}

func (p *printer) line(format string, args ...any) {
	p.b.WriteString(strings.Repeat("    ", p.depth))
	fmt.Fprintf(&p.b, format, args...)
	p.b.WriteByte('\n')
}

func (p *printer) fail(format string, args ...any) string {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
	return "0"
}

// grid declares the axes of the thread's point; threads beyond the grid return.
func (p *printer) grid() {
	axes := p.kernel.Grid()
	points := ir.N(1)
	for _, a := range axes {
		points = points.Mul(a.Extent)
	}
	p.line("const %s p = %s(point);", p.index, p.index)
	p.line("if (p >= %s) {", p.size(points))
	p.line("    return;")
	p.line("}")
	inner := ir.N(1)
	for n := len(axes) - 1; n >= 0; n-- {
		a := axes[n]
		text := "p"
		if !inner.Is(1) {
			text += " / " + p.factor(inner)
		}
		if n > 0 {
			text += " % " + p.factor(a.Extent)
		}
		p.line("const %s %s = %s;", p.index, p.names.axis[a.Name], text)
		inner = inner.Mul(a.Extent)
	}
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
			i := p.names.axis[s.Axis.Name]
			p.line("for (%s %s = 0; %s < %s; %s++) {", p.index, i, i, p.size(s.Axis.Extent), i)
			p.depth++
			p.stmts(s.Body)
			p.depth--
			p.line("}")
		case ir.StmtStore:
			p.store(s.Store)
		}
	}
}

func (p *printer) store(s ir.Store) {
	t := p.kernel.Args[s.Arg].DType
	value := p.alone(s.Value)
	if c := computed[t.Compute()]; storage[t] != c {
		value = storage[t] + "(" + value + ")"
	}
	set := fmt.Sprintf("%s[%s] = %s;", p.names.arg[s.Arg], p.size(s.Index), value)
	if len(s.Guard) == 0 {
		p.line("%s", set)
		return
	}
	p.line("if (%s) {", p.inside(s.Guard))
	p.line("    %s", set)
	p.line("}")
}

// let declares a variable.
func (p *printer) let(v *ir.Scalar) {
	name, t := variable(v), p.typ(v.DType)
	if v.Kind == ir.ScalarLoad && len(v.Guard) > 0 {
		p.line("%s %s = %s;", t, name, p.zero(v.DType))
		p.line("if (%s) {", p.bound(v, func() string { return p.inside(v.Guard) }))
		p.line("    %s = %s;", name, p.expr(v))
		p.line("}")
		return
	}
	p.line("const %s %s = %s;", t, name, p.expr(v))
}

func variable(v *ir.Scalar) string { return "v" + strconv.Itoa(v.ID) }

// start declares the accumulator of a reduction, fold takes one element in.
func (p *printer) start(v *ir.Scalar) {
	row, t := folds[v.Fn], v.Args[0].DType
	if row.identity == nil || row.identity(t) == "" {
		p.fail("Metal cannot reduce %s by %s", t, v.Fn)
		return
	}
	if row.better != "" {
		p.line("%s %sBest = %s;", p.typ(t), variable(v), row.identity(t))
		p.line("int %s = 0;", variable(v))
		return
	}
	p.line("%s %s = %s;", p.typ(t), variable(v), row.identity(t))
}

func (p *printer) fold(v *ir.Scalar) {
	row, name, x := folds[v.Fn], variable(v), v.Args[0]
	if row.better == "" {
		t := classOf(x.DType)
		p.line("%s = %s;", name, fns[v.Fn][t](x.DType, []string{name, p.ref(x)}))
		return
	}
	at := ir.Size{}
	for _, o := range v.Over {
		at = at.Mul(o.Extent).Add(o.Index())
	}
	p.line("const %s %sElem = %s;", p.typ(x.DType), name, p.alone(x))
	better := fmt.Sprintf("%sElem %s %sBest", name, row.better, name)
	if x.DType.IsFloat() { // the first NaN wins over all numbers
		better += fmt.Sprintf(" || (isnan(%sElem) && !isnan(%sBest))", name, name)
	}
	p.line("if (%s) {", better)
	p.line("    %sBest = %sElem;", name, name)
	p.line("    %s = int(%s);", name, p.size(at))
	p.line("}")
}
