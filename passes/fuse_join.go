package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// maxApart is how many instructions may lie between what two kernels store for them to
// be one: what is stored long before it is needed takes memory.
const maxApart = 32

// joinSiblings makes one group of two that read the same: what they share is loaded
// once, and a launch is saved. A group of fewer operands joins one that reads all of
// them.
func (u *fusion) joinSiblings() {
	readers := map[*ir.Value][]*group{}
	for _, g := range u.groups {
		for v := range g.reads {
			readers[v] = append(readers[v], g)
		}
	}
	for _, v := range u.inBody(readers) {
		for i, g := range readers[v] {
			for _, h := range readers[v][i+1:] {
				if len(g.values) > 0 && len(h.values) > 0 && !u.join(g, h) {
					u.join(h, g)
				}
			}
		}
	}
	u.groups = slices.DeleteFunc(u.groups, func(g *group) bool { return len(g.values) == 0 })
}

// inBody is the keys of readers in an order that is always the same.
func (u *fusion) inBody(readers map[*ir.Value][]*group) []*ir.Value {
	var values []*ir.Value
	for _, v := range slices.Concat(u.fn.Inputs, resultsOf(u.fn.Body)) {
		if len(readers[v]) > 1 {
			values = append(values, v)
		}
	}
	return values
}

func resultsOf(body []*ir.Instr) []*ir.Value {
	var values []*ir.Value
	for _, in := range body {
		values = append(values, in.Results...)
	}
	return values
}

// join adds what h stores to g, if g reads all that h does, or both compute each point of
// one grid by itself, and one kernel can.
func (u *fusion) join(g, h *group) bool {
	apart := u.place[largest(g.values)] - u.place[largest(h.values)]
	more := len(h.values)
	for v := range h.reads {
		if !g.reads[v] {
			more++
		}
	}
	if g.heavy != nil || h.heavy != nil || g.device != h.device || max(apart, -apart) > maxApart ||
		u.buffers(g)+more > maxArgs || elems(largest(g.values)) < elems(largest(h.values)) {
		return false
	}
	points := !g.folds && !h.folds && ir.EqualShapes(largest(g.values).Type.Shape, largest(h.values).Type.Shape)
	for v := range h.reads {
		if !g.reads[v] && !points {
			return false
		}
	}
	if u.reaches(g, h) || u.reaches(h, g) {
		return false
	}
	k, err := u.kernelWith(g, h.values, nil, nil)
	if err != nil || (g.folds || h.folds) && notRows(k, machines[g.device]) != "" {
		return false
	}
	g.values = u.sorted(append(g.values, h.values...))
	for _, v := range h.values {
		u.group[v] = g
	}
	g.folds = g.folds || h.folds
	for v := range h.reads {
		g.reads[v] = true
	}
	h.values, h.within = nil, g
	return true
}
