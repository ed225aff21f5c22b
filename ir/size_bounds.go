package ir

import "slices"

// What is proven of sizes, for all values of their dims and axes.

func (s Size) inRange(d Size) bool { return s.NonNegative() && s.Less(d) }

// NonNegative proves s >= 0: no term can be negative.
func (s Size) NonNegative() bool {
	for _, t := range s.terms {
		if t.Coef < 0 {
			return false
		}
		for _, a := range t.Atoms {
			if a.Kind == AtomQuo && !a.X.NonNegative() {
				return false
			}
		}
	}
	return !s.overflow
}

// AtLeast proves s >= n for all values of its dims and axes within their bounds.
func (s Size) AtLeast(n int64) bool {
	rest := s.Sub(N(n))
	if rest.NonNegative() {
		return true
	}
	below := N(0).Sub(rest)
	for _, bound := range []Size{below, below.undivided()} {
		if most, ok := bound.Max(); ok && most <= 0 {
			return true
		}
	}
	return false
}

// undivided is an upper bound of s without the quotients by constants of which it has a
// multiple: x - (d-1) <= d*div(x, d) <= x.
func (s Size) undivided() Size {
	u := Size{overflow: s.overflow}
	for _, t := range s.terms {
		m := Size{terms: []Term{t}}
		if len(t.Atoms) == 1 && t.Atoms[0].Kind == AtomQuo {
			if d, ok := t.Atoms[0].D.Int(); ok && t.Coef%d == 0 {
				x := t.Atoms[0].X
				if t.Coef < 0 {
					x = x.Sub(N(d - 1))
				}
				m = x.Mul(N(t.Coef / d))
			}
		}
		u = u.Add(m)
	}
	return u
}

// ofDims reports that s has no axes.
func (s Size) ofDims() bool {
	axes := false
	s.Walk(func(a *Atom) { axes = axes || a.Kind == AtomAxis })
	return !axes
}

// upper is an upper bound of s in dims alone, over all values of its axes.
func (s Size) upper() (Size, bool) {
	var u Size
	for _, t := range s.terms {
		m := N(t.Coef)
		for _, a := range t.Atoms {
			switch {
			case a.Kind == AtomDim:
				m = m.Mul(of(a))
			case t.Coef < 0:
				m = Size{} // the factor's lower bound is zero
				if a.Kind == AtomQuo && !a.X.NonNegative() {
					least, ok := a.quoMin()
					if !ok || len(t.Atoms) > 1 {
						return u, false
					}
					m = N(least).Mul(N(t.Coef))
				}
			case a.Kind == AtomAxis:
				m = m.Mul(a.Axis.Extent.Sub(N(1)))
			case a.Kind == AtomRem:
				m = m.Mul(a.D.Sub(N(1)))
			case len(t.Atoms) == 1 && a.X.ofDims(): // is its own bound; making it anew takes long where quotients are deep
				m = m.Mul(of(a))
			default:
				x, ok := a.X.upper()
				if !ok || len(t.Atoms) > 1 && !a.X.AtLeast(0) {
					return u, false
				}
				m = m.Mul(x.Div(a.D))
			}
		}
		u = u.Add(m)
	}
	return u, !u.overflow
}

// Less proves s < t at every point of a non-empty loop: for all values of the
// axes and all dims of at least 1 within their bounds. (Where a dim is 0 the loop has
// no point, unless it counts the rounds of a loop or, being subtracted, says where something
// starts.)
func (s Size) Less(t Size) bool {
	u, ok := s.upper()
	if !ok {
		return false
	}
	rest := t.Sub(u).Sub(N(1))
	if n, ok := rest.Int(); ok || rest.NonNegative() {
		return n >= 0
	}
	// Substitute dim = 1 + dim': what then has no negative term is never negative. A quotient
	// that is subtracted stays.
	if slices.ContainsFunc(rest.terms, func(t Term) bool { return t.Coef < 0 && t.divided() }) {
		return rest.AtLeast(0)
	}
	diff := rest.Subst(func(a *Atom) (Size, bool) {
		if a.Kind != AtomDim || a.Dim.Counter || s.subtracts(a) {
			return Size{}, false
		}
		more := &Dim{Name: a.Dim.Name + "'", Min: max(0, a.Dim.Min-1), Max: max(0, a.Dim.Max-1)}
		return N(1).Add(more.Size()), true
	})
	return diff.NonNegative() || rest.AtLeast(0)
}

// divided reports whether a factor is a quotient or a remainder.
func (t Term) divided() bool {
	return slices.ContainsFunc(t.Atoms, func(a *Atom) bool { return a.Kind == AtomQuo || a.Kind == AtomRem })
}

// subtracts reports whether a negative term of s has the atom.
func (s Size) subtracts(a *Atom) bool {
	return slices.ContainsFunc(s.terms, func(t Term) bool {
		return t.Coef < 0 && slices.ContainsFunc(t.Atoms, func(b *Atom) bool { return b.key == a.key })
	})
}

// within proves 0 <= s < t at every point of a loop, by the bounds of the dims and facts.
func (s Size) within(t Size, facts []Fact) bool {
	u, ok := s.upper()
	below, alsoOK := N(0).Sub(s).upper()
	return ok && alsoOK && proves(facts, N(0).Sub(below)) && proves(facts, t.Sub(u).Sub(N(1)))
}

// likeTerms is how many times the terms of t go into those of s with the same atoms.
func (s Size) likeTerms(t Size) (times []int64) {
	for _, a := range s.terms {
		for _, b := range t.terms {
			if a.key == b.key && a.Coef%b.Coef == 0 {
				times = append(times, a.Coef/b.Coef)
			}
		}
	}
	return times
}

// Multiple proves that every value of s is a multiple of k.
func (s Size) Multiple(k int64) bool {
	for _, t := range s.terms {
		if t.Coef%k != 0 {
			return false
		}
	}
	return !s.overflow
}

// Max is the largest value of s over the bounds of its dims and axes, assuming
// that negative terms are at their least. ok is false when it leaves int64.
func (s Size) Max() (n int64, ok bool) {
	if n, ok = s.most(); !ok {
		_, n, ok = s.interval()
	}
	return n, ok
}

// interval is between what s lies if each of its factors may be anything that it can be,
// whatever the others are.
func (s Size) interval() (lo, hi int64, ok bool) {
	if ok = !s.overflow; !ok {
		return 0, 0, false
	}
	for _, t := range s.terms {
		least, most := t.Coef, t.Coef
		for _, a := range t.Atoms {
			from, to, known := a.interval()
			if !known {
				return 0, 0, false
			}
			var ends [4]int64
			for i, pair := range [4][2]int64{{least, from}, {least, to}, {most, from}, {most, to}} {
				var fits bool
				ends[i], fits = mulInt(pair[0], pair[1])
				ok = ok && fits
			}
			least, most = slices.Min(ends[:]), slices.Max(ends[:])
		}
		var below, above bool
		lo, below = addInt(lo, least)
		hi, above = addInt(hi, most)
		ok = ok && below && above
	}
	return lo, hi, ok
}

func (a *Atom) interval() (lo, hi int64, ok bool) {
	switch a.Kind {
	case AtomDim:
		return a.Dim.Min, a.Dim.Max, true
	case AtomAxis:
		_, hi, ok = a.Axis.Extent.interval()
		return 0, max(0, hi-1), ok
	case AtomRem:
		_, hi, ok = a.D.interval()
		return 0, max(0, hi-1), ok
	}
	lo, hi, ok = a.X.interval()
	if d, isInt := a.D.Int(); isInt {
		return floorDiv(lo, d), floorDiv(hi, d), ok
	}
	return min(0, lo), max(0, hi), ok // the divisor is at least 1
}

// most is Max of what has an upper bound in dims.
func (s Size) most() (n int64, ok bool) {
	u, ok := s.upper()
	if !ok || s.overflow {
		return 0, false
	}
	for _, t := range u.terms {
		m := t.Coef
		for _, a := range t.Atoms {
			var v int64
			switch {
			case t.Coef < 0 && a.Kind != AtomDim: // an extent may hold such a term
				if a.Kind == AtomQuo && !a.X.NonNegative() {
					return 0, false
				}
				v = 0
			case a.Kind == AtomQuo:
				if v, ok = a.quoMax(); !ok {
					return 0, false
				}
			case a.Kind != AtomDim: // an extent may hold a remainder of dims
				if v, ok = of(a).Max(); !ok {
					return 0, false
				}
			case t.Coef < 0:
				v = a.Dim.Min
			default:
				v = a.Dim.Max
			}
			if m, ok = mulInt(m, v); !ok {
				return 0, false
			}
		}
		if n, ok = addInt(n, m); !ok {
			return 0, false
		}
	}
	return n, true
}

// quoMin is no more than the least value of a quotient, and at most 0.
func (a *Atom) quoMin() (n int64, ok bool) {
	below, ok := N(0).Sub(a.X).Max()
	if d, isInt := a.D.Int(); isInt {
		return min(0, floorDiv(-below, d)), ok
	}
	return min(0, -below), ok // the divisor is at least 1
}

// quoMax is the largest value of a quotient that is at least 0, or of one by a
// constant.
func (a *Atom) quoMax() (n int64, ok bool) {
	x, ok := a.X.Max()
	if d, isInt := a.D.Int(); isInt {
		return floorDiv(x, d), ok
	}
	return max(0, x), ok // the divisor is at least 1
}
