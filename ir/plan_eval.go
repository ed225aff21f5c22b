package ir

// Offsets gives each block its offset in the arena by the stack that is lowest where
// the blocks have the given sizes, and the bytes that the arena needs.
func (p *Plan) Offsets(bytes []int64) (offset []int64, arena int64) {
	offset = make([]int64, len(bytes))
	for i, s := range p.Stacks {
		if at, peak := s.Offsets(bytes); i == 0 || peak < arena {
			offset, arena = at, peak
		}
	}
	return offset, arena
}

// Offsets gives each block its offset where the blocks have the given sizes: the
// highest end, rounded up to Align, of those it rests on. peak is the highest end.
func (s Stack) Offsets(bytes []int64) (offset []int64, peak int64) {
	offset = make([]int64, len(bytes))
	for _, i := range s.Order {
		for _, j := range s.On[i] {
			end := offset[j] + bytes[j]
			offset[i] = max(offset[i], (end+Align-1)/Align*Align)
		}
		peak = max(peak, offset[i]+bytes[i])
	}
	return offset, peak
}
