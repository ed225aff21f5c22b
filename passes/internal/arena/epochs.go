package arena

import "slices"

// An epoch is a set of kernels between two barriers: they may run at the same time.
// A barrier orders everything before it against everything after it, so lifetimes
// counted in epochs are intervals, and a plan over them needs no further barrier.

// Singletons is the schedule with a barrier after every kernel.
func Singletons(order []int) []int {
	at := make([]int, len(order))
	for i, k := range order {
		at[k] = i
	}
	return at
}

// Renumber closes the gaps that emptied epochs leave and returns the count of epochs.
func Renumber(at []int) int {
	u := slices.Clone(at)
	slices.Sort(u)
	u = slices.Compact(u)
	for k := range at {
		at[k], _ = slices.BinarySearch(u, at[k])
	}
	return len(u)
}

// PackEpochs moves kernels to earlier epochs: each epoch in turn takes in the
// kernels, next in order first, whose predecessors are in epochs before it, as long
// as the peak of the whole schedule stays within budget.
func PackEpochs(g *Graph, size []int64, order []int, budget int64) []int {
	at := Singletons(order)
	for i, first := range order {
		e := at[first]
		for _, k := range order[i+1:] {
			if at[k] <= e || slices.ContainsFunc(g.pred[k], func(p int) bool { return at[p] >= e }) {
				continue
			}
			old := at[k]
			at[k] = e
			if Lifetimes(g, size, at).Live() > budget {
				at[k] = old
			}
		}
	}
	Renumber(at)
	return at
}
