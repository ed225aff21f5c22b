// Package cpu prints kernels as portable Go: what runs on every machine, and
// the oracle of faster code. It prints what the passes decided and decides
// nothing itself.
package cpu

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/mlxc/mlxc/ir"
)

// Runtime is the import path of what kernels call.
const Runtime = "github.com/mlxc/mlxc/runtime/cpu"

// Kernel prints k as a function over the points [lo, hi) of its grid:
//
//	func name(call *cpu.Call, lo, hi int)
//
// Each point is computed by one call alone, so that results do not depend on how
// a grid is divided among workers. An error names what portable Go cannot say.
func Kernel(k *ir.Kernel, name string) (*jen.Statement, error) {
	var more []string
	if k.Stream != nil {
		more = streamWords
	}
	p := &printer{kernel: k, names: newNames(k, more...), dims: map[string]bool{}, begins: map[*ir.Scalar]begin{}, inline: k.Inline()}
	body := p.body()
	if p.err != nil {
		return nil, fmt.Errorf("kernel %s: %w", k.Name, p.err)
	}
	return overPoints(k, name, body), nil
}

// overPoints is the function of a kernel over points or tiles.
func overPoints(k *ir.Kernel, name string, body []jen.Code) *jen.Statement {
	f := jen.Comment(fmt.Sprintf("%s computes %s.", name, summary(k))).Line()
	return f.Func().Id(name).Params(
		jen.Id("call").Op("*").Qual(Runtime, "Call"),
		jen.List(jen.Id("lo"), jen.Id("hi")).Int(),
	).Block(body...)
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

// A printer prints one kernel.
type printer struct {
	kernel *ir.Kernel
	names  *names
	inline map[*ir.Scalar]bool   // printed where they are used
	dims   map[string]bool       // dims that the text mentions
	begins map[*ir.Scalar]begin  // where loads begin
	binds  map[string]*ir.Scalar // variables of an index that are values of scalars
	err    error
}

// A begin is the variable that has the first part of an index, and the rest.
type begin struct {
	name string
	rest ir.Size
}

func (p *printer) fail(format string, args ...any) *jen.Statement {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
	return jen.Null()
}

func (p *printer) body() []jen.Code {
	k := p.kernel
	if k.Empty() {
		return nil
	}
	if m, err := moveOf(k); err == nil {
		table := p.moves(m)
		return append(p.sizes(), table...)
	}
	var code []jen.Code
	for i, a := range k.Args {
		if !a.Write && !slices.ContainsFunc(k.Values, func(v *ir.Scalar) bool { return v.Kind == ir.ScalarLoad && v.Arg == i }) {
			continue // an argument of the sums, of which this is the epilogue
		}
		code = append(code, jen.Id(p.names.arg[i]).Op(":=").Qual(Runtime, "View").Index(jen.Id(storage[a.DType])).Call(jen.Id("call"), jen.Lit(i)))
	}
	loops := p.loops()
	return slices.Concat(code, p.sizes(), loops)
}

// sizes declares the dims that the text mentions.
func (p *printer) sizes() []jen.Code {
	var code []jen.Code
	for i, d := range p.kernel.Dims {
		if p.dims[d.Name] {
			code = append(code, jen.Id(p.names.dim[d.Name]).Op(":=").Int().Call(jen.Id("call").Dot("Sizes").Index(jen.Lit(i))))
		}
	}
	return code
}

func (p *printer) loops() []jen.Code {
	if s := p.kernel.Schedule; s != nil {
		switch s.Form {
		case ir.FormPanels:
			return p.tiles()
		case ir.FormStream:
			return p.stream()
		}
	}
	return p.grid(p.kernel.Grid())
}

// grid loops over the points: rows of the last axis, so that what does not vary
// along it is computed once a row.
func (p *printer) grid(axes []*ir.Axis) []jen.Code {
	if len(axes) == 0 {
		return p.stmts(p.kernel.Nest(nil))
	}
	last := axes[len(axes)-1]
	i := p.names.axis[last.Name]
	if len(axes) == 1 {
		return []jen.Code{jen.For(jen.Id(i).Op(":=").Id("lo"), jen.Id(i).Op("<").Id("hi"), jen.Id(i).Op("++")).Block(p.stmts(p.kernel.Nest(axes))...)}
	}
	row := []jen.Code{
		jen.Id(i).Op(":=").Id("p").Op("%").Add(p.factor(last.Extent)),
		jen.Id("end").Op(":=").Min(jen.Id(i).Op("+").Id("hi").Op("-").Id("p"), p.size(last.Extent)),
	}
	row = append(row, p.place(axes[:len(axes)-1], "p", last.Extent)...)
	row = append(row, jen.Id("p").Op("+=").Id("end").Op("-").Id(i))
	nest := p.kernel.Nest(axes[:len(axes)-1], last)
	row = append(row, p.stmts(nest[:len(nest)-1])...)
	row = append(row, jen.For(jen.Empty(), jen.Id(i).Op("<").Id("end"), jen.Id(i).Op("++")).Block(p.stmts(nest[len(nest)-1].Body)...))
	return []jen.Code{jen.For(jen.Id("p").Op(":=").Id("lo"), jen.Id("p").Op("<").Id("hi"), jen.Empty()).Block(row...)}
}

// place declares the axes, whose points a variable numbers: inner neighbours have the
// same one.
func (p *printer) place(axes []*ir.Axis, number string, inner ir.Size) []jen.Code {
	var code []jen.Code
	for n := len(axes) - 1; n >= 0; n-- {
		a := axes[n]
		if p.used(a) {
			at := jen.Id(number).Op("/").Add(p.factor(inner))
			switch {
			case n > 0:
				at = p.digit(number, inner, a.Extent)
			case inner.Is(1):
				at = jen.Id(number)
			}
			code = append(code, jen.Id(p.names.axis[a.Name]).Op(":=").Add(at))
		}
		inner = inner.Mul(a.Extent)
	}
	return code
}

// digit is the point of an axis of a variable that numbers points, inner of which go by
// for one of the axis.
func (p *printer) digit(number string, inner, extent ir.Size) *jen.Statement {
	if extent.Is(1) {
		return jen.Lit(0)
	}
	at := jen.Id(number)
	if !inner.Is(1) {
		at.Op("/").Add(p.factor(inner))
	}
	return at.Op("%").Add(p.factor(extent))
}

// used reports whether anything in the kernel depends on the axis.
func (p *printer) used(a *ir.Axis) bool {
	for _, s := range p.kernel.Stores {
		if s.Index.Has(a) {
			return true
		}
	}
	return slices.ContainsFunc(p.kernel.Values, func(v *ir.Scalar) bool { return v.Varies(a) })
}

// uses reports whether statements depend on the axis: other loops may have it too. The place
// of an extreme does, were all elements equal.
func uses(list []ir.Stmt, a *ir.Axis) bool {
	return slices.ContainsFunc(list, func(s ir.Stmt) bool {
		switch s.Kind {
		case ir.StmtFold:
			over := func(o *ir.Axis) bool { return o.Name == a.Name }
			return s.Scalar.Args[0].Varies(a) || folds[s.Scalar.Fn].indexed && slices.ContainsFunc(s.Scalar.Over, over)
		case ir.StmtLoop:
			return uses(s.Body, a)
		case ir.StmtStore:
			return s.Store.Index.Has(a) || s.Store.Value.Varies(a) || slices.ContainsFunc(s.Store.Guard, func(b ir.Bound) bool { return b.Index.Has(a) || b.Extent.Has(a) })
		}
		return s.Scalar.Varies(a)
	})
}

func (p *printer) stmts(list []ir.Stmt) []jen.Code {
	var code []jen.Code
	for _, s := range list {
		switch s.Kind {
		case ir.StmtLet:
			code = append(code, p.variable(s.Scalar)...)
		case ir.StmtStart:
			code = append(code, p.start(s.Scalar)...)
		case ir.StmtFold:
			code = append(code, p.fold(s.Scalar)...)
		case ir.StmtLoop:
			code = append(code, p.loop(s.Axis, uses(s.Body, s.Axis), p.stmts(s.Body)))
		case ir.StmtStore:
			code = append(code, p.store(s.Store))
		}
	}
	return code
}

// loop does body for each point of an axis.
func (p *printer) loop(a *ir.Axis, used bool, body []jen.Code) *jen.Statement {
	each := jen.Range().Add(p.size(a.Extent))
	if used {
		each = jen.Id(p.names.axis[a.Name]).Op(":=").Add(each)
	}
	return jen.For(each).Block(body...)
}

func (p *printer) store(s ir.Store) *jen.Statement {
	arg := p.kernel.Args[s.Arg]
	set := jen.Id(p.names.arg[s.Arg]).Index(p.size(s.Index)).Op("=").Add(p.encode(arg.DType, p.alone(s.Value)))
	if len(s.Guard) == 0 {
		return set
	}
	return jen.If(p.inside(s.Guard)).Block(set)
}
