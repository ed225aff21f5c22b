package cpu

import "github.com/mlxc/mlxc/ir"

// What lanes are in memory, for NEON: 32 bits as they are, f16 by instructions of its own,
// bf16 as the upper halves of f32, and bytes, which are only loaded.

var neonWhole = access{
	load: neonTransfer("FMOVQ"), store: neonTransfer("FMOVQ"),
	loadRest: neonTransfer("FMOVS"), storeRest: neonTransfer("FMOVS"),
	broadcast: neonAll(neonTransfer("FMOVS")), storeOne: neonTransfer("FMOVS"),
}

var neonBytes = access{
	load: func(e *emitter, d operand, a ...operand) {
		e.op("FMOVS %s, F%d", e.text(a[0]), d.n)
		e.op("VUXTL V%d.B8, V%[1]d.H8", d.n)
		e.op("VUXTL V%d.H4, V%[1]d.S4", d.n)
	},
	loadRest: neonByte, broadcast: neonAll(neonByte),
}

func neonByte(e *emitter, d operand, a ...operand) {
	e.op("MOVBU %s, R14", e.text(a[0]))
	e.op("FMOVS R14, F%d", d.n)
}

// neonHalf is lanes that are widened where they are loaded, and narrowed where they are
// stored. R14 has one of them on the way.
func neonHalf(widen, narrow instruction) access {
	load := func(e *emitter, d operand, a ...operand) {
		e.op("FMOVD %s, F%d", e.text(a[0]), d.n)
		widen(e, d, d)
	}
	store := func(e *emitter, d operand, a ...operand) {
		narrow(e, a[0], a[0])
		e.op("FMOVD F%d, %s", a[0].n, e.text(d))
	}
	loadOne := func(e *emitter, d operand, a ...operand) {
		e.op("MOVHU %s, R14", e.text(a[0]))
		e.op("FMOVS R14, F%d", d.n)
		widen(e, d, d)
	}
	storeOne := func(e *emitter, d operand, a ...operand) {
		narrow(e, a[0], a[0])
		e.op("FMOVS F%d, R14", a[0].n)
		e.op("MOVH R14, %s", e.text(d))
	}
	return access{load, store, loadOne, storeOne, neonAll(loadOne), storeOne}
}

// neonAll brings lane 0 of what an instruction loads to all.
func neonAll(load instruction) instruction {
	return func(e *emitter, d operand, a ...operand) {
		load(e, d, a...)
		e.op("VDUP V%d.S[0], V%[1]d.S4", d.n)
	}
}

// neonTransfer moves between registers, or to and from memory by an instruction.
func neonTransfer(name string) instruction {
	return func(e *emitter, d operand, a ...operand) {
		switch {
		case a[0].at != nil:
			e.op("%s %s, F%d", name, e.text(a[0]), d.n)
		case d.at != nil:
			e.op("%s F%d, %s", name, a[0].n, e.text(d))
		default:
			neonMove(e, d, a[0])
		}
	}
}

// neonRoundBF16 rounds to nearest, ties to even, and keeps NaN one.
func neonRoundBF16(b *body, x operand) {
	e := b.e
	sum, number := b.alloc(vectorFile), b.alloc(vectorFile)
	do := func(fn ir.Fn, d, y operand, bits uint32) {
		c := b.constant(bits, ir.I32)
		e.set.pairs[fn][classOf(ir.I32)](e, d, y, c)
		if c.dies {
			b.release(c)
		}
	}
	known("VUSHR $16, ", "S4")(e, sum, x)
	do(ir.And, sum, sum, 1)
	do(ir.Add, sum, sum, 0x7fff)
	known("VADD", "S4")(e, sum, sum, x)
	word("fcmeq")(e, number, x, x)
	do(ir.Or, x, x, 0x400000)
	e.set.choose(e, x, number, sum, x)
	b.release(sum, number)
}

// apartNEON does something at each lane of a place where they are so many bytes apart, or at
// the one that is left.
func apartNEON(b *body, at place, bytes int, do func(lane int) string) {
	e := b.e
	e.op("MOVD $%d, R14", bytes)
	e.op("MUL R14, R11, R13")
	e.op("ADD R%d, R13", at.n)
	if at.bytes != 0 {
		e.op("ADD $%d, R13", at.bytes)
	}
	e.op("%s", do(0))
	for lane := 1; lane < e.set.lanes && !b.masked; lane++ {
		e.op("ADD R14, R13")
		e.op("%s", do(lane))
	}
}
