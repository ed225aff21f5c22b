// Package arena plans memory: an order of kernels, the barriers between them, and
// an offset for every value that crosses kernels. It knows bytes and dependences,
// nothing of tensors.
package arena

import "slices"

// V is the index of a value in its graph.
type V int

// Value is a tensor that crosses kernels and needs bytes in the arena. How many
// is said apart, since that depends on the dims of a call.
type Value struct {
	Input  bool // written before the first step
	Output bool // read after the last step
}

// Kernel is one launch.
type Kernel struct {
	In, Out []V
	Over    [][2]V // {out, operand}: out may be written over operand, if that dies here
	After   []int  // kernels that must come first though no value says so
}

// Graph is a program of kernels, listed in an order that respects dependences.
type Graph struct {
	Values  []Value
	Kernels []Kernel

	// Derived by NewGraph.
	pred, succ [][]int // kernel dependences, without duplicates
	touch      [][]V   // values each kernel reads or writes, without duplicates
	touchers   [][]int // per value: the kernels that touch it, in program order
	writers    [][]int // per value: the kernels that write it
	above      []bits  // above[k]: kernels that k can reach (strictly)
	below      []bits  // below[k]: kernels that can reach k (strictly)
}

// NewGraph derives what the planner asks of a program.
func NewGraph(values []Value, kernels []Kernel) *Graph {
	g := &Graph{Values: values, Kernels: kernels}
	def := map[V]int{}
	for k, kn := range kernels {
		for _, v := range kn.Out {
			def[v] = k
		}
	}
	n := len(g.Kernels)
	g.pred, g.succ, g.touch = make([][]int, n), make([][]int, n), make([][]V, n)
	g.touchers, g.writers = make([][]int, len(g.Values)), make([][]int, len(g.Values))
	g.above, g.below = make([]bits, n), make([]bits, n)
	for k := range g.Kernels {
		kn := &g.Kernels[k]
		deps := slices.Clone(kn.After)
		for _, v := range kn.In {
			if d, ok := def[v]; ok {
				deps = append(deps, d)
			}
		}
		slices.Sort(deps)
		g.pred[k] = slices.Compact(deps)
		g.below[k] = newBits(n)
		for _, p := range g.pred[k] {
			g.succ[p] = append(g.succ[p], k)
			g.below[k].or(g.below[p])
			g.below[k].set(p)
		}
		for i, v := range slices.Concat(kn.In, kn.Out) {
			if !slices.Contains(g.touch[k], v) {
				g.touch[k] = append(g.touch[k], v)
				g.touchers[v] = append(g.touchers[v], k)
			}
			if i >= len(kn.In) {
				g.writers[v] = append(g.writers[v], k)
			}
		}
	}
	for k := n - 1; k >= 0; k-- {
		g.above[k] = newBits(n)
		for _, s := range g.succ[k] {
			g.above[k].or(g.above[s])
			g.above[k].set(s)
		}
	}
	return g
}

type bits []uint64

func newBits(n int) bits      { return make(bits, (n+63)/64) }
func (b bits) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bits) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }
func (b bits) or(o bits) {
	for i := range b {
		b[i] |= o[i]
	}
}
