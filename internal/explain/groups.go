package explain

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// A Stored is a value that a launch leaves in memory, and so where its group of values
// stopped growing.
type Stored struct {
	Buffer string `json:"buffer"`
	Why    string `json:"why"` // it is not computed where it is read
}

// groups is what the pass fuse decided, by the steps that run the kernels. It has
// to be seen while passes run: what lower leaves has no values any more.
type groups struct {
	bodies [][]*ir.Instr // of the functions, before lower
	of     map[*ir.Step]*group
}

// A group is the values of one kernel.
type group struct {
	values []string // ops, in the order of the body
	stored []*ir.Value
	why    map[*ir.Buffer]string // that its step writes
}

// observe looks at a module after a pass. The pass lower makes a step of each group, in
// their order.
func (g *groups) observe(pass string, m *ir.Module) {
	if pass != "lower" {
		g.bodies = nil
		for _, f := range m.Funcs {
			g.bodies = append(g.bodies, f.Body)
		}
		return
	}
	g.of = map[*ir.Step]*group{}
	var variants []*ir.Variant // each was a function
	for _, f := range m.Funcs {
		variants = append(variants, f.Variants...)
	}
	for i, v := range variants {
		for n, group := range grouped(g.bodies[i]) {
			s := v.Steps[n]
			stored := group.stored
			for j, b := range s.Args {
				if s.Kernel.Args[j].Write && len(stored) > 0 {
					group.why[b], stored = stored[0].Instr.Why, stored[1:]
				}
			}
			g.of[s] = group
		}
	}
}

// grouped sorts a body by kernels.
func grouped(body []*ir.Instr) []*group {
	var numbers []int
	for _, in := range body {
		if in.Kernel != 0 && !slices.Contains(numbers, in.Kernel) {
			numbers = append(numbers, in.Kernel)
		}
	}
	slices.Sort(numbers)
	var all []*group
	for _, n := range numbers {
		g := &group{why: map[*ir.Buffer]string{}}
		inside := map[*ir.Instr]bool{}
		for _, in := range body {
			if in.Kernel == n && !in.Parts {
				g.stored = append(g.stored, in.Results...)
				enter(inside, in)
			}
		}
		for _, kinds := range [][]ir.Kind{{ir.KindSource, ir.KindView}, {ir.KindSource}} { // views where there is nothing else
			for _, in := range body {
				if inside[in] && !slices.Contains(kinds, in.Op.Kind) {
					g.values = append(g.values, in.Op.Name)
				}
			}
			if len(g.values) > 0 {
				break
			}
		}
		all = append(all, g)
	}
	return all
}

// enter adds an instruction and what no kernel stores of all that it depends on.
func enter(inside map[*ir.Instr]bool, in *ir.Instr) {
	inside[in] = true
	for _, a := range in.Args {
		if a.Instr != nil && a.Instr.Kernel == 0 && !inside[a.Instr] {
			enter(inside, a.Instr)
		}
	}
}

// Why a kernel stores what comes from no group: lower copies what a result shares with
// other values, and tile lays out the factors of products.
const (
	whyCopied   = "a result of the entry"
	whyWritten  = "what the state becomes, copied: its kernel could not store it there"
	whyPrepared = "a factor of a product, laid out as its kernel reads it"
)

// values fills in what a launch computes, and why it stores what it writes.
func (l *Launch) values(s *ir.Step, g *groups) {
	l.Values, l.Stored = []string{}, []Stored{}
	for n, b := range s.Args {
		if !s.Kernel.Args[n].Write {
			continue
		}
		why := whyPrepared
		switch group := g.of[s]; {
		case group != nil:
			l.Values, why = group.values, group.why[b]
		case b.Place == ir.InOutput:
			why = whyCopied
		case b.Place == ir.InState:
			why = whyWritten
		}
		l.Stored = append(l.Stored, Stored{b.Name, why})
	}
}
