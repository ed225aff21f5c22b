package cpu

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// identities are the reductions in assembly, and what changes no result.
var identities = map[ir.Fn]func() float32{
	ir.Add: func() float32 { return 0 },
	ir.Mul: func() float32 { return 1 },
	ir.Max: func() float32 { return float32(math.Inf(-1)) },
	ir.Min: func() float32 { return float32(math.Inf(1)) },
}

// An emitter writes the routine of a kernel.
type emitter struct {
	*lanes
	set      *vectorSet
	lines    []string
	frame    int
	labels   int
	numbers  string               // the name of the constants
	tables   []uint32             // constants
	slots    map[*ir.Scalar]place // of what is the same in all lanes, once it is known
	single   bool                 // a row has one loop
	rowLabel string
	reads    map[place]int          // how often a trial reads what is the same in all lanes
	sums     map[*ir.Scalar]int     // the first registers of sums that are complete
	settled  map[place]register     // such places that are in a register during a loop
	strip    map[*ir.Scalar][]place // what each lane has for all its terms, of the vectors of a loop's body
	kept     *ir.Scalar             // what lies in keptAt until it is used; nil: nothing
	keptAt   func(u int) place
	reserved int     // registers, the first, that the sums of a loop are in
	soon     []place // what the next body fetches
	late     *late
	err      error
}

// Lanes is a routine in Plan 9 assembly that computes rows of a kernel for which IsRows
// holds, with the widest vectors that the processor has.
func (a *Architecture) Lanes(k *ir.Kernel, name string) (string, error) {
	l, err := newLanes(k)
	if err != nil {
		return "", fmt.Errorf("kernel %s: %w", k.Name, err)
	}
	return l.routine(a.sets, name)
}

// routine is the text for sets of which each is used where there are none before it.
func (l *lanes) routine(sets []*vectorSet, name string) (string, error) {
	var tables, code strings.Builder
	frame, labels := 0, 0
	for i, set := range sets {
		e := &emitter{lanes: l, set: set, numbers: numbersName(name, set.lanes), labels: labels, slots: map[*ir.Scalar]place{}}
		next := e.fresh("narrower")
		if i < len(sets)-1 {
			set.unless(e, next)
		}
		if err := e.rows(); err != nil {
			return "", err
		}
		if i < len(sets)-1 {
			e.label(next)
		}
		tables.WriteString(e.data())
		code.WriteString(strings.Join(e.lines, "\n") + "\n")
		frame, labels = max(frame, e.frame), e.labels
	}
	return fmt.Sprintf("%s\n// func %s(at *unsafe.Pointer, step *int, rows, n int, past bool)\n%s%s", tables.String(), name, sets[0].begin(name, frame, len(l.streams)), code.String()), nil
}

// rows emits what computes all rows of a call.
func (e *emitter) rows() error {
	l := e.lanes
	e.rowLabel = e.fresh("row")
	e.label(e.rowLabel)
	stages := 0
	for _, v := range l.kernel.Values {
		if l.need[v] {
			stages = max(stages, v.Stage)
		}
	}
	e.single = stages == 0
	if len(l.terms) > 0 && !l.folded {
		e.rowValues(0)
		e.strips(stages)
		e.set.nextRow(e, e.rowLabel)
		return e.err
	}
	e.late = e.mayBeLate(stages)
	for stage := range stages + 1 {
		e.settled = nil
		e.rowValues(stage)
		w := work{folds: e.folds(stage), kept: e.kept, waits: e.late != nil && stage < stages-1}
		if stage == stages { // not before: an argument may lie where one is written
			for _, s := range l.kernel.Stores {
				if st, _, _ := l.stream(s.Arg, s.Index, nil); l.streams[st].step != 0 {
					w.results = append(w.results, result{s.Value, l.kernel.Args[s.Arg].DType, e.elements(s.Arg, s.Index, nil), false})
				}
			}
		}
		keep := e.keep(stage, w.folds)
		if keep != nil {
			e.keptAt = e.room()
			w.results = []result{{keep, ir.F32, e.keptAt, false}}
		}
		if e.late != nil && stage == stages-1 {
			e.late.before = w
		}
		if len(w.folds)+len(w.results) > 0 {
			e.loop(w, stage == stages)
		}
		if keep != nil {
			e.kept = keep
		}
	}
	for _, s := range l.kernel.Stores {
		st, distance, _ := l.stream(s.Arg, s.Index, nil)
		if l.streams[st].step == 0 {
			e.storeOne(s.Value, st, distance)
		}
	}
	if e.late != nil {
		e.label(e.late.next)
	}
	e.set.nextRow(e, e.rowLabel)
	if e.late != nil {
		e.lateLoop()
	}
	return e.err
}

// storeOne stores a result of a row, after its loops.
func (e *emitter) storeOne(v *ir.Scalar, st int, distance int64) {
	e.settled = nil
	x, t := operand{}, e.streams[st].dtype
	from, _ := e.where(real(v), 0)
	e.set.move(e, x, operand{at: &from})
	b := newBody(e, 1, 1, false)
	if t == ir.BF16 && real(v).Fn != ir.RoundBF16 {
		e.set.roundBF16(b, x)
	}
	b.access(t).storeOne(e, operand{at: &place{kind: atStream, n: st, bytes: t.Size() * int(distance)}}, x)
}

// data is the constants.
func (e *emitter) data() string {
	var b strings.Builder
	for i, word := range e.tables {
		fmt.Fprintf(&b, "DATA %s+%d(SB)/4, $%#x\n", e.numbers, 4*i, word)
	}
	fmt.Fprintf(&b, "GLOBL %s(SB), RODATA|NOPTR, $%d\n", e.numbers, 4*len(e.tables))
	return b.String()
}

// numbersName is the symbol of the constants of a routine for vectors of so many lanes.
func numbersName(routine string, lanes int) string {
	return fmt.Sprintf("%s%dNumbers<>", routine, lanes)
}

func (e *emitter) op(format string, args ...any) {
	e.lines = append(e.lines, "\t"+fmt.Sprintf(format, args...))
}
func (e *emitter) label(name string) { e.lines = append(e.lines, name+":") }

func (e *emitter) fresh(name string) string {
	e.labels++
	return fmt.Sprintf("%s%d", name, e.labels)
}

// rowValues computes what is the same in all lanes and known at a stage.
func (e *emitter) rowValues(stage int) {
	var values []*ir.Scalar
	var sinks []sink
	known := map[*ir.Scalar]place{}
	for _, v := range e.kernel.Values {
		_, number := constant32(v)
		if !e.need[v] || v.Stage != stage || e.varies(v) || e.ofTerm(v) || number || v.Kind == ir.ScalarReduce || real(v) != v {
			continue
		}
		m := e.rowSlot(v.DType)
		if v.Kind == ir.ScalarLoad || v.Kind == ir.ScalarSize || v.Kind == ir.ScalarInside {
			st, distance, _ := e.source(v)
			r := operand{register: register{file: e.set.fileOf(v.DType)}}
			r.n = e.set.files[r.file].first
			t := e.streams[st].dtype
			in, ok := e.set.in[t]
			if !ok {
				e.err = fmt.Errorf("%s has no %v in memory", e.set.name, t)
				return
			}
			at := operand{at: &place{kind: atStream, n: st, bytes: t.Size() * int(distance)}}
			if r.file == maskFile {
				e.set.move(e, r, at)
			} else {
				in.broadcast(e, r, at)
			}
			e.set.move(e, operand{at: &m}, r)
			e.slots[v] = m
			continue
		}
		values = append(values, v)
		known[v] = m
		sinks = append(sinks, sink{v, func(b *body, _ int, o *operand) {
			b.load(o)
			e.set.move(e, operand{at: &m}, *o)
		}})
	}
	newBody(e, 1, 0, false).run(values, sinks)
	for v, m := range known {
		e.slots[v] = m
	}
}

// along is what the roots need that varies along the lanes, in an order of computing it.
func (e *emitter) along(roots []sink) []*ir.Scalar {
	need := map[*ir.Scalar]bool{}
	var visit func(v *ir.Scalar)
	visit = func(v *ir.Scalar) {
		if v = real(v); need[v] || !e.varies(v) && !e.ofTerm(v) {
			return
		}
		need[v] = true
		if v == e.kept || e.isSum(v) || e.strip[v] != nil {
			return
		}
		for _, a := range v.Args {
			visit(a)
		}
	}
	for _, r := range roots {
		visit(r.value)
	}
	var values []*ir.Scalar
	for _, v := range e.kernel.Values {
		if need[v] {
			values = append(values, v)
		}
	}
	return values
}

// A result is stored in a row.
type result struct {
	value *ir.Scalar
	dtype ir.DType          // in memory
	at    func(u int) place // of the vectors of a loop's body
	past  bool              // the caches
}

// body computes u vectors of a row.
func (e *emitter) body(folds []*ir.Scalar, results []result, u, unroll int, masked bool) *body {
	var sinks []sink
	for i, v := range folds {
		sinks = append(sinks, sink{real(v.Args[0]), func(b *body, u int, o *operand) {
			if !b.e.set.memory {
				b.load(o)
			}
			x := *o
			if masked { // lanes beyond the row change nothing
				number := e.number(identity(v), ir.F32)
				x = b.own(&number)
				defer b.release(x)
				e.set.choose(e, x, e.set.rest, *o, x)
			}
			b.fold(v.Fn, sumOf(i, u, unroll), x)
		}})
	}
	for _, r := range results {
		sinks = append(sinks, sink{real(r.value), func(b *body, u int, o *operand) {
			at := r.at(u)
			b.load(o)
			b.store(r, operand{at: &at}, o)
		}})
	}
	b := newBody(e, u, e.reserved, masked)
	b.once = len(results)+len(folds) > 1 && len(results) > 0
	values := e.along(sinks)
	if b.once { // all is loaded before anything is stored
		loads := func(v *ir.Scalar) int {
			if e.inMemory(v) {
				return 0
			}
			return 1
		}
		slices.SortStableFunc(values, func(v, w *ir.Scalar) int { return loads(v) - loads(w) })
	}
	b.run(values, sinks)
	return b
}

// ahead is the bytes that are fetched before they are needed, where rows do not say.
const ahead = 8192

// fetches are the places of what later bodies load, a line of the caches each.
func (e *emitter) fetches(u int) []place {
	var places []place
	for i, s := range e.streams {
		if s.step != 1 || s.arg == e.kernel.Stores[0].Arg {
			continue
		}
		bytes := ahead
		if e.row != nil && len(e.terms) == 0 {
			step, _, _ := s.first.Coef(e.row)
			if step.Is(0) {
				continue
			}
			if n, ok := step.Int(); ok && e.folded {
				bytes = s.dtype.Size() * int(n)
			}
		}
		for v := 0; v < s.dtype.Size()*e.set.lanes*u; v += 64 {
			places = append(places, place{kind: inRow, n: i, bytes: bytes + v})
		}
	}
	return places
}
