package passes

import (
	"math"

	"github.com/mlxc/mlxc/ir"
)

// recogniseStream finds attention: a weighted sum over an axis whose weights are
// exponentials of scores below the largest of them, together with the sum of the
// weights. Of the axes of the grid those are rows with which the queries alone vary,
// and those columns with which the values alone do.
func recogniseStream(k *ir.Kernel) {
	for _, v := range k.Values {
		if v.Kind != ir.ScalarReduce || v.Fn != ir.Max || len(v.Over) != 1 || v.DType != ir.F32 {
			continue
		}
		if s := streamOf(k, v); s != nil && s.Check(k) == nil {
			k.Stream = s
			return
		}
	}
}

// streamOf is the stream of scores whose largest is given, as far as it has the parts of
// one; nil: it lacks some.
func streamOf(k *ir.Kernel, largest *ir.Scalar) *ir.Stream {
	s := &ir.Stream{Keys: largest.Over[0], Score: largest.Args[0], Max: largest}
	for _, v := range k.Values { // operands come first
		switch x := v.Args; {
		case v.Kind == ir.ScalarApply && v.Fn == ir.Exp && x[0].Kind == ir.ScalarApply && x[0].Fn == ir.Sub && x[0].Args[0] == s.Score && isShift(x[0].Args[1], largest):
			s.Exp = v
		case v.Kind != ir.ScalarReduce || v.Fn != ir.Add:
		case x[0] == s.Exp:
			s.Sum = v
		case x[0].Kind != ir.ScalarApply || x[0].Fn != ir.Mul:
		case s.Exp == nil:
			s.Dot, s.Query, s.Key = v, x[0].Args[0], x[0].Args[1]
		case x[0].Args[0] == s.Exp:
			s.Weighted, s.Value = v, x[0].Args[1]
		case x[0].Args[1] == s.Exp:
			s.Weighted, s.Value = v, x[0].Args[0]
		}
	}
	if s.Dot == nil || s.Dot.DType != ir.F32 || s.Exp == nil || s.Sum == nil || s.Weighted == nil {
		return nil
	}
	if s.Query.Varies(s.Keys) {
		s.Query, s.Key = s.Key, s.Query
	}
	if s.Seen = s.Unseen(); s.Seen.Sub(s.Keys.Extent).NonNegative() {
		s.Seen = ir.Size{} // all are seen
	}
	for _, a := range k.Grid() {
		switch q, key, v := s.Query.Varies(a), s.Key.Varies(a), s.Value.Varies(a); {
		case q && !key && !v:
			s.M = append(s.M, a)
		case v && !s.Score.Varies(a):
			s.N = append(s.N, a)
		}
	}
	return s
}

// isShift reports that v is the largest of a row, or 0 where that is -inf.
func isShift(v, largest *ir.Scalar) bool {
	if v == largest {
		return true
	}
	if v.Kind != ir.ScalarApply || v.Fn != ir.Select || !isZero(v.Args[1]) || v.Args[2] != largest {
		return false
	}
	c := v.Args[0]
	return c.Kind == ir.ScalarApply && c.Fn == ir.Eq && c.Args[0] == largest && c.Args[1].Kind == ir.ScalarConst && math.IsInf(c.Args[1].Float, -1)
}
