package arena

import (
	"cmp"
	"slices"
)

// exact looks for a placement no higher than limit by branch and bound over those in
// which every block sits on the floor or on others (after MiniMalloc, Moffitt 2023).
// It gives up after nodes; before that, failure proves that there is none.
func exact(l *Life, limit int64, nodes int) (p placement, ok bool) {
	s := newSearch(l, limit, nodes)
	if !s.dive(0, 0) {
		return p, false
	}
	p.offset = s.offset
	for i, b := range l.Blocks {
		p.peak = max(p.peak, p.offset[i]+b.Size)
	}
	return p, true
}

// A search is the state of exact. Steps at which the same blocks are alive are one
// section.
type search struct {
	life   *Life
	limit  int64
	nodes  int     // that may still be visited
	order  []int   // in which blocks are tried; those of no bytes need no search
	offset []int64 // per block, -1: not placed
	lo, hi []int   // per block: its sections
	left   []int64 // per section: bytes still to place
	floor  []int64 // per section: top of what is placed
}

func newSearch(l *Life, limit int64, nodes int) *search {
	edge := make([]bool, l.Steps+1)
	for _, b := range l.Blocks {
		edge[b.First], edge[b.Last+1] = true, true
	}
	section, n := make([]int, l.Steps), 0
	for t := range section {
		if edge[t] && t > 0 {
			n++
		}
		section[t] = n
	}
	s := &search{life: l, limit: limit, nodes: nodes, offset: make([]int64, len(l.Blocks)),
		left: make([]int64, n+1), floor: make([]int64, n+1)}
	for _, i := range l.order(byArea) {
		if l.Blocks[i].Size > 0 {
			s.order = append(s.order, i)
			s.offset[i] = -1
		}
	}
	for _, b := range l.Blocks {
		s.lo, s.hi = append(s.lo, section[b.First]), append(s.hi, section[b.Last])
		for t := section[b.First]; t <= section[b.Last]; t++ {
			s.left[t] += b.Size
		}
	}
	return s
}

// dive places what is left, given that so many blocks are placed, the last one at
// last: offsets never decrease along a path, so nothing can be put below it again.
func (s *search) dive(placed int, last int64) bool {
	if placed == len(s.order) {
		return true
	}
	if s.nodes--; s.nodes < 0 {
		return false
	}
	for t, left := range s.left { // so each block that is left fits by itself
		if left > 0 && max(s.floor[t], last)+left > s.limit {
			return false
		}
	}
	for _, i := range s.options(last) {
		at, size := s.lowest(i, last), s.life.Blocks[i].Size
		under := s.floor[s.lo[i] : s.hi[i]+1]
		old := slices.Clone(under)
		for t := range under {
			under[t] = at + size
			s.left[s.lo[i]+t] -= size
		}
		s.offset[i] = at
		if s.dive(placed+1, at) {
			return true
		}
		s.offset[i] = -1
		copy(under, old)
		for t := range under {
			s.left[s.lo[i]+t] += size
		}
		if s.nodes < 0 {
			return false
		}
	}
	return false
}

// lowest is where block i may start.
func (s *search) lowest(i int, last int64) int64 {
	return max(last, slices.Max(s.floor[s.lo[i]:s.hi[i]+1]))
}

// options is the blocks that may come next, the lowest first. One that starts above
// where another could end is none: the other may as well come before it.
func (s *search) options(last int64) []int {
	var opts []int
	at := make([]int64, len(s.offset))
	ceiling := s.limit + 1
	for _, i := range s.order {
		if s.offset[i] < 0 {
			at[i] = s.lowest(i, last)
			ceiling = min(ceiling, at[i]+s.life.Blocks[i].Size)
			opts = append(opts, i)
		}
	}
	opts = slices.DeleteFunc(opts, func(i int) bool { return at[i] >= ceiling })
	slices.SortStableFunc(opts, func(a, b int) int { return cmp.Compare(at[a], at[b]) })
	return opts
}
