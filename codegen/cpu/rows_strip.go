package cpu

import (
	"maps"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// Where lanes lie across rows, as the channels of a picture do, and each folds terms of its
// own, a strip of a few vectors goes through all terms once for each stage of folds, and once
// more if it has a result for each term.

// strips goes along the lanes.
func (e *emitter) strips(stages int) {
	unroll := 4
	for ; unroll > 1; unroll /= 2 {
		trial := *e
		trial.lines = nil
		if trial.stripOf(stages, unroll, unroll, false) == 0 {
			break
		}
	}
	frame, most := e.frame, e.frame
	e.set.loop(e, unroll, nil, func(u int, rest bool) {
		e.frame = frame
		e.stripOf(stages, u, unroll, rest)
		most = max(most, e.frame)
	})
	e.frame = most
}

// stripOf computes u vectors, and returns the registers that it lacks.
func (e *emitter) stripOf(stages, u, unroll int, rest bool) (spills int) {
	do := func(folds []*ir.Scalar, results []result) {
		spills += e.body(folds, results, u, unroll, rest).spills
	}
	e.strip, e.sums, e.reserved = map[*ir.Scalar][]place{}, nil, 0
	e.keepStrip(0, stages, u, do)
	for stage := range stages {
		folds := e.folds(stage)
		e.sums, e.reserved = nil, len(folds)*unroll
		if 2*e.reserved > e.set.files[vectorFile].end+1 {
			spills++
		}
		sums := map[*ir.Scalar]int{}
		for i, v := range folds {
			sums[v] = i * unroll
			for n := range u {
				e.set.move(e, sumOf(i, n, unroll), e.number(identity(v), ir.F32))
			}
		}
		e.walk(func() { do(folds, nil) })
		e.sums = sums
		e.keepStrip(stage+1, stages, u, do)
	}
	var once, each []result
	for _, s := range e.kernel.Stores {
		r := result{s.Value, e.kernel.Args[s.Arg].DType, e.elements(s.Arg, s.Index, nil), false}
		if slices.ContainsFunc(e.terms, s.Index.Has) {
			each = append(each, r)
		} else {
			once = append(once, r)
		}
	}
	if len(once) > 0 {
		do(nil, once)
	}
	if e.sums, e.reserved = nil, 0; len(each) > 0 {
		e.walk(func() { do(nil, each) })
	}
	return spills
}

// keepStrip puts into the frame what is known once some stages are done, is the same for all
// terms, and is needed for each of them or after later stages.
func (e *emitter) keepStrip(done, stages, u int, do func(folds []*ir.Scalar, results []result)) {
	ofTerms := func(v *ir.Scalar) bool { return slices.ContainsFunc(e.terms, v.Varies) }
	keep := map[*ir.Scalar][]place{}
	var results []result
	consider := func(v *ir.Scalar) {
		v = real(v)
		if v.Stage != done || ofTerms(v) || !v.Varies(e.axis) || v.Kind == ir.ScalarLoad || v.DType.Size() != 4 || keep[v] != nil {
			return
		}
		for range u {
			keep[v] = append(keep[v], e.slot())
		}
		places := keep[v]
		results = append(results, result{v, v.DType, func(u int) place { return places[u] }, false})
	}
	for _, v := range e.kernel.Values {
		if e.need[v] && (ofTerms(v) || v.Stage > done) {
			for _, a := range v.Args {
				consider(a)
			}
		}
	}
	for _, s := range e.kernel.Stores {
		if done < stages || slices.ContainsFunc(e.terms, s.Index.Has) {
			consider(s.Value)
		}
	}
	if len(results) > 0 {
		do(nil, results)
	}
	maps.Copy(e.strip, keep)
}
