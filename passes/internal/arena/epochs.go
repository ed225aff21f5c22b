package arena

import "slices"

// packWork limits the lifetimes computed while epochs are packed, in values.
const packWork = 1 << 26

// PackEpochs gives each kernel an epoch: what runs between two barriers. At each of
// the given sizes no more bytes are alive than when the kernels run in turn. Kernels
// are moved to earlier epochs and, in another try, to later ones; fewer barriers win.
// The result has no gaps.
func PackEpochs(g *Graph, order []int, sizes [][]int64) []int {
	budget := make([]int64, len(sizes))
	for i, size := range sizes {
		budget[i] = serialPeak(g, size, order)
	}
	work := packWork
	fits := func(at []int) bool {
		if work -= len(g.touchers) + len(at); work < 0 {
			return false
		}
		l := Lifetimes(g, at)
		for i, size := range sizes {
			if l.resize(size); l.Live() > budget[i] {
				return false
			}
		}
		return true
	}
	early := pack(order, g.before, fits)
	work = packWork
	order = slices.Clone(order)
	slices.Reverse(order)
	late := flip(pack(order, g.after, func(at []int) bool { return fits(flip(at)) }))
	if epochs(late) < epochs(early) {
		return late
	}
	return early
}

// pack lets each epoch in turn take in later kernels, next in order first, whose
// predecessors are in epochs before it, as long as that fits.
func pack(order []int, before [][]int, fits func(at []int) bool) []int {
	at := InTurn(order)
	for i, first := range order {
		e := at[first]
		for _, k := range order[i+1:] {
			if at[k] <= e || slices.ContainsFunc(before[k], func(p int) bool { return at[p] >= e }) {
				continue
			}
			old := at[k]
			at[k] = e
			if !fits(at) {
				at[k] = old
			}
		}
	}
	used := slices.Compact(slices.Sorted(slices.Values(at)))
	for k := range at { // close the gaps that emptied epochs left
		at[k], _ = slices.BinarySearch(used, at[k])
	}
	return at
}

// epochs is how many there are, if there are no gaps.
func epochs(at []int) int {
	n := 0
	for _, e := range at {
		n = max(n, e+1)
	}
	return n
}

// flip counts epochs from the other end.
func flip(at []int) []int {
	n := epochs(at)
	flipped := make([]int, len(at))
	for k, e := range at {
		flipped[k] = n - 1 - e
	}
	return flipped
}
