package arena

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// A placement is an offset for every block. Offsets are sums of block sizes, so
// they are aligned as the sizes are.
type placement struct {
	offset []int64
	peak   int64
}

// enough is a peak that is not searched further: a fiftieth above the live bytes.
func enough(l *Life) int64 {
	live := l.Live()
	return live + live/50
}

// assign places the blocks of a life with sizes and conflicts: the best greedy
// placement; if that is not enough a short exact search, which is quick where it
// succeeds at all; then improvement by moves, limited by work. used is how much of that
// it took.
func assign(l *Life, work int) (p placement, used int) {
	enough := enough(l)
	p = greedyPlacement(l, enough)
	if p.peak <= enough {
		return p, 0
	}
	if q, ok := exact(l, enough, 3*len(l.Blocks)); ok {
		return q, 0
	}
	return improve(l, p, enough, work)
}

// preferences are orders in which blocks may be placed.
var preferences = []func(l *Life) func(a, b *Block) int{
	func(*Life) func(a, b *Block) int { // the largest first
		return func(a, b *Block) int { return cmp.Compare(b.Size, a.Size) }
	},
	byArea,
	func(*Life) func(a, b *Block) int { // the long-lived at the bottom, like a stack
		return func(a, b *Block) int { return cmp.Compare(b.steps(), a.steps()) }
	},
	func(l *Life) func(a, b *Block) int { // what is alive at the fullest step first
		p := l.profile()
		fullest := func(b *Block) int64 { return slices.Max(p[b.First : b.Last+1]) }
		return func(a, b *Block) int {
			return cmp.Or(cmp.Compare(fullest(b), fullest(a)), cmp.Compare(b.area(), a.area()))
		}
	},
	func(*Life) func(a, b *Block) int { // as an allocator at run time would
		return func(a, b *Block) int { return cmp.Compare(a.First, b.First) }
	},
}

func byArea(*Life) func(a, b *Block) int {
	return func(a, b *Block) int { return cmp.Compare(b.area(), a.area()) }
}

func (b *Block) steps() int64 { return int64(b.Last - b.First + 1) }
func (b *Block) area() int64  { return b.Size * b.steps() }

// order returns the blocks in a preferred order, ties by size, then life, then index.
func (l *Life) order(preference func(l *Life) func(a, b *Block) int) []int {
	compare := preference(l)
	return l.sorted(func(a, b int) int {
		p, q := &l.Blocks[a], &l.Blocks[b]
		return cmp.Or(compare(p, q), cmp.Compare(q.Size, p.Size), cmp.Compare(q.steps(), p.steps()))
	})
}

// sorted is the indices of the blocks, sorted; the index breaks ties.
func (l *Life) sorted(compare func(a, b int) int) []int {
	o := make([]int, len(l.Blocks))
	for i := range o {
		o[i] = i
	}
	slices.SortStableFunc(o, compare)
	return o
}

// place puts blocks in the given order, each into the lowest gap among those placed
// that it conflicts with or, if tight, into the smallest gap that holds it. It stops
// when one ends beyond limit; the peak is beyond it then.
func place(l *Life, order []int, tight bool, limit int64) placement {
	p := placement{offset: make([]int64, len(l.Blocks))}
	type span struct {
		lo, hi int64
		block  int
	}
	placed := make([]span, 0, len(order)) // by offset
	for _, i := range order {
		clash, size := l.clash[i], l.Blocks[i].Size
		top, at, room := int64(0), int64(-1), int64(0)
		for _, s := range placed {
			if !clash.has(s.block) {
				continue
			}
			if gap := s.lo - top; gap >= size && (at < 0 || tight && gap < room) {
				if at, room = top, gap; !tight {
					break
				}
			}
			top = max(top, s.hi)
		}
		if at < 0 {
			at = top
		}
		p.offset[i] = at
		if p.peak = max(p.peak, at+size); p.peak > limit {
			return p
		}
		n, _ := slices.BinarySearchFunc(placed, at, func(s span, at int64) int { return cmp.Compare(s.lo, at) })
		placed = slices.Insert(placed, n, span{at, at + size, i})
	}
	return p
}

// greedyPlacement is the best of all preferences, first fit and tight; it stops at bound.
func greedyPlacement(l *Life, bound int64) (best placement) {
	for _, tight := range []bool{false, true} {
		for _, preference := range preferences {
			if p := place(l, l.order(preference), tight, math.MaxInt64); best.offset == nil || p.peak < best.peak {
				best = p
			}
			if best.peak <= bound {
				return best
			}
		}
	}
	return best
}

// improve is iterated greedy: a block at the top of the placement, or one that holds
// it up, moves to the front of the placing order or swaps with one before; what is no
// worse stays. It stops at bound, or after work, and returns how much: pairs of blocks that
// were compared, at most.
func improve(l *Life, best placement, bound int64, work int) (_ placement, used int) {
	n := len(l.Blocks)
	rng := rand.New(rand.NewPCG(2, uint64(n))) // the same numbers each time
	// Placing by offset, first fit, gives the same placement or a lower one.
	order := l.sorted(func(a, b int) int { return cmp.Compare(best.offset[a], best.offset[b]) })
	p := place(l, order, false, math.MaxInt64)
	round := n * n / 2
	for used = round; ; used += round {
		if p.peak < best.peak {
			best = p
		}
		if used >= work || best.peak <= bound {
			return best, used
		}
		next := slices.Clone(order)
		i := slices.Index(next, support(l, p, rng))
		if i == 0 || rng.IntN(4) == 0 {
			j := rng.IntN(n)
			next[i], next[j] = next[j], next[i]
		} else {
			b := next[i]
			next = slices.Insert(slices.Delete(next, i, i+1), rng.IntN(i), b)
		}
		limit := p.peak
		if rng.Float64() < 0.002 {
			limit = math.MaxInt64
		}
		if q := place(l, next, rng.IntN(8) == 0, limit); q.peak <= limit {
			order, p = next, q
		}
	}
}

// support is a block at the top, or one that it rests on, or one that that rests on.
func support(l *Life, p placement, rng *rand.Rand) int {
	var top []int
	for i := range l.Blocks {
		if p.offset[i]+l.Blocks[i].Size == p.peak {
			top = append(top, i)
		}
	}
	b := top[rng.IntN(len(top))]
	for rng.IntN(3) > 0 {
		var under []int
		for _, j := range l.conflicts[b] {
			if p.offset[j]+l.Blocks[j].Size == p.offset[b] {
				under = append(under, j)
			}
		}
		if len(under) == 0 {
			break
		}
		b = under[rng.IntN(len(under))]
	}
	return b
}
