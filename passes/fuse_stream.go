package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// streamed reports whether the group that computes v, a product, can compute the weights
// too as a stream of keys, and if so decides that it does: all between the product that
// makes the scores and what the group computes already, of which nothing is needed
// elsewhere.
func (u *fusion) streamed(v *ir.Value, g *group) bool {
	between, ok := u.scored(v, g)
	if !ok {
		return false
	}
	k, err := u.kernelWith(g, nil, append(between, v), nil)
	if err != nil || k.Stream == nil || max(most(k.Stream.N), most(k.Stream.Dot.Over)) > machines[g.device].head {
		return false
	}
	for _, w := range append(between, v) {
		u.stream[w] = v.Instr
	}
	return true
}

// besideScores are the kinds of what lies between scores and the product that they weigh.
var besideScores = []ir.Kind{ir.KindElementwise, ir.KindView, ir.KindGather, ir.KindReduce}

// scored are the values that depend on the product that the left operand of v, another
// one, is computed from, as far as they are not decided, and it; ok: there is one such
// product, all that reads them is among them, is v, or is computed in g, and the others are
// of kinds that a kernel computes beside one.
func (u *fusion) scored(v *ir.Value, g *group) (values []*ir.Value, ok bool) {
	scores := u.productsOf(v.Instr.Args[0])
	if len(scores) != 1 || !u.facts[v.Instr.Args[0]].folds {
		return nil, false
	}
	values = scores
	for i := 0; i < len(values); i++ {
		w := values[i]
		if u.result[w] || u.partOf[w] != nil || w.Instr.Device != g.device || i > 0 && !slices.Contains(besideScores, w.Instr.Op.Kind) {
			return nil, false
		}
		for _, in := range u.readers[w] {
			switch r := in.Result(); {
			case r == v || slices.Contains(values, r):
			case u.uses[r] == nil && u.place[r] < u.place[v]:
				values = append(values, r)
			case len(u.uses[r]) != 1 || u.uses[r][0].group != g:
				return nil, false
			}
		}
	}
	return values, true
}

// productsOf are the products that v is computed from without another between.
func (u *fusion) productsOf(v *ir.Value) []*ir.Value {
	var products []*ir.Value
	seen := map[*ir.Value]bool{}
	var visit func(v *ir.Value)
	visit = func(v *ir.Value) {
		if seen[v] || v.Instr == nil {
			return
		}
		seen[v] = true
		if v.Instr.Op.Kind == ir.KindContract {
			products = append(products, v)
			return
		}
		for _, a := range v.Instr.Args {
			visit(a)
		}
	}
	visit(v)
	return products
}
