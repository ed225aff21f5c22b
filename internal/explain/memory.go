package explain

import (
	"cmp"
	"slices"

	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
)

// A Memory is the arena over the steps of a plan.
type Memory struct {
	Arena  int64   `json:"arena"` // bytes
	Live   int64   `json:"live"`  // most bytes alive at once, in this order
	Bound  int64   `json:"bound"` // lower bound over all orders
	Blocks []Block `json:"blocks"`
}

// A Block is a piece of arena. It is alive from step First to Last.
type Block struct {
	Offset  int64    `json:"offset"`
	Bytes   int64    `json:"bytes"`
	First   int      `json:"first"`
	Last    int      `json:"last"`
	Buffers []string `json:"buffers"` // each computed over the one before
	Reads   []int    `json:"reads"`   // steps
	Writes  []int    `json:"writes"`
}

// memory lays the blocks out at dims, in the order of their offsets.
func (p *Plan) memory(m *ir.Module, v *ir.Variant, dims []int64) {
	at := passes.PlanAt(m, v, dims)
	p.Memory = Memory{Arena: at.Arena, Live: at.Live, Bound: at.Bound, Blocks: []Block{}}
	env := map[string]int64{}
	for i, d := range m.Dims {
		env[d.Name] = dims[i]
	}
	bytes := make([]int64, len(v.Plan.Blocks))
	for i, b := range v.Plan.Blocks {
		bytes[i], _ = b.Bytes.Eval(lookup(env))
	}
	offsets, _ := v.Plan.Offsets(bytes)
	for i, from := range v.Plan.Blocks {
		b := Block{Offset: offsets[i], Bytes: bytes[i], First: len(v.Steps), Last: -1, Reads: []int{}, Writes: []int{}}
		for n, s := range v.Steps {
			if s.Epoch < from.First || s.Epoch > from.Last {
				continue
			}
			b.First, b.Last = min(b.First, n), max(b.Last, n)
			p.Launches[n].Live += (bytes[i] + ir.Align - 1) / ir.Align * ir.Align
			reads, writes := uses(s, from)
			if reads {
				b.Reads = append(b.Reads, n)
			}
			if writes {
				b.Writes = append(b.Writes, n)
			}
		}
		for _, buffer := range from.Buffers {
			b.Buffers = append(b.Buffers, buffer.Name)
		}
		p.Memory.Blocks = append(p.Memory.Blocks, b)
	}
	slices.SortStableFunc(p.Memory.Blocks, func(a, b Block) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.First, b.First))
	})
}

// uses tells what a step does with a block.
func uses(s *ir.Step, b *ir.Block) (reads, writes bool) {
	for n, arg := range s.Args {
		if slices.Contains(b.Buffers, arg) {
			reads = reads || !s.Kernel.Args[n].Write
			writes = writes || s.Kernel.Args[n].Write
		}
	}
	return reads, writes
}
