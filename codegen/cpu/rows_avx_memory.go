package cpu

import (
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// What lanes are in memory, for AVX2 and AVX-512: 32 bits as they are, f16 by
// instructions of its own, bf16 as the upper halves of f32, and bytes, which are only
// loaded.

var inAVX2 = map[ir.DType]access{ir.F32: whole256, ir.I32: whole256, ir.U32: whole256, ir.U8: {
	load: avx("VPMOVZXBD"),
	loadRest: func(e *emitter, d operand, a ...operand) {
		insert(e, d, a[0], "VPINSRB", 1)
		e.op("VPMOVZXBD X%d, %s", d.n, e.text(d))
	},
	broadcast: broadcastU8,
}, ir.F16: {
	load:  avx("VCVTPH2PS"),
	store: avx("VCVTPS2PH $0,"),
	loadRest: func(e *emitter, d operand, a ...operand) {
		insertWords(e, d, a[0])
		e.op("VCVTPH2PS X%d, %s", d.n, e.text(d))
	},
	storeRest: func(e *emitter, d operand, a ...operand) {
		e.op("VCVTPS2PH $0, %s, X%d", e.text(a[0]), a[0].n)
		extractWords(e, d, a[0])
	},
	broadcast: broadcastF16, storeOne: storeF16,
}, ir.BF16: {
	load: loadBF16,
	store: func(e *emitter, d operand, a ...operand) {
		packBF16(e, a[0])
		e.op("VMOVUPS X%d, %s", a[0].n, e.text(d))
	},
	loadRest: func(e *emitter, d operand, a ...operand) {
		insertWords(e, d, a[0])
		e.op("VPMOVZXWD X%d, %s", d.n, e.text(d))
		avx("VPSLLD $16,")(e, d, d)
	},
	storeRest: func(e *emitter, d operand, a ...operand) {
		packBF16(e, a[0])
		extractWords(e, d, a[0])
	},
	broadcast: broadcastBF16, storeOne: storeBF16,
}}

var whole256 = access{avx("VMOVUPS"), avx("VMOVUPS"), maskedAVX("VMASKMOVPS"), maskedAVX("VMASKMOVPS"), avx("VBROADCASTSS"), storeF32}

var inAVX512 = map[ir.DType]access{ir.F32: whole512, ir.I32: whole512, ir.U32: whole512, ir.U8: {
	load: avx("VPMOVZXBD"), loadRest: maskedAVX("VPMOVZXBD.Z"), broadcast: broadcastU8,
}, ir.F16: {
	avx("VCVTPH2PS"), avx("VCVTPS2PH $0,"), maskedAVX("VCVTPH2PS.Z"), maskedAVX("VCVTPS2PH $0,"), broadcastF16, storeF16,
}, ir.BF16: {
	load: loadBF16,
	store: func(e *emitter, d operand, a ...operand) {
		avx("VPSRLD $16,")(e, a[0], a[0])
		avx("VPMOVDW")(e, d, a[0])
	},
	loadRest: func(e *emitter, d operand, a ...operand) {
		maskedAVX("VPMOVZXWD.Z")(e, d, a[0])
		avx("VPSLLD $16,")(e, d, d)
	},
	storeRest: func(e *emitter, d operand, a ...operand) {
		avx("VPSRLD $16,")(e, a[0], a[0])
		maskedAVX("VPMOVDW")(e, d, a[0])
	},
	broadcast: broadcastBF16, storeOne: storeBF16,
}}

var whole512 = access{avx("VMOVUPS"), avx("VMOVUPS"), maskedAVX("VMOVUPS.Z"), maskedAVX("VMOVUPS"), avx("VBROADCASTSS"), storeF32}

// maskedAVX is an instruction of the lanes that the rest of a row has.
func maskedAVX(text string) instruction {
	return func(e *emitter, d operand, a ...operand) { avx(text)(e, d, e.set.rest, a[0]) }
}

func loadBF16(e *emitter, d operand, a ...operand) {
	avx("VPMOVZXWD")(e, d, a[0])
	avx("VPSLLD $16,")(e, d, d)
}

func broadcastF16(e *emitter, d operand, a ...operand) {
	e.op("MOVWLZX %s, AX", e.text(a[0]))
	e.op("VMOVD AX, X%d", d.n)
	e.op("VCVTPH2PS X%d, X%[1]d", d.n)
	e.op("VBROADCASTSS X%d, %s", d.n, e.text(d))
}

func broadcastBF16(e *emitter, d operand, a ...operand) {
	e.op("MOVWLZX %s, AX", e.text(a[0]))
	e.op("SHLL $16, AX")
	e.op("VMOVD AX, X%d", d.n)
	e.op("VBROADCASTSS X%d, %s", d.n, e.text(d))
}

func storeF32(e *emitter, d operand, a ...operand) { e.op("VMOVSS X%d, %s", a[0].n, e.text(d)) }

func storeF16(e *emitter, d operand, a ...operand) {
	e.op("VCVTPS2PH $0, X%d, X%[1]d", a[0].n)
	e.op("VPEXTRW $0, X%d, %s", a[0].n, e.text(d))
}

func storeBF16(e *emitter, d operand, a ...operand) { e.op("VPEXTRW $1, X%d, %s", a[0].n, e.text(d)) }

// packBF16 brings the upper halves of eight lanes together.
func packBF16(e *emitter, x operand) {
	avx("VPSRLD $16,")(e, x, x)
	e.op("VPACKUSDW %s, %[1]s, %[1]s", e.text(x))
	e.op("VPERMQ $8, %s, %[1]s", e.text(x))
}

func broadcastU8(e *emitter, d operand, a ...operand) {
	e.op("MOVBLZX %s, AX", e.text(a[0]))
	e.op("VMOVD AX, X%d", d.n)
	e.op("VPBROADCASTD X%d, %s", d.n, e.text(d))
}

// insertWords loads the words of the lanes that are left, of which there are up to seven.
func insertWords(e *emitter, d, from operand) { insert(e, d, from, "VPINSRW", 2) }

// insert loads the lanes that are left, of so many bytes.
func insert(e *emitter, d, from operand, name string, size int) {
	e.op("VPXOR X%d, X%[1]d, X%[1]d", d.n)
	left(e, from, size, func(i int, at string) { e.op("%s $%d, %s, X%d, X%[4]d", name, i, at, d.n) })
}

// extractWords stores the words of the lanes that are left.
func extractWords(e *emitter, to, x operand) {
	left(e, to, 2, func(i int, word string) { e.op("VPEXTRW $%d, X%d, %s", i, x.n, word) })
}

// left does something with each lane that is left, of so many bytes.
func left(e *emitter, at operand, size int, do func(i int, at string)) {
	done := e.fresh("words")
	e.op("MOVQ n+24(FP), BX")
	e.op("SUBQ CX, BX")
	for i := range e.set.lanes - 1 {
		if i > 0 {
			e.op("CMPQ BX, $%d", i)
			e.op("JLE %s", done)
		}
		word := *at.at
		word.bytes += size * i
		do(i, e.text(operand{at: &word}))
	}
	e.label(done)
}

// avxRoundBF16 rounds to nearest, ties to even, and keeps NaN one.
func avxRoundBF16(b *body, x operand) {
	e := b.e
	sum, nan := b.alloc(vectorFile), b.alloc(e.set.fileOf(ir.Bool))
	do := func(fn ir.Fn, d, y operand, bits uint32) {
		e.set.pairs[fn][classOf(ir.I32)](e, d, y, e.number(bits, ir.I32))
	}
	avx("VPSRLD $16,")(e, sum, x)
	do(ir.And, sum, sum, 1)
	do(ir.Add, sum, sum, 0x7fff)
	avx("VPADDD")(e, sum, sum, x)
	avx("VCMPPS $3,")(e, nan, x, x)
	do(ir.Or, x, x, 0x400000)
	e.set.choose(e, x, nan, x, sum)
	b.release(sum, nan)
}

// avxRoundF16 is x as f16 and back.
func avxRoundF16(e *emitter, d operand, a ...operand) {
	half := "XY"[slices.Index([]int{8, 16}, e.set.lanes)]
	e.op("VCVTPS2PH $0, %s, %s", e.text(a[0]), fmt.Sprintf("%c%d", half, d.n))
	e.op("VCVTPH2PS %s, %s", fmt.Sprintf("%c%d", half, d.n), e.text(d))
}

// apartAVX is a place where lanes are so many bytes apart, once AX is there.
func apartAVX(e *emitter, at place, bytes int) place {
	e.op("IMUL3Q $%d, CX, AX", bytes)
	e.op("ADDQ %s, AX", amd64Pointers[at.n])
	return place{kind: atAddress, bytes: at.bytes}
}

// gather does something with the lanes at a place that are so many bytes apart.
func gather(b *body, at place, bytes int, do func(lanes string)) {
	e := b.e
	words := make([]uint32, e.set.lanes)
	for i := range words {
		words[i] = uint32(bytes / 4 * i)
	}
	index := e.common(e.table(words...), vectorFile)
	b.load(&index)
	first := apartAVX(e, at, bytes)
	do(fmt.Sprintf("%s(%s*4)", e.text(operand{at: &first}), e.text(index)))
	if index.dies {
		b.release(index)
	}
}

// allLanes is a mask of AVX-512 that an instruction may use up.
func allLanes(b *body) operand {
	all := b.alloc(maskFile)
	if b.masked {
		b.e.op("KMOVW %s, %s", b.e.text(b.e.set.rest), b.e.text(all))
	} else {
		b.e.op("KXNORW %s, %[1]s, %[1]s", b.e.text(all))
	}
	return all
}
