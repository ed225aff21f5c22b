package passes

import (
	"fmt"

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
		if !u.facts[v].divided || x.group.heavy == nil && !x.group.folds {
			continue
		}
		folded, err := u.kernelWith(x.group, nil, v, false)
		if err != nil || divisions(folded) == 0 {
			continue
		}
		kept, err := u.kernelWith(x.group, nil, v, true)
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
