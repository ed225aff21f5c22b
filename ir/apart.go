package ir

// Apart reports that two steps only write b, each to parts of its own, as kernels do that
// make parts of one concatenation: along some axis of b, what they store lies in different
// ranges, whatever the other axes.
func Apart(s, t *Step, b *Buffer) bool {
	in, okS := s.storesTo(b)
	and, okT := t.storesTo(b)
	if !okS || !okT {
		return false
	}
	for axis := range b.Type.Shape {
		period := Product(b.Type.Shape[axis:])
		if allApart(in, and, period) {
			return true
		}
	}
	return false
}

// storesTo is where a step stores elements of b; false: it reads some, or nobody knows.
func (s *Step) storesTo(b *Buffer) (indices []Size, ok bool) {
	for n, arg := range s.Args {
		if arg != b {
			continue
		}
		if !s.Kernel.Args[n].Write || s.Kernel.Written != nil {
			return nil, false
		}
		for _, store := range s.Kernel.Stores {
			if store.Arg == n {
				indices = append(indices, s.outside(store.Index))
			}
		}
	}
	return indices, true
}

// allApart reports that the remainders by a period of some indices are all below those of
// others, or above.
func allApart(s, t []Size, period Size) bool {
	for _, x := range s {
		for _, y := range t {
			x, y := x.Mod(period), y.Mod(period)
			highX, okX := x.Max()
			highY, okY := y.Max()
			if !(okX && y.AtLeast(highX+1)) && !(okY && x.AtLeast(highY+1)) {
				return false
			}
		}
	}
	return true
}
