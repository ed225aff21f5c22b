package arena

// Schedule finds an order with a small peak of live bytes: the best of the
// program's own, a postorder, two greedy ones, and beams of growing width from both
// ends, until one meets the bound over all orders. The program's order wins ties,
// so that nothing moves without gain. It returns the order and its peak.
func Schedule(g *Graph, size []int64) (order []int, peak int64) {
	order = programOrder(g)
	peak = serialPeak(g, size, order)
	try := func(o []int) {
		if p := serialPeak(g, size, o); p < peak {
			order, peak = o, p
		}
	}
	bound := Bound(g, size)
	for _, cheap := range []func() []int{
		func() []int { return postorder(g) },
		func() []int { return greedy(g, size, false) },
		func() []int { return greedy(g, size, true) },
	} {
		if peak > bound {
			try(cheap())
		}
	}
	for _, width := range []int{8, 64, 512} {
		for _, backwards := range []bool{false, true} {
			if peak <= bound || width*len(g.kernels)*(len(g.kernels)+len(size)) > beamWork {
				return order, peak
			}
			o, exact := beam(g, size, backwards, width, peak)
			if o != nil {
				try(o)
			}
			if exact {
				return order, peak
			}
		}
	}
	return order, peak
}

// beamWork limits what one beam copies, in words: some seconds.
const beamWork = 1 << 30

// InTurn is the steps of kernels that run one after the other.
func InTurn(order []int) []int {
	at := make([]int, len(order))
	for i, k := range order {
		at[k] = i
	}
	return at
}

func serialPeak(g *Graph, size []int64, order []int) int64 {
	return Lifetimes(g, InTurn(order)).Sized(size).Live()
}

func programOrder(g *Graph) []int {
	o := make([]int, len(g.kernels))
	for i := range o {
		o[i] = i
	}
	return o
}

// postorder is that from the sinks: every kernel as near its first user as can be.
func postorder(g *Graph) []int {
	var o []int
	seen := make([]bool, len(g.kernels))
	var visit func(int)
	visit = func(k int) {
		if seen[k] {
			return
		}
		seen[k] = true
		for _, p := range g.before[k] {
			visit(p)
		}
		o = append(o, k)
	}
	for k := range g.kernels {
		if len(g.after[k]) == 0 {
			visit(k)
		}
	}
	return o
}

// greedy runs the ready kernel that leaves least alive; of several, the one that
// needs least while it runs.
func greedy(g *Graph, size []int64, backwards bool) []int {
	w := newWalk(g, size, backwards)
	st := w.start()
	for len(st.ready) > 0 {
		best, bestDuring, bestAfter := -1, int64(0), int64(0)
		for _, k := range st.ready {
			during, after := w.cost(st, k)
			if best < 0 || after < bestAfter || after == bestAfter && during < bestDuring {
				best, bestDuring, bestAfter = k, during, after
			}
		}
		w.run(st, best)
	}
	return w.order(st)
}

// Bound is a lower bound on the peak of any order: what must be alive while a kernel
// runs.
func Bound(g *Graph, size []int64) int64 {
	var best int64
	for k := range g.kernels {
		var sum int64
		for _, v := range g.alive[k] {
			sum += size[v]
		}
		best = max(best, sum)
	}
	return best
}
