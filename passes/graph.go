package passes

import (
	"math"
	"slices"

	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes/internal/arena"
)

// memoryGraph is a variant as the planner sees it: steps in their present order,
// and the buffers that need bytes in the arena.
func memoryGraph(v *ir.Variant) (*arena.Graph, []*ir.Buffer) {
	var buffers []*ir.Buffer
	index := map[*ir.Buffer]arena.V{}
	for _, b := range v.Buffers {
		if b.Place == ir.InArena {
			index[b] = arena.V(len(buffers))
			buffers = append(buffers, b)
		}
	}
	kernels := make([]arena.Kernel, len(v.Steps))
	for i, s := range v.Steps {
		k := &kernels[i]
		for n, b := range s.Args {
			at, in := index[b]
			switch {
			case in && s.Kernel.Args[n].Write:
				k.Out = append(k.Out, at)
			case in && !slices.Contains(k.In, at):
				k.In = append(k.In, at)
			}
			if !in && b.Place == ir.InOutput { // memory outside the arena orders steps too
				for j, before := range v.Steps[:i] {
					if conflict(before, b, s.Kernel.Args[n].Write) {
						k.After = append(k.After, j)
					}
				}
			}
		}
		if sch := s.Kernel.Schedule; sch != nil {
			for _, pair := range sch.Over {
				out, okOut := index[s.Args[pair[0]]]
				in, okIn := index[s.Args[pair[1]]]
				if okOut && okIn && out != in {
					k.Over = append(k.Over, [2]arena.V{out, in})
				}
			}
		}
	}
	return arena.NewGraph(make([]arena.Value, len(buffers)), kernels), buffers
}

// conflict reports whether a step's use of a buffer orders it against another
// use, which writes or reads.
func conflict(s *ir.Step, b *ir.Buffer, write bool) bool {
	for n, other := range s.Args {
		if other == b && (write || s.Kernel.Args[n].Write) {
			return true
		}
	}
	return false
}

// gridPoints is how many values of each dim a plan is made and judged at.
const gridPoints = 5

// maxPoints bounds the product over all dims.
const maxPoints = 125

// grid is points in the box of the dims' bounds, in geometric steps, the upper
// bounds first. An empty dim leaves nothing to plan, so it starts from 1.
func grid(dims []*ir.Dim) [][]int64 {
	points := [][]int64{{}}
	n := gridPoints
	for math.Pow(float64(n), float64(len(dims))) > maxPoints && n > 2 {
		n--
	}
	for _, d := range dims {
		lo, hi := max(1, d.Min), max(1, d.Max)
		var values []int64
		for step := range n {
			ratio := float64(lo) / float64(hi)
			v := int64(float64(hi)*math.Pow(ratio, float64(step)/float64(n-1)) + 0.5)
			if !slices.Contains(values, v) {
				values = append(values, v)
			}
		}
		var next [][]int64
		for _, p := range points {
			for _, v := range values {
				if len(next) < maxPoints {
					next = append(next, append(slices.Clone(p), v))
				}
			}
		}
		points = next
	}
	return points
}

// bytesAt is the memory of each buffer at a point, rounded up to ir.Align.
func bytesAt(m *ir.Module, buffers []*ir.Buffer, point []int64) []int64 {
	env := func(name string) (int64, bool) {
		for i, d := range m.Dims {
			if d.Name == name {
				return point[i], true
			}
		}
		return 0, false
	}
	sizes := make([]int64, len(buffers))
	for i, b := range buffers {
		n, ok := b.Type.Bytes().Eval(env)
		if !ok {
			n = math.MaxInt32 // beyond any memory: refused when a session is made
		}
		sizes[i] = (n + ir.Align - 1) / ir.Align * ir.Align
	}
	return sizes
}
