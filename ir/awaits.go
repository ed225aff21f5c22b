package ir

import "slices"

// Awaits is for each step on the CPU which steps on the GPU it waits for, and why. The GPU
// runs its steps in their order, beside the CPU: each once all steps on the CPU that stand
// before it have ended. So a step on the CPU waits for those on the GPU, before it and in
// earlier rounds of its loops, that use memory of its own, where one of both writes: the same
// buffer or, by the plan, for some dims the same place in the arena. Of what follows from the
// rest nothing is listed.
func (v *Variant) Awaits() [][]Hazard {
	all := make([][]Hazard, len(v.Steps))
	if !slices.ContainsFunc(v.Steps, func(s *Step) bool { return s.Device == OnGPU }) {
		return all
	}
	meet := v.meeting()
	for i, s := range v.Steps {
		if s.Device == OnGPU {
			continue
		}
		var waits []Hazard
		for j, t := range v.Steps {
			if t.Device != OnGPU || j > i && !slices.ContainsFunc(v.Loops, func(l Loop) bool { return l.Has(i) && l.Has(j) }) {
				continue
			}
			if h := clash(s, t, meet); h != nil {
				h.After = j
				waits = append(waits, *h)
			}
		}
		all[i] = slices.DeleteFunc(waits, func(h Hazard) bool { return v.follows(i, h.After, waits, all) })
	}
	return all
}

// clash is why step s waits for an earlier step t, nil if it need not.
func clash(s, t *Step, meet func(a, b *Buffer) bool) (found *Hazard) {
	for n, b := range s.Args {
		for k, c := range t.Args {
			writes, written := s.Kernel.Args[n].Write, t.Kernel.Args[k].Write
			switch {
			case !writes && !written || !meet(b, c):
			case b != c:
				if found == nil {
					found = &Hazard{Kind: Reuse, Buffer: b}
				}
			case !writes:
				return &Hazard{Kind: RAW, Buffer: b}
			case !written:
				found = &Hazard{Kind: WAR, Buffer: b}
			default:
				found = &Hazard{Kind: WAW, Buffer: b}
			}
		}
	}
	return found
}

// follows reports that step i, whose waits are given, need not wait for step j: it waits for
// one that runs later, or a step of an epoch before on the CPU does.
func (v *Variant) follows(i, j int, waits []Hazard, all [][]Hazard) bool {
	later := func(h Hazard) bool {
		k := h.After
		again := j > i // in the round before
		return k != j && (again && k < i || again == (k > i) && k > j) && v.lasts(i, j, k)
	}
	if slices.ContainsFunc(waits, later) {
		return true
	}
	for k := j + 1; k < i && v.Steps[k].Epoch < v.Steps[i].Epoch; k++ {
		always := !slices.ContainsFunc(v.Loops, func(l Loop) bool { return l.Has(k) && !l.Has(i) })
		if always && slices.ContainsFunc(all[k], func(h Hazard) bool { return h.After == j || h.After > j && h.After < k && v.lasts(k, j, h.After) }) {
			return true
		}
	}
	return false
}

// lasts reports that step k, which is the later, runs before step i whenever step j does.
func (v *Variant) lasts(i, j, k int) bool {
	return !slices.ContainsFunc(v.Loops, func(l Loop) bool {
		return l.Has(k) && !l.Has(i) && !l.Has(j) || l.Has(i) && l.Has(j) && !l.Has(k)
	})
}

// meeting tells which buffers may have bytes in common.
func (v *Variant) meeting() func(a, b *Buffer) bool {
	block := map[*Buffer]int{}
	var below [][]map[int]bool
	if v.Plan != nil {
		for i, b := range v.Plan.Blocks {
			for _, buffer := range b.Buffers {
				block[buffer] = i
			}
		}
		for _, s := range v.Plan.Stacks {
			below = append(below, s.below())
		}
	}
	return func(a, b *Buffer) bool {
		if a == b || v.Plan == nil || a.Place != InArena || b.Place != InArena {
			return a == b
		}
		i, j := block[a], block[b]
		return i == j || slices.ContainsFunc(below, func(on []map[int]bool) bool { return !on[i][j] && !on[j][i] })
	}
}
