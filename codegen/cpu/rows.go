package cpu

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// A lanes is a kernel as assembly sees it: rows of elements along one axis, of which a
// vector takes several.
type lanes struct {
	kernel  *ir.Kernel
	axis    *ir.Axis   // that the lanes lie along
	row     *ir.Axis   // from row to row; nil: each row is a call of its own
	folded  bool       // something is reduced over the lanes: a point of the grid is a row
	terms   []*ir.Axis // that all is reduced over as well, or, of lanes by themselves, alone
	need    map[*ir.Scalar]bool
	streams []stream
	guards  [][]ir.Bound // different ones, each of which a call holds for all of its lanes or for none
}

// A stream is all accesses to an argument that differ by constants, or those at one index
// behind a guard; or a size as a number, which the call has in a variable; or whether
// guards hold.
type stream struct {
	arg    int     // or aSize, or truths
	guard  int     // of guards; -1: none
	first  ir.Size // element of the access that was found first, or the size
	rest   ir.Size // first without its constant, by which streams are told apart
	number int64   // the constant
	step   int64   // elements from lane to lane; 0: all have one in common
	dtype  ir.DType
}

// What a stream has that is no argument.
const (
	aSize  = -1
	truths = -2
)

// size is the bytes of an element.
func (s *stream) size() ir.Size { return ir.N(int64(s.dtype.Size())) }

// The limits of what rows are for.
const (
	minRow     = 8  // elements from which on a row is worth it
	minPart    = 4  // and one that is folded with others of its kind
	maxStreams = 10 // registers that there are for them
)

// IsRows reports that a kernel is arithmetic on rows of numbers that there is assembly for.
func IsRows(k *ir.Kernel) bool { return NoRows(k) == nil }

// NoRows is why a kernel is no such arithmetic; nil: it is.
func NoRows(k *ir.Kernel) error {
	l, err := newLanes(k)
	if err != nil {
		return err
	}
	for _, a := range Architectures {
		if _, err := l.routine(a.sets, ""); err != nil {
			return err
		}
	}
	return nil
}

func newLanes(k *ir.Kernel) (*lanes, error) {
	no := func(why string) (*lanes, error) { return nil, errors.New(why) }
	grid := k.Grid()
	if isMove(k) {
		return no("a copy")
	}
	if k.Empty() || k.Schedule != nil && k.Schedule.Form == ir.FormPanels {
		return no("no rows")
	}
	l := &lanes{kernel: k, need: map[*ir.Scalar]bool{}}
	switch folded := foldedAxes(k); {
	case len(folded) > 0 && (len(grid) == 0 || isRow(k, folded[len(folded)-1])):
		last := len(folded) - 1
		l.axis, l.terms, l.folded = folded[last], folded[:last], true
		if len(grid) > 0 {
			l.row = grid[len(grid)-1]
		}
	case len(grid) == 0:
		return no("a single point")
	default:
		l.terms = folded
		l.axis = grid[len(grid)-1]
		if len(grid) > 1 {
			l.row = grid[len(grid)-2]
		}
	}
	least := int64(minRow)
	if l.folded && len(l.terms) > 0 {
		least = minPart
	}
	if n, ok := l.axis.Extent.Max(); ok && n < least {
		return no("rows are short")
	}
	arithmetic := false
	var visit func(v *ir.Scalar) error
	visit = func(v *ir.Scalar) error {
		if l.need[v] {
			return nil
		}
		l.need[v] = true
		arithmetic = arithmetic || v.Kind == ir.ScalarApply || v.Kind == ir.ScalarCast || v.Kind == ir.ScalarReduce
		if err := l.accept(v); err != nil {
			return err
		}
		for _, a := range v.Args {
			if err := visit(a); err != nil {
				return err
			}
		}
		return nil
	}
	for _, s := range k.Stores {
		if t := k.Args[s.Arg].DType; !isStored(t, s.Value.DType) {
			return no("a store of " + t.String())
		}
		if v := s.Value; v.Kind == ir.ScalarLoad && k.Args[v.Arg].DType != k.Args[s.Arg].DType {
			arithmetic = true
		}
		if err := visit(s.Value); err != nil {
			return nil, err
		}
		st, _, err := l.stream(s.Arg, s.Index, nil)
		if err != nil {
			return nil, err
		}
		if s.Value.Varies(l.axis) && l.streams[st].step == 0 {
			return no("lanes are stored over each other")
		}
	}
	if !arithmetic {
		return no("a copy")
	}
	if len(l.streams) > maxStreams {
		return no("too many streams")
	}
	if l.inBoxes() {
		if err := l.boxed(); err != nil {
			return nil, err
		}
		l.row = nil
	}
	for _, s := range l.streams {
		if l.row == nil {
			break
		}
		if step, _, ok := s.first.Coef(l.row); !ok || slices.ContainsFunc(slices.Concat(grid, l.terms), step.Has) {
			l.row = nil
		}
	}
	return l, nil
}

// foldedAxes are those that the first reduction is over, if there is one.
func foldedAxes(k *ir.Kernel) []*ir.Axis {
	for _, v := range k.Values {
		if v.Kind == ir.ScalarReduce {
			return v.Over
		}
	}
	return nil
}

// isRow reports that something is loaded along an axis whose elements are neighbours.
func isRow(k *ir.Kernel, a *ir.Axis) bool {
	return slices.ContainsFunc(k.Values, func(v *ir.Scalar) bool {
		step, _, ok := v.Index.Coef(a)
		return v.Kind == ir.ScalarLoad && ok && step.Is(1)
	})
}

// isStored reports that lanes of a dtype, 32 bits each, may be of another in memory.
func isStored(in, lanes ir.DType) bool {
	return in == lanes && in.Size() == 4 || lanes == ir.F32 && (in == ir.F16 || in == ir.BF16)
}

// isLoaded is isStored for what is loaded: bytes are widened.
func isLoaded(in, lanes ir.DType) bool { return isStored(in, lanes) || in == ir.U8 && lanes == ir.U8 }

// laneDTypes are those that lanes have, in 32 bits each.
var laneDTypes = []ir.DType{ir.F32, ir.I32, ir.U32, ir.U8, ir.Bool}

// ofBytes are the functions whose results, of bytes in 32 bits, have nothing beyond a byte.
var ofBytes = []ir.Fn{ir.Max, ir.Min, ir.And, ir.Or, ir.Xor, ir.Shr, ir.Eq, ir.Select}

// inLanes refuses what lanes would compute otherwise, as they take all integers as i32.
func inLanes(v *ir.Scalar) error {
	switch t := v.Args[len(v.Args)-1].DType; {
	case v.Kind == ir.ScalarCast:
		if v.DType == ir.U8 && t != ir.U8 {
			return fmt.Errorf("a cast of %s to bytes", t)
		}
	case t == ir.U8 && !slices.Contains(ofBytes, v.Fn), t == ir.U32 && (v.Fn == ir.Max || v.Fn == ir.Min):
		return fmt.Errorf("%s of %s", v.Fn, t)
	}
	return nil
}

// ofTerm reports that a scalar is the same in all lanes, and another for each term.
func (l *lanes) ofTerm(v *ir.Scalar) bool {
	return !l.varies(v) && slices.ContainsFunc(l.terms, v.Varies)
}

// varies reports that a scalar may differ from lane to lane. Guards do not: where one would,
// a call ends.
func (l *lanes) varies(v *ir.Scalar) bool {
	switch v.Kind {
	case ir.ScalarInside:
		return false
	case ir.ScalarLoad:
		return v.Index.Has(l.axis)
	}
	return v.Varies(l.axis)
}

// accept finds the streams of a scalar, and refuses what there is no assembly for.
func (l *lanes) accept(v *ir.Scalar) error {
	if !slices.Contains(laneDTypes, v.DType) {
		return fmt.Errorf("a scalar of %s", v.DType)
	}
	if l.ofTerm(v) && v.Kind != ir.ScalarLoad {
		return fmt.Errorf("a computed term that lanes have in common")
	}
	switch v.Kind {
	case ir.ScalarConst:
		return nil
	case ir.ScalarApply, ir.ScalarCast:
		return inLanes(v)
	case ir.ScalarSize:
		if _, ok := v.Index.Int(); ok && len(v.Bind) == 0 {
			return nil
		}
		varies := slices.ContainsFunc(slices.Concat(l.kernel.Grid(), l.terms, []*ir.Axis{l.axis}), v.Index.Has)
		if !varies && len(v.Bind) == 0 && v.DType.Size() == 4 {
			_, _, err := l.source(v)
			return err
		}
	case ir.ScalarInside:
		if len(v.Bind) == 0 {
			_, _, err := l.source(v)
			return err
		}
	case ir.ScalarLoad:
		t := l.kernel.Args[v.Arg].DType
		switch {
		case len(v.Bind) > 0:
			return errors.New("a load at a computed index")
		case !isLoaded(t, v.DType):
			return fmt.Errorf("a load of %s", t)
		}
		_, _, err := l.source(v)
		return err
	case ir.ScalarReduce:
		along := slices.Clone(l.terms)
		if l.folded {
			along = append(along, l.axis)
		}
		if v.DType == ir.F32 && identities[v.Fn] != nil && slices.EqualFunc(v.Over, along, func(a, b *ir.Axis) bool { return a.Name == b.Name }) && (l.folded || v.Varies(l.axis)) {
			return nil
		}
		return fmt.Errorf("a reduction by %s over other axes than the first", v.Fn)
	}
	return errors.New("an index or a guard as a number")
}

// source is the stream of a load, of a size as a number or of whether a guard holds, and the
// elements from the first there.
func (l *lanes) source(v *ir.Scalar) (at int, distance int64, err error) {
	switch v.Kind {
	case ir.ScalarLoad:
		return l.stream(v.Arg, v.Index, v.Guard)
	case ir.ScalarInside:
		return l.number(stream{arg: truths, dtype: ir.U32}), int64(l.guard(v.Guard)), nil
	}
	return l.number(stream{arg: aSize, first: v.Index, dtype: v.DType}), 0, nil
}

// number finds the stream of what is no argument.
func (l *lanes) number(s stream) int {
	s.guard = -1
	at := slices.IndexFunc(l.streams, func(o stream) bool { return o.arg == s.arg && o.dtype == s.dtype && o.first.Equal(s.first) })
	if at < 0 {
		at = len(l.streams)
		l.streams = append(l.streams, s)
	}
	return at
}

// guard finds the number of a guard.
func (l *lanes) guard(g []ir.Bound) int {
	same := func(a, b ir.Bound) bool { return a.Index.Equal(b.Index) && a.Extent.Equal(b.Extent) }
	at := slices.IndexFunc(l.guards, func(o []ir.Bound) bool { return slices.EqualFunc(o, g, same) })
	if at < 0 {
		at = len(l.guards)
		l.guards = append(l.guards, g)
	}
	return at
}

// stream finds what an access belongs to, and its distance from the first access there,
// in elements.
func (l *lanes) stream(arg int, index ir.Size, guard []ir.Bound) (at int, distance int64, err error) {
	var number int64
	behind := -1
	if len(guard) > 0 {
		behind = l.guard(guard)
	}
	for _, t := range index.Terms() {
		if len(t.Atoms) == 0 {
			number = t.Coef
		}
	}
	rest := index.Sub(ir.N(number))
	for i, s := range l.streams {
		if s.arg == arg && s.guard == behind && s.rest.Equal(rest) && (behind < 0 || s.number == number) {
			return i, number - s.number, nil
		}
	}
	coef, _, ok := index.Coef(l.axis)
	step, known := coef.Int()
	t := l.kernel.Args[arg].DType
	if !ok || !known || step != 0 && step != 1 && (t.Size() != 4 || step != int64(int16(step))) {
		return 0, 0, errors.New("lanes that are unevenly or too far apart")
	}
	for _, a := range l.terms {
		if step, _, ok := index.Coef(a); !ok || slices.ContainsFunc(slices.Concat(l.kernel.Grid(), l.terms), step.Has) || !a.Extent.AtLeast(1) {
			return 0, 0, errors.New("terms that are not evenly apart, or may be none")
		}
	}
	l.streams = append(l.streams, stream{arg, behind, index, rest, number, step, t})
	return len(l.streams) - 1, 0, nil
}
