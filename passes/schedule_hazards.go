package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes/internal/arena"
)

// hazards lists for each step the earlier steps that it must wait for, and why. The
// program means what its steps do in turn. Of what follows from the rest nothing is
// listed: a read waits for the last writes, and a write for those and all reads since,
// unless it writes another part than they do: then it waits for what they wait for.
func hazards(steps []*ir.Step) [][]ir.Hazard {
	type history struct {
		before struct{ writes, reads []int } // what the first of the writes waited for
		writes []int                         // the last ones: of the whole, or of parts
		reads  []int                         // since
	}
	past := map[*ir.Buffer]*history{}
	all := make([][]ir.Hazard, len(steps))
	for i, s := range steps {
		for n, b := range s.Args {
			if slices.Contains(s.Args[:n], b) {
				continue
			}
			h := past[b]
			if h == nil {
				h = &history{}
				past[b] = h
			}
			wait := func(kind ir.HazardKind, steps []int) {
				for _, j := range steps {
					all[i] = append(all[i], ir.Hazard{Kind: kind, Buffer: b, After: j})
				}
			}
			reads, writes := uses(s, b)
			parts := writes && len(h.reads) == 0 && !slices.ContainsFunc(h.writes, func(j int) bool { return !ir.Apart(s, steps[j], b) })
			switch {
			case reads:
				wait(ir.RAW, h.writes)
			case parts:
				wait(ir.WAW, h.before.writes)
			default:
				wait(ir.WAW, h.writes)
			}
			switch {
			case parts:
				wait(ir.WAR, h.before.reads)
				h.writes = append(h.writes, i)
			case writes:
				wait(ir.WAR, h.reads)
				h.before.writes, h.before.reads = h.writes, h.reads
				h.writes, h.reads = []int{i}, nil
			default:
				h.reads = append(h.reads, i)
			}
		}
	}
	return all
}

// uses tells what a step does with a buffer among all its arguments.
func uses(s *ir.Step, b *ir.Buffer) (reads, writes bool) {
	for n, arg := range s.Args {
		if arg == b {
			reads = reads || !s.Kernel.Args[n].Write
			writes = writes || s.Kernel.Args[n].Write
		}
	}
	return reads, writes
}

// memoryGraph is a variant as the planner sees it: its steps in their present order,
// and the buffers of the arena, which are the planner's values.
func memoryGraph(v *ir.Variant) (*arena.Graph, []*ir.Buffer) {
	var buffers []*ir.Buffer
	index := map[*ir.Buffer]int{}
	for _, b := range v.Buffers {
		if b.Place == ir.InArena {
			index[b] = len(buffers)
			buffers = append(buffers, b)
		}
	}
	stays := make([][]*ir.Buffer, len(v.Loops))
	for i, l := range v.Loops {
		for _, b := range buffers {
			if v.Stays(b, l) && slices.ContainsFunc(v.Steps[l.First:l.End], func(s *ir.Step) bool { return slices.Contains(s.Args, b) }) {
				stays[i] = append(stays[i], b)
			}
		}
	}
	kernels := make([]arena.Kernel, len(v.Steps))
	waits := hazards(v.Steps)
	for i, s := range v.Steps {
		k := &kernels[i]
		for n, b := range s.Args {
			if b.Place == ir.InArena && !slices.Contains(s.Args[:n], b) {
				k.Values = append(k.Values, index[b])
			}
		}
		var lasting []*ir.Buffer // that other rounds need, so that nothing takes their place
		for n, l := range v.Loops {
			if !l.Has(i) {
				continue
			}
			lasting = append(lasting, stays[n]...)
			if i > l.First && i < l.End-1 {
				continue
			}
			for _, b := range stays[n] { // from the first step to the last
				if !slices.Contains(k.Values, index[b]) {
					k.Values = append(k.Values, index[b])
				}
			}
		}
		for _, pair := range inPlace(s) {
			if !slices.Contains(lasting, pair[0]) && !slices.Contains(lasting, pair[1]) {
				k.Over = append(k.Over, [2]int{index[pair[0]], index[pair[1]]})
			}
		}
		for _, h := range waits[i] {
			if !slices.Contains(k.After, h.After) {
				k.After = append(k.After, h.After)
			}
		}
	}
	for i, first := range besides(v.Steps, waits) { // from there on its memory is its own
		for _, b := range v.Steps[i].Args {
			if n, ok := index[b]; ok && !slices.Contains(kernels[first].Values, n) {
				kernels[first].Values = append(kernels[first].Values, n)
			}
		}
	}
	return arena.NewGraph(len(buffers), kernels), buffers
}

// besides is for each step on the CPU the first on the GPU that can run beside it, and for
// all others the step itself.
func besides(steps []*ir.Step, waits [][]ir.Hazard) []int {
	first := make([]int, len(steps))
	next := 0 // behind what the CPU has waited for
	for i, s := range steps {
		first[i] = i
		if s.Device == ir.OnGPU {
			continue
		}
		for _, h := range waits[i] {
			if steps[h.After].Device == ir.OnGPU {
				next = max(next, h.After+1)
			}
		}
		for next < i && steps[next].Device != ir.OnGPU {
			next++
		}
		first[i] = next
	}
	return first
}

// inPlace lists which buffers of the arena a step may compute over which, as far as
// the step itself is concerned. A buffer that is given for several arguments must be
// one that may be overwritten as each of them.
func inPlace(s *ir.Step) (pairs [][2]*ir.Buffer) {
	if s.Kernel.Schedule == nil {
		return nil
	}
	over := s.Kernel.Schedule.Over
	for _, p := range over {
		result, operand := s.Args[p[0]], s.Args[p[1]]
		ok := result != operand && result.Place == ir.InArena && operand.Place == ir.InArena &&
			result.Type.Bytes().Equal(operand.Type.Bytes())
		for n, b := range s.Args {
			if b == operand && !slices.Contains(over, [2]int{p[0], n}) || b == result && n != p[0] {
				ok = false
			}
		}
		if ok {
			pairs = append(pairs, [2]*ir.Buffer{result, operand})
		}
	}
	return pairs
}
