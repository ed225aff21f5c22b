package cpu

import "github.com/mlxc/mlxc/ir"

// A late is how the last loop of a row is done along with the loop before it of the next
// row, so that memory takes results while there is something to compute. That is for
// results that go past the caches, and changes none of them.
type late struct {
	work   work  // of the last loop, a row behind
	before work  // of the loop before it
	unroll int   // of that loop, so that sums have the same order
	first  place // of a row's results
	label  string
	folded string // behind the loop before the last
	next   string // where the next row begins
}

// mayBeLate is how that is done, if the last loop needs nothing of its row but what is kept
// in the frame and what the loop before it folds.
func (e *emitter) mayBeLate(stages int) *late {
	if stages == 0 || !e.keepsInFrame() || e.row == nil || !e.mayPass() || e.set.movePast == nil {
		return nil
	}
	for stage := range stages - 1 {
		if e.keep(stage, e.folds(stage)) != nil {
			return nil
		}
	}
	keep := e.keep(stages-1, e.folds(stages-1))
	if keep == nil {
		return nil
	}
	s := e.kernel.Stores[0]
	at := e.elements(s.Arg, s.Index, nil)
	step, _, _ := e.streams[at(0).n].first.Coef(e.row)
	n, ok := step.Int()
	if !ok || int(n)%e.set.lanes != 0 { // every row begins with a whole vector, or none does
		return nil
	}
	with := *e
	with.kept = keep
	for _, v := range with.along([]sink{{value: s.Value}}) {
		if v == keep {
			continue
		}
		if step, _, ok := v.Index.Coef(e.row); v.Kind == ir.ScalarLoad && (!ok || !step.Is(0)) {
			return nil
		}
		for _, a := range v.Args {
			a = real(a)
			if _, number := constant32(a); !number && !e.varies(a) && a.Stage < stages {
				return nil
			}
		}
	}
	behind := func(u int) place {
		p := at(u)
		p.bytes -= 4 * int(n)
		return p
	}
	first := at(0)
	first.kind = atStream
	return &late{
		work:   work{results: []result{{s.Value, ir.F32, behind, true}}, kept: keep},
		first:  first,
		label:  e.fresh("late"),
		folded: e.fresh("folded"),
		next:   e.fresh("next"),
	}
}

// lateLoop is the loop for both. It stands behind all else, where what the last loop needs
// has its place.
func (e *emitter) lateLoop() {
	e.settled = nil
	e.label(e.late.label)
	places, free, _ := e.trial(e.late.unroll, e.late.work, e.late.before)
	e.settle(places[:max(0, min(free, len(places)))])
	e.foldLoop(e.late.unroll, e.late.before.folds, e.late.work, e.late.before)
	e.op("JMP %s", e.late.folded)
}
