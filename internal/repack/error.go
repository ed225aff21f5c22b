package repack

import "math"

// An Error is how far a tensor is from what it was, over the elements that are finite, then
// and now.
type Error struct {
	Max      float64 `json:"max"`      // the largest difference
	RMS      float64 `json:"rms"`      // of the differences, as a part of that of the elements
	Overflow int     `json:"overflow"` // elements that became infinite
}

// sums adds up differences.
type sums struct {
	most, differences, elements float64 // the last two squared
	overflow                    int
}

func (s *sums) add(was, is float64) {
	d := is - was
	switch {
	case d-d == 0: // both are finite
		s.most = max(s.most, math.Abs(d))
		s.differences += d * d
		s.elements += was * was
	case was-was == 0:
		s.overflow++
	}
}

// join adds what was summed of elements that follow.
func (s *sums) join(t sums) {
	s.most = max(s.most, t.most)
	s.differences += t.differences
	s.elements += t.elements
	s.overflow += t.overflow
}

func (s sums) error() *Error {
	e := &Error{Max: s.most, Overflow: s.overflow}
	if s.differences > 0 && s.elements > 0 {
		e.RMS = math.Sqrt(s.differences / s.elements)
	}
	return e
}
