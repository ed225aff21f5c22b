package source

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// How sites grow: instructions without params that all sites of a block have behind or before
// them are part of what the block does.

// free reports that an instruction may become part of a site: it needs no weights, and is part
// of no other.
func (s *site) free(in *ir.Instr) bool {
	if in == nil || s.body[in] || !s.in.live(in) || s.in.owner[in] != nil || in.Body != nil || len(in.Results) > 1 || in.InMemory() ||
		!s.in.movable(in.Result()) || slices.ContainsFunc(in.Args, func(a *ir.Value) bool { return !s.in.movable(a) && !s.in.fixed[a] }) {
		return false
	}
	m, ok := s.mode.and(modeOf(in))
	return ok && m == s.mode
}

// A step is instructions that a site may have too.
type step []*ir.Instr

// ops are the operations of a step, with the numbers that are not whole.
func (st step) ops() (ops string) {
	for _, in := range st {
		ops += " " + in.Op.Name
		for _, a := range in.Args {
			ops += numbersOf(a)
		}
	}
	return ops
}

// numbersOf are the numbers that a value is made of, if these are constant and not whole.
func numbersOf(v *ir.Value) (text string) {
	in := v.Instr
	if in == nil || !fromNothing(v) {
		return ""
	}
	if a, ok := in.Attrs.(ir.ConstAttrs); ok && a.Value != math.Trunc(a.Value) {
		return fmt.Sprintf(" %v", a.Value)
	}
	for _, a := range in.Args {
		text += numbersOf(a)
	}
	return text
}

// behind are the next steps, in order, behind what a site computes: instructions of its results
// and of what it takes.
func (s *site) behind() (steps []step) {
	grown := maps.Clone(s.body)
	for _, in := range s.in.fn.Body {
		if !s.free(in) || grown[in] || len(steps) == longest {
			continue
		}
		ofIt, st, ok := false, step{}, true
		for _, a := range in.Args {
			switch {
			case a.Instr != nil && grown[a.Instr]:
				ofIt = true
			case s.in.fixed[a] || slices.Contains(s.inputs, a):
			default:
				ok = ok && s.beside(a, &st)
			}
		}
		if !ok || !ofIt {
			continue
		}
		st = append(st, in)
		for _, x := range st {
			grown[x] = true
		}
		steps = append(steps, st)
	}
	return steps
}

// longest is how many steps a site may have behind it.
const longest = 12

// beside adds what makes v of what a site takes, if nothing else needs it.
func (s *site) beside(v *ir.Value, st *step) bool {
	if v.Instr == nil || !s.free(v.Instr) || s.in.kept[v] || len(s.in.users[v]) != 1 || len(*st) > 3 {
		return false
	}
	for _, a := range v.Instr.Args {
		if !s.in.fixed[a] && !slices.Contains(s.inputs, a) && !s.beside(a, st) {
			return false
		}
	}
	*st = append(*st, v.Instr)
	return true
}

// before is what makes one of the values that a site takes, of no more values than it takes now,
// if nothing else needs it; nil: there is none.
func (s *site) before() step {
	for _, v := range s.inputs {
		in := v.Instr
		if !s.free(in) || s.in.kept[v] || slices.ContainsFunc(s.in.users[v], func(u *ir.Instr) bool { return !s.body[u] }) {
			continue
		}
		others := 0
		for i, a := range in.Args {
			if !s.in.fixed[a] && !slices.Contains(s.inputs, a) && !slices.Contains(in.Args[:i], a) {
				others++
			}
		}
		if others <= 1 {
			return step{in}
		}
	}
	return nil
}

func (s *site) add(st step) {
	for _, in := range st {
		s.body[in], s.in.owner[in] = true, s
	}
	s.takes()
}

// grow makes the sites of blocks larger as long as all of a block agree, and leaves those that
// have one result. What two blocks could have goes to the one that there is more of, and else to
// the one that it is behind.
func grow(blocks []*blockDecl) {
	own := func(s *site) bool {
		for in := range s.body {
			if s.in.owner[in] != nil {
				return false
			}
		}
		for in := range s.body {
			s.in.owner[in] = s
		}
		return true
	}
	for _, b := range blocks {
		b.sites = slices.DeleteFunc(b.sites, func(s *site) bool { return !own(s) })
	}
	often := slices.SortedStableFunc(slices.Values(blocks), func(a, b *blockDecl) int { return cmp.Compare(len(b.sites), len(a.sites)) })
	for _, b := range often {
		for b.growBehind() || b.growBefore() {
		}
	}
	for _, b := range blocks {
		b.sites = slices.DeleteFunc(b.sites, func(s *site) bool {
			outs := s.gives()
			if len(outs) == 1 {
				s.out = outs[0]
			}
			return len(outs) != 1
		})
	}
}

// growBefore adds one instruction before all sites.
func (b *blockDecl) growBefore() bool {
	var next []step
	for _, s := range b.sites {
		next = append(next, s.before())
		if next[0] == nil || next[len(next)-1].ops() != next[0].ops() {
			return false
		}
	}
	for i, s := range b.sites {
		s.add(next[i])
	}
	return len(b.sites) > 0
}

// growBehind adds as many steps behind all sites as leave one result of each.
func (b *blockDecl) growBehind() bool {
	var all [][]step
	n := longest
	for _, s := range b.sites {
		steps := s.behind()
		all = append(all, steps)
		n = min(n, len(steps))
		for i, st := range steps[:n] {
			if st.ops() != all[0][i].ops() {
				n = i
				break
			}
		}
	}
	for ; n > 0; n-- {
		single := true
		for i, s := range b.sites {
			t := *s
			t.body = maps.Clone(s.body)
			for _, st := range all[i][:n] {
				for _, in := range st {
					t.body[in] = true
				}
			}
			single = single && len(t.gives()) == 1
		}
		if single {
			break
		}
	}
	for i, s := range b.sites {
		for _, st := range all[i][:n] {
			s.add(st)
		}
	}
	return n > 0 && len(b.sites) > 0
}
