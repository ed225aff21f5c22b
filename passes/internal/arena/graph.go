// Package arena plans memory: an order of kernels, the barriers between them, and
// an offset for every value that crosses kernels. It knows bytes and dependences,
// nothing of tensors. Its searches are limited by counts of what they do, never by
// time, so that the same program gives the same plan on every machine.
package arena

import "slices"

// A Kernel is one launch. Values are numbers from 0.
type Kernel struct {
	Values []int    // what it reads or writes, each once
	Over   [][2]int // {result, operand}, of one size: may be written over, if the operand dies here
	After  []int    // earlier kernels that must have ended, each once
}

// A Graph is a program: kernels in an order that respects After, and the values
// that cross them. How many bytes a value has is said apart, since it depends on
// the dims of a call.
type Graph struct {
	kernels  []Kernel
	before   [][]int // per kernel: those that it waits for
	after    [][]int // per kernel: those that wait for it
	touchers [][]int // per value: the kernels that use it, in program order
	early    []bits  // per kernel: those that can only run before it
	late     []bits  // per kernel: those that can only run after it
	alive    [][]int // per kernel: the values that take memory while it runs, in any order
}

// NewGraph derives what the planner asks of a program.
func NewGraph(values int, kernels []Kernel) *Graph {
	n := len(kernels)
	g := &Graph{kernels: kernels, touchers: make([][]int, values),
		before: make([][]int, n), after: make([][]int, n), early: make([]bits, n), late: make([]bits, n)}
	for k, kernel := range kernels {
		g.before[k], g.early[k] = kernel.After, newBits(n)
		for _, p := range kernel.After {
			g.after[p] = append(g.after[p], k)
			g.early[k].or(g.early[p])
			g.early[k].set(p)
		}
		for _, v := range kernel.Values {
			g.touchers[v] = append(g.touchers[v], k)
		}
	}
	for k := n - 1; k >= 0; k-- {
		g.late[k] = newBits(n)
		for _, s := range g.after[k] {
			g.late[k].or(g.late[s])
			g.late[k].set(s)
		}
	}
	for k := range kernels {
		g.alive = append(g.alive, g.aliveIn(k))
	}
	return g
}

// aliveIn is the values that are alive while a kernel runs, since the kernel or one before
// it uses the value, and so does the kernel or one after it. At best each operand that need
// not outlive the kernel is overwritten, and its result takes no memory.
func (g *Graph) aliveIn(k int) (alive []int) {
	over := map[int]bool{}
	taken := map[int]bool{}
	for _, pair := range g.kernels[k].Over {
		result, operand := pair[0], pair[1]
		free := result != operand && !taken[result] && !taken[operand]
		for _, t := range g.touchers[operand] {
			free = free && !g.late[k].has(t)
		}
		if free {
			over[result], taken[result], taken[operand] = true, true, true
		}
	}
	for v, touchers := range g.touchers {
		born, dies := false, false
		for _, t := range touchers {
			born = born || t == k || g.early[k].has(t)
			dies = dies || t == k || g.late[k].has(t)
		}
		if born && dies && !over[v] {
			alive = append(alive, v)
		}
	}
	return alive
}

// merge decides which values are computed over which: next is the value that takes
// a value's place, or -1; over tells which values take one. at is the step of each
// kernel. An operand is given up if all its other users run in earlier steps, and
// none of the result does.
func (g *Graph) merge(at []int) (next []int, over []bool) {
	next, over = make([]int, len(g.touchers)), make([]bool, len(g.touchers))
	for v := range next {
		next[v] = -1
	}
	for k, kernel := range g.kernels {
		for _, pair := range kernel.Over {
			result, operand := pair[0], pair[1]
			if over[result] || next[operand] >= 0 || result == operand {
				continue
			}
			tooLate := func(t int) bool { return t != k && at[t] >= at[k] }
			tooEarly := func(t int) bool { return at[t] < at[k] }
			if !slices.ContainsFunc(g.touchers[operand], tooLate) && !slices.ContainsFunc(g.touchers[result], tooEarly) {
				next[operand], over[result] = result, true
			}
		}
	}
	return next, over
}

// A bits is a set of small numbers.
type bits []uint64

func newBits(n int) bits      { return make(bits, (n+63)/64) }
func (b bits) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bits) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }
func (b bits) or(o bits) {
	for i := range b {
		b[i] |= o[i]
	}
}
