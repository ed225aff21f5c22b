package cpu

import "unsafe"

// A Moves is a kernel that computes nothing: each element of its result is one of several
// sources', or a number. Sizes count elements.
type Moves struct {
	Axes   []int   // extents of the grid, outermost first
	Within []Bound // elsewhere nothing is stored
	Elem   int     // bytes of an element: 1, 2, 4 or 8
	To     int     // the argument that is written
	First  int     // its element at the first point
	Steps  []int   // and from there to the next point of each axis
	From   []Source
}

// A Source has the elements of the points where its bounds hold, but for those that sources
// before it have.
type Source struct {
	If    []Bound
	Arg   int // -1: Bits
	First int
	Steps []int
	Bits  uint64
}

// Run computes the points [lo, hi).
func (m *Moves) Run(call *Call, lo, hi int) {
	for lo < hi {
		b, points := nextBox(m.Axes, lo, hi)
		b.inside(m.Within, func(b box) { m.fill(call, b, 0) })
		lo += points
	}
}

// fill computes a box, of which sources before the given one have no point. It is cut where
// a bound holds for a part of it.
func (m *Moves) fill(call *Call, b box, source int) {
next:
	for ; source < len(m.From); source++ {
		s := &m.From[source]
		for i := range s.If {
			all, none, axis, at := s.If[i].holds(&b)
			if none {
				continue next
			}
			if !all {
				before, after := b.cut(axis, at)
				m.fill(call, before, source)
				m.fill(call, after, source)
				return
			}
		}
		switch m.Elem {
		case 1:
			move[uint8](m, s, call, &b)
		case 2:
			move[uint16](m, s, call, &b)
		case 4:
			move[uint32](m, s, call, &b)
		default:
			move[uint64](m, s, call, &b)
		}
		return
	}
}

// A stride is an axis of a box as a copy sees it: its points, and the elements to the next.
type stride struct{ n, to, from int }

// move copies a box from a source. Axes that both sides walk as one are one, and the
// innermost loop is along one of neighbours on both sides, or else the longest.
func move[T any](m *Moves, s *Source, call *Call, b *box) {
	to, from := m.First, s.First
	var axes [maxAxes]stride
	n := 0
	for a, step := range m.Steps {
		x := stride{b.n[a], step, 0}
		to += step * b.first[a]
		if s.Arg >= 0 {
			x.from = s.Steps[a]
			from += x.from * b.first[a]
		}
		switch {
		case x.n == 1:
		case n > 0 && axes[n-1].to == x.n*x.to && axes[n-1].from == x.n*x.from:
			axes[n-1] = stride{axes[n-1].n * x.n, x.to, x.from}
		default:
			axes[n] = x
			n++
		}
	}
	if n == 0 {
		axes[0], n = stride{1, 1, 1}, 1
	}
	inner := n - 1
	if last := axes[inner]; last.to != 1 || last.from != 1 && s.Arg >= 0 {
		for a := range n {
			if axes[a].n > axes[inner].n {
				inner = a
			}
		}
	}
	axes[inner], axes[n-1] = axes[n-1], axes[inner]
	dst := View[T](call, m.To)
	if s.Arg < 0 {
		bits := s.Bits
		fillAlong(dst, *(*T)(unsafe.Pointer(&bits)), axes[:n], to)
		return
	}
	copyAlong(dst, View[T](call, s.Arg), axes[:n], to, from)
}

// copyAlong copies the points of axes, the outermost first.
func copyAlong[T any](dst, src []T, axes []stride, to, from int) {
	a := axes[0]
	switch {
	case len(axes) > 1:
		for range a.n {
			copyAlong(dst, src, axes[1:], to, from)
			to, from = to+a.to, from+a.from
		}
	case a.to == 1 && a.from == 1:
		copy(dst[to:][:a.n], src[from:])
	default:
		for range a.n {
			dst[to] = src[from]
			to, from = to+a.to, from+a.from
		}
	}
}

// fillAlong writes a number to the points of axes, the outermost first.
func fillAlong[T any](dst []T, x T, axes []stride, to int) {
	a := axes[0]
	switch {
	case len(axes) > 1:
		for range a.n {
			fillAlong(dst, x, axes[1:], to)
			to += a.to
		}
	default:
		for range a.n {
			dst[to] = x
			to += a.to
		}
	}
}
