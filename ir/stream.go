package ir

import (
	"fmt"
	"math"
	"slices"
)

// A Stream is attention as one pass over the keys: per row of queries the largest score
// so far is kept, with the sums over the exponentials of what is below it, and where a
// larger one comes the sums are scaled by the exponential of the difference. So scores
// are never in memory. The scalars say what the result is; a schedule may compute them
// so because Exp is exp(Score - Max), or - 0 where Max is -inf.
//
//	Dot = Σ Query*Key, Max = max Score(Dot), Sum = Σ Exp(Score, Max), Weighted = Σ Exp*Value
//
// The last three fold over Keys alone. The rest of the grid, neither M nor N, is a batch.
// A value whose weight is 0 because its key is not seen need not be read, though 0 times
// an infinity or NaN would be NaN.
type Stream struct {
	Keys *Axis
	Seen Size    // from this key on the row sees none; 0: not known
	M    []*Axis // rows: Query varies with them, Key and Value do not; none: a query for each element of the batch
	N    []*Axis // columns: Value varies with them, Score does not

	Query, Key, Dot, Score, Max, Exp, Sum, Value, Weighted *Scalar
}

// parts are the words of the text and what stands behind them.
func (s *Stream) parts() []part {
	return []part{
		{word: "keys", axis: &s.Keys}, {word: "seen", size: &s.Seen, optional: true}, {word: "m", axes: &s.M, optional: true}, {word: "n", axes: &s.N},
		{word: "query", scalar: &s.Query}, {word: "key", scalar: &s.Key}, {word: "dot", scalar: &s.Dot},
		{word: "score", scalar: &s.Score}, {word: "max", scalar: &s.Max}, {word: "exp", scalar: &s.Exp},
		{word: "sum", scalar: &s.Sum}, {word: "value", scalar: &s.Value}, {word: "weighted", scalar: &s.Weighted},
	}
}

// Replace puts others in the place of all scalars.
func (s *Stream) Replace(to map[*Scalar]*Scalar) { replaceParts(s.parts(), to) }

// Unseen is the key from which on the score is -inf because of the places of query and
// key; 0: there is none.
func (s *Stream) Unseen() Size {
	for v := s.Score; s.hides(v); v = v.Args[1] {
		if seen, ok := s.limit(v.Args[0]); ok {
			return seen
		}
	}
	return Size{}
}

// hides reports that v chooses between a score and -inf.
func (s *Stream) hides(v *Scalar) bool {
	return v.Kind == ScalarApply && v.Fn == Select && v.Args[2].Kind == ScalarConst && math.IsInf(v.Args[2].Float, -1)
}

// limit is the key from which on c does not hold; ok: c is about nothing but places.
func (s *Stream) limit(c *Scalar) (seen Size, ok bool) {
	if c.Kind != ScalarApply || c.Fn != Le || c.Args[0].Kind != ScalarSize || c.Args[1].Kind != ScalarSize || len(c.Args[0].Bind)+len(c.Args[1].Bind) > 0 {
		return Size{}, false
	}
	each, rest, ok := c.Args[1].Index.Sub(c.Args[0].Index).Coef(s.Keys)
	return rest.Add(N(1)), ok && each.Is(-1) && !rest.Has(s.Keys)
}

// Batch are the axes of the grid that are neither M nor N.
func (s *Stream) Batch(k *Kernel) []*Axis { return without(k.Grid(), s.M, s.N) }

// Check is why s is no stream of k; nil: it is one. That Exp is an exponential is known
// to who made s, since legalise makes arithmetic of it.
func (s *Stream) Check(k *Kernel) error {
	keys := []*Axis{s.Keys}
	for _, f := range []struct {
		fold *Scalar
		fn   Fn
		over []*Axis
		of   []*Scalar
	}{
		{s.Dot, Add, s.Dot.Over, []*Scalar{s.Query, s.Key}}, {s.Max, Max, keys, []*Scalar{s.Score}},
		{s.Sum, Add, keys, []*Scalar{s.Exp}}, {s.Weighted, Add, keys, []*Scalar{s.Exp, s.Value}},
	} {
		if !f.fold.folds(f.fn, f.over, f.of) {
			return fmt.Errorf("v%d is no %s over %s of what it should be", f.fold.ID, f.fn, joinText(f.over, axisName))
		}
	}
	grid := k.Grid()
	for _, v := range k.Values {
		if v.Kind == ScalarReduce && !slices.Contains([]*Scalar{s.Dot, s.Max, s.Sum, s.Weighted}, v) {
			return fmt.Errorf("it reduces something else, v%d", v.ID)
		}
	}
	if hasAxis(grid, s.Keys) || hasAxis(s.Dot.Over, s.Keys) || slices.ContainsFunc(s.Dot.Over, func(a *Axis) bool { return hasAxis(grid, a) }) {
		return fmt.Errorf("the grid, the keys and the terms of v%d are not apart", s.Dot.ID)
	}
	if s.Query.Kind == ScalarConst { // of which there is nothing to keep for a row
		return fmt.Errorf("v%d is a constant, and no query", s.Query.ID)
	}
	if s.Query.Stage+s.Key.Stage+s.Value.Stage > 0 || s.Query.Varies(s.Keys) || !s.Key.Varies(s.Keys) || !s.Value.Varies(s.Keys) {
		return fmt.Errorf("v%d, v%d and v%d are no query, key and value", s.Query.ID, s.Key.ID, s.Value.ID)
	}
	if !s.scores(s.Score, s.Dot) || !s.scores(s.Exp, s.Score, s.Max) {
		return fmt.Errorf("v%d and v%d are no score and its exponential", s.Score.ID, s.Exp.ID)
	}
	stored := k.reads(s.Weighted, s.Sum)
	for _, v := range []*Scalar{s.Max, s.Dot} {
		if stored[v] {
			return fmt.Errorf("what is stored needs v%d", v.ID)
		}
	}
	if !s.Seen.Is(0) && !s.Seen.Equal(s.Unseen()) {
		return fmt.Errorf("v%d does not say that nothing is seen from %s on", s.Score.ID, s.Seen)
	}
	return s.checkAxes(grid)
}

// folds reports that v folds what is given, or the product of two.
func (v *Scalar) folds(fn Fn, over []*Axis, of []*Scalar) bool {
	if v.Kind != ScalarReduce || v.Fn != fn || !slices.EqualFunc(v.Over, over, func(a, b *Axis) bool { return a.Name == b.Name }) {
		return false
	}
	x := v.Args[0]
	if len(of) == 1 {
		return x == of[0]
	}
	return x.Kind == ScalarApply && x.Fn == Mul && (x.Args[0] == of[0] && x.Args[1] == of[1] || x.Args[0] == of[1] && x.Args[1] == of[0])
}

// scores reports that v is computed from the first of from, and from no reduction but
// those; where they are two, from nothing else at all.
func (s *Stream) scores(v *Scalar, from ...*Scalar) bool {
	stop := map[*Scalar]bool{}
	for _, f := range from {
		stop[f] = true
	}
	uses := false
	for w := range closure([]*Scalar{v}, stop) {
		uses = uses || slices.Contains(w.Args, from[0])
		pure := w.Kind == ScalarApply || w.Kind == ScalarCast || w.Kind == ScalarConst
		if w.Kind == ScalarReduce || len(from) > 1 && !pure {
			return false
		}
	}
	return uses || v == from[0]
}

// reads are the scalars that what is stored is computed from, up to those given.
func (k *Kernel) reads(upTo ...*Scalar) map[*Scalar]bool {
	stop, roots := map[*Scalar]bool{}, []*Scalar{}
	for _, v := range upTo {
		stop[v] = true
	}
	for _, st := range k.Stores {
		roots = append(roots, st.Value)
	}
	return closure(roots, stop)
}

// checkAxes is about M and N.
func (s *Stream) checkAxes(grid []*Axis) error {
	if len(s.N) == 0 {
		return fmt.Errorf("it has no columns")
	}
	for _, a := range s.M {
		if !hasAxis(grid, a) || !s.Query.Varies(a) || s.Key.Varies(a) || s.Value.Varies(a) {
			return fmt.Errorf("m is an axis of the grid that v%d varies with, and v%d and v%d do not: %s", s.Query.ID, s.Key.ID, s.Value.ID, a.Name)
		}
	}
	for _, a := range s.N {
		if !hasAxis(grid, a) || !s.Value.Varies(a) || s.Score.Varies(a) {
			return fmt.Errorf("n is an axis of the grid that v%d varies with, and v%d does not: %s", s.Value.ID, s.Score.ID, a.Name)
		}
	}
	return nil
}

// without is the axes that are in none of the others.
func without(axes []*Axis, others ...[]*Axis) []*Axis {
	return slices.DeleteFunc(slices.Clone(axes), func(a *Axis) bool { return hasAxis(slices.Concat(others...), a) })
}
