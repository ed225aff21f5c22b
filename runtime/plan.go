package runtime

import "math"

// align is what offsets in the arena are multiples of, in bytes.
const align = 256

// A layout is where the blocks of a variant lie for the dims at hand.
type layout struct {
	bytes   []int64 // of each block
	offsets []int64
	spare   []int64 // another plan's offsets, while they are compared
	peak    int64   // bytes of arena
}

func newLayout(v *Variant) layout {
	n := len(v.Blocks)
	return layout{bytes: make([]int64, n), offsets: make([]int64, n), spare: make([]int64, n)}
}

// set takes the plan with the lowest peak at dims. It allocates nothing.
func (l *layout) set(v *Variant, dims []int64) {
	for i, b := range v.Blocks {
		l.bytes[i] = b.Bytes.at(dims)
	}
	l.peak = math.MaxInt64
	if len(v.Blocks) == 0 {
		l.peak = 0
	}
	for i := range v.Plans {
		if peak := v.Plans[i].place(l.bytes, l.spare); peak < l.peak {
			l.peak = peak
			l.offsets, l.spare = l.spare, l.offsets
		}
	}
}

// place computes the offset of each block and returns the highest end.
func (p *Plan) place(bytes, offsets []int64) int64 {
	var peak int64
	for _, i := range p.Order {
		var at int64
		for _, j := range p.On[i] {
			at = max(at, (offsets[j]+bytes[j]+align-1)&^(align-1))
		}
		offsets[i] = at
		peak = max(peak, at+bytes[i])
	}
	return peak
}
