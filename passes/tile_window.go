package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// A window is a pair of axes that an operand of a product varies with only by
// step*over + apart*in: the places of a window, and the places in it.
type window struct {
	over, in    *ir.Axis
	step, apart ir.Size
	whole       *ir.Axis // all that the window moves over
}

// windowOf finds the axis of terms that over is the place of a window of, in the sizes
// that an operand is computed with; ok: there is one, and windows overlap.
func windowOf(over *ir.Axis, terms []*ir.Axis, sizes []ir.Size) (w window, ok bool) {
	if !over.Extent.AtLeast(1) { // the windows of no place move over less than nothing
		return w, false
	}
	for _, in := range terms {
		for _, s := range sizes {
			x, _, _ := s.Coef(over)
			r, _, _ := s.Coef(in)
			step, okX := x.Int()
			apart, okR := r.Int()
			if !okX || !okR || step < 1 || apart < 1 {
				continue
			}
			g := gcd(step, apart)
			w = window{over: over, in: in, step: ir.N(step / g), apart: ir.N(apart / g)}
			moved := over.Extent.Sub(ir.N(1)).Mul(w.step)
			w.whole = &ir.Axis{Name: over.Name + in.Name, Extent: in.Extent.Sub(ir.N(1)).Mul(w.apart).Add(moved).Add(ir.N(1))}
			if most([]*ir.Axis{w.whole}) < most([]*ir.Axis{over, in}) && !slices.ContainsFunc(sizes, func(s ir.Size) bool { return !w.holds(s) }) {
				return w, true
			}
			break
		}
	}
	return w, false
}

func gcd(a, b int64) int64 {
	for b > 0 {
		a, b = b, a%b
	}
	return a
}

// at is the place in what the window moves over.
func (w window) at() ir.Size {
	return w.step.Mul(w.over.Index()).Add(w.apart.Mul(w.in.Index()))
}

// holds reports that s varies with the axes of the window only by its place.
func (w window) holds(s ir.Size) bool {
	x, rest, ok := s.Coef(w.over)
	r, _, okR := rest.Coef(w.in)
	_, divides := r.Exact(w.apart)
	return ok && okR && divides && x.Mul(w.apart).Equal(r.Mul(w.step))
}

// shift writes s, of which the window holds, with the place instead.
func (w window) shift(s ir.Size) ir.Size {
	_, rest, _ := s.Coef(w.over)
	r, rest, _ := rest.Coef(w.in)
	each, _ := r.Exact(w.apart)
	return rest.Add(each.Mul(w.whole.Index()))
}

// sizesIn are the indices and bounds that v is computed with.
func sizesIn(v *ir.Scalar) []ir.Size {
	var sizes []ir.Size
	for _, w := range partsOf(v) {
		sizes = append(sizes, w.Index)
		for _, g := range w.Guard {
			sizes = append(sizes, g.Index, g.Extent)
		}
	}
	return sizes
}

// partsOf is v and all that it is computed from.
func partsOf(v *ir.Scalar) []*ir.Scalar {
	all := []*ir.Scalar{v}
	for i := 0; i < len(all); i++ {
		for _, a := range all[i].Args {
			if !slices.Contains(all, a) {
				all = append(all, a)
			}
		}
	}
	return all
}
