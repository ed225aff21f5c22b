package passes

import (
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// Reasons why a value is stored. Each is why its group does not grow beyond it.
const (
	isPart       = "a part of a concatenation"
	isUpdate     = "what a part of a state becomes"
	isState      = "what a state becomes"
	inParts      = "computed by several kernels"
	isResult     = "a result of the entry"
	fromWeights  = "depends on weights alone"
	otherDevice  = "read on another device"
	ownKernel    = "has a kernel of its own"
	searches     = "a search among elements that others compute"
	ofSearch     = "searched through"
	ofProduct    = "operand of a product"
	ofWindow     = "operand of a window"
	inProduct    = "its product computes it once"
	twoProducts  = "another product is in the kernel that reads it"
	besideFold   = "read by a kernel with a reduction"
	besideHeavy  = "a reduction that a product reads"
	otherAxis    = "a reduction over another axis"
	insideFold   = "a reduction inside the loop of another"
	notElementBy = "not read element by element"
	fewRows      = "too few rows for all workers"
	joined       = "weights that one product reads"
	inOrder      = "weights, in the order in which they are read"
	divided      = "its index would be divided in an inner loop"
	borders      = "its borders would be tested again and again"
	manyArgs     = "its reader has as many operands as a kernel takes"
)

// whyStored is why v is stored rather than computed where the uses are; empty: it
// is not.
func (u *fusion) whyStored(v *ir.Value, uses []use) string {
	in := v.Instr
	full := func(x use) bool { return u.buffers(x.group)+len(in.Args) > maxArgs }
	switch kind := in.Op.Kind; {
	case u.stream[v] != nil:
		return ""
	case u.result[v] && slices.ContainsFunc(u.fn.Writes, func(w ir.Write) bool { return w.Value == v }):
		return isState
	case u.result[v]:
		return isResult
	case u.inPlace[u.partOf[v]]:
		return isUpdate
	case u.partOf[v] != nil:
		return isPart
	case free(v):
		return ""
	case u.frontier(v):
		return fromWeights
	case slices.ContainsFunc(uses, ofText):
		return under(uses[slices.IndexFunc(uses, ofText)].under)
	case kind != ir.KindView && slices.ContainsFunc(uses, func(x use) bool { return x.group.device != in.Device }):
		return otherDevice
	case slices.ContainsFunc(uses, full):
		return manyArgs
	case kind == ir.KindView:
		return u.whyViewStored(v, uses)
	case kind == ir.KindElementwise, kind == ir.KindGather, kind == ir.KindDequant:
		return u.whyPointStored(v, uses)
	case kind == ir.KindSearch:
		return searches
	case kind == ir.KindComposite:
		return ownKernel
	case len(uses) > 1:
		u.several[v] = uses
		return u.readBy(uses)
	case kind == ir.KindReduce:
		return u.whyFoldStored(v, uses[0])
	}
	return u.whyHeavyStored(v, uses[0])
}

// keepsApart reports that a kernel which folds and stores more than what it folds would do so no
// more if it computed v: its fold would be over other axes than the rest is.
func (u *fusion) keepsApart(v *ir.Value, uses []use) bool {
	if free(v) || u.stream[v] != nil {
		return false
	}
	return slices.ContainsFunc(uses, func(x use) bool {
		if !x.group.folds || len(x.group.values) < 2 {
			return false
		}
		_, err := u.kernelWith(x.group, nil, []*ir.Value{v}, nil)
		return err != nil
	})
}

// ofText reports that a kernel that is written by hand reads a value, which is in memory
// then.
func ofText(x use) bool { return x.under != nil && x.under.Op.Kind == ir.KindKernel }

// maxArgs is how many buffers a kernel takes: Metal has room for 31, and one of them
// holds the sizes.
const maxArgs = 30

// buffers is how many g takes; parts of one value are in one.
func (u *fusion) buffers(g *group) int {
	n, wholes := len(g.reads), map[*ir.Value]bool{}
	for _, v := range g.values {
		if whole := u.partOf[v]; whole != nil {
			v = whole
		}
		if !wholes[v] {
			wholes[v] = true
			n++
		}
	}
	return n
}

// whyFoldStored: a reduction goes into the kernel that reads it if the result is one
// of rows, each of which is folded once.
func (u *fusion) whyFoldStored(v *ir.Value, x use) string {
	if x.group.heavy != nil {
		if u.withinRow(v, x) {
			return ""
		}
		return besideHeavy
	}
	k, err := u.kernelWith(x.group, nil, []*ir.Value{v}, nil)
	if err != nil {
		return otherAxis
	}
	if why := notRows(k, machines[x.group.device]); why != "" {
		return why
	}
	// Where padding guards what is folded, each place that the guard tells apart is a row.
	if float64(most(k.Grid())) > 2*elems(v) {
		return otherAxis
	}
	return ""
}

// notRows is why a kernel is not one whose points fold each row once, in stages over
// the same axes; empty: it is.
func notRows(k *ir.Kernel, m machine) string {
	grid := k.Grid()
	var over []*ir.Axis
	for _, v := range k.Values {
		if v.Kind != ir.ScalarReduce {
			continue
		}
		if slices.ContainsFunc(v.Free, func(a *ir.Axis) bool { return !contains(grid, a) }) {
			return insideFold
		}
		if over == nil {
			over = v.Over
		}
		if !slices.EqualFunc(v.Over, over, sameAxis) || len(v.Free) != len(grid) {
			return otherAxis
		}
	}
	if points, row := most(grid), most(over); k.Inner != nil && points < m.workers && points*row > m.shared {
		return fewRows
	}
	return ""
}

// whyHeavyStored: a product or a window goes into the kernel that reads it if each
// element is computed once there, and nothing else is folded.
func (u *fusion) whyHeavyStored(v *ir.Value, x use) string {
	switch g := x.group; {
	case g.heavy != nil && x.under != nil:
		return under(x.under)
	case g.heavy != nil && (u.besideRow(v, x) || u.besideProduct(v, x)):
		return ""
	case g.heavy != nil:
		return twoProducts
	case g.folds:
		return besideFold
	case x.times() == 1 && u.streamed(v, g):
		return ""
	case x.times() != 1 || !elementByElement(u, v, largest(g.values)):
		return notElementBy
	}
	k, err := u.kernelWith(x.group, nil, []*ir.Value{v}, nil)
	if err != nil {
		return notElementBy
	}
	if divisions(k) > 0 {
		if own, err := u.kernelWith(&group{}, []*ir.Value{v}, nil, nil); err == nil && divisions(own) < divisions(k) {
			return divided
		}
	}
	return ""
}

// besideRow reports that v and the product that g has are of one row by weights: each
// element of both is a fold over the same row, which a simdgroup of a GPU computes
// together.
func (u *fusion) besideRow(v *ir.Value, x use) bool {
	in, other := v.Instr, x.group.heavy
	if x.group.device != ir.OnGPU || !oneRow(in) || !oneRow(other) || in.Args[0] != other.Args[0] || x.times() != 1 {
		return false
	}
	k, err := u.kernelWith(x.group, nil, []*ir.Value{v}, nil)
	return err == nil && notRows(k, machines[x.group.device]) == ""
}

// besideProduct reports that v and the products that g has are products of one left factor
// which meet element by element, as those of a gated unit do: a threadgroup of a GPU reads
// the left factor once for all of them.
func (u *fusion) besideProduct(v *ir.Value, x use) bool {
	if x.group.device != ir.OnGPU || x.times() != 1 || !elementByElement(u, v, largest(x.group.values)) {
		return false
	}
	k, err := u.kernelWith(x.group, nil, []*ir.Value{v}, nil)
	return err == nil && isProduct(k)
}

// withinRow reports that v is of the row that a product of one row reads, as the norm
// before it is, and so little work that the GPU does it for each element of the product
// while it waits for the weights.
func (u *fusion) withinRow(v *ir.Value, x use) bool {
	in, m := x.group.heavy, machines[x.group.device]
	host := u.facts[v].host
	if x.group.device != ir.OnGPU || in == nil || !oneRow(in) || x.under != nil && !oneRow(x.under) || host != nil && isHeavy(host.Op.Kind) {
		return false
	}
	elements := elems(in.Result())
	if again := u.facts[v].work * elems(in.Args[0]) * elements; again/m.ops > bytesOf(in.Args[1])/m.bytes/4 {
		return false
	}
	k, err := u.kernelWith(x.group, nil, []*ir.Value{v}, nil)
	if err != nil {
		return false
	}
	var over []*ir.Axis
	return !slices.ContainsFunc(k.Values, func(v *ir.Scalar) bool {
		if v.Kind != ir.ScalarReduce {
			return false
		}
		if over == nil {
			over = v.Over
		}
		return !slices.EqualFunc(v.Over, over, sameAxis)
	})
}

// oneRow reports that an instruction is a product of one row and a matrix.
func oneRow(in *ir.Instr) bool {
	_, ok := in.Attrs.(ir.MatmulAttrs)
	if !ok || in.Args[1].Type.Rank() != 2 {
		return false
	}
	shape := in.Result().Type.Shape
	return ir.Product(shape[:len(shape)-1]).Is(1)
}

// elementByElement reports whether main has the elements of v in their order, one
// for one, through all that lies between.
func elementByElement(u *fusion, v, main *ir.Value) bool {
	if v == main {
		return true
	}
	if !v.Type.Elems().Equal(main.Type.Elems()) {
		return false
	}
	return !slices.ContainsFunc(u.readers[v], func(in *ir.Instr) bool {
		_, isReshape := in.Attrs.(ir.ShapeAttrs)
		return u.uses[in.Result()] != nil && (in.Op.Kind != ir.KindElementwise && !isReshape || !elementByElement(u, in.Result(), main))
	})
}

// under names an operand of a heavy op.
func under(in *ir.Instr) string {
	switch in.Op.Kind {
	case ir.KindContract:
		return ofProduct
	case ir.KindWindow:
		return ofWindow
	case ir.KindSearch:
		return ofSearch
	}
	if a, ok := in.Attrs.(ir.KernelAttrs); ok {
		return "operand of " + a.Source.Name
	}
	return "operand of " + in.Op.Name
}

// whyPointStored: what is computed element by element is computed again by each
// kernel that reads it, unless that costs more than memory does.
func (u *fusion) whyPointStored(v *ir.Value, uses []use) string {
	f, times, why := u.facts[v], 0.0, ""
	for _, x := range uses {
		times += x.times()
		if x.under != nil {
			why = under(x.under)
			if u.withinRow(v, x) {
				return ""
			}
			if f.host != nil || f.folds || x.under.Op.Kind == ir.KindSearch || x.under.Op.Kind == ir.KindComposite {
				return why
			}
		}
	}
	if len(uses) > 1 {
		why = u.readBy(uses)
	}
	switch {
	case f.host != nil && len(uses) > 1:
		u.several[v] = uses
		return why
	case f.host != nil && times > 1 && isHeavy(f.host.Op.Kind):
		return inProduct
	case f.host != nil && times > 1 && u.onceARow(v, uses[0]):
		return ""
	case !u.cheaperStored(v, uses, times):
		return ""
	case len(uses) > 1:
		u.several[v] = uses
		return why
	case why == "":
		return fmt.Sprintf("would be computed %.0f times", times)
	}
	return why
}

// readBy counts the kernels of uses. What was stored for several may be read by one in
// the end.
func (u *fusion) readBy(uses []use) string {
	var groups []*group
	for _, x := range uses {
		g := x.group
		for g.within != nil {
			g = g.within
		}
		if !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	if len(groups) == 1 {
		return "read by kernels that became one"
	}
	return fmt.Sprintf("read by %d kernels", len(groups))
}

// onceARow reports whether the reduction that hosts v goes into the kernel that reads
// v: then v is computed once for each row.
func (u *fusion) onceARow(v *ir.Value, x use) bool {
	var chain []*ir.Value
	var visit func(v *ir.Value)
	visit = func(w *ir.Value) {
		if w.Instr == nil || u.facts[w].host != u.facts[v].host || slices.Contains(chain, w) {
			return
		}
		chain = append(chain, w)
		if w.Instr != u.facts[v].host {
			for _, a := range w.Instr.Args {
				visit(a)
			}
		}
	}
	visit(v)
	k, err := u.kernelWith(x.group, nil, chain, nil)
	return err == nil && notRows(k, machines[x.group.device]) == ""
}

// frontier reports whether v depends on weights alone and something that reads it
// does not: its work is the same in every call.
func (u *fusion) frontier(v *ir.Value) bool {
	if f := u.facts[v]; !f.constant || !f.weights || f.work == 0 || v.Instr.Op.Kind == ir.KindView {
		return false
	}
	return u.readByOthers(v)
}

func (u *fusion) readByOthers(v *ir.Value) bool {
	return slices.ContainsFunc(u.readers[v], func(in *ir.Instr) bool {
		if in.Op.Kind == ir.KindView {
			return u.readByOthers(in.Result())
		}
		return !u.facts[in.Result()].constant
	})
}

// hosts are the groups that might store v as well: those that compute it, the first
// in the body before others, those that store other parts of what it is a part of, and
// those that read what it is computed from.
func (u *fusion) hosts(v *ir.Value, uses []use) []*group {
	switch f := u.facts[v]; {
	case f.host != nil && v.Instr.Op.Kind != ir.KindReduce:
		return nil // it goes with its own product
	case f.constant && f.weights && !u.result[v]:
		return nil // it is computed at load
	}
	var groups []*group
	for _, x := range slices.Backward(uses) {
		if x.under == nil {
			groups = append(groups, x.group)
		}
	}
	if whole := u.partOf[v]; whole != nil && v.Instr.Op.Kind == ir.KindElementwise {
		for _, a := range whole.Instr.Args {
			if g := u.group[a]; g != nil && !slices.Contains(groups, g) {
				groups = append(groups, g)
			}
		}
	}
	for _, g := range u.groups {
		read := func(a *ir.Value) bool { return g.reads[a] }
		elsewhere := func(a *ir.Value) bool { return !g.reads[a] && !free(a) }
		apart := u.place[g.values[0]] - u.place[v]
		if args := v.Instr.Args; apart <= maxApart && !slices.Contains(groups, g) && slices.ContainsFunc(args, read) && !slices.ContainsFunc(args, elsewhere) {
			groups = append(groups, g)
		}
	}
	return groups
}

// mayStore reports whether g may store v: no other kernel that reads v stands
// between, and each point of g has its part of v.
func (u *fusion) mayStore(g *group, v *ir.Value, uses []use) bool {
	kind := v.Instr.Op.Kind
	if g.device != v.Instr.Device || g.heavy != nil || isHeavy(kind) || u.buffers(g)+len(v.Instr.Args) > maxArgs {
		return false
	}
	if slices.ContainsFunc(uses, func(x use) bool { return x.group != g && u.reaches(x.group, g) }) {
		return false
	}
	whole := u.partOf[v]
	needs := func(h *group) bool { return h.reads[whole] && (h == g || u.reaches(h, g)) }
	if whole != nil && slices.ContainsFunc(u.groups, needs) {
		return false // g waits for v
	}
	k, err := u.kernelWith(g, []*ir.Value{v}, nil, nil)
	return err == nil && (!g.folds && kind != ir.KindReduce || notRows(k, machines[g.device]) == "")
}
