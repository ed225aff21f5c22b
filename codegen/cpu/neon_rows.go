package cpu

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// arm64 is how rows are written for NEON. R0 and the registers after it point at streams,
// and the last of them, R10, into the frame; R11 is the element of a row, R12 where a loop
// ends, R13 and R14 are for addresses, and R15 points at the constants.
var arm64 = &machine{
	place: func(e *emitter, p place) string {
		switch p.kind {
		case inRow: // an instruction takes an index or bytes, but not both
			e.op("ADD R11<<%d, R%d, R13", e.elementShift(p), p.n)
			return fmt.Sprintf("%d(R13)", p.bytes)
		case atStream:
			return fmt.Sprintf("%d(R%d)", p.bytes, p.n)
		case inFrame:
			return fmt.Sprintf("%d(RSP)", arm64Frame+p.bytes)
		}
		return fmt.Sprintf("%d(R15)", p.bytes)
	},
	begin: func(name string, frame, streams int) string {
		var b strings.Builder
		if frame > 0 {
			frame = (frame+15)/16*16 + arm64Frame - 8
		}
		fmt.Fprintf(&b, "TEXT ·%s(SB), 0, $%d-33\n\tMOVD at+0(FP), R13\n", name, frame)
		for i := range streams {
			fmt.Fprintf(&b, "\tMOVD %d(R13), R%d\n", 8*i, i)
		}
		fmt.Fprintf(&b, "\tMOVD $%s(SB), R15\n", numbersName(name, neonLanes))
		return b.String()
	},
	nextRow: func(e *emitter, row string) {
		e.op("MOVD step+8(FP), R13")
		for i := range e.streams {
			e.op("MOVD %d(R13), R14", 8*i)
			e.op("ADD R14, R%d", i)
		}
		e.op("MOVD rows+16(FP), R14")
		e.op("SUBS $1, R14")
		e.op("MOVD R14, rows+16(FP)")
		e.op("BNE %s", row)
		e.op("RET")
	},
	fetch: func(e *emitter, p place) {
		e.op("ADD $%d, R%d, R13", p.bytes, p.n)
		e.op("ADD R11<<%d, R13", e.elementShift(p))
		e.op("PRFM (R13), PLDL1KEEP")
	},
	terms: func(e *emitter, body func()) {
		all, at := len(e.streams), 0 // numbers of the walk
		move := func(op string) {
			e.op("MOVD step+8(FP), R13")
			for i, s := range e.streams {
				if slices.ContainsFunc(e.terms, s.first.Has) {
					e.op("MOVD %d(R13), R14", 8*(at+i))
					e.op("%s R14, R%d", op, i)
				}
			}
		}
		counters := e.frame
		counter := func(i int) string { return e.text(operand{at: &place{kind: inFrame, bytes: counters + 8*i}}) }
		e.frame += 8 * len(e.terms)
		var again []string
		for i := range e.terms {
			at = all + i*(1+all)
			e.op("MOVD step+8(FP), R13")
			e.op("MOVD %d(R13), R14", 8*at)
			e.op("MOVD R14, %s", counter(i))
			again = append(again, e.fresh("terms"))
			e.label(again[i])
		}
		body()
		for i, label := range slices.Backward(again) {
			at = all + i*(1+all) + 1
			move("ADD")
			e.op("MOVD %s, R14", counter(i))
			e.op("SUBS $1, R14")
			e.op("MOVD R14, %s", counter(i))
			e.op("BNE %s", label)
		}
		at = all + len(again)*(1+all)
		move("SUB")
	},
	toFrame: func(e *emitter, bytes int) {
		e.op("ADD $%d, RSP, R10", arm64Frame+bytes+63)
		e.op("AND $~63, R10")
	},
	loop: func(e *emitter, unroll int, _ *place, body func(u int, rest bool)) {
		e.op("MOVD $0, R11")
		e.op("MOVD n+24(FP), R12")
		for _, u := range slices.Compact([]int{unroll, 1}) {
			again, end := e.fresh("vectors"), e.fresh("fewer")
			e.op("SUB $%d, R12", u*e.set.lanes)
			e.op("CMP R12, R11")
			e.op("BGT %s", end)
			e.op("PCALIGN $16")
			e.label(again)
			body(u, false)
			e.op("ADD $%d, R11", u*e.set.lanes)
			e.op("CMP R12, R11")
			e.op("BLE %s", again)
			e.label(end)
			e.op("ADD $%d, R12", u*e.set.lanes)
		}
		again, done := e.fresh("one"), e.fresh("done")
		e.op("CMP R12, R11")
		e.op("BEQ %s", done)
		e.set.toRest(e)
		e.label(again)
		body(1, true)
		e.op("ADD $1, R11")
		e.op("CMP R12, R11")
		e.op("BLT %s", again)
		e.label(done)
	},
}

// arm64Frame is where vectors in the frame begin: behind the return address, aligned.
const arm64Frame = 16

const neonLanes = 4

// elementShift is the power of two that an element of a stream has as bytes.
func (e *emitter) elementShift(p place) int {
	if p.n < len(e.streams) {
		return bits.TrailingZeros(uint(e.streams[p.n].dtype.Size()))
	}
	return 2
}

// word is an instruction of neonWords.
func word(name string) instruction {
	return func(e *emitter, d operand, args ...operand) {
		var numbers []int
		for _, a := range args {
			numbers = append(numbers, a.n)
		}
		e.op("%s", neonWord(name, d.n, numbers...))
	}
}

// known is an instruction that Go's assembler knows, which takes operands in reverse. The
// name may be followed by an immediate operand.
func known(name, size string) instruction {
	return func(e *emitter, d operand, args ...operand) {
		text := name
		if !strings.Contains(name, "$") {
			text += " "
		}
		for _, a := range slices.Backward(args) {
			text += fmt.Sprintf("V%d.%s, ", a.n, size)
		}
		e.op("%sV%d.%s", text, d.n, size)
	}
}

// reversed is an instruction with its two operands in each other's place.
func reversed(i instruction) instruction {
	return func(e *emitter, d operand, args ...operand) { i(e, d, args[1], args[0]) }
}

var (
	neonAnd, neonOr, neonXor = known("VAND", "B16"), known("VORR", "B16"), known("VEOR", "B16")
	neonMove                 = known("VMOV", "B16")
)

// neon is NEON. The rest of a row, of at most three elements, is computed one at a time,
// in lane 0.
var neon = &vectorSet{
	machine: arm64,
	name:    "NEON",
	lanes:   neonLanes,
	files:   [2]file{{"V", 0, 31}},
	rest:    operand{register: register{vectorFile, 31}},
	toRest: func(e *emitter) {
		lane := e.table(math.MaxUint32, 0, 0, 0)
		e.set.move(e, e.set.rest, operand{at: &lane})
	},
	pairs: map[ir.Fn][classes]instruction{
		ir.Add: {word("fadd"), known("VADD", "S4"), nil},
		ir.Sub: {word("fsub"), known("VSUB", "S4"), nil},
		ir.Mul: {word("fmul"), word("mul"), nil},
		ir.Div: {word("fdiv"), nil, nil},
		ir.Max: {word("fmax"), word("smax"), neonOr},
		ir.Min: {word("fmin"), word("smin"), neonAnd},
		ir.And: {neonAnd, neonAnd, neonAnd},
		ir.Or:  {neonOr, neonOr, neonOr},
		ir.Xor: {neonXor, neonXor, neonXor},
		ir.Eq:  {word("fcmeq"), known("VCMEQ", "S4"), nil},
		ir.Ne: {func(e *emitter, d operand, args ...operand) {
			word("fcmeq")(e, d, args...)
			word("mvn")(e, d, d)
		}, nil, neonXor},
		ir.Lt: {reversed(word("fcmgt")), nil, nil},
		ir.Le: {reversed(word("fcmge")), nil, nil},
	},
	singles: map[ir.Fn]instruction{
		ir.RoundF16: func(e *emitter, d operand, a ...operand) {
			word("fcvtn")(e, d, a[0])
			word("fcvtl")(e, d, d)
		},
		ir.Sqrt: word("fsqrt"), ir.Round: word("frintn"), ir.Floor: word("frintm"), ir.Ceil: word("frintp"), ir.Trunc: word("frintz"),
	},
	shifts: map[ir.Fn]func(n uint32) instruction{
		ir.Shl: func(n uint32) instruction { return known(fmt.Sprintf("VSHL $%d, ", n), "S4") },
		ir.Shr: func(n uint32) instruction {
			return func(e *emitter, d operand, args ...operand) { e.op("%s", neonWord("sshr", d.n, args[0].n, int(n))) }
		},
	},
	unsigned: func(n uint32) instruction { return known(fmt.Sprintf("VUSHR $%d, ", n), "S4") },
	toFloat:  word("scvtf"),
	ofBool:   neonAnd,
	choose: func(e *emitter, d operand, a ...operand) { // of three forms that write over an operand
		switch d.register {
		case a[1].register:
			known("VBIF", "B16")(e, d, a[2], a[0])
		case a[2].register:
			known("VBIT", "B16")(e, d, a[1], a[0])
		case a[0].register:
			known("VBSL", "B16")(e, d, a[1], a[2])
		default:
			neonMove(e, d, a[0])
			known("VBSL", "B16")(e, d, a[1], a[2])
		}
	},
	exchange: []instruction{twice(known("VEXT $8, ", "B16")), known("VREV64", "S4")},
	move:     neonTransfer("FMOVQ"),
	loadApart: func(b *body, d operand, at place, bytes int) {
		apartNEON(b, at, bytes, func(lane int) string {
			if lane == 0 {
				return fmt.Sprintf("FMOVS (R13), F%d", d.n)
			}
			return fmt.Sprintf("VLD1 (R13), V%d.S[%d]", d.n, lane)
		})
	},
	storeApart: func(b *body, at place, x operand, bytes int) {
		apartNEON(b, at, bytes, func(lane int) string { return fmt.Sprintf("VST1 V%d.S[%d], (R13)", x.n, lane) })
	},
	in: map[ir.DType]access{
		ir.F32: neonWhole, ir.I32: neonWhole, ir.U32: neonWhole, ir.U8: neonBytes,
		ir.F16: neonHalf(word("fcvtl"), word("fcvtn")), ir.BF16: neonHalf(word("shll"), word("shrn")),
	},
	roundBF16: neonRoundBF16,
	fma: func(b *body, a []operand) operand {
		d := b.own(&a[2])
		known("VFMLA", "S4")(b.e, d, a[0], a[1])
		return d
	},
}
