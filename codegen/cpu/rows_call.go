package cpu

import (
	"fmt"
	"slices"

	"github.com/dave/jennifer/jen"

	"github.com/mlxc/mlxc/ir"
)

// pastFrom is the bytes of a result from which on it goes past the caches: more than most
// have, so that what is read next is no longer there anyway. Rows shorter than minPast
// elements do not.
const (
	pastFrom = 32 << 20
	minPast  = 64
)

// result is the elements of what holds the result, if that is one whose neighbours lie along
// the lanes.
func (l *lanes) result() (ir.Size, bool) {
	if len(l.kernel.Stores) != 1 {
		return ir.Size{}, false
	}
	if step, _, _ := l.kernel.Stores[0].Index.Coef(l.axis); !step.Is(1) {
		return ir.Size{}, false
	}
	return l.kernel.Args[l.kernel.Stores[0].Arg].Len, true
}

// mayPass reports that the result may be so large that it goes past the caches.
func (l *lanes) mayPass() bool {
	n, ok := l.result()
	most, bounded := n.Max()
	narrow := slices.ContainsFunc(l.streams, func(s stream) bool { return s.dtype.Size() < 4 })
	return ok && len(l.terms) == 0 && !narrow && (!bounded || 4*most >= pastFrom)
}

// past is whether it is.
func (l *lanes) past(p *printer) *jen.Statement {
	if !l.mayPass() {
		return jen.False()
	}
	n, _ := l.result()
	return jen.Lit(4).Op("*").Add(p.factor(n)).Op(">=").Lit(pastFrom)
}

// atOnce is the elements that one call of assembly computes, unless a row is longer: it
// cannot be interrupted for the garbage collector, so it must not take long. Of rows whose
// results may be late it is more, since those of a call's last row are not.
const (
	atOnce     = 1 << 14
	atOnceLate = 1 << 16
)

// atOnce is that for results, each of which may take some terms.
func (l *lanes) atOnce() int64 {
	if l.folded && l.mayPass() {
		return atOnceLate
	}
	terms := ir.N(1)
	for _, a := range l.terms {
		terms = terms.Mul(a.Extent)
	}
	if n, ok := terms.Int(); ok {
		return max(atOnce/n, minPast)
	}
	return minPast
}

// RoutineName is the name of the routine in assembly to which a function leaves rows.
func RoutineName(function string) string { return function + "Rows" }

// Jump prints a routine for rows that does what another one does, on all architectures. It leaves
// the stack as it is, so that the other finds its arguments.
func Jump(name, to string) string {
	return fmt.Sprintf("TEXT ·%s(SB), NOSPLIT|NOFRAME, $0-33\n\tJMP ·%s(SB)\n", name, to)
}

// Rows prints a kernel for which IsRows holds as a function over its points that leaves
// rows to a routine in assembly, which Lanes writes.
func Rows(k *ir.Kernel, name string) (*jen.Statement, error) {
	l, err := newLanes(k)
	if err != nil {
		return nil, fmt.Errorf("kernel %s: %w", k.Name, err)
	}
	if l.inBoxes() {
		return l.boxes(name)
	}
	p := newDriver(k)
	words := []string{"n", "rows", "at", "step", "unsafe"}
	for i := range l.streams {
		words = append(words, fmt.Sprint("size", i))
	}
	p.names = newNames(k, words...)
	loop := l.points(p)
	var at, steps []jen.Code
	for i, s := range l.streams {
		if s.arg < 0 {
			size := fmt.Sprint("size", i)
			loop = append(loop, jen.Id(size).Op(":=").Id(storage[s.dtype]).Call(p.size(s.first)))
			at = append(at, jen.Qual("unsafe", "Pointer").Call(jen.Op("&").Id(size)))
			steps = append(steps, jen.Lit(0))
			continue
		}
		first := s.first
		if l.folded {
			first = first.Replace(l.axis, ir.Size{})
		}
		for _, a := range l.terms {
			first = first.Replace(a, ir.Size{})
		}
		place := jen.Qual("unsafe", "Pointer").Call(jen.Op("&").Id(p.names.arg[s.arg]).Index(p.size(first)))
		if l.folded && !l.axis.Extent.AtLeast(1) { // a row of nothing is nowhere, and is not read
			start := jen.Qual("unsafe", "Pointer").Call(jen.Qual("unsafe", "SliceData").Call(jen.Id(p.names.arg[s.arg])))
			place = jen.Qual("unsafe", "Add").Call(start, p.size(first.Mul(s.size())))
		}
		at = append(at, place)
		step := ir.Size{}
		if l.row != nil {
			step, _, _ = s.first.Coef(l.row)
		}
		steps = append(steps, p.size(step.Mul(s.size())))
	}
	steps = append(steps, l.walk(p)...)
	loop = append(loop,
		jen.Id("at").Op(":=").Index(jen.Op("...")).Qual("unsafe", "Pointer").Values(at...),
		jen.Id("step").Op(":=").Index(jen.Op("...")).Int().Values(steps...),
		jen.Id(RoutineName(name)).Call(jen.Op("&").Id("at").Index(jen.Lit(0)), jen.Op("&").Id("step").Index(jen.Lit(0)), jen.Id("rows"), jen.Id("n"), l.past(p)))
	if p.err != nil {
		return nil, fmt.Errorf("kernel %s: %w", k.Name, p.err)
	}
	var body []jen.Code
	for i, a := range k.Args {
		if slices.ContainsFunc(l.streams, func(s stream) bool { return s.arg == i }) {
			body = append(body, jen.Id(p.names.arg[i]).Op(":=").Qual(Runtime, "View").Index(jen.Id(storage[a.DType])).Call(jen.Id("call"), jen.Lit(i)))
		}
	}
	body = append(body, p.sizes()...)
	body = append(body, jen.For(jen.Id("p").Op(":=").Id("lo"), jen.Id("p").Op("<").Id("hi"), jen.Empty()).Block(loop...))
	return overPoints(k, name, body), nil
}

// walk is how terms are walked: for each of their axes its extent, and the bytes that
// each stream moves on after the axes within it; then those that all of it moved.
func (l *lanes) walk(p *printer) []jen.Code {
	var code []jen.Code
	moved := func(a *ir.Axis, s stream) ir.Size {
		step, _, _ := s.first.Coef(a)
		return step.Mul(a.Extent).Mul(s.size())
	}
	for i, a := range l.terms {
		code = append(code, p.size(a.Extent))
		for _, s := range l.streams {
			step, _, _ := s.first.Coef(a)
			step = step.Mul(s.size())
			if i+1 < len(l.terms) {
				step = step.Sub(moved(l.terms[i+1], s))
			}
			code = append(code, p.size(step))
		}
	}
	if len(l.terms) > 0 {
		for _, s := range l.streams {
			code = append(code, p.size(moved(l.terms[0], s)))
		}
	}
	return code
}

// points declares the axes at point p, the elements n of a row and the number of rows
// that are computed next, and moves p behind them.
func (l *lanes) points(p *printer) []jen.Code {
	grid := l.kernel.Grid()
	code := p.place(grid, "p", ir.N(1))
	left := func() *jen.Statement { return jen.Id("hi").Op("-").Id("p") }
	// to the end of an axis, whose neighbours have the points of inner in common
	end := func(n int, inner ir.Size) *jen.Statement {
		at := jen.Id("p")
		if !inner.Is(1) {
			at.Op("/").Add(p.factor(inner))
		}
		if n == 0 {
			return p.size(grid[0].Extent).Op("-").Add(at)
		}
		return p.size(grid[n].Extent).Op("-").Add(at).Op("%").Add(p.factor(grid[n].Extent))
	}
	extent := l.axis.Extent
	few := func() *jen.Statement {
		if n, ok := extent.Int(); ok {
			return jen.Lit(int(max(l.atOnce()/n, 1)))
		}
		return jen.Max(jen.Lit(int(l.atOnce())).Op("/").Max(p.size(extent), jen.Lit(1)), jen.Lit(1))
	}
	if l.folded {
		rows := jen.Lit(1)
		if l.row != nil {
			rows = jen.Min(left(), end(len(grid)-1, ir.N(1)), few())
		}
		return append(code, jen.Id("n").Op(":=").Add(p.size(extent)), jen.Id("rows").Op(":=").Add(rows), jen.Id("p").Op("+=").Id("rows"))
	}
	code = append(code,
		jen.Id("n").Op(":=").Min(left(), end(len(grid)-1, ir.N(1)), jen.Lit(int(l.atOnce()))),
		jen.Id("rows").Op(":=").Lit(1))
	if l.row != nil {
		code = append(code, jen.If(jen.Id("n").Op("==").Add(p.size(extent))).Block(
			jen.Id("rows").Op("=").Min(jen.Parens(left()).Op("/").Id("n"), end(len(grid)-2, extent), few())))
	}
	return append(code, jen.Id("p").Op("+=").Id("rows").Op("*").Id("n"))
}
