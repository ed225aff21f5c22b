package arena

import "slices"

// Block is one piece of the arena: a value, or several that overwrite one another in place.
type Block struct {
	Root        V // the first of its values; all are equally large, at all dims
	Size        int64
	First, Last int // steps it is alive, both included
	touchers    []int
	writers     []int
	in, out     bool // written before the call, read after it
}

// Life is the blocks of a scheduled graph and which of them may not share bytes.
type Life struct {
	Blocks []Block
	Steps  int
	Of     []int   // per value: its block, or -1
	Conf   [][]int // per block: the blocks it conflicts with, once Conflicts has run
}

// Lifetimes makes blocks from a schedule. at is the step of each kernel; kernels of
// one step may run at the same time. With one kernel a step that is an order, with
// more it is epochs between barriers.
func Lifetimes(g *Graph, size []int64, at []int) *Life {
	l := blocks(g, size, func(k, t int) bool { return at[t] < at[k] })
	l.Steps = slices.Max(at) + 1
	for i := range l.Blocks {
		b := &l.Blocks[i]
		b.First, b.Last = l.Steps, -1
		for _, k := range b.touchers {
			b.First, b.Last = min(b.First, at[k]), max(b.Last, at[k])
		}
		if b.in {
			b.First = 0
		}
		if b.out {
			b.Last = l.Steps - 1
		}
	}
	return l
}

// blocks unites the results of in-place kernels with the operands they may overwrite:
// an operand may be, if all its other users are before the kernel.
func blocks(g *Graph, size []int64, before func(k, t int) bool) *Life {
	into := make([]V, len(g.Values)) // the operand whose place a result takes
	given := make([]bool, len(g.Values))
	for r := range into {
		into[r] = V(r)
	}
	for k := range g.Kernels {
		for _, p := range g.Kernels[k].Over {
			out, operand := p[0], p[1]
			if into[out] != out || given[operand] || g.Values[operand].Output {
				continue
			}
			if !slices.ContainsFunc(g.touchers[operand], func(t int) bool { return t != k && !before(k, t) }) {
				into[out], given[operand] = operand, true
			}
		}
	}
	l := &Life{Of: make([]int, len(g.Values))}
	for r := range g.Values { // operands come before results, so into is settled below r
		if l.Of[r] = -1; len(g.touchers[r]) == 0 {
			continue
		}
		if o := into[r]; o != V(r) {
			l.Of[r] = l.Of[o]
		} else {
			l.Of[r] = len(l.Blocks)
			l.Blocks = append(l.Blocks, Block{Root: V(r), Size: size[r]})
		}
		b := &l.Blocks[l.Of[r]]
		b.touchers = append(b.touchers, g.touchers[r]...)
		b.writers = append(b.writers, g.writers[r]...)
		b.in, b.out = b.in || g.Values[r].Input, b.out || g.Values[r].Output
	}
	return l
}

// Profile is the live bytes at each step.
func (l *Life) Profile() []int64 {
	p := make([]int64, l.Steps+1)
	for _, b := range l.Blocks {
		p[b.First] += b.Size
		p[b.Last+1] -= b.Size
	}
	for i := 1; i < len(p); i++ {
		p[i] += p[i-1]
	}
	return p[:l.Steps]
}

// Live is the lower bound of any plan: the most live bytes at one step.
func (l *Life) Live() int64 { return slices.Max(l.Profile()) }

// Conflicts fills Conf with the pairs alive at the same step.
func (l *Life) Conflicts() *Life {
	l.Conf = make([][]int, len(l.Blocks))
	byFirst := make([]int, len(l.Blocks))
	for i := range byFirst {
		byFirst[i] = i
	}
	slices.SortStableFunc(byFirst, func(a, b int) int { return l.Blocks[a].First - l.Blocks[b].First })
	var active []int
	for _, i := range byFirst {
		active = slices.DeleteFunc(active, func(j int) bool { return l.Blocks[j].Last < l.Blocks[i].First })
		for _, j := range active {
			l.Conf[i], l.Conf[j] = append(l.Conf[i], j), append(l.Conf[j], i)
		}
		active = append(active, i)
	}
	return l
}
