package cpu

import (
	"fmt"
	"math"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// A work is what a loop does with each vector of a row.
type work struct {
	folds   []*ir.Scalar
	results []result
	kept    *ir.Scalar // that it loads
	waits   bool       // a later loop fetches the next row
}

// folds are what the loop of a stage reduces.
func (e *emitter) folds(stage int) []*ir.Scalar {
	var folds []*ir.Scalar
	for _, v := range e.kernel.Values {
		if e.need[v] && v.Kind == ir.ScalarReduce && v.Stage == stage+1 {
			folds = append(folds, v)
		}
	}
	return folds
}

// longRow is the vectors of a row from which on extremes, each of which waits for the one
// before it longer than sums do, have as many registers again.
const longRow = 32

// mostUnrolled is the vectors that a loop's body computes at a time if it can.
func (e *emitter) mostUnrolled(folds []*ir.Scalar) int {
	slow := func(v *ir.Scalar) bool { return e.set.pairs[v.Fn][classOf(ir.F32)] == nil }
	if slices.ContainsFunc(folds, slow) && e.axis.Extent.AtLeast(longRow*int64(e.set.lanes)) {
		return 8
	}
	most := 4
	for n, ok := e.axis.Extent.Max(); ok && len(e.terms) > 0 && most > 1 && n < int64(most*e.set.lanes); most /= 2 {
	}
	return most
}

// loop goes along a row, for the last time or not.
func (e *emitter) loop(w work, last bool) {
	if len(w.folds) > 4 {
		e.err = fmt.Errorf("%d reductions at a time", len(w.folds))
		return
	}
	before := e.late != nil && !last && !w.waits // the last, which may be late
	unroll, wanted := e.mostUnrolled(w.folds), []place(nil)
	for ; unroll > 1; unroll /= 2 {
		places, free, spills := e.trial(unroll, w)
		if wanted = places[:max(0, min(free, len(places)))]; spills == 0 {
			break
		}
	}
	if before {
		e.late.unroll = unroll
		e.set.ifLate(e, e.late.label)
	}
	if last && e.late != nil {
		now := e.fresh("now")
		e.set.postpone(e, e.late.first, now, e.late.next)
		e.label(now)
	}
	e.settle(wanted)
	if last && e.mayPass() && e.set.movePast != nil {
		within, done := e.fresh("within"), e.fresh("past")
		e.set.unlessPast(e, within)
		past := w
		past.results = []result{w.results[0]}
		past.results[0].past = true
		first := past.results[0].at(0)
		e.set.loop(e, unroll, &first, func(u int, rest bool) { e.bodies(u, unroll, rest, past) })
		e.op("JMP %s", done)
		e.label(within)
		defer e.label(done)
	}
	e.foldLoop(unroll, w.folds, w)
	if before {
		e.label(e.late.folded)
		e.settled = nil
	}
	for i, v := range w.folds {
		b := newBody(e, 1, len(w.folds)*unroll, false)
		all := sumOf(i, 0, unroll)
		for u := 1; u < unroll; u++ {
			b.fold(v.Fn, all, sumOf(i, u, unroll))
		}
		other := b.alloc(vectorFile)
		for _, exchange := range e.set.exchange {
			exchange(e, other, all)
			b.fold(v.Fn, all, other)
		}
		m := e.rowSlot(v.DType)
		e.set.move(e, operand{at: &m}, all)
		e.slots[v] = m
	}
}

// sumOf is the register of a fold for a vector of a loop's body.
func sumOf(fold, u, unroll int) operand {
	return operand{register: register{vectorFile, fold*unroll + u}}
}

// trial is the places that bodies read, the most read first, the registers that they leave
// free, and those that they lack.
func (e *emitter) trial(unroll int, works ...work) (places []place, free, spills int) {
	t := *e
	t.lines, t.reads = nil, map[place]int{}
	most, spills := t.bodies(unroll, unroll, false, works...)
	return mostRead(t.reads), e.set.files[vectorFile].end - most, spills
}

// foldLoop does works for a whole row, of which one folds.
func (e *emitter) foldLoop(unroll int, folds []*ir.Scalar, works ...work) {
	for i, v := range folds {
		for u := range unroll {
			e.set.move(e, sumOf(i, u, unroll), e.number(identity(v), ir.F32))
		}
	}
	e.walk(func() {
		e.set.loop(e, unroll, nil, func(u int, rest bool) { e.bodies(u, unroll, rest, works...) })
	})
}

// walk does a loop along a row for all terms of the row.
func (e *emitter) walk(loop func()) {
	switch {
	case len(e.terms) == 0:
		loop()
	case e.set.terms == nil:
		e.err = fmt.Errorf("%s has no terms of rows", e.set.name)
	default:
		e.set.terms(e, loop)
	}
}

// bodies does works for u vectors of a row, one after the other. It returns the registers
// for vectors that they take, and how many they lacked.
func (e *emitter) bodies(u, unroll int, rest bool, works ...work) (most, spills int) {
	e.reserved = 0
	for _, w := range works {
		e.reserved += len(w.folds) * unroll
	}
	kept := e.kept
	if !works[0].waits {
		e.soon = e.fetches(u)
	}
	for _, w := range works {
		e.kept = w.kept
		b := e.body(w.folds, w.results, u, unroll, rest)
		most, spills = max(most, b.most), spills+b.spills
	}
	e.kept = kept
	return most, spills
}

// identity is the bits of what changes no result of a reduction.
func identity(v *ir.Scalar) uint32 { return math.Float32bits(identities[v.Fn]()) }

// fold takes x into an accumulator.
func (b *body) fold(fn ir.Fn, acc, x operand) {
	if pair := b.e.set.pairs[fn][classOf(ir.F32)]; pair != nil {
		pair(b.e, acc, acc, x)
		return
	}
	b.e.set.extreme(b, fn, acc, x)
}
