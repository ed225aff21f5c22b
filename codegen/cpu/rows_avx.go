package cpu

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// amd64Pointers are the registers that point at streams, and the last into the frame.
var amd64Pointers = [maxStreams + 1]string{"SI", "DI", "DX", "R8", "R9", "R10", "R11", "R12", "R13", "R15", "R14"}

// amd64 is what AVX2 and AVX-512 have in common. CX is the element of a row, BX where a
// loop ends, and then the lanes that are left, and AX is for addresses.
var amd64 = &machine{
	place: func(e *emitter, p place) string {
		switch p.kind {
		case inRow:
			size := 4
			if p.n < len(e.streams) {
				size = e.streams[p.n].dtype.Size()
			}
			return fmt.Sprintf("%d(%s)(CX*%d)", p.bytes, amd64Pointers[p.n], size)
		case atStream:
			return fmt.Sprintf("%d(%s)", p.bytes, amd64Pointers[p.n])
		case inFrame:
			return fmt.Sprintf("%d(SP)", p.bytes)
		case atAddress:
			return fmt.Sprintf("%d(AX)", p.bytes)
		}
		return fmt.Sprintf("%s+%d(SB)", e.numbers, p.bytes)
	},
	begin: func(name string, frame, streams int) string {
		var b strings.Builder
		fmt.Fprintf(&b, "TEXT ·%s(SB), 0, $%d-33\n\tMOVQ at+0(FP), AX\n", name, frame)
		for i, p := range amd64Pointers[:streams] {
			fmt.Fprintf(&b, "\tMOVQ %d(AX), %s\n", 8*i, p)
		}
		return b.String()
	},
	nextRow: func(e *emitter, row string) {
		e.op("MOVQ step+8(FP), AX")
		for i, p := range amd64Pointers[:len(e.streams)] {
			e.op("ADDQ %d(AX), %s", 8*i, p)
		}
		e.op("DECQ rows+16(FP)")
		e.op("JNE %s", row)
		if e.mayPass() {
			e.op("SFENCE")
		}
		e.op("VZEROUPPER")
		e.op("RET")
	},
	terms: func(e *emitter, body func()) {
		all, at := len(e.streams), 0 // numbers of the walk
		move := func(op string) {
			e.op("MOVQ step+8(FP), AX")
			for i, s := range e.streams {
				if slices.ContainsFunc(e.terms, s.first.Has) {
					e.op("%s %d(AX), %s", op, 8*(at+i), amd64Pointers[i])
				}
			}
		}
		var again []string
		for i := range e.terms {
			at = all + i*(1+all)
			e.op("MOVQ step+8(FP), AX")
			e.op("MOVQ %d(AX), AX", 8*at)
			e.op("MOVQ AX, %d(SP)", e.frame+8*i)
			again = append(again, e.fresh("terms"))
			e.label(again[i])
		}
		counters := e.frame
		e.frame += 8 * len(again)
		body()
		for i, label := range slices.Backward(again) {
			at = all + i*(1+all) + 1
			move("ADDQ")
			e.op("DECQ %d(SP)", counters+8*i)
			e.op("JNE %s", label)
		}
		at = all + len(again)*(1+all)
		move("SUBQ")
	},
	fetch: func(e *emitter, p place) { e.op("PREFETCHT0 %s", e.text(operand{at: &p})) },
	unlessPast: func(e *emitter, label string) {
		e.op("CMPB past+32(FP), $0")
		e.op("JEQ %s", label)
		e.op("CMPQ n+24(FP), $%d", minPast)
		e.op("JLT %s", label)
	},
	postpone: func(e *emitter, at place, now, next string) {
		e.set.unlessPast(e, now)
		e.op("CMPQ rows+16(FP), $1")
		e.op("JEQ %s", now)
		e.op("LEAQ %s, BX", e.text(operand{at: &at}))
		e.op("TESTQ $%d, BX", 4*e.set.lanes-1)
		e.op("JNE %s", now)
		e.op("MOVB $2, past+32(FP)")
		e.op("JMP %s", next)
	},
	ifLate: func(e *emitter, label string) {
		e.op("CMPB past+32(FP), $2")
		e.op("JEQ %s", label)
	},
	toFrame: func(e *emitter, bytes int) {
		e.op("LEAQ %d(SP), R14", bytes+63)
		e.op("ANDQ $~63, R14")
	},
	loop: func(e *emitter, unroll int, align *place, body func(u int, rest bool)) {
		e.op("XORQ CX, CX")
		if align != nil {
			aligned := e.fresh("aligned")
			toLine := func(r string) {
				e.op("LEAQ %s, %s", e.text(operand{at: &place{kind: atStream, n: align.n, bytes: align.bytes}}), r)
				e.op("NEGQ %s", r)
				e.op("ANDQ $%d, %s", 4*e.set.lanes-1, r)
				e.op("SHRQ $2, %s", r)
			}
			toLine("BX")
			e.op("JEQ %s", aligned)
			e.set.toRest(e)
			body(1, true)
			toLine("CX")
			e.label(aligned)
		}
		e.op("MOVQ n+24(FP), BX")
		for _, u := range slices.Compact([]int{unroll, 1}) {
			again, end := e.fresh("vectors"), e.fresh("fewer")
			e.op("SUBQ $%d, BX", u*e.set.lanes)
			e.op("CMPQ CX, BX")
			e.op("JGT %s", end)
			e.op("PCALIGN $32")
			e.label(again)
			body(u, false)
			e.op("ADDQ $%d, CX", u*e.set.lanes)
			e.op("CMPQ CX, BX")
			e.op("JLE %s", again)
			e.label(end)
			e.op("ADDQ $%d, BX", u*e.set.lanes)
		}
		done := e.fresh("done")
		e.op("SUBQ CX, BX")
		e.op("JEQ %s", done)
		e.set.toRest(e)
		body(1, true)
		e.label(done)
	},
}

// avx is an instruction of AVX, whose operands Go's assembler takes in reverse. It may
// end in an immediate operand.
func avx(text string) instruction {
	return func(e *emitter, d operand, args ...operand) {
		name, rest, _ := strings.Cut(text, " ")
		if rest != "" {
			rest = " " + rest
		}
		for _, a := range slices.Backward(args) {
			if a.at != nil && a.at.one {
				name += ".BCST"
			}
			rest += " " + e.text(a) + ","
		}
		e.op("%s%s %s", name, rest, e.text(d))
	}
}

// avxPairs are the pairs of AVX2 and of AVX-512, which differ in the names of what is
// done with bits and with bools.
func avxPairs(bits, bools string) map[ir.Fn][classes]instruction {
	bit := func(format, name string) instruction { return avx(fmt.Sprintf(format, name)) }
	and, or, xor := bit(bits, "AND"), bit(bits, "OR"), bit(bits, "XOR")
	both, either, differ := bit(bools, "AND"), bit(bools, "OR"), bit(bools, "XOR")
	return map[ir.Fn][classes]instruction{
		ir.Add: {avx("VADDPS"), avx("VPADDD"), nil},
		ir.Sub: {avx("VSUBPS"), avx("VPSUBD"), nil},
		ir.Mul: {avx("VMULPS"), avx("VPMULLD"), nil},
		ir.Div: {avx("VDIVPS"), nil, nil},
		ir.Max: {nil, avx("VPMAXSD"), either},
		ir.Min: {nil, avx("VPMINSD"), both},
		ir.And: {and, and, both},
		ir.Or:  {or, or, either},
		ir.Xor: {xor, xor, differ},
		ir.Eq:  {avx("VCMPPS $0,"), avx("VPCMPEQD"), nil},
		ir.Ne:  {avx("VCMPPS $4,"), nil, differ},
		ir.Lt:  {avx("VCMPPS $0x11,"), nil, nil},
		ir.Le:  {avx("VCMPPS $0x12,"), nil, nil},
	}
}

func avx512Pairs() map[ir.Fn][classes]instruction {
	pairs := avxPairs("VP%sD", "K%sW")
	pairs[ir.Ldexp] = [classes]instruction{avx("VSCALEFPS")}
	return pairs
}

// avxSingles are singles, of which one instruction rounds.
func avxSingles(round string) map[ir.Fn]instruction {
	return map[ir.Fn]instruction{
		ir.Sqrt: avx("VSQRTPS"), ir.RoundF16: avxRoundF16,
		ir.Round: avx(round + " $8,"), ir.Floor: avx(round + " $9,"), ir.Ceil: avx(round + " $10,"), ir.Trunc: avx(round + " $11,"),
	}
}

var (
	avxShifts = map[ir.Fn]func(n uint32) instruction{
		ir.Shl: func(n uint32) instruction { return avx(fmt.Sprintf("VPSLLD $%d,", n)) },
		ir.Shr: func(n uint32) instruction { return avx(fmt.Sprintf("VPSRAD $%d,", n)) },
	}
	avxUnsigned = func(n uint32) instruction { return avx(fmt.Sprintf("VPSRLD $%d,", n)) }
	// avxExtremes give their second operand where one is NaN.
	avxExtremes = map[ir.Fn]instruction{ir.Max: avx("VMAXPS"), ir.Min: avx("VMINPS")}
)

// twice is an instruction of an operand and itself.
func twice(i instruction) instruction {
	return func(e *emitter, d operand, args ...operand) { i(e, d, args[0], args[0]) }
}

var avx2 = &vectorSet{
	machine: amd64,
	name:    "AVX2",
	lanes:   8,
	files:   [2]file{{"Y", 0, 15}},
	memory:  true,
	rest:    operand{register: register{vectorFile, 15}},
	toRest: func(e *emitter) {
		lanes := e.table(slices.Concat(slices.Repeat([]uint32{math.MaxUint32}, 8), make([]uint32, 8))...)
		e.op("NEGQ BX")
		e.op("LEAQ %s, AX", e.text(operand{at: &place{kind: inTable, bytes: lanes.bytes + 32}}))
		e.op("VMOVUPS (AX)(BX*4), %s", e.text(e.set.rest))
	},
	pairs:    avxPairs("VP%s", "VP%s"),
	singles:  avxSingles("VROUNDPS"),
	shifts:   avxShifts,
	unsigned: avxUnsigned,
	toFloat:  avx("VCVTDQ2PS"),
	ofBool:   avx("VPAND"),
	choose:   func(e *emitter, d operand, a ...operand) { avx("VBLENDVPS")(e, d, a[2], a[1], a[0]) },
	exchange: []instruction{twice(avx("VPERM2F128 $1,")), avx("VPERMILPS $0x4e,"), avx("VPERMILPS $0xb1,")},
	move:     avx("VMOVUPS"),
	movePast: avx("VMOVNTPS"),
	in:       inAVX2,
	loadApart: func(b *body, d operand, at place, bytes int) {
		mask := b.alloc(vectorFile)
		if b.masked {
			avx("VMOVUPS")(b.e, mask, b.e.set.rest)
			twice(avx("VXORPS"))(b.e, d, d)
		} else {
			twice(avx("VPCMPEQD"))(b.e, mask, mask)
		}
		gather(b, at, bytes, func(lanes string) { b.e.op("VGATHERDPS %s, %s, %s", b.e.text(mask), lanes, b.e.text(d)) })
		b.release(mask)
	},
	storeApart: func(b *body, at place, x operand, bytes int) {
		upper := b.alloc(vectorFile)
		b.e.op("VEXTRACTF128 $1, %s, X%d", b.e.text(x), upper.n)
		first := apartAVX(b.e, at, bytes)
		lane := func(i int, at string) {
			n := x.n
			if i >= 4 {
				n = upper.n
			}
			b.e.op("VEXTRACTPS $%d, X%d, %s", i%4, n, at)
		}
		if b.masked {
			left(b.e, operand{at: &first}, bytes, lane)
		} else {
			for i := range b.e.set.lanes {
				lane(i, b.e.text(operand{at: &first}))
				first.bytes += bytes
			}
		}
		b.release(upper)
	},
	roundBF16: avxRoundBF16,
	fma:       avxFMA,
	extremes:  avxExtremes,
	extreme: func(b *body, fn ir.Fn, d, y operand) {
		most, nan := b.alloc(vectorFile), b.alloc(vectorFile)
		avxExtremes[fn](b.e, most, d, y)
		avx("VCMPPS $3,")(b.e, nan, d, d)
		b.e.set.choose(b.e, d, nan, d, most)
		b.release(most, nan)
	},
}

var avx512 = &vectorSet{
	machine: amd64,
	name:    "AVX-512",
	unless: func(e *emitter, label string) {
		e.op("CMPB %s·AVX512(SB), $0", strings.NewReplacer(".", "·", "/", "∕").Replace(Runtime))
		e.op("JEQ %s", label)
	},
	lanes:  16,
	files:  [2]file{{"Z", 0, 32}, {"K", 1, 7}},
	memory: true,
	one:    true,
	rest:   operand{register: register{maskFile, 7}},
	toRest: func(e *emitter) {
		e.op("MOVL $-1, AX")
		e.op("SHLXL BX, AX, AX")
		e.op("NOTL AX")
		e.op("KMOVW AX, %s", e.text(e.set.rest))
	},
	pairs:    avx512Pairs(),
	singles:  avxSingles("VRNDSCALEPS"),
	shifts:   avxShifts,
	unsigned: avxUnsigned,
	toFloat:  avx("VCVTDQ2PS"),
	ofBool: func(e *emitter, d operand, a ...operand) {
		one := "VBROADCASTSS.Z"
		if a[1].at == nil { // a register has it already
			one = "VMOVUPS.Z"
		}
		e.op("%s %s, %s, %s", one, e.text(a[1]), e.text(a[0]), e.text(d))
	},
	choose:   func(e *emitter, d operand, a ...operand) { avx("VBLENDMPS")(e, d, a[0], a[2], a[1]) },
	exchange: []instruction{twice(avx("VSHUFF64X2 $0x4e,")), twice(avx("VSHUFF64X2 $0xb1,")), avx("VPERMILPS $0x4e,"), avx("VPERMILPS $0xb1,")},
	move: func(e *emitter, d operand, a ...operand) {
		switch {
		case d.file == maskFile || a[0].file == maskFile:
			e.op("KMOVW %s, %s", e.text(a[0]), e.text(d))
		case a[0].at != nil && a[0].at.one:
			e.op("VBROADCASTSS %s, %s", e.text(a[0]), e.text(d))
		case d.at != nil && d.at.one:
			e.op("VMOVSS X%d, %s", a[0].n, e.text(d))
		default:
			avx("VMOVUPS")(e, d, a[0])
		}
	},
	movePast: avx("VMOVNTPS"),
	in:       inAVX512,
	loadApart: func(b *body, d operand, at place, bytes int) {
		all := allLanes(b)
		gather(b, at, bytes, func(lanes string) { b.e.op("VGATHERDPS %s, %s, %s", lanes, b.e.text(all), b.e.text(d)) })
		b.release(all)
	},
	storeApart: func(b *body, at place, x operand, bytes int) {
		all := allLanes(b)
		gather(b, at, bytes, func(lanes string) { b.e.op("VSCATTERDPS %s, %s, %s", b.e.text(x), b.e.text(all), lanes) })
		b.release(all)
	},
	roundBF16: avxRoundBF16,
	fma:       avxFMA,
	extremes:  avxExtremes,
	extreme: func(b *body, fn ir.Fn, d, y operand) {
		number := b.alloc(maskFile)
		avx("VCMPPS $7,")(b.e, number, d, d)
		avxExtremes[fn](b.e, d, number, d, y)
		b.release(number)
	},
}

// avxFMA picks among the three forms the one that writes over an operand that is needed
// no more, and takes the operand in memory, if any, where the form allows it.
func avxFMA(b *body, a []operand) operand {
	op := func(form string, s1, s2, d *operand) operand {
		avx("VFMADD"+form+"PS")(b.e, *d, *s2, *s1)
		return *d
	}
	x, m, c := &a[0], &a[1], &a[2]
	if x.at != nil && m.at != nil { // one factor may stay in memory
		b.load(m)
	}
	if x.at != nil {
		x, m = m, x
	}
	switch {
	case c.at == nil && c.dies:
		return op("231", m, x, c)
	case c.at != nil && m.at != nil && x.dies:
		b.load(c)
		return op("231", m, x, c)
	case c.at != nil && m.at != nil:
		b.load(m)
		return op("213", c, x, m)
	case x.dies && m.at != nil:
		return op("132", m, c, x)
	case x.dies:
		return op("213", c, m, x)
	case m.dies:
		return op("213", c, x, m)
	}
	d := b.own(c)
	return op("231", m, x, &d)
}
