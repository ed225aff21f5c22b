package cpu

import "unsafe"

// A Rows is a kernel of rows in assembly, some of whose loads have guards: the points are
// computed in boxes in each of which every guard holds everywhere or nowhere. The last axis
// is that of the lanes.
type Rows struct {
	Compute func(at *unsafe.Pointer, step *int, rows, n int, past bool)
	Axes    []int   // extents of the grid, outermost first
	Within  []Bound // elsewhere nothing is stored
	Guards  [][]Bound
	Streams []Lanes
	Past    bool // what Compute is told
}

// A Lanes is what a Rows reads or writes, one element for each point. Sizes count elements.
type Lanes struct {
	Arg   int // -1: for each guard, whether it holds, as 32 bits
	Elem  int // bytes of an element
	First int
	Steps []int
	If    int // the guard, from 1 on, without which it is zeros; 0: none
}

// The limits of a Rows.
const (
	maxLanes  = 10
	maxGuards = 16
)

// lanesAtOnce bounds the time of a call of assembly, which nothing can interrupt.
const lanesAtOnce = 1 << 14

// zeros are read in place of what a guard is false for.
var zeros [lanesAtOnce]float32

// A rowsCall is what a call of assembly is told.
type rowsCall struct {
	at   [maxLanes]unsafe.Pointer
	step [maxLanes]int
	true [maxGuards]uint32
}

// Run computes the points [lo, hi).
func (r *Rows) Run(call *Call, lo, hi int) {
	f := takeFrame()
	for lo < hi {
		b, points := nextBox(r.Axes, lo, hi)
		b.inside(r.Within, func(b box) { r.box(&f.rows, call, b, 0) })
		lo += points
	}
	f.release()
}

// box computes a box, for which guards before the given one are known. It is cut where a
// guard holds for a part of it.
func (r *Rows) box(to *rowsCall, call *Call, b box, guard int) {
next:
	for ; guard < len(r.Guards); guard++ {
		to.true[guard] = 0
		for i := range r.Guards[guard] {
			all, none, axis, at := r.Guards[guard][i].holds(&b)
			if none {
				continue next
			}
			if !all {
				before, after := b.cut(axis, at)
				r.box(to, call, before, guard)
				r.box(to, call, after, guard)
				return
			}
		}
		to.true[guard] = ^uint32(0)
	}
	lane := len(r.Axes) - 1
	row := 0
	for a := range lane {
		if b.n[a] >= b.n[row] {
			row = a
		}
	}
	for x := b.first; ; {
		r.rows(to, call, &x, &b, row)
		a := lane - 1
		for ; a >= 0; a-- {
			if a == row {
				continue
			}
			if x[a]++; x[a] < b.first[a]+b.n[a] {
				break
			}
			x[a] = b.first[a]
		}
		if a < 0 {
			return
		}
	}
}

// rows computes the rows of a box from a point on.
func (r *Rows) rows(to *rowsCall, call *Call, x *[maxAxes]int, b *box, row int) {
	lane := len(r.Axes) - 1
	rows := 1
	if lane > 0 {
		rows = b.n[row]
	}
	lanes := lanesAtOnce
	for n := range r.Streams {
		if s := &r.Streams[n]; s.If > 0 { // so many zeros are there
			lanes = min(lanes, max(1, lanesAtOnce/max(1, s.Steps[lane], -s.Steps[lane])))
		}
	}
	few := max(1, lanesAtOnce/b.n[lane])
	for i := 0; i < rows; i += few {
		for j := 0; j < b.n[lane]; j += lanes {
			for n := range r.Streams {
				s := &r.Streams[n]
				to.step[n] = 0
				switch {
				case s.Arg < 0:
					to.at[n] = unsafe.Pointer(&to.true)
				case s.If > 0 && to.true[s.If-1] == 0:
					first := 0
					if s.Steps[lane] < 0 {
						first = len(zeros) - 1
					}
					to.at[n] = unsafe.Pointer(&zeros[first])
				default:
					at := s.First
					for a, step := range s.Steps {
						at += step * x[a]
					}
					at += s.Steps[lane] * j
					if lane > 0 {
						at += s.Steps[row] * i
						to.step[n] = s.Elem * s.Steps[row]
					}
					to.at[n] = unsafe.Add(memory(call, s.Arg), s.Elem*at)
				}
			}
			r.Compute(&to.at[0], &to.step[0], min(few, rows-i), min(lanes, b.n[lane]-j), r.Past)
		}
	}
}
