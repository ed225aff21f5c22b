package arena

import "slices"

// A walk goes through a program kernel by kernel and counts live bytes. Backwards
// it goes from the last kernel to the first, where what was a death is a birth.
type walk struct {
	g          *Graph
	size       []int64 // per value
	backwards  bool
	next, prev [][]int // per kernel
}

func newWalk(g *Graph, size []int64, backwards bool) *walk {
	w := &walk{g: g, size: size, backwards: backwards, next: g.after, prev: g.before}
	if backwards {
		w.next, w.prev = w.prev, w.next
	}
	return w
}

// A state is a set of kernels done and what follows from it.
type state struct {
	waiting    []int32 // per kernel: those before it that are not done
	left       []int32 // per value: its users that are not done
	ready      []int   // kernels that wait for none, ascending
	live, peak int64
	hash       uint64 // of the set
	path       *path
}

// A path is the kernels done, the last one first; states share its tail.
type path struct {
	k    int
	prev *path
}

func (w *walk) start() *state {
	st := &state{waiting: make([]int32, len(w.g.kernels)), left: make([]int32, len(w.g.touchers))}
	for k := range st.waiting {
		st.waiting[k] = int32(len(w.prev[k]))
		if st.waiting[k] == 0 {
			st.ready = append(st.ready, k)
		}
	}
	for v, t := range w.g.touchers {
		st.left[v] = int32(len(t))
	}
	return st
}

func (w *walk) untouched(st *state, v int) bool { return int(st.left[v]) == len(w.g.touchers[v]) }

// cost returns the live bytes while k runs and after it.
func (w *walk) cost(st *state, k int) (during, after int64) {
	during = st.live
	var freed int64
	for _, v := range w.g.kernels[k].Values {
		if w.untouched(st, v) {
			during += w.size[v]
		}
		if st.left[v] == 1 {
			freed += w.size[v]
		}
	}
	after = during - freed
	for i := range w.g.kernels[k].Over {
		if w.overwrites(st, k, i) {
			during -= w.size[w.g.kernels[k].Over[i][0]]
		}
	}
	return during, after
}

// overwrites reports whether pair i of k shares memory: k is the operand's last
// user and the result's first, and no earlier pair took either side.
func (w *walk) overwrites(st *state, k, i int) bool {
	over := w.g.kernels[k].Over
	result, operand := over[i][0], over[i][1]
	dies, born := operand, result
	if w.backwards {
		dies, born = born, dies
	}
	if st.left[dies] != 1 || !w.untouched(st, born) || result == operand {
		return false
	}
	for j, q := range over[:i] {
		if (q[0] == result || q[1] == operand) && w.overwrites(st, k, j) {
			return false
		}
	}
	return true
}

// run appends k to the state.
func (w *walk) run(st *state, k int) {
	during, after := w.cost(st, k)
	st.peak, st.live = max(st.peak, during), after
	i, _ := slices.BinarySearch(st.ready, k)
	st.ready = slices.Delete(st.ready, i, i+1)
	for _, n := range w.next[k] {
		if st.waiting[n]--; st.waiting[n] == 0 {
			i, _ := slices.BinarySearch(st.ready, n)
			st.ready = slices.Insert(st.ready, i, n)
		}
	}
	for _, v := range w.g.kernels[k].Values {
		st.left[v]--
	}
	st.hash ^= mix(k)
	st.path = &path{k, st.path}
}

func (st *state) clone() *state {
	c := *st
	c.waiting, c.left, c.ready = slices.Clone(st.waiting), slices.Clone(st.left), slices.Clone(st.ready)
	return &c
}

// order is the kernels done in program direction.
func (w *walk) order(st *state) []int {
	var o []int
	for p := st.path; p != nil; p = p.prev {
		o = append(o, p.k)
	}
	if !w.backwards {
		slices.Reverse(o)
	}
	return o
}

// mix spreads a kernel's number over 64 bits (the finaliser of MurmurHash3).
func mix(k int) uint64 {
	x := uint64(k) + 1
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
