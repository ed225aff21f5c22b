package arena

import (
	"cmp"
	"math"
	"slices"
)

// Stack is a plan for all dims: who lies above whom. The offset of a block is the
// highest end of the blocks it rests on.
type Stack struct {
	life  *Life
	Order []int   // bottom up
	On    [][]int // per block: what it rests on, without what follows from the rest
}

// NewStack keeps the order of a plan and forgets its numbers.
func NewStack(l *Life, p Plan) *Stack {
	n := len(l.Blocks)
	s := &Stack{life: l, Order: make([]int, n), On: make([][]int, n)}
	for i := range s.Order {
		s.Order[i] = i
	}
	// Blocks of no bytes at the bound may share an offset; the index breaks the tie.
	slices.SortStableFunc(s.Order, func(a, b int) int { return cmp.Compare(p.Off[a], p.Off[b]) })
	rank := make([]int, n)
	for r, i := range s.Order {
		rank[i] = r
	}
	over := make([]bits, n) // all blocks that i lies above, through any chain
	for _, i := range s.Order {
		over[i] = newBits(n)
		below := slices.DeleteFunc(slices.Clone(l.Conf[i]), func(j int) bool { return rank[j] > rank[i] })
		slices.SortFunc(below, func(a, b int) int { return rank[b] - rank[a] })
		for _, j := range below { // highest first: a chain through it makes lower ones redundant
			if !over[i].has(j) {
				s.On[i] = append(s.On[i], j)
				over[i].or(over[j])
				over[i].set(j)
			}
		}
	}
	return s
}

// Eval gives the plan at other dims; size is per value. It fills off and returns the peak.
func (s *Stack) Eval(size []int64, off []int64) int64 {
	var peak int64
	for _, i := range s.Order {
		var at int64
		for _, j := range s.On[i] {
			at = max(at, off[j]+size[s.life.Blocks[j].Root])
		}
		off[i] = at
		peak = max(peak, at+size[s.life.Blocks[i].Root])
	}
	return peak
}

// Stacks picks few plans of one schedule so that at each point one is within goal
// of the least live bytes there. points are the sizes of the values at each point,
// at is the epoch of each kernel. The result holds at most limit.
func Stacks(g *Graph, at []int, points [][]int64, goal float64, limit, work int) []*Stack {
	var all []*Stack
	least := make([]int64, len(points))
	for i, size := range points {
		l := Lifetimes(g, size, at).Conflicts()
		least[i] = l.Live()
		all = append(all, NewStack(l, Assign(l, least[i], work)))
	}
	peak := make([][]int64, len(all))
	for i, s := range all {
		for _, size := range points {
			peak[i] = append(peak[i], s.Eval(size, make([]int64, len(s.On))))
		}
	}
	now := make([]int64, len(points)) // arena with the plans chosen so far
	for i := range now {
		now[i] = math.MaxInt64
	}
	var chosen []*Stack
	for worst := math.Inf(1); worst > goal && len(chosen) < limit; {
		best, bestLoss := -1, math.Inf(1)
		worst = 0
		for i := range all {
			var loss, w float64 // what the set with i still loses beyond goal, over all points
			for j := range points {
				r := float64(min(now[j], peak[i][j])) / float64(max(1, least[j]))
				w, loss = max(w, r), loss+max(0, r-goal)
			}
			if loss < bestLoss {
				best, bestLoss, worst = i, loss, w
			}
		}
		chosen = append(chosen, all[best])
		for j := range now {
			now[j] = min(now[j], peak[best][j])
		}
	}
	return chosen
}
