package ir

import (
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// A Dim is a named size that is fixed by a call, or by a session.
type Dim struct {
	Name     string
	Min, Max int64 // inclusive bounds, 0 <= Min <= Max
	Session  bool  // has one value for the life of a session
	Counter  bool  // of a loop: the rounds that are done
	Pos      *Pos
}

// An Axis is a loop variable that runs over [0, Extent).
type Axis struct {
	Name   string
	Extent Size
}

// An AtomKind tells what an Atom stands for.
type AtomKind uint8

const (
	AtomDim  AtomKind = iota
	AtomAxis          // a loop variable of a kernel
	AtomQuo           // X / D, rounded down
	AtomRem           // X - D*(X / D)
)

// An Atom is an indivisible factor of a Size.
type Atom struct {
	Kind AtomKind
	Dim  *Dim
	Axis *Axis
	X, D Size // AtomQuo, AtomRem; D > 0
	key  string
}

func (a *Atom) String() string { return a.key }

// A Term is Coef times the product of Atoms, which are sorted by their text.
type Term struct {
	Coef  int64
	Atoms []*Atom
	key   string
}

// A Size is an integer expression for sizes and indices: a polynomial over dims
// and axes in normal form, in which quotients that could not be simplified away
// are atoms. Sizes are immutable. Two are equal when their texts are equal.
//
// Arithmetic is checked: a coefficient that leaves int64 makes the result and
// everything computed from it invalid (see Overflow).
type Size struct {
	terms    []Term // sorted, no coefficient is zero
	overflow bool
}

// N is the constant n.
func N(n int64) Size {
	if n == 0 {
		return Size{}
	}
	return Size{terms: []Term{{Coef: n}}}
}

// Size is the dim as an expression.
func (d *Dim) Size() Size { return of(&Atom{Kind: AtomDim, Dim: d, key: d.Name}) }

// Index is the axis as an expression.
func (a *Axis) Index() Size { return of(&Atom{Kind: AtomAxis, Axis: a, key: a.Name}) }

func of(a *Atom) Size { return Size{terms: []Term{{1, []*Atom{a}, a.key}}} }

// Terms are the terms of the normal form; the caller must not change them.
func (s Size) Terms() []Term { return s.terms }

// Overflow reports that computing s left the range of int64.
func (s Size) Overflow() bool { return s.overflow }

// Int reports the value of a constant expression.
func (s Size) Int() (int64, bool) {
	switch {
	case s.overflow:
		return 0, false
	case len(s.terms) == 0:
		return 0, true
	case len(s.terms) == 1 && len(s.terms[0].Atoms) == 0:
		return s.terms[0].Coef, true
	}
	return 0, false
}

// Is reports whether s is the constant n.
func (s Size) Is(n int64) bool { v, ok := s.Int(); return ok && v == n }

// negative reports that s is a constant below 0.
func (s Size) negative() bool { n, ok := s.Int(); return ok && n < 0 }

// Equal reports whether s and t have the same normal form, hence the same value
// for all dims. A size that overflowed equals nothing.
func (s Size) Equal(t Size) bool {
	return !s.overflow && !t.overflow && slices.EqualFunc(s.terms, t.terms, func(a, b Term) bool {
		return a.Coef == b.Coef && a.key == b.key
	})
}

func addInt(a, b int64) (int64, bool) {
	c := a + b
	return c, (c > a) == (b > 0)
}

func mulInt(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(abs64(a), abs64(b))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(lo), true
	}
	return int64(lo), true
}

func abs64(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

// Constants sort last, so that sizes read as people write them: 2*T + 1.
func compareKeys(a, b string) int {
	if (a == "") != (b == "") {
		return len(b) - len(a)
	}
	return strings.Compare(a, b)
}

// Add is s + t.
func (s Size) Add(t Size) Size { return s.plus(t).rejoin() }

func (s Size) plus(t Size) Size {
	out := Size{overflow: s.overflow || t.overflow}
	a, b := s.terms, t.terms
	switch {
	case len(a) == 0:
		return Size{b, out.overflow}
	case len(b) == 0:
		return Size{a, out.overflow}
	}
	out.terms = make([]Term, 0, len(a)+len(b))
	for len(a) > 0 || len(b) > 0 {
		switch c := order(a, b); {
		case c < 0:
			out.terms, a = append(out.terms, a[0]), a[1:]
		case c > 0:
			out.terms, b = append(out.terms, b[0]), b[1:]
		default:
			n, ok := addInt(a[0].Coef, b[0].Coef)
			out.overflow = out.overflow || !ok
			if n != 0 {
				out.terms = append(out.terms, Term{n, a[0].Atoms, a[0].key})
			}
			a, b = a[1:], b[1:]
		}
	}
	return out
}

// rejoin writes d*(x/d) + x%d as x again, wherever a term holds the one and
// another the other: the index of a reshape of a reshape is what it was before.
func (s Size) rejoin() Size {
	for i, t := range s.terms {
		for j, rem := range t.Atoms {
			if rem.Kind != AtomRem || len(s.terms) < 2 {
				continue
			}
			factor := Size{terms: []Term{newTerm(t.Coef, slices.Delete(slices.Clone(t.Atoms), j, j+1))}}
			other := factor.Mul(rem.D).Mul(quo(rem.X, rem.D))
			k := slices.IndexFunc(s.terms, func(u Term) bool { return other.Equal(Size{terms: []Term{u}}) })
			if k < 0 {
				continue
			}
			rest := Size{overflow: s.overflow}
			for n, u := range s.terms {
				if n != i && n != k {
					rest.terms = append(rest.terms, u)
				}
			}
			return rest.Add(factor.Mul(rem.X))
		}
	}
	return s
}

func order(a, b []Term) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	}
	return compareKeys(a[0].key, b[0].key)
}

// Sub is s - t.
func (s Size) Sub(t Size) Size { return s.Add(t.Mul(N(-1))) }

// maxTerms and maxAtoms bound a size's normal form, which grows with the product
// of its factors' terms; no model comes near. Beyond them a size overflows.
const (
	maxTerms = 1024
	maxAtoms = 32
)

// Mul is s * t.
func (s Size) Mul(t Size) Size {
	if n, ok := s.Int(); ok { // as Product begins
		return t.times(n)
	}
	if n, ok := t.Int(); ok {
		return s.times(n)
	}
	out := Size{overflow: s.overflow || t.overflow}
	if len(s.terms)*len(t.terms) > maxTerms {
		return Size{overflow: true}
	}
	for _, a := range s.terms {
		for _, b := range t.terms {
			c, ok := mulInt(a.Coef, b.Coef)
			if len(a.Atoms)+len(b.Atoms) > maxAtoms {
				return Size{overflow: true}
			}
			out.overflow = out.overflow || !ok
			atoms := slices.Concat(a.Atoms, b.Atoms)
			slices.SortStableFunc(atoms, func(p, q *Atom) int { return strings.Compare(p.key, q.key) })
			out = out.Add(Size{terms: []Term{newTerm(c, atoms)}})
		}
	}
	return out
}

// times is s * n.
func (s Size) times(n int64) Size {
	switch n {
	case 0:
		return Size{overflow: s.overflow}
	case 1:
		return s
	}
	out := Size{terms: slices.Clone(s.terms), overflow: s.overflow}
	for i := range out.terms {
		c, ok := mulInt(out.terms[i].Coef, n)
		out.terms[i].Coef, out.overflow = c, out.overflow || !ok
	}
	return out
}

func newTerm(c int64, atoms []*Atom) Term {
	keys := make([]string, len(atoms))
	for i, a := range atoms {
		keys[i] = a.key
	}
	return Term{c, atoms, strings.Join(keys, "*")}
}

// quotient divides t by the monomial d, if it divides exactly.
func quotient(t, d Term) (Term, bool) {
	if d.Coef == 0 || t.Coef%d.Coef != 0 {
		return t, false
	}
	rest := slices.Clone(t.Atoms)
	for _, a := range d.Atoms {
		i := slices.IndexFunc(rest, func(b *Atom) bool { return a.key == b.key })
		if i < 0 {
			return t, false
		}
		rest = slices.Delete(rest, i, i+1)
	}
	return newTerm(t.Coef/d.Coef, rest), true
}

// Exact is s / t where t is one monomial that divides every term of s.
func (s Size) Exact(t Size) (Size, bool) {
	if len(t.terms) != 1 || s.overflow || t.overflow {
		return Size{}, false
	}
	var out Size
	for _, a := range s.terms {
		q, ok := quotient(a, t.terms[0])
		if !ok {
			return Size{}, false
		}
		out = out.Add(Size{terms: []Term{q}})
	}
	return out, true
}

// split gives s = q*d + r, where r keeps what d does not divide.
func split(s, d Size) (q, r Size) {
	if len(d.terms) != 1 {
		return splitSum(s, d)
	}
	for _, t := range s.terms {
		if u, ok := quotient(t, d.terms[0]); ok {
			q = q.Add(Size{terms: []Term{u}})
		} else if n, ok := d.Int(); ok && len(t.Atoms) == 0 {
			q = q.Add(N(floorDiv(t.Coef, n)))
			r = r.Add(N(t.Coef - n*floorDiv(t.Coef, n)))
		} else {
			r = r.Add(Size{terms: []Term{t}})
		}
	}
	return q, r
}

// splitSum is split for a sum d: of s it takes multiples of d as long as fewer terms are
// left.
func splitSum(s, d Size) (q, r Size) {
	r = s
	if len(d.terms) == 0 {
		return q, r
	}
	lead := d.terms[0]
	for _, t := range d.terms {
		if len(t.Atoms) > len(lead.Atoms) {
			lead = t
		}
	}
	for _, t := range s.terms {
		u, ok := quotient(t, lead)
		if !ok {
			continue
		}
		times := Size{terms: []Term{u}}
		if less := r.Sub(d.Mul(times)); !less.overflow && len(less.terms) < len(r.terms) {
			q, r = q.Add(times), less
		}
	}
	return q, r
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// Div is s / d rounded down, for d > 0. What d divides comes out of the
// division, which is right for negative numbers too: floor(q + r/d) = q + floor(r/d).
func (s Size) Div(d Size) Size {
	if s.overflow || d.overflow {
		return Size{overflow: true}
	}
	if d.Is(1) {
		return s
	}
	if n, ok := d.Int(); ok && n <= 0 {
		return Size{overflow: true}
	}
	q, r := split(s, d)
	if r.inRange(d) {
		return q
	}
	return q.Add(quo(r, d))
}

// CeilDiv is s / n rounded up, for n > 0.
func (s Size) CeilDiv(n int64) Size { return s.Add(N(n - 1)).Div(N(n)) }

// quo is x / d as an atom of its own.
func quo(x, d Size) Size {
	return of(&Atom{Kind: AtomQuo, X: x, D: d, key: "div(" + x.String() + ", " + d.String() + ")"})
}

// Mod is s - d*(s/d), in [0, d), for d > 0.
func (s Size) Mod(d Size) Size {
	if s.overflow || d.overflow {
		return Size{overflow: true}
	}
	if d.Is(1) {
		return Size{}
	}
	if n, ok := d.Int(); ok && n <= 0 {
		return Size{overflow: true}
	}
	_, r := split(s, d)
	if r.inRange(d) {
		return r
	}
	return of(&Atom{Kind: AtomRem, X: r, D: d, key: "mod(" + r.String() + ", " + d.String() + ")"})
}

// Subst replaces the atoms for which f says so, simplifying on the way.
func (s Size) Subst(f func(*Atom) (Size, bool)) Size {
	s, _ = s.subst(f)
	return s
}

// subst is Subst, and whether an atom was replaced: else nothing is computed anew.
func (s Size) subst(f func(*Atom) (Size, bool)) (Size, bool) {
	out, changed := Size{overflow: s.overflow}, false
	for i, t := range s.terms {
		m, replaced := t.subst(f)
		if replaced && !changed {
			out.terms, changed = s.terms[:i:i], true
		}
		if changed {
			out = out.Add(m)
		}
	}
	if !changed {
		return s, false
	}
	return out, true
}

func (t Term) subst(f func(*Atom) (Size, bool)) (Size, bool) {
	m, changed := N(t.Coef), false
	for _, a := range t.Atoms {
		r, ok := f(a)
		if !ok && (a.Kind == AtomQuo || a.Kind == AtomRem) {
			x, inX := a.X.subst(f)
			d, inD := a.D.subst(f)
			switch ok = inX || inD; {
			case ok && a.Kind == AtomQuo:
				r = x.Div(d)
			case ok:
				r = x.Mod(d)
			}
		}
		if !ok {
			r = of(a)
		}
		m, changed = m.Mul(r), changed || ok
	}
	if !changed {
		return Size{terms: []Term{t}}, false
	}
	return m, true
}

// Replace puts by in the place of an axis.
func (s Size) Replace(axis *Axis, by Size) Size {
	return s.Subst(func(a *Atom) (Size, bool) { return by, a.Kind == AtomAxis && a.key == axis.Name })
}

// Walk visits every atom, those inside quotients included.
func (s Size) Walk(f func(*Atom)) {
	for _, t := range s.terms {
		for _, a := range t.Atoms {
			f(a)
			if a.Kind == AtomQuo || a.Kind == AtomRem {
				a.X.Walk(f)
				a.D.Walk(f)
			}
		}
	}
}

// Has reports whether s mentions the axis.
func (s Size) Has(axis *Axis) bool {
	found := false
	s.Walk(func(a *Atom) { found = found || a.Kind == AtomAxis && a.key == axis.Name })
	return found
}

// Coef splits s = c*axis + rest; ok means that s is affine in the axis.
func (s Size) Coef(axis *Axis) (c, rest Size, ok bool) {
	one := axis.Index().terms[0]
	for _, t := range s.terms {
		whole := Size{terms: []Term{t}}
		u, div := quotient(t, one)
		switch {
		case div && !(Size{terms: []Term{u}}).Has(axis):
			c = c.Add(Size{terms: []Term{u}})
		case whole.Has(axis):
			return c, rest, false
		default:
			rest = rest.Add(whole)
		}
	}
	return c, rest, true
}

// Eval computes s; env gives the value of each dim and axis by name. ok is false
// when a name is missing or the value leaves int64.
func (s Size) Eval(env func(name string) (int64, bool)) (n int64, ok bool) {
	return s.eval(env, false)
}

// EvalAt is Eval at a point of a kernel, where what divides by a dim that is 0 is 0: a guard
// leaves such points out, but what it guards may be computed.
func (s Size) EvalAt(env func(name string) (int64, bool)) (n int64, ok bool) {
	return s.eval(env, true)
}

func (s Size) eval(env func(name string) (int64, bool), total bool) (n int64, ok bool) {
	if s.overflow {
		return 0, false
	}
	for _, t := range s.terms {
		m := t.Coef
		for _, a := range t.Atoms {
			var v int64
			switch a.Kind {
			case AtomDim, AtomAxis:
				if v, ok = env(a.key); !ok {
					return 0, false
				}
			default:
				x, ok1 := a.X.eval(env, total)
				d, ok2 := a.D.eval(env, total)
				switch {
				case !ok1 || !ok2 || d < 0 || d == 0 && !total:
					return 0, false
				case d == 0:
				case a.Kind == AtomQuo:
					v = floorDiv(x, d)
				default:
					v = x - d*floorDiv(x, d)
				}
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

// String is the normal form: 2*B*T + div(T, 2) - 1.
func (s Size) String() string {
	if s.overflow {
		return "overflow"
	}
	if len(s.terms) == 0 {
		return "0"
	}
	var b strings.Builder
	for i, t := range s.terms {
		c := t.Coef
		switch {
		case i == 0 && c < 0:
			b.WriteString("-")
		case i > 0 && c < 0:
			b.WriteString(" - ")
		case i > 0:
			b.WriteString(" + ")
		}
		mag := strconv.FormatUint(abs64(c), 10)
		switch {
		case t.key == "":
			b.WriteString(mag)
		case abs64(c) == 1:
			b.WriteString(t.key)
		default:
			b.WriteString(mag + "*" + t.key)
		}
	}
	return b.String()
}

// Product multiplies sizes; of none it is 1.
func Product(sizes []Size) Size {
	p := N(1)
	for _, s := range sizes {
		p = p.Mul(s)
	}
	return p
}
