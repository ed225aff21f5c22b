package cpu

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// vectorLanes is the numbers of 32 bits in a vector of AVX2.
const vectorLanes = 8

// mask is the register with the lanes that the rest of a row has.
const mask = 15

// identities are the reductions in assembly, and what changes no result.
var identities = map[ir.Fn]func() float32{
	ir.Add: func() float32 { return 0 },
	ir.Mul: func() float32 { return 1 },
	ir.Max: func() float32 { return float32(math.Inf(-1)) },
	ir.Min: func() float32 { return float32(math.Inf(1)) },
}

// An emitter writes the routine of a kernel. CX is the element of a row, BX where a loop
// ends, AX is for addresses; the other registers point at streams.
type emitter struct {
	*lanes
	name    string
	lines   []string
	frame   int
	labels  int
	numbers []uint32              // constants, in all lanes of a vector each
	slots   map[*ir.Scalar]string // what is the same in all lanes, once it is known
	kept    *ir.Scalar            // what lies where the result will, until it is stored; nil: nothing
	err     error
}

// Lanes is a routine in Plan 9 assembly for AVX2 that computes rows of a kernel for which
// IsRows holds.
func Lanes(k *ir.Kernel, name string) (string, error) {
	l, err := newLanes(k)
	if err != nil {
		return "", err
	}
	return l.text(name)
}

func (l *lanes) text(name string) (string, error) {
	e := &emitter{lanes: l, name: name, slots: map[*ir.Scalar]string{}}
	e.label("row")
	stages := 0
	for _, v := range l.kernel.Values {
		if l.need[v] {
			stages = max(stages, v.Stage)
		}
	}
	for stage := range stages + 1 {
		e.rowValues(stage)
		var folds []*ir.Scalar
		for _, v := range l.kernel.Values {
			if l.need[v] && v.Kind == ir.ScalarReduce && v.Stage == stage+1 {
				folds = append(folds, v)
			}
		}
		var stores []ir.Store
		if stage == stages { // not before: an argument may lie where one is written
			for _, s := range l.kernel.Stores {
				if st, _, _ := l.stream(s.Arg, s.Index); l.streams[st].moves {
					stores = append(stores, s)
				}
			}
		}
		keep := e.keep(stage, folds)
		if keep != nil {
			stores = []ir.Store{{Arg: l.kernel.Stores[0].Arg, Index: l.kernel.Stores[0].Index, Value: keep}}
		}
		if len(folds)+len(stores) > 0 {
			e.loop(folds, stores)
		}
		if keep != nil {
			e.kept = keep
		}
	}
	for _, s := range l.kernel.Stores {
		st, distance, _ := l.stream(s.Arg, s.Index)
		if !l.streams[st].moves {
			m, _ := e.where(real(s.Value), 0)
			e.op("VMOVSS %s, X0", m)
			e.op("VMOVSS X0, %d(%s)", 4*distance, pointers[st])
		}
	}
	if e.err != nil {
		return "", e.err
	}
	e.op("MOVQ step+8(FP), AX")
	for i := range l.streams {
		e.op("ADDQ %d(AX), %s", 8*i, pointers[i])
	}
	e.op("DECQ rows+16(FP)")
	e.op("JNE row")
	e.op("VZEROUPPER")
	e.op("RET")
	return e.finish(), nil
}

func (e *emitter) finish() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	for i := range 2 * vectorLanes {
		line("DATA %sNumbers<>+%d(SB)/4, $%#x", e.name, 4*i, -uint32(1-i/vectorLanes))
	}
	for i, n := range e.numbers {
		for lane := range vectorLanes / 2 {
			line("DATA %sNumbers<>+%d(SB)/8, $%#x", e.name, 64+32*i+8*lane, uint64(n)<<32|uint64(n))
		}
	}
	line("GLOBL %sNumbers<>(SB), RODATA|NOPTR, $%d", e.name, 64+32*len(e.numbers))
	line("")
	line("// func %s(at *unsafe.Pointer, step *int, rows, n int)", e.name)
	line("TEXT ·%s(SB), 0, $%d-32", e.name, e.frame)
	line("\tMOVQ at+0(FP), AX")
	for i := range e.streams {
		line("\tMOVQ %d(AX), %s", 8*i, pointers[i])
	}
	return b.String() + strings.Join(e.lines, "\n") + "\n"
}

func (e *emitter) op(format string, args ...any) {
	e.lines = append(e.lines, "\t"+fmt.Sprintf(format, args...))
}
func (e *emitter) label(name string) { e.lines = append(e.lines, name+":") }

func (e *emitter) fresh(name string) string {
	e.labels++
	return fmt.Sprintf("%s%d", name, e.labels)
}

func (e *emitter) slot() string {
	e.frame += 4 * vectorLanes
	return fmt.Sprintf("%d(SP)", e.frame-4*vectorLanes)
}

// number is the place of a constant in all lanes.
func (e *emitter) number(bits uint32) string {
	i := slices.Index(e.numbers, bits)
	if i < 0 {
		i = len(e.numbers)
		e.numbers = append(e.numbers, bits)
	}
	return fmt.Sprintf("%sNumbers<>+%d(SB)", e.name, 64+32*i)
}

func floatBits(x float64) uint32 { return math.Float32bits(float32(x)) }

// real is what a scalar is but for the type that its bits have.
func real(v *ir.Scalar) *ir.Scalar {
	for v.Kind == ir.ScalarApply && (v.Fn == ir.Bits || v.Fn == ir.FromBits) {
		v = v.Args[0]
	}
	return v
}

// constant is the bits of a number.
func constant32(v *ir.Scalar) (bits uint32, ok bool) {
	switch v.Kind {
	case ir.ScalarConst:
		switch {
		case v.DType == ir.Bool:
			return -uint32(v.Int), true
		case v.DType.IsFloat():
			return floatBits(v.Float), true
		}
		return uint32(v.Int), true
	case ir.ScalarSize:
		n, ok := v.Index.Int()
		if v.DType.IsFloat() {
			return floatBits(float64(n)), ok
		}
		return uint32(n), ok
	}
	return 0, false
}

// where is the place in memory of what is not computed, and of what is the same in all
// lanes; u is the vector of a loop's body.
func (e *emitter) where(v *ir.Scalar, u int) (string, bool) {
	if bits, ok := constant32(v); ok {
		return e.number(bits), true
	}
	if m, ok := e.slots[v]; ok {
		return m, true
	}
	if v == e.kept {
		return e.element(e.kernel.Stores[0].Arg, e.kernel.Stores[0].Index, u), true
	}
	if v.Kind == ir.ScalarLoad {
		return e.element(v.Arg, v.Index, u), true
	}
	return "", false
}

func (e *emitter) element(arg int, index ir.Size, u int) string {
	st, distance, _ := e.stream(arg, index)
	return fmt.Sprintf("%d(%s)(CX*4)", 4*distance+int64(4*vectorLanes*u), pointers[st])
}

// rowValues computes what is the same in all lanes and known at a stage.
func (e *emitter) rowValues(stage int) {
	var values []*ir.Scalar
	var sinks []sink
	known := map[*ir.Scalar]string{}
	for _, v := range e.kernel.Values {
		_, number := constant32(v)
		if !e.need[v] || v.Stage != stage || v.Varies(e.axis) || number || v.Kind == ir.ScalarReduce || real(v) != v {
			continue
		}
		m := e.slot()
		if v.Kind == ir.ScalarLoad {
			st, distance, _ := e.stream(v.Arg, v.Index)
			e.op("VBROADCASTSS %d(%s), Y0", 4*distance, pointers[st])
			e.op("VMOVUPS Y0, %s", m)
			e.slots[v] = m
			continue
		}
		values = append(values, v)
		known[v] = m
		sinks = append(sinks, sink{v, func(_ *body, _ int, o operand) { e.op("VMOVUPS %s, %s", o.text, m) }})
	}
	newBody(e, 1, 0, false).run(values, sinks)
	for v, m := range known {
		e.slots[v] = m
	}
}

// costly is the functions from which on a value is kept rather than computed again.
const costly = 5

// keep is what the loop of a stage stores where the result will be, so that stages after
// it need not compute it again: the last costly value that they have in common, if
// nothing else that varies along the lanes is loaded after it, for the result may take
// the memory of that. nil: there is none.
func (e *emitter) keep(stage int, folds []*ir.Scalar) *ir.Scalar {
	if e.kept != nil || len(folds) == 0 || len(e.kernel.Stores) != 1 || !e.kernel.Stores[0].Value.Varies(e.axis) {
		return nil
	}
	var now []sink
	for _, v := range folds {
		now = append(now, sink{value: v.Args[0]})
	}
	later := []sink{{value: e.kernel.Stores[0].Value}}
	for _, v := range e.kernel.Values {
		if e.need[v] && v.Kind == ir.ScalarReduce && v.Stage > stage+1 {
			later = append(later, sink{value: v.Args[0]})
		}
	}
	isLoad := func(v *ir.Scalar) bool { return v.Kind == ir.ScalarLoad }
	values := e.along(now)
	for i := len(values) - 1; i >= 0 && !isLoad(values[i]); i-- {
		v := values[i]
		with := *e
		with.kept = v
		rest := with.along(later)
		if v.DType == ir.F32 && len(e.along([]sink{{value: v}})) > costly && slices.Contains(rest, v) && !slices.ContainsFunc(rest, isLoad) {
			return v
		}
	}
	return nil
}

// inMemory reports that a value is not computed.
func (e *emitter) inMemory(v *ir.Scalar) bool { return v.Kind == ir.ScalarLoad || v == e.kept }

// along is what the roots need that varies along the lanes, in an order of computing it.
func (e *emitter) along(roots []sink) []*ir.Scalar {
	need := map[*ir.Scalar]bool{}
	var visit func(v *ir.Scalar)
	visit = func(v *ir.Scalar) {
		if v = real(v); need[v] || !v.Varies(e.axis) {
			return
		}
		need[v] = true
		if v == e.kept {
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

// loop goes along a row: as many vectors at a time as registers are there for, then one,
// then the lanes that are left.
func (e *emitter) loop(folds []*ir.Scalar, stores []ir.Store) {
	if len(folds) > 4 {
		e.err = fmt.Errorf("%d reductions at a time", len(folds))
		return
	}
	unroll := 4
	for ; unroll > 1; unroll /= 2 {
		trial := *e
		trial.lines = nil
		if len(folds)*unroll <= vectorLanes && trial.body(folds, stores, unroll, unroll, false) == 0 {
			break
		}
	}
	for i, v := range folds {
		for u := range unroll {
			e.op("VMOVUPS %s, Y%d", e.number(math.Float32bits(identities[v.Fn]())), i*unroll+u)
		}
	}
	e.op("XORQ CX, CX")
	e.op("MOVQ n+24(FP), BX")
	for _, u := range slices.Compact([]int{unroll, 1}) {
		again, end := e.fresh("vectors"), e.fresh("fewer")
		e.op("SUBQ $%d, BX", u*vectorLanes)
		e.op("CMPQ CX, BX")
		e.op("JGT %s", end)
		e.op("PCALIGN $32")
		e.label(again)
		e.body(folds, stores, u, unroll, false)
		e.op("ADDQ $%d, CX", u*vectorLanes)
		e.op("CMPQ CX, BX")
		e.op("JLE %s", again)
		e.label(end)
		e.op("ADDQ $%d, BX", u*vectorLanes)
	}
	done := e.fresh("done")
	e.op("SUBQ CX, BX")
	e.op("JEQ %s", done)
	e.op("NEGQ BX")
	e.op("LEAQ %sNumbers<>+%d(SB), AX", e.name, 4*vectorLanes)
	e.op("VMOVUPS (AX)(BX*4), Y%d", mask)
	e.body(folds, stores, 1, unroll, true)
	e.label(done)
	for i, v := range folds {
		acc := i * unroll
		for u := 1; u < unroll; u++ {
			e.fold(v.Fn, "Y", acc, y(acc+u), 13, 14)
		}
		e.op("VEXTRACTF128 $1, Y%d, X12", acc)
		e.fold(v.Fn, "X", acc, "X12", 13, 14)
		for _, exchange := range []int{0x4e, 0xb1} {
			e.op("VPERMILPS $%#x, X%d, X12", exchange, acc)
			e.fold(v.Fn, "X", acc, "X12", 13, 14)
		}
		m := e.slot()
		e.op("VBROADCASTSS X%d, Y%d", acc, acc)
		e.op("VMOVUPS Y%d, %s", acc, m)
		e.slots[v] = m
	}
}

// folding32 are the instructions of reductions.
var folding32 = map[ir.Fn]string{ir.Add: "VADDPS", ir.Mul: "VMULPS", ir.Max: "VMAXPS", ir.Min: "VMINPS"}

// fold takes x into an accumulator, by way of two more registers. The instructions for
// the greater and the less give their last operand where one is a NaN: it is x, and an
// accumulator that is a NaN stays.
func (e *emitter) fold(fn ir.Fn, class string, acc int, x string, t1, t2 int) {
	reg := func(n int) string { return fmt.Sprint(class, n) }
	if fn == ir.Add || fn == ir.Mul {
		e.op("%s %s, %s, %[3]s", folding32[fn], x, reg(acc))
		return
	}
	e.op("%s %s, %s, %s", folding32[fn], x, reg(acc), reg(t1))
	e.op("VCMPPS $3, %s, %[1]s, %s", reg(acc), reg(t2))
	e.op("VBLENDVPS %s, %s, %s, %[2]s", reg(t2), reg(acc), reg(t1))
}

// body computes u vectors of a row, and returns the number of registers that it had to
// put away.
func (e *emitter) body(folds []*ir.Scalar, stores []ir.Store, u, unroll int, masked bool) int {
	var sinks []sink
	for i, v := range folds {
		sinks = append(sinks, sink{real(v.Args[0]), func(b *body, u int, o operand) {
			acc := i*unroll + u
			t1, t2 := -1, -1
			if masked { // lanes beyond the row change nothing
				t := b.load(operand{text: e.number(math.Float32bits(identities[v.Fn]())), reg: -1})
				e.op("VBLENDVPS Y%d, %s, Y%d, Y%[3]d", mask, o.text, t.reg)
				defer b.release(t.reg)
				o.text = t.text
			}
			if v.Fn == ir.Max || v.Fn == ir.Min {
				t1, t2 = b.alloc(), b.alloc()
				defer b.release(t1)
				defer b.release(t2)
			}
			e.fold(v.Fn, "Y", acc, o.text, t1, t2)
		}})
	}
	for _, s := range stores {
		sinks = append(sinks, sink{real(s.Value), func(b *body, u int, o operand) {
			if o.reg < 0 {
				o = b.load(o)
				defer b.release(o.reg)
			}
			if masked {
				e.op("VMASKMOVPS %s, Y%d, %s", o.text, mask, e.element(s.Arg, s.Index, u))
			} else {
				e.op("VMOVUPS %s, %s", o.text, e.element(s.Arg, s.Index, u))
			}
		}})
	}
	b := newBody(e, u, len(folds)*unroll, masked)
	b.once = len(stores)+len(folds) > 1 && len(stores) > 0
	b.run(e.along(sinks), sinks)
	return b.spills
}
