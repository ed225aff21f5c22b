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
// one where elements are read many times.
func (u *fusion) whyViewStored(v *ir.Value, uses []use) string {
	if n := u.facts[v].places; n > maxPlaces {
		return fmt.Sprintf("takes its elements from %d places", n)
	}
	for _, x := range uses {
		if f := u.facts[v]; f.constant && f.weights && f.places > 1 && x.under != nil && v.Instr.Device == ir.OnGPU {
			return joined // on the CPU panels are made of it, at load
		}
		if !u.facts[v].divided || x.group.heavy == nil && !x.group.folds {
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

// placesWithin is n, or 1 where a view of n places is stored.
func placesWithin(n int) int {
	if n > maxPlaces {
		return 1
	}
	return n
}

// storedInParts reports whether the kernels that compute the operands of a
// concatenation store it, each its part, so that no kernel joins them: where these are
// products and windows, and follow one another, as else it would be in memory for long.
func (u *fusion) storedInParts(v *ir.Value) bool {
	in := v.Instr
	if _, isConcat := in.Attrs.(ir.AxisAttrs); !isConcat || !isView(in) || len(in.Args) < 2 {
		return false
	}
	first := u.place[v]
	for i, a := range in.Args {
		if f := u.facts[a]; f.host == nil || !isHeavy(f.host.Op.Kind) || isView(a.Instr) ||
			a.Instr.Device != in.Device || u.result[a] || u.partOf[a] != nil || slices.Contains(in.Args[:i], a) {
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
	return folds <= maxFoldsBetween*len(in.Args)
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
