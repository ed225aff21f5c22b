package arena

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// Plan is an offset for every block. Offsets are sums of block sizes, so they are
// aligned as the sizes are.
type Plan struct {
	Off  []int64
	Peak int64
}

// Orders in which blocks may be placed, by name.
var Orders = []struct {
	Name string
	Less func(l *Life) func(a, b int) int
}{
	{"size", func(l *Life) func(a, b int) int { // TFLite's greedy by size
		return func(a, b int) int { return cmp.Compare(l.Blocks[b].Size, l.Blocks[a].Size) }
	}},
	{"area", func(l *Life) func(a, b int) int {
		return func(a, b int) int { return cmp.Compare(l.Blocks[b].area(), l.Blocks[a].area()) }
	}},
	{"life", func(l *Life) func(a, b int) int { // the long-lived at the bottom, like a stack
		return func(a, b int) int { return cmp.Compare(l.Blocks[b].life(), l.Blocks[a].life()) }
	}},
	{"crowd", func(l *Life) func(a, b int) int { // what is alive at the fullest step first
		p := l.Profile()
		full := make([]int64, len(l.Blocks))
		for i, b := range l.Blocks {
			full[i] = slices.Max(p[b.First : b.Last+1])
		}
		return func(a, b int) int {
			return cmp.Or(cmp.Compare(full[b], full[a]), cmp.Compare(l.Blocks[b].area(), l.Blocks[a].area()))
		}
	}},
	{"start", func(l *Life) func(a, b int) int { // as an allocator at run time would
		return func(a, b int) int { return cmp.Compare(l.Blocks[a].First, l.Blocks[b].First) }
	}},
}

func (b *Block) life() int64 { return int64(b.Last - b.First + 1) }
func (b *Block) area() int64 { return b.Size * b.life() }

// Order returns the blocks in the named order, ties by size, then lifetime, then index.
func (l *Life) Order(i int) []int {
	o := make([]int, len(l.Blocks))
	for j := range o {
		o[j] = j
	}
	less := Orders[i].Less(l)
	slices.SortStableFunc(o, func(a, b int) int {
		return cmp.Or(less(a, b), cmp.Compare(l.Blocks[b].Size, l.Blocks[a].Size), cmp.Compare(l.Blocks[b].life(), l.Blocks[a].life()))
	})
	return o
}

// Place puts blocks in the given order, each into the lowest gap among those placed
// that it conflicts with, or, if tight, into the smallest gap that holds it.
func Place(l *Life, order []int, tight bool) Plan {
	p := Plan{Off: make([]int64, len(l.Blocks))}
	for i := range p.Off {
		p.Off[i] = -1
	}
	type span struct{ lo, hi int64 }
	var busy []span
	for _, i := range order {
		busy = busy[:0]
		for _, j := range l.Conf[i] {
			if p.Off[j] >= 0 {
				busy = append(busy, span{p.Off[j], p.Off[j] + l.Blocks[j].Size})
			}
		}
		slices.SortFunc(busy, func(a, b span) int { return cmp.Compare(a.lo, b.lo) })
		size, top, at, room := l.Blocks[i].Size, int64(0), int64(-1), int64(0)
		for _, s := range busy {
			if gap := s.lo - top; gap >= size && (at < 0 || (tight && gap < room)) {
				if at, room = top, gap; !tight {
					break
				}
			}
			top = max(top, s.hi)
		}
		if at < 0 {
			at = top
		}
		p.Off[i] = at
		p.Peak = max(p.Peak, at+size)
	}
	return p
}

// Portfolio is the best of all orders, first fit and tight; it stops at bound.
func Portfolio(l *Life, bound int64) (best Plan, order []int) {
	for _, tight := range []bool{false, true} {
		for i := range Orders {
			o := l.Order(i)
			if p := Place(l, o, tight); best.Off == nil || p.Peak < best.Peak {
				best, order = p, o
			}
			if best.Peak <= bound {
				return best, order
			}
		}
	}
	return best, order
}

// Improve is iterated greedy: a block at the top of the plan, or one that holds it up,
// moves to the front of the placing order or swaps with one before; what is no worse
// stays. cost ranks plans; it stops at goal or after work placed blocks.
func Improve(l *Life, start Plan, work int, goal float64, cost func(Plan) float64) Plan {
	n := len(l.Blocks)
	rng := rand.New(rand.NewPCG(2, uint64(n)))
	// Placing by offset, first fit, gives the plan itself or a lower one.
	cur := make([]int, n)
	for i := range cur {
		cur[i] = i
	}
	slices.SortStableFunc(cur, func(a, b int) int { return cmp.Compare(start.Off[a], start.Off[b]) })
	plan := Place(l, cur, false)
	best, bestCost := start, cost(start)
	curCost := cost(plan)
	if curCost < bestCost {
		best, bestCost = plan, curCost
	}
	for done := n; done < work && bestCost > goal; done += n {
		var top []int
		for i := range n {
			if plan.Off[i]+l.Blocks[i].Size == plan.Peak {
				top = append(top, i)
			}
		}
		b := top[rng.IntN(len(top))]
		for rng.IntN(3) > 0 { // go down its supports a random way
			var under []int
			for _, j := range l.Conf[b] {
				if plan.Off[j]+l.Blocks[j].Size == plan.Off[b] {
					under = append(under, j)
				}
			}
			if len(under) == 0 {
				break
			}
			b = under[rng.IntN(len(under))]
		}
		next := slices.Clone(cur)
		i := slices.Index(next, b)
		if i == 0 || rng.IntN(4) == 0 {
			j := rng.IntN(n)
			next[i], next[j] = next[j], next[i]
		} else {
			j := rng.IntN(i)
			next = slices.Insert(slices.Delete(next, i, i+1), j, b)
		}
		p := Place(l, next, rng.IntN(8) == 0)
		if c := cost(p); c <= curCost || rng.Float64() < 0.002 {
			cur, plan, curCost = next, p, c
			if c < bestCost {
				best, bestCost = p, c
			}
		}
	}
	return best
}

// Exact looks for a plan no higher than limit by branch and bound over plans in
// which every block sits on the floor or on others (after MiniMalloc). It gives up
// after nodes; proven says that there is no such plan.
func Exact(l *Life, limit int64, nodes int) (plan Plan, ok, proven bool) {
	n := len(l.Blocks)
	// Steps with the same blocks alive are one section.
	section := make([]int, l.Steps)
	edge := make([]bool, l.Steps+1)
	for _, b := range l.Blocks {
		edge[b.First], edge[b.Last+1] = true, true
	}
	ns := 0
	for t := range section {
		if edge[t] && t > 0 {
			ns++
		}
		section[t] = ns
	}
	ns++
	left := make([]int64, ns)  // bytes still to place
	floor := make([]int64, ns) // top of what is placed
	lo, hi := make([]int, n), make([]int, n)
	for i, b := range l.Blocks {
		lo[i], hi[i] = section[b.First], section[b.Last]
		for s := lo[i]; s <= hi[i]; s++ {
			left[s] += b.Size
		}
	}
	off := make([]int64, n)
	for i := range off {
		off[i] = -1
	}
	order := l.Order(1)
	var dive func(placed int, last int64) bool
	dive = func(placed int, last int64) bool {
		if placed == n {
			return true
		}
		if nodes--; nodes < 0 {
			return false
		}
		// Offsets never decrease along a path, so nothing can be put below last again.
		for s := range ns {
			if left[s] > 0 && max(floor[s], last)+left[s] > limit {
				return false
			}
		}
		type option struct {
			b   int
			off int64
		}
		var opts []option
		ceil := limit + 1 // some block could end here: starting higher than that is never needed
		for _, i := range order {
			if off[i] >= 0 {
				continue
			}
			at := last
			for s := lo[i]; s <= hi[i]; s++ {
				at = max(at, floor[s])
			}
			ceil = min(ceil, at+l.Blocks[i].Size)
			opts = append(opts, option{i, at})
		}
		opts = slices.DeleteFunc(opts, func(o option) bool { return o.off >= ceil })
		slices.SortStableFunc(opts, func(a, b option) int { return cmp.Compare(a.off, b.off) })
		for _, o := range opts {
			b := &l.Blocks[o.b]
			if o.off+b.Size > limit {
				continue
			}
			old := slices.Clone(floor[lo[o.b] : hi[o.b]+1])
			for s := lo[o.b]; s <= hi[o.b]; s++ {
				floor[s] = o.off + b.Size
				left[s] -= b.Size
			}
			off[o.b] = o.off
			if dive(placed+1, o.off) {
				return true
			}
			off[o.b] = -1
			copy(floor[lo[o.b]:], old)
			for s := lo[o.b]; s <= hi[o.b]; s++ {
				left[s] += b.Size
			}
			if nodes < 0 {
				return false
			}
		}
		return false
	}
	if dive(0, 0) {
		plan.Off = off
		for i, b := range l.Blocks {
			plan.Peak = max(plan.Peak, off[i]+b.Size)
		}
		return plan, true, false
	}
	return plan, false, nodes >= 0
}

// Assign is the recommended plan: the portfolio; a short exact search at bound, which
// is quick where it succeeds at all; then iterated greedy. Effort is an amount of work,
// never of time: the same input gives the same bytes.
func Assign(l *Life, bound int64, work int) Plan {
	p, _ := Portfolio(l, bound)
	if p.Peak > bound {
		if e, ok, _ := Exact(l, bound, 3*len(l.Blocks)); ok {
			return e
		}
		p = Improve(l, p, work, float64(bound), func(p Plan) float64 { return float64(p.Peak) })
	}
	return p
}

// Check returns a pair of blocks that conflict and overlap, if there is one.
func (p Plan) Check(l *Life) (i, j int, bad bool) {
	for i := range l.Blocks {
		for _, j := range l.Conf[i] {
			if p.Off[i] < p.Off[j]+l.Blocks[j].Size && p.Off[j] < p.Off[i]+l.Blocks[i].Size {
				return i, j, true
			}
		}
	}
	return 0, 0, false
}
