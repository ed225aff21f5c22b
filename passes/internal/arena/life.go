package arena

import "slices"

// A Block is one piece of the arena: a value, or several of one size that overwrite
// one another.
type Block struct {
	Root        int   // the value written first
	Size        int64 // bytes, once Sized has run
	First, Last int   // steps it is alive, both included
}

// A Life is the blocks of a scheduled program.
type Life struct {
	Blocks    []Block
	Steps     int
	next      []int   // per value: the one computed over it, or -1
	conflicts [][]int // per block: those alive at a common step
	clash     []bits  // the same, as sets
}

// Lifetimes makes blocks from a schedule. at is the step of each kernel; kernels of
// one step may run at the same time. With one kernel a step that is an order, with
// more it is epochs between barriers: a barrier orders all that is before it
// against all that is after it, so a life is an interval of steps.
func Lifetimes(g *Graph, at []int) *Life {
	l := &Life{Steps: epochs(at)}
	var over []bool
	l.next, over = g.merge(at)
	l.Blocks = make([]Block, 0, len(g.touchers))
	for v, touchers := range g.touchers {
		if over[v] || len(touchers) == 0 {
			continue
		}
		b := Block{Root: v, First: l.Steps, Last: -1}
		for ; v >= 0; v = l.next[v] {
			for _, k := range g.touchers[v] {
				b.First, b.Last = min(b.First, at[k]), max(b.Last, at[k])
			}
		}
		l.Blocks = append(l.Blocks, b)
	}
	return l
}

// Values is the values of a block, the first written first.
func (l *Life) Values(b Block) []int {
	var values []int
	for v := b.Root; v >= 0; v = l.next[v] {
		values = append(values, v)
	}
	return values
}

// Sized is l with blocks of other sizes; size is per value.
func (l *Life) Sized(size []int64) *Life {
	c := *l
	c.Blocks = slices.Clone(l.Blocks)
	c.resize(size)
	return &c
}

func (l *Life) resize(size []int64) {
	for i := range l.Blocks {
		l.Blocks[i].Size = size[l.Blocks[i].Root]
	}
}

// profile is the live bytes at each step.
func (l *Life) profile() []int64 {
	p := make([]int64, l.Steps+1)
	for _, b := range l.Blocks {
		p[b.First] += b.Size
		p[b.Last+1] -= b.Size
	}
	for i := 1; i < len(p); i++ {
		p[i] += p[i-1]
	}
	return p
}

// Live is the most live bytes at one step: no placement needs less.
func (l *Life) Live() int64 { return slices.Max(l.profile()) }

// Conflicts fills in which blocks may not share bytes.
func (l *Life) Conflicts() *Life {
	l.conflicts, l.clash = make([][]int, len(l.Blocks)), make([]bits, len(l.Blocks))
	for i := range l.clash {
		l.clash[i] = newBits(len(l.Blocks))
	}
	born := make([]int, len(l.Blocks))
	for i := range born {
		born[i] = i
	}
	slices.SortStableFunc(born, func(a, b int) int { return l.Blocks[a].First - l.Blocks[b].First })
	var alive []int
	for _, i := range born {
		alive = slices.DeleteFunc(alive, func(j int) bool { return l.Blocks[j].Last < l.Blocks[i].First })
		for _, j := range alive {
			l.conflicts[i], l.conflicts[j] = append(l.conflicts[i], j), append(l.conflicts[j], i)
			l.clash[i].set(j)
			l.clash[j].set(i)
		}
		alive = append(alive, i)
	}
	return l
}
