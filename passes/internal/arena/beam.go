package arena

import (
	"cmp"
	"slices"
)

// beam searches sets of done kernels level by level, keeping width of them, for an
// order with a peak below bound; nil if it meets none. exact means that no set was
// dropped for lack of width, so that the answer is proven either way.
func beam(g *Graph, size []int64, backwards bool, width int, bound int64) (order []int, exact bool) {
	w := newWalk(g, size, backwards)
	type move struct {
		st          *state
		k           int
		peak, after int64
		hash        uint64
	}
	first := w.start()
	w.settle(first)
	front := []*state{first}
	for exact = true; ; {
		var moves []move
		for _, st := range front {
			if len(st.ready) == 0 && st.peak < bound {
				order, bound = w.order(st), st.peak
			}
			for _, k := range st.ready {
				if during, after := w.cost(st, k); max(st.peak, during) < bound {
					moves = append(moves, move{st, k, max(st.peak, during), after, st.hash ^ mix(k)})
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
			w.run(st, m.k)
			w.settle(st)
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

// settle runs what is never wrong to run now: a kernel that neither raises the peak
// nor leaves more alive.
func (w *walk) settle(st *state) {
	for i := 0; i < len(st.ready); {
		if during, after := w.cost(st, st.ready[i]); during <= st.peak && after <= st.live {
			w.run(st, st.ready[i])
			i = 0
		} else {
			i++
		}
	}
}
