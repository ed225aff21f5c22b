package cpu

import (
	"fmt"
	"math"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// weighNEON is weighAVX for NEON. It adds in the order of vectors of 256 bits.
func weighNEON(name string) string {
	const (
		x, z, p, q                       = 0, 1, 2, 3 // of an exponential
		sum, accumulators                = 4, weighKeys / 4
		scale, largest, by, least, round = 12, 13, 14, 15, 16
		log2e, terms                     = 17, 18 // and the registers after it
	)
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	op := func(format string, args ...any) { line("\t"+format, args...) }
	word := func(name string, d int, operands ...int) { op("%s", neonWord(name, d, operands...)) }
	field := func(f string) string { return fmt.Sprintf("%d(R0)", weightsField[f]) }
	// exponential makes register x, of what is below the largest, into its exponential p.
	exponential := func() {
		word("fmul", x, x, log2e)
		word("fmax", x, x, least)
		word("fadd", z, x, round)
		word("fsub", p, z, round)
		word("fsub", x, x, p)
		op("VSHL $23, V%d.S4, V%[1]d.S4", z)
		op("VMOV V%d.B16, V%d.B16", terms, p)
		from, to := p, q
		for i := range exp2Terms[1:] {
			op("VMOV V%d.B16, V%d.B16", terms+1+i, to)
			op("VFMLA V%d.S4, V%d.S4, V%d.S4", x, from, to)
			from, to = to, from
		}
		word("fmul", p, from, z)
	}
	// across folds all accumulators into each lane of the first.
	across := func(instruction string) {
		for n := accumulators; n > 1; n /= 2 {
			for i := range n / 2 {
				word(instruction, sum+i, sum+i, sum+i+n/2)
			}
		}
		op("VEXT $8, V%d.B16, V%[1]d.B16, V%d.B16", sum, x)
		word(instruction, sum, sum, x)
		op("VREV64 V%d.S4, V%d.S4", sum, x)
		word(instruction, sum, sum, x)
	}
	// loop does body for each vector of so many bytes from a pointer on, some at a time.
	loop := func(label, pointer, bytes string, vectors int, body func(at string)) {
		op("MOVD %s, R13", pointer)
		op("MOVD %s, R14", bytes)
		op("PCALIGN $16")
		line("%s:", label)
		for i := range vectors {
			body(fmt.Sprintf("%d(R13)", 16*i))
		}
		op("ADD $%d, R13", 16*vectors)
		op("SUBS $%d, R14", 16*vectors)
		op("BGT %s", label)
	}
	// rows does body for each of the rows at a time.
	rows := func(label string, body func()) {
		op("MOVD R1, R12")
		op("MOVD $0, R11")
		line("%s:", label)
		body()
		op("ADD R3, R12")
		op("ADD $1, R11")
		op("CMP R10, R11")
		op("BLT %s", label)
	}
	// ofRow loads a number of row R11 into lane 0, or stores it.
	ofRow := func(format, pointer string, register int) {
		op("ADD R11<<2, %s, R14", pointer)
		op(format, register)
	}
	const load, store = "FMOVS (R14), F%d", "FMOVS F%d, (R14)"
	// Of the registers, R1, R4, R6, R7 and R8 point at the scores, the sums, and the largest,
	// the total and the factor of the rows at a time, R12 at the scores of row R11, and R13
	// is a place in a row; R2, R3 and R5 are NScores, Row and NSums, R9 the rows that are
	// left, R10 those at a time, and R14 is for addresses and bytes that are left.
	line("// func %s(w *cpu.Weights)", name)
	line("TEXT ·%s(SB), NOSPLIT, $0-8", name)
	op("MOVD w+0(FP), R0")
	for i, f := range []string{"Scores", "NScores", "Row", "Sums", "NSums", "Largest", "Total", "Factor", "Rows"} {
		op("MOVD %s, R%d", field(f), 1+i)
	}
	op("FMOVS %s, F%d", field("Scale"), scale)
	op("VDUP V%d.S[0], V%[1]d.S4", scale)
	op("MOVD $%sNumbers<>(SB), R15", name)
	for i, r := range []int{log2e, least, round} {
		op("FMOVQ %d(R15), F%d", 16*i, r)
	}
	for i := range exp2Terms {
		op("FMOVQ %d(R15), F%d", 16*(3+i), terms+i)
	}
	line("next:")
	op("MOVD $%d, R10", weighRows)
	op("CMP R10, R9")
	op("CSEL LT, R9, R10, R10")
	rows("most", func() {
		for i := range accumulators {
			op("FMOVQ %d(R12), F%d", 16*i, sum+i)
		}
		i := 0
		loop("scores", "R12", "R2", accumulators, func(at string) {
			op("FMOVQ %s, F%d", at, x)
			word("fmax", sum+i, sum+i, x)
			i++
		})
		across("fmax")
		ofRow(store, "R8", sum)
	})
	for at := 0; at < 4*weighRows; at += 16 {
		op("FMOVQ %d(R6), F%d", at, x)
		op("FMOVQ %d(R8), F%d", at, largest)
		word("fmul", largest, largest, scale)
		word("fmax", largest, largest, x)
		op("FMOVQ F%d, %d(R6)", largest, at)
		word("fsub", x, x, largest)
		exponential()
		op("FMOVQ F%d, %d(R8)", p, at)
	}
	rows("weights", func() {
		ofRow(load, "R6", largest)
		op("VDUP V%d.S[0], V%[1]d.S4", largest)
		word("fneg", largest, largest)
		ofRow(load, "R8", by)
		op("VDUP V%d.S[0], V%[1]d.S4", by)
		for i := range accumulators {
			op("VEOR V%d.B16, V%[1]d.B16, V%[1]d.B16", sum+i)
		}
		i := 0
		loop("keys", "R12", "R2", accumulators, func(at string) {
			op("FMOVQ %s, F%d", at, p)
			op("VMOV V%d.B16, V%d.B16", largest, x)
			op("VFMLA V%d.S4, V%d.S4, V%d.S4", scale, p, x)
			exponential()
			op("FMOVQ F%d, %s", p, at)
			word("fadd", sum+i, sum+i, p)
			i++
		})
		across("fadd")
		ofRow(load, "R7", x)
		op("VFMLA V%d.S4, V%d.S4, V%d.S4", by, x, sum)
		ofRow(store, "R7", sum)
		loop("columns", "R4", "R5", ir.PanelCols/4, func(at string) {
			op("FMOVQ %s, F%d", at, x)
			word("fmul", x, x, by)
			op("FMOVQ F%d, %s", x, at)
		})
		op("ADD R5, R4")
	})
	op("MOVD R12, R1")
	for _, r := range []string{"R6", "R7", "R8"} {
		op("ADD $%d, %s", 4*weighRows, r)
	}
	op("SUBS $%d, R9", weighRows)
	op("BGT next")
	op("RET")
	line("")
	for i, n := range weighNumbers {
		for at := 0; at < 16; at += 4 {
			line("DATA %sNumbers<>+%d(SB)/4, $%#08x", name, 16*i+at, math.Float32bits(float32(n)))
		}
	}
	line("GLOBL %sNumbers<>(SB), RODATA|NOPTR, $%d", name, 16*len(weighNumbers))
	return b.String()
}
