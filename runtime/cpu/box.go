package cpu

// maxAxes is the axes that a box may have.
const maxAxes = 8

// A Bound holds at the points of some axes where 0 <= First + the sum of Steps times the
// point < N.
type Bound struct {
	First int
	Steps []int // of each axis
	N     int
}

// A box is the points of some axes from first on, n of each.
type box struct{ first, n [maxAxes]int }

// nextBox is the largest box that begins with the point lo of axes and goes on in their
// order, before hi; points is how many it has.
func nextBox(axes []int, lo, hi int) (b box, points int) {
	rest := lo
	for a := len(axes) - 1; a >= 0; a-- {
		b.first[a], b.n[a] = rest%axes[a], 1
		rest /= axes[a]
	}
	points = 1
	for a := len(axes) - 1; a >= 0; a-- {
		b.n[a] = min(axes[a]-b.first[a], (hi-lo)/points)
		points *= b.n[a]
		if b.n[a] < axes[a] {
			break
		}
	}
	return b, points
}

// holds says that a bound holds at all points of a box, or at none; else it says where to
// cut the box: before so many points of an axis.
func (g *Bound) holds(b *box) (all, none bool, axis, at int) {
	low, high, reach := g.First, g.First, 0
	for a, step := range g.Steps {
		low += step * b.first[a]
		high += step * b.first[a]
		moved := step * (b.n[a] - 1)
		if r := max(moved, -moved); r > 0 && (reach == 0 || r < reach) {
			axis, reach = a, r
		}
		low, high = low+min(moved, 0), high+max(moved, 0)
	}
	switch {
	case low >= 0 && high < g.N:
		return true, false, 0, 0
	case high < 0 || low >= g.N:
		return false, true, 0, 0
	case high-low > reach: // several axes move it: the one that does so least is cut up first
		return false, false, axis, b.n[axis] / 2
	}
	step := g.Steps[axis]
	switch up := step > 0; {
	case up && low < 0:
		at = ceilDiv(-low, step)
	case up:
		at = ceilDiv(g.N-low, step)
	case high >= g.N:
		at = ceilDiv(high-g.N+1, -step)
	default:
		at = ceilDiv(high+1, -step)
	}
	return false, false, axis, at
}

// cut is the parts of a box before and from so many points of an axis on.
func (b box) cut(axis, at int) (before, after box) {
	before, after = b, b
	before.n[axis] = at
	after.first[axis] += at
	after.n[axis] -= at
	return before, after
}

// inside does something with the parts of a box for which bounds hold.
func (b box) inside(bounds []Bound, do func(b box)) {
	for i := range bounds {
		all, none, axis, at := bounds[i].holds(&b)
		if none {
			return
		}
		if !all {
			before, after := b.cut(axis, at)
			before.inside(bounds[i:], do)
			after.inside(bounds[i:], do)
			return
		}
	}
	do(b)
}
