package arena

import (
	"cmp"
	"math"
	"slices"
)

// A Stack is a placement for all dims: who lies above whom. The offset of a block is
// the highest end of the blocks that it rests on.
type Stack struct {
	Order []int   // blocks, bottom up
	On    [][]int // per block: what it rests on, without what follows from the rest
}

// newStack keeps the order of a placement and forgets its numbers.
func newStack(l *Life, p placement) Stack {
	n := len(l.Blocks)
	// Blocks of no bytes share an offset with others; the index breaks the tie.
	s := Stack{l.sorted(func(a, b int) int { return cmp.Compare(p.offset[a], p.offset[b]) }), make([][]int, n)}
	rank := make([]int, n)
	for r, i := range s.Order {
		rank[i] = r
	}
	above := make([]bits, n) // per block: those it lies above, through any chain
	for _, i := range s.Order {
		above[i] = newBits(n)
		below := slices.DeleteFunc(slices.Clone(l.conflicts[i]), func(j int) bool { return rank[j] > rank[i] })
		slices.SortFunc(below, func(a, b int) int { return rank[b] - rank[a] })
		for _, j := range below { // the highest first: a chain through it makes lower ones redundant
			if !above[i].has(j) {
				s.On[i] = append(s.On[i], j)
				above[i].or(above[j])
				above[i].set(j)
			}
		}
	}
	return s
}

// peak is the highest end of blocks of the given sizes.
func (s Stack) peak(blocks []Block) int64 {
	end, peak := make([]int64, len(blocks)), int64(0)
	for _, i := range s.Order {
		for _, j := range s.On[i] {
			end[i] = max(end[i], end[j])
		}
		end[i] += blocks[i].Size
		peak = max(peak, end[i])
	}
	return peak
}

// Stacks picks few stacks of one schedule, at most limit, so that at each point one is
// within goal of the best that was found there. points are the sizes of the values at
// each point; at is the epoch of each kernel. A point that a stack made for another one
// serves well enough is not searched; work limits all searches together, in pairs of
// blocks compared.
func Stacks(g *Graph, at []int, points [][]int64, goal float64, limit, work int) []Stack {
	life := Lifetimes(g, at).Conflicts()
	var stacks []Stack
	for _, size := range points {
		l := life.Sized(size)
		if !slices.ContainsFunc(stacks, func(s Stack) bool { return s.peak(l.Blocks) <= enough(l) }) {
			p, used := assign(l, work/2)
			stacks = append(stacks, newStack(l, p))
			work -= used
		}
	}
	peaks := make([][]int64, len(points)) // of each stack
	least := make([]int64, len(points))
	for j, size := range points {
		l := life.Sized(size)
		for _, s := range stacks {
			peaks[j] = append(peaks[j], s.peak(l.Blocks))
		}
		least[j] = slices.Min(peaks[j])
	}
	var chosen []Stack
	arena := slices.Repeat([]int64{math.MaxInt64}, len(points)) // with those chosen
	for worst := math.Inf(1); worst > goal && len(chosen) < limit; {
		best, bestLoss := -1, math.Inf(1)
		for i := range stacks {
			loss, high := 0.0, 0.0 // what the chosen and i lose beyond goal, at all points; and at the worst
			for j := range points {
				ratio := float64(min(arena[j], peaks[j][i])) / float64(max(1, least[j]))
				loss, high = loss+max(0, ratio-goal), max(high, ratio)
			}
			if loss < bestLoss {
				best, bestLoss, worst = i, loss, high
			}
		}
		chosen = append(chosen, stacks[best])
		for j := range arena {
			arena[j] = min(arena[j], peaks[j][best])
		}
	}
	return chosen
}
