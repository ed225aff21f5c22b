package cpu

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/dave/jennifer/jen"

	"github.com/mlxc/mlxc/ir"
)

// The limits of what the runtime's boxes are for.
const (
	maxAxes    = 8
	maxSources = 32
)

// A source is what a kernel that computes nothing stores where bounds hold, but for where
// those of a source before it do: a load, or a constant.
type source struct {
	where []ir.Bound
	value *ir.Scalar
	at    ir.Walk // of a load
}

// A moving is what a kernel that computes nothing is made from.
type moving struct {
	to   ir.Walk
	from []source
}

// isMove reports that a kernel computes nothing: it copies, pads, joins, or transposes.
func isMove(k *ir.Kernel) bool {
	_, err := moveOf(k)
	return err == nil
}

func moveOf(k *ir.Kernel) (m moving, err error) {
	if k.Stream != nil || k.Contract != nil || k.Written != nil || len(k.Stores) != 1 || len(k.Loops(k.Stores[0])) > 0 || len(k.Grid()) > maxAxes {
		return m, errors.New("no move")
	}
	s := k.Stores[0]
	var ok bool
	if m.to, ok = ir.WalkOf(s.Arg, s.Index, k.Grid()); !ok || !areEven(s.Guard, k.Grid()) {
		return m, errors.New("a result that is not evenly apart")
	}
	m.from, err = sourcesOf(k, s.Value, nil)
	if err == nil && len(m.from) > maxSources {
		err = errors.New("too many sources")
	}
	return m, err
}

// sourcesOf are those of v where bounds hold. The last has no other bounds.
func sourcesOf(k *ir.Kernel, v *ir.Scalar, where []ir.Bound) ([]source, error) {
	and := func(more []ir.Bound) []ir.Bound {
		all := slices.Clone(where)
		for _, g := range more {
			if !g.Proven() && !slices.ContainsFunc(all, func(h ir.Bound) bool { return h.Index.Equal(g.Index) && h.Extent.Equal(g.Extent) }) {
				all = append(all, g)
			}
		}
		return all
	}
	stored := k.Args[k.Stores[0].Arg].DType
	switch {
	case v.Kind == ir.ScalarConst && (v.DType == stored || constantIsZero(v)):
		return []source{{where: where, value: v}}, nil
	case v.Kind == ir.ScalarLoad && len(v.Bind) == 0 && k.Args[v.Arg].DType == stored:
		at, ok := ir.WalkOf(v.Arg, v.Index, k.Grid())
		if !ok || !areEven(v.Guard, k.Grid()) {
			return nil, errors.New("elements that are not evenly apart")
		}
		all := and(v.Guard)
		from := []source{{all, v, at}}
		if len(all) > len(where) {
			from = append(from, source{where: where})
		}
		return from, nil
	case v.Kind == ir.ScalarApply && v.Fn == ir.Select && v.Args[0].Kind == ir.ScalarInside:
		g := v.Args[0]
		if len(g.Bind) > 0 || !areEven(g.Guard, k.Grid()) {
			return nil, errors.New("a choice that is not evenly apart")
		}
		inside, err := sourcesOf(k, v.Args[1], and(g.Guard))
		if err != nil {
			return nil, err
		}
		outside, err := sourcesOf(k, v.Args[2], where)
		return append(inside, outside...), err
	}
	return nil, errors.New("arithmetic")
}

// areEven reports that bounds are of what is affine in axes.
func areEven(guard []ir.Bound, axes []*ir.Axis) bool {
	return !slices.ContainsFunc(guard, func(g ir.Bound) bool {
		_, ok := ir.WalkOf(0, g.Index, axes)
		_, constant := ir.WalkOf(0, g.Extent, nil)
		return !ok || !constant
	})
}

func constantIsZero(v *ir.Scalar) bool {
	return v.Int == 0 && v.Float == 0 && !math.Signbit(v.Float)
}

// bitsOf are those of a constant as it is stored, which is 0 or of its own dtype.
func bitsOf(v *ir.Scalar) uint64 {
	switch {
	case v == nil || constantIsZero(v):
		return 0
	case v.DType == ir.F32:
		return uint64(floatBits(v.Float))
	case v.DType == ir.F64:
		return math.Float64bits(v.Float)
	}
	return uint64(v.Int)
}

// moves is a kernel for which isMove holds, as a table of the runtime's.
func (p *printer) moves(m moving) []jen.Code {
	k := p.kernel
	var sources []jen.Code
	for _, s := range m.from {
		var fields []jen.Code
		if len(s.where) > 0 {
			fields = append(fields, jen.Id("If").Op(":").Add(p.bounds(s.where)))
		}
		if len(s.at.Stride) == 0 && (s.value == nil || s.value.Kind == ir.ScalarConst) {
			fields = append(fields, jen.Id("Arg").Op(":").Lit(-1))
			if bits := bitsOf(s.value); bits != 0 {
				fields = append(fields, jen.Id("Bits").Op(":").Op(fmt.Sprintf("%#x", bits)))
			}
		} else {
			fields = append(fields, jen.Id("Arg").Op(":").Lit(s.at.Arg))
			fields = append(fields, p.affine(s.at)...)
		}
		sources = append(sources, jen.Values(fields...))
	}
	fields := []jen.Code{
		jen.Id("Axes").Op(":").Add(p.extents(k.Grid())),
		p.within(),
		jen.Id("Elem").Op(":").Lit(k.Args[m.to.Arg].DType.Size()),
		jen.Id("To").Op(":").Lit(m.to.Arg),
	}
	fields = append(fields, p.affine(m.to)...)
	fields = append(fields, jen.Id("From").Op(":").Index().Qual(Runtime, "Source").Custom(lines, sources...))
	return runTable("Moves", fields)
}

// extents are those of axes.
func (p *printer) extents(axes []*ir.Axis) *jen.Statement {
	var list []jen.Code
	for _, n := range extents(axes) {
		list = append(list, p.size(n))
	}
	return jen.Index().Int().Values(list...)
}

// affine are the fields of what is affine in the axes of the grid.
func (p *printer) affine(w ir.Walk) []jen.Code {
	var fields, steps []jen.Code
	if len(w.First.Terms()) > 0 {
		fields = append(fields, jen.Id("First").Op(":").Add(p.size(w.First)))
	}
	for _, a := range p.kernel.Grid() {
		steps = append(steps, p.size(w.Stride[a.Name]))
	}
	return append(fields, jen.Id("Steps").Op(":").Index().Int().Values(steps...))
}

// within is the field of the bounds of what is stored.
func (p *printer) within() jen.Code {
	guard := p.kernel.Stores[0].Guard
	if len(guard) == 0 {
		return jen.Null()
	}
	return jen.Id("Within").Op(":").Add(p.bounds(guard))
}

// bounds are the runtime's, of a guard for which areEven holds.
func (p *printer) bounds(guard []ir.Bound) *jen.Statement {
	return jen.Index().Qual(Runtime, "Bound").Add(p.boundList(guard))
}

// boundList is bounds where the type is known.
func (p *printer) boundList(guard []ir.Bound) *jen.Statement {
	var all []jen.Code
	for _, g := range guard {
		w, _ := ir.WalkOf(0, g.Index, p.kernel.Grid())
		all = append(all, jen.Values(append(p.affine(w), jen.Id("N").Op(":").Add(p.size(g.Extent)))...))
	}
	return jen.Values(all...)
}
