package cpu

import (
	"errors"
	"fmt"
	"slices"

	"github.com/dave/jennifer/jen"

	"github.com/mlxc/mlxc/ir"
)

// Rows that have guards, as those of what is padded or joined have, are computed in
// boxes that the runtime cuts where a guard begins to hold or ends. To the assembly a guard
// is the same for all lanes of a call, and a load behind one that does not hold is of zeros.

// inBoxes reports that something has a guard.
func (l *lanes) inBoxes() bool {
	return len(l.guards) > 0 || slices.ContainsFunc(l.kernel.Stores, func(s ir.Store) bool { return len(s.Guard) > 0 })
}

// boxed is why rows with guards cannot be computed in boxes; nil: they can.
func (l *lanes) boxed() error {
	grid := l.kernel.Grid()
	switch {
	case l.folded || len(l.terms) > 0:
		return errors.New("a guard in what is reduced")
	case len(grid) > maxAxes || len(l.guards) > maxGuards:
		return errors.New("too many guards")
	}
	for _, s := range l.kernel.Stores {
		if len(s.Guard) > 0 && len(l.kernel.Stores) > 1 {
			return errors.New("a guarded store of several")
		}
	}
	for _, g := range slices.Concat(l.guards, [][]ir.Bound{l.kernel.Stores[0].Guard}) {
		if !areEven(g, grid) {
			return errors.New("a guard that is not evenly apart")
		}
	}
	for _, s := range l.streams {
		if _, ok := ir.WalkOf(0, s.first, grid); !ok || s.arg == aSize {
			return errors.New("a guard beside what is not evenly apart")
		}
	}
	return nil
}

// maxGuards is the guards that the runtime has room for.
const maxGuards = 16

// boxes prints the function over points of rows with guards.
func (l *lanes) boxes(name string) (*jen.Statement, error) {
	p := newDriver(l.kernel)
	var guards, streams []jen.Code
	for _, g := range l.guards {
		guards = append(guards, p.boundList(g))
	}
	for _, s := range l.streams {
		if s.arg == truths {
			streams = append(streams, jen.Values(jen.Id("Arg").Op(":").Lit(-1)))
			continue
		}
		w, _ := ir.WalkOf(s.arg, s.first, l.kernel.Grid())
		fields := slices.Concat([]jen.Code{jen.Id("Arg").Op(":").Lit(s.arg), jen.Id("Elem").Op(":").Lit(s.dtype.Size())}, p.affine(w))
		if s.guard >= 0 {
			fields = append(fields, jen.Id("If").Op(":").Lit(s.guard+1))
		}
		streams = append(streams, jen.Values(fields...))
	}
	fields := []jen.Code{
		jen.Id("Compute").Op(":").Id(RoutineName(name)),
		jen.Id("Axes").Op(":").Add(p.extents(l.kernel.Grid())),
		p.within(),
		jen.Id("Guards").Op(":").Index().Index().Qual(Runtime, "Bound").Custom(lines, guards...),
		jen.Id("Streams").Op(":").Index().Qual(Runtime, "Lanes").Custom(lines, streams...),
	}
	if l.mayPass() {
		fields = append(fields, jen.Id("Past").Op(":").Add(l.past(p)))
	}
	code := runTable("Rows", fields)
	if p.err != nil {
		return nil, fmt.Errorf("kernel %s: %w", l.kernel.Name, p.err)
	}
	return overPoints(l.kernel, name, append(p.sizes(), code...)), nil
}
