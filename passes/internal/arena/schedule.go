package arena

import (
	"cmp"
	"slices"
)

// sim walks a graph kernel by kernel and counts live bytes. With rev set it walks
// from the last kernel to the first, where what was a death is a birth.
type sim struct {
	g         *Graph
	size      []int64 // per value
	rev       bool
	next      [][]int // succ, or pred when reversed
	prev      [][]int
	startLive int64
}

func newSim(g *Graph, size []int64, rev bool) *sim {
	s := &sim{g: g, size: size, rev: rev, next: g.succ, prev: g.pred}
	if rev {
		s.next, s.prev = g.pred, g.succ
	}
	for r := range g.Values {
		if s.bornBefore(V(r)) {
			s.startLive += size[r]
		}
	}
	return s
}

func (s *sim) bornBefore(r V) bool {
	v := s.g.Values[r]
	return !s.rev && v.Input || s.rev && v.Output
}

func (s *sim) outlives(r V) bool {
	return (!s.rev && s.g.Values[r].Output) || (s.rev && s.g.Values[r].Input)
}

// state is a set of kernels done and what follows from it.
type state struct {
	waiting []int16 // per kernel: predecessors not done
	left    []int16 // per value: touchers not done
	ready   []int   // kernels whose predecessors are done, ascending
	live    int64
	peak    int64
	hash    uint64 // of the set of kernels done
	parent  *step  // how it came about
}

// step is one kernel appended to a path shared with other states.
type step struct {
	k    int
	prev *step
}

func (s *sim) start() *state {
	st := &state{live: s.startLive, peak: s.startLive,
		waiting: make([]int16, len(s.g.Kernels)), left: make([]int16, len(s.g.Values))}
	for k := range st.waiting {
		st.waiting[k] = int16(len(s.prev[k]))
		if st.waiting[k] == 0 {
			st.ready = append(st.ready, k)
		}
	}
	for r, t := range s.g.touchers {
		st.left[r] = int16(len(t))
	}
	return st
}

// cost returns the live bytes while k runs and after it.
func (s *sim) cost(st *state, k int) (during, after int64) {
	during = st.live
	var freed int64
	for _, r := range s.g.touch[k] {
		if int(st.left[r]) == len(s.g.touchers[r]) && !s.bornBefore(r) {
			during += s.size[r]
		}
		if st.left[r] == 1 && !s.outlives(r) {
			freed += s.size[r]
		}
	}
	after = during - freed
	for i, p := range s.g.Kernels[k].Over {
		if s.overwrites(st, p) && !s.clash(st, k, i) {
			during -= s.size[p[0]]
		}
	}
	return during, after
}

// overwrites reports whether out may take operand's place: the kernel is its last reader.
func (s *sim) overwrites(st *state, p [2]V) bool {
	if s.g.Values[p[1]].Output {
		return false
	}
	if s.rev { // last in program order is first here
		return int(st.left[p[1]]) == len(s.g.touchers[p[1]])
	}
	return st.left[p[1]] == 1
}

// clash reports whether an earlier pair of k already used either side of pair i.
func (s *sim) clash(st *state, k, i int) bool {
	over := s.g.Kernels[k].Over
	for j, q := range over[:i] {
		if (q[0] == over[i][0] || q[1] == over[i][1]) && s.overwrites(st, q) && !s.clash(st, k, j) {
			return true
		}
	}
	return false
}

// run appends k in place.
func (s *sim) run(st *state, k int) {
	during, after := s.cost(st, k)
	st.peak, st.live = max(st.peak, during), after
	i, _ := slices.BinarySearch(st.ready, k)
	st.ready = slices.Delete(st.ready, i, i+1)
	for _, n := range s.next[k] {
		if st.waiting[n]--; st.waiting[n] == 0 {
			i, _ := slices.BinarySearch(st.ready, n)
			st.ready = slices.Insert(st.ready, i, n)
		}
	}
	for _, r := range s.g.touch[k] {
		st.left[r]--
	}
	st.hash ^= mix(uint64(k) + 1)
	st.parent = &step{k, st.parent}
}

func (st *state) clone() *state {
	c := *st
	c.waiting, c.left, c.ready = slices.Clone(st.waiting), slices.Clone(st.left), slices.Clone(st.ready)
	return &c
}

func (s *sim) order(st *state) []int {
	var o []int
	for p := st.parent; p != nil; p = p.prev {
		o = append(o, p.k)
	}
	if !s.rev {
		slices.Reverse(o)
	}
	return o
}

func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// SerialPeak is the peak live bytes of an order.
func SerialPeak(g *Graph, size []int64, order []int) int64 {
	at := make([]int, len(order))
	for i, k := range order {
		at[k] = i
	}
	return Lifetimes(g, size, at).Live()
}

// ProgramOrder is the order the graph was written in.
func ProgramOrder(g *Graph) []int {
	o := make([]int, len(g.Kernels))
	for i := range o {
		o[i] = i
	}
	return o
}

// DFS is the postorder from the sinks: every kernel as near its first user as can be.
func DFS(g *Graph) []int {
	var o []int
	seen := make([]bool, len(g.Kernels))
	var visit func(int)
	visit = func(k int) {
		if seen[k] {
			return
		}
		seen[k] = true
		for _, p := range g.pred[k] {
			visit(p)
		}
		o = append(o, k)
	}
	for k := range g.Kernels {
		if len(g.succ[k]) == 0 {
			visit(k)
		}
	}
	return o
}

// Greedy runs the ready kernel that leaves least alive; ties by what it needs while it runs.
func Greedy(g *Graph, size []int64, rev bool) []int {
	s := newSim(g, size, rev)
	st := s.start()
	for len(st.ready) > 0 {
		best, bd, ba := -1, int64(0), int64(0)
		for _, k := range st.ready {
			d, a := s.cost(st, k)
			if best < 0 || a < ba || (a == ba && d < bd) {
				best, bd, ba = k, d, a
			}
		}
		s.run(st, best)
	}
	return s.order(st)
}

// Beam searches sets of done kernels level by level, keeping width of them, and
// returns an order with a peak below bound, if it meets one. exact means that no
// set was ever dropped for lack of width: the answer, or that there is none, is proven.
func Beam(g *Graph, size []int64, rev bool, width int, bound int64) (order []int, exact bool) {
	s := newSim(g, size, rev)
	exact = true
	type move struct {
		st          *state
		k           int
		peak, after int64
		hash        uint64
	}
	// A kernel that neither raises the peak nor leaves more alive is never wrong to run now.
	settle := func(st *state) {
		for again := true; again; {
			again = false
			for _, k := range st.ready {
				if d, a := s.cost(st, k); d <= st.peak && a <= st.live {
					s.run(st, k)
					again = true
					break
				}
			}
		}
	}
	first := s.start()
	settle(first)
	front := []*state{first}
	for {
		var moves []move
		for _, st := range front {
			if len(st.ready) == 0 && st.peak < bound {
				order, bound = s.order(st), st.peak
			}
			for _, k := range st.ready {
				if d, a := s.cost(st, k); max(st.peak, d) < bound {
					moves = append(moves, move{st, k, max(st.peak, d), a, st.hash ^ mix(uint64(k)+1)})
				}
			}
		}
		slices.SortStableFunc(moves, func(a, b move) int {
			return cmp.Or(cmp.Compare(a.peak, b.peak), cmp.Compare(a.after, b.after))
		})
		seen := map[uint64]bool{}
		front = nil
		for _, m := range moves {
			if seen[m.hash] {
				continue
			}
			seen[m.hash] = true
			if len(front) == width {
				exact = false
				break
			}
			st := m.st.clone()
			s.run(st, m.k)
			settle(st)
			if seen[st.hash] && st.hash != m.hash {
				continue
			}
			seen[st.hash] = true
			front = append(front, st)
		}
		if len(front) == 0 {
			return order, exact
		}
	}
}

// ScheduleBound is a lower bound on the peak of any order: what must be alive while
// a kernel runs, since something it needs made it and something that needs the kernel reads it.
func ScheduleBound(g *Graph, size []int64) int64 {
	var best int64
	for k := range g.Kernels {
		var sum int64
		born, dies := make([]bool, len(g.Values)), make([]bool, len(g.Values))
		for r, ts := range g.touchers {
			b, d := g.Values[r].Input, g.Values[r].Output
			for _, t := range ts {
				b = b || t == k || g.below[k].has(t)
				d = d || t == k || g.above[k].has(t)
			}
			born[r], dies[r] = b, d
			if b && d {
				sum += size[r]
			}
		}
		used := map[V]bool{}
		for _, p := range g.Kernels[k].Over {
			later := g.Values[p[1]].Output || used[p[0]] || used[p[1]]
			for _, t := range g.touchers[p[1]] {
				later = later || g.above[k].has(t)
			}
			if !later {
				sum -= size[p[0]]
				used[p[0]], used[p[1]] = true, true
			}
		}
		best = max(best, sum)
	}
	return best
}

// Schedule is the recommended order: the cheap orders, then beams of growing width
// from both ends, stopping as soon as the bound is met. Program order wins ties, so
// that nothing moves without gain.
func Schedule(g *Graph, size []int64) (order []int, peak int64, proven bool) {
	order = ProgramOrder(g)
	peak = SerialPeak(g, size, order)
	bound := ScheduleBound(g, size)
	try := func(o []int) {
		if o == nil {
			return
		}
		if p := SerialPeak(g, size, o); p < peak {
			order, peak = o, p
		}
	}
	try(DFS(g))
	try(Greedy(g, size, false))
	try(Greedy(g, size, true))
	for _, width := range []int{8, 64, 512} {
		for _, rev := range []bool{false, true} {
			if peak <= bound {
				return order, peak, true
			}
			o, exact := Beam(g, size, rev, width, peak)
			try(o)
			if exact {
				return order, peak, true
			}
		}
	}
	return order, peak, peak <= bound
}
