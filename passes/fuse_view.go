package passes

import (
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// Views are folded into the kernels that read them, with few exceptions.

// maxPlaces is from how many places at most a view may take its elements. Each
// reader of a folded view tells them apart by guards; a view of more is stored.
const maxPlaces = 8

// whyViewStored: a view is another index of what it shows, unless that is a worse
// one where elements are read many times. A stretch is never stored for that: it has
// more elements than what it shows.
func (u *fusion) whyViewStored(v *ir.Value, uses []use) string {
	if n := u.facts[v].places; n > maxPlaces {
		return fmt.Sprintf("takes its elements from %d places", n)
	}
	if u.turnedWeight(v) {
		return inOrder
	}
	_, bordered := v.Instr.Attrs.(ir.PadAttrs)
	if _, joins := v.Instr.Attrs.(ir.AxisAttrs); joins {
		bordered = true
	}
	for _, x := range uses {
		if bordered && v.Instr.Device == ir.OnCPU && x.group.heavy == nil && x.times() > maxTests {
			return borders // vectors take no guards
		}
		if f := u.facts[v]; f.constant && f.weights && f.places > 1 && x.under != nil && v.Instr.Device == ir.OnGPU {
			return joined // on the CPU panels are made of it, at load
		}
		if !u.facts[v].divided || isStretch(v) || x.group.heavy == nil && !x.group.folds {
			continue
		}
		folded, err := u.kernelWith(x.group, nil, []*ir.Value{v}, nil)
		if err != nil || divisions(folded) == 0 {
			continue
		}
		kept, err := u.kernelWith(x.group, nil, nil, []*ir.Value{v})
		if err == nil && divisions(kept) < divisions(folded) {
			return divided
		}
	}
	return ""
}

// turnedWeight reports that v is a weight whose last axis is another in memory, where the
// lanes of a CPU read it element by element: it is laid out for them at load.
func (u *fusion) turnedWeight(v *ir.Value) bool {
	a, turns := v.Instr.Attrs.(ir.PermAttrs)
	last := v.Type.Rank() - 1
	if f := u.facts[v]; !turns || a.Perm[last] == last || !f.constant || !f.weights || v.Instr.Device != ir.OnCPU {
		return false
	}
	var byElement func(v *ir.Value) bool
	byElement = func(v *ir.Value) bool {
		return !u.result[v] && !slices.ContainsFunc(u.readers[v], func(in *ir.Instr) bool {
			_, shapes := in.Attrs.(ir.ShapeAttrs)
			return in.Op.Kind != ir.KindElementwise && !(shapes && byElement(in.Result()))
		})
	}
	return byElement(v)
}

// maxTests is how often at most the elements of a value that is padded, or joined of others,
// are looked at where that tests within which borders they are; else it is stored.
const maxTests = 2

// placesWithin is n, or 1 where a view of n places is stored.
func placesWithin(n int) int {
	if n > maxPlaces {
		return 1
	}
	return n
}

// storedInParts reports whether the kernels that compute the operands of a
// concatenation store it, each its part, so that no kernel joins them: where these are
// products and windows that follow one another, as else it would be in memory for long;
// and where they are computed element by element, and to compute all of them for each
// element costs more than memory does.
func (u *fusion) storedInParts(v *ir.Value, uses []use) bool {
	in := v.Instr
	if _, isConcat := in.Attrs.(ir.AxisAttrs); !isConcat || !isView(in) || len(in.Args) < 2 {
		return false
	}
	for i, a := range in.Args {
		if a.Instr == nil || isView(a.Instr) || a.Instr.Op.Kind == ir.KindKernel || a.Instr.Device != in.Device || u.result[a] || u.partOf[a] != nil || slices.Contains(in.Args[:i], a) {
			return false
		}
	}
	return u.partsOfProducts(v, uses) || u.partsOfPoints(v)
}

// partsOfProducts: what products read would be stored anyway, so that their other parts
// may be computed element by element.
func (u *fusion) partsOfProducts(v *ir.Value, uses []use) bool {
	in, first, products := v.Instr, u.place[v], 0
	read := len(uses) > 0 && !slices.ContainsFunc(uses, func(x use) bool { return x.under == nil })
	for _, a := range in.Args {
		switch f := u.facts[a]; {
		case f.host != nil && isHeavy(f.host.Op.Kind):
			products++
		case !read || a.Instr.Op.Kind != ir.KindElementwise:
			return false
		}
		first = min(first, u.place[a])
	}
	folds := 0
	for _, between := range u.fn.Body[first:u.place[v]] {
		if isHeavy(between.Op.Kind) || between.Op.Kind == ir.KindReduce {
			folds++
		}
	}
	return products > 0 && folds <= maxFoldsBetween*len(in.Args)
}

func (u *fusion) partsOfPoints(v *ir.Value) bool {
	f, m, memory := u.facts[v], machines[v.Instr.Device], 0.0
	for _, a := range v.Instr.Args {
		if a.Instr.Op.Kind != ir.KindElementwise || u.facts[a].host != nil || !ir.EqualShapes(a.Type.Shape, v.Instr.Args[0].Type.Shape) {
			return false
		}
	}
	if f.places <= maxPlaces { // else it is stored in any case
		memory = 2*bytesOf(v)/m.bytes + m.launch
	}
	return f.work*elems(v)*float64(len(v.Instr.Args)-1)/m.ops > memory
}

// maxFoldsBetween is how many products and reductions there may be for each part while
// the whole is in memory.
const maxFoldsBetween = 3

// divisions counts the loads that divide an index.
func divisions(k *ir.Kernel) int {
	n := 0
	for _, v := range k.Values {
		if v.Kind == ir.ScalarLoad && divides(v.Index) {
			n++
		}
	}
	return n
}

func divides(s ir.Size) bool {
	found := false
	s.Walk(func(a *ir.Atom) { found = found || a.Kind == ir.AtomQuo || a.Kind == ir.AtomRem })
	return found
}
