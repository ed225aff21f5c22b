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
	p := &printer{kernel: k, names: newNames(k), dims: map[string]bool{}, done: map[*ir.Scalar]bool{}, inline: inlined(k)}
	body := p.body()
	if p.err != nil {
		return nil, fmt.Errorf("kernel %s: %w", k.Name, p.err)
	}
	f := jen.Comment(fmt.Sprintf("%s computes %s.", name, summary(k))).Line()
	f.Func().Id(name).Params(
		jen.Id("call").Op("*").Qual(Runtime, "Call"),
		jen.List(jen.Id("lo"), jen.Id("hi")).Int(),
	).Block(body...)
	return f, nil
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

// A printer holds what has been declared in the scopes that are open.
type printer struct {
	kernel *ir.Kernel
	names  *names
	bound  []*ir.Axis          // loop variables in scope
	done   map[*ir.Scalar]bool // variables in scope
	inline map[*ir.Scalar]bool // printed where they are used
	dims   map[string]bool     // dims that the text mentions
	err    error
}

func (p *printer) fail(format string, args ...any) *jen.Statement {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
	return jen.Null()
}

// inlined chooses what needs no variable: constants, and what is used once.
func inlined(k *ir.Kernel) map[*ir.Scalar]bool {
	uses := map[*ir.Scalar]int{}
	use := func(user *ir.Scalar, v *ir.Scalar) {
		uses[v]++
		if user != nil && user.Kind != ir.ScalarReduce && !sameAxes(user.Free, v.Free) {
			uses[v]++ // computed once in an outer loop, so it wants a variable
		}
		if user != nil && twice[user.Fn] && user.Kind == ir.ScalarApply {
			uses[v]++
		}
	}
	for _, v := range k.Values {
		for _, a := range v.Args {
			use(v, a)
		}
	}
	for _, s := range k.Stores {
		use(nil, s.Value)
		s.Index.Walk(func(a *ir.Atom) {
			if a.Kind == ir.AtomAxis && !s.Value.Varies(a.Axis) {
				uses[s.Value]++ // stored many times, computed once
			}
		})
	}
	depth := map[*ir.Scalar]int{}
	in := map[*ir.Scalar]bool{}
	for _, v := range k.Values {
		for _, a := range v.Args {
			if in[a] {
				depth[v] = max(depth[v], depth[a]+1)
			}
		}
		switch v.Kind {
		case ir.ScalarConst:
			in[v] = true
		case ir.ScalarLoad:
			in[v] = uses[v] < 2 && len(v.Guard) == 0
		case ir.ScalarReduce:
		case ir.ScalarApply:
			in[v] = uses[v] < 2 && v.Fn != ir.Select && depth[v] < 4
		default:
			in[v] = uses[v] < 2 && depth[v] < 4
		}
	}
	return in
}

func sameAxes(a, b []*ir.Axis) bool {
	return slices.EqualFunc(a, b, func(x, y *ir.Axis) bool { return x.Name == y.Name })
}

func (p *printer) body() []jen.Code {
	k := p.kernel
	var code []jen.Code
	for i, a := range k.Args {
		code = append(code, jen.Id(p.names.arg[i]).Op(":=").Qual(Runtime, "View").Index(jen.Id(storage[a.DType])).Call(jen.Id("call"), jen.Lit(i)))
	}
	loops := p.grid(k.Grid())
	for i, d := range k.Dims {
		if p.dims[d.Name] {
			code = append(code, jen.Id(p.names.dim[d.Name]).Op(":=").Int().Call(jen.Id("call").Dot("Sizes").Index(jen.Lit(i))))
		}
	}
	return append(code, loops...)
}

// grid loops over the points: rows of the last axis, so that what does not vary
// along it is computed once a row.
func (p *printer) grid(axes []*ir.Axis) []jen.Code {
	if len(axes) == 0 {
		return p.stores()
	}
	last := axes[len(axes)-1]
	i := p.names.axis[last.Name]
	if len(axes) == 1 {
		p.bound = append(p.bound, last)
		return []jen.Code{jen.For(jen.Id(i).Op(":=").Id("lo"), jen.Id(i).Op("<").Id("hi"), jen.Id(i).Op("++")).Block(p.stores()...)}
	}
	row := []jen.Code{
		jen.Id(i).Op(":=").Id("p").Op("%").Add(p.factor(last.Extent)),
		jen.Id("end").Op(":=").Min(jen.Id(i).Op("+").Id("hi").Op("-").Id("p"), p.size(last.Extent)),
	}
	inner := last.Extent
	for n := len(axes) - 2; n >= 0; n-- {
		a := axes[n]
		p.bound = append(p.bound, a)
		if p.used(a) {
			at := jen.Id(p.names.axis[a.Name]).Op(":=").Id("p").Op("/").Add(p.factor(inner))
			if n > 0 {
				at.Op("%").Add(p.factor(a.Extent))
			}
			row = append(row, at)
		}
		inner = inner.Mul(a.Extent)
	}
	row = append(row, jen.Id("p").Op("+=").Id("end").Op("-").Id(i))
	row = append(row, p.declare(p.roots())...)
	p.bound = append(p.bound, last)
	row = append(row, jen.For(jen.Empty(), jen.Id(i).Op("<").Id("end"), jen.Id(i).Op("++")).Block(p.stores()...))
	return []jen.Code{jen.For(jen.Id("p").Op(":=").Id("lo"), jen.Id("p").Op("<").Id("hi"), jen.Empty()).Block(row...)}
}

// used reports whether anything depends on the axis.
func (p *printer) used(a *ir.Axis) bool {
	for _, s := range p.kernel.Stores {
		if s.Index.Has(a) {
			return true
		}
	}
	return slices.ContainsFunc(p.kernel.Values, func(v *ir.Scalar) bool { return v.Varies(a) })
}

func (p *printer) roots() []*ir.Scalar {
	var vs []*ir.Scalar
	for _, s := range p.kernel.Stores {
		vs = append(vs, s.Value)
	}
	return vs
}

// stores does what is left at a point: the stores, in loops over the inner axis
// where they vary with it.
func (p *printer) stores() []jen.Code {
	var code []jen.Code
	for _, s := range p.kernel.Stores {
		var open []*ir.Axis
		if in := p.kernel.Inner; in != nil && !p.isBound(in) && (s.Index.Has(in) || s.Value.Varies(in)) {
			open = []*ir.Axis{in}
		}
		code = append(code, p.loops(open, []*ir.Scalar{s.Value}, func() []jen.Code { return []jen.Code{p.store(s)} })...)
	}
	return code
}

func (p *printer) store(s ir.Store) *jen.Statement {
	arg := p.kernel.Args[s.Arg]
	set := jen.Id(p.names.arg[s.Arg]).Index(p.size(s.Index)).Op("=").Add(p.encode(arg.DType, p.alone(s.Value)))
	if len(s.Guard) == 0 {
		return set
	}
	return jen.If(p.inside(s.Guard)).Block(set)
}

func (p *printer) isBound(a *ir.Axis) bool {
	return slices.ContainsFunc(p.bound, func(b *ir.Axis) bool { return b.Name == a.Name })
}

// loops opens a loop for each axis, declares at each level what can be computed
// there of what the roots need, and puts body innermost.
func (p *printer) loops(axes []*ir.Axis, roots []*ir.Scalar, body func() []jen.Code) []jen.Code {
	code := p.declare(roots)
	if len(axes) == 0 {
		return append(code, body()...)
	}
	outer, nbound := p.done, len(p.bound)
	p.done = make(map[*ir.Scalar]bool, len(outer))
	for v := range outer {
		p.done[v] = true
	}
	a := axes[0]
	p.bound = append(p.bound, a)
	inner := p.loops(axes[1:], roots, body)
	p.done, p.bound = outer, p.bound[:nbound]
	return append(code, jen.For(jen.Id(p.names.axis[a.Name]).Op(":=").Range().Add(p.size(a.Extent))).Block(inner...))
}

// declare makes the variables that the roots need and that can be computed in
// the open loops.
func (p *printer) declare(roots []*ir.Scalar) []jen.Code {
	var code []jen.Code
	need := closure(roots)
	for _, v := range p.kernel.Values {
		if !need[v] || p.done[v] || p.inline[v] || slices.ContainsFunc(v.Free, func(a *ir.Axis) bool { return !p.isBound(a) }) {
			continue
		}
		if v.Kind == ir.ScalarReduce {
			code = append(code, p.reduce(v, need)...)
			continue
		}
		code = append(code, p.variable(v)...)
		p.done[v] = true
	}
	return code
}

func closure(roots []*ir.Scalar) map[*ir.Scalar]bool {
	need := map[*ir.Scalar]bool{}
	var visit func(v *ir.Scalar)
	visit = func(v *ir.Scalar) {
		if need[v] {
			return
		}
		need[v] = true
		for _, a := range v.Args {
			visit(a)
		}
	}
	for _, r := range roots {
		visit(r)
	}
	return need
}

// reduce prints v together with the other reductions of its stage over the same
// axes, in one nest of loops.
func (p *printer) reduce(v *ir.Scalar, need map[*ir.Scalar]bool) []jen.Code {
	var group, operands []*ir.Scalar
	for _, w := range p.kernel.Values {
		if need[w] && !p.done[w] && w.Kind == ir.ScalarReduce && w.Stage == v.Stage && slices.EqualFunc(w.Over, v.Over, func(a, b *ir.Axis) bool { return a.Name == b.Name }) &&
			!slices.ContainsFunc(w.Free, func(a *ir.Axis) bool { return !p.isBound(a) }) {
			group = append(group, w)
			operands = append(operands, w.Args[0])
		}
	}
	code := p.declare(operands) // what the loops share stands before the accumulators
	for _, w := range group {
		code = append(code, p.start(w)...)
	}
	code = append(code, p.loops(v.Over, operands, func() []jen.Code {
		var fold []jen.Code
		for _, w := range group {
			fold = append(fold, p.fold(w)...)
		}
		return fold
	})...)
	for _, w := range group {
		p.done[w] = true
	}
	return code
}
