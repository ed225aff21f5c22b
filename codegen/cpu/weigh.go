package cpu

import (
	"fmt"
	"math"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// weighKeys is the keys that are weighed at a time: two vectors of AVX-512, or four of AVX2.
const weighKeys = 32

// weightsField is the byte offset of a field of the runtime's Weights.
var weightsField = func() map[string]int {
	at := map[string]int{}
	for i, name := range []string{"Scores", "NScores", "Row", "Sums", "NSums", "Largest", "Total", "Factor", "Rows", "Scale"} {
		at[name] = 8 * i
	}
	return at
}()

// weighNumbers are what exponentials take: the factor of the argument, the least that it
// is then, what is added to it, and exp2Terms.
var weighNumbers = append([]float64{math.Log2E, -127, 0x1.8p23 + 127}, exp2Terms...)

// exp2Terms are the coefficients of 2^f for |f| <= 1/2, those of the highest powers first.
var exp2Terms = []float64{0.000154541621, 0.00133920174, 0.00961808067, 0.0555035493, 0.240226508, 0.693147188, 1}

// weighRows is the rows that are weighed at a time: while the largest of one is found, so
// are those of others.
const weighRows = 16

// weighAVX is the routine in Plan 9 assembly for amd64 that makes weights of scores, see the runtime's
// Weights, with vectors of AVX-512 or of AVX2. An exponential is 2^n*2^f, n being integral
// and f a polynomial's argument; n is made so that its last bits are the exponent of 2^n,
// which is 0 where n is -127 and all below.
func weighAVX(name string, avx512 bool) string {
	class, vector, zero := "Y", 32, "VXORPS"
	if avx512 {
		class, vector, zero = "Z", 64, "VPXORD"
	}
	const (
		x, z, p                           = 0, 1, 2 // of an exponential
		sum, largest, scale, least, round = 4, 8, 9, 10, 11
		by                                = 12
	)
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	op := func(format string, args ...any) { line("\t"+format, args...) }
	reg := func(n int) string { return fmt.Sprint(class, n) }
	field := func(f string) string { return fmt.Sprintf("%d(AX)", weightsField[f]) }
	number := func(i int) string { return fmt.Sprintf("%sNumbers<>+%d(SB)", name, 64*i) }
	// exponential makes register x, of what is below the largest, into its exponential p.
	exponential := func() {
		op("VMULPS %s, %s, %[2]s", number(0), reg(x))
		op("VMAXPS %s, %s, %[1]s // NaN stays", reg(x), reg(least))
		op("VADDPS %s, %s, %s", reg(round), reg(x), reg(z))
		op("VSUBPS %s, %s, %s", reg(round), reg(z), reg(p))
		op("VSUBPS %s, %s, %[2]s", reg(p), reg(x))
		op("VPSLLD $23, %s, %[1]s", reg(z))
		op("VMOVUPS %s, %s", number(3), reg(p))
		for i := range exp2Terms[1:] {
			op("VFMADD213PS %s, %s, %s", number(4+i), reg(x), reg(p))
		}
		op("VMULPS %s, %s, %[2]s", reg(z), reg(p))
	}
	// across folds the lanes of register r into each lane of X, by way of another one.
	across := func(instruction string, r, by int) {
		if avx512 {
			op("VEXTRACTF64X4 $1, Z%d, Y%d", r, by)
			op("%s Y%d, Y%d, Y%[3]d", instruction, by, r)
		}
		op("VEXTRACTF128 $1, Y%d, X%d", r, by)
		op("%s X%d, X%d, X%[3]d", instruction, by, r)
		for _, exchange := range []int{0x4e, 0xb1} {
			op("VPERMILPS $%#x, X%d, X%d", exchange, r, by)
			op("%s X%d, X%d, X%[3]d", instruction, by, r)
		}
	}
	// loop does body for each vector of so many bytes from a pointer on, some at a time.
	loop := func(label, pointer, bytes string, step int, body func(at string)) {
		op("XORQ CX, CX")
		op("PCALIGN $32")
		line("%s:", label)
		for at := 0; at < step; at += vector {
			body(fmt.Sprintf("%d(%s)(CX*1)", at, pointer))
		}
		op("ADDQ $%d, CX", step)
		op("CMPQ CX, %s", bytes)
		op("JLT %s", label)
	}
	accumulators := 4 * weighKeys / vector
	fold := func(instruction string, first int) {
		for n := accumulators; n > 1; n /= 2 {
			for i := range n / 2 {
				op("%s %s, %s, %[3]s", instruction, reg(first+i+n/2), reg(first+i))
			}
		}
	}
	// rows does body for each of the rows at a time, given where the vectors of one are.
	rows := func(label string, body func()) {
		op("MOVQ SI, R14")
		op("XORQ R15, R15")
		line("%s:", label)
		body()
		op("ADDQ R10, R14")
		op("INCQ R15")
		op("CMPQ R15, R12")
		op("JLT %s", label)
	}
	// Of the registers, SI, DI, DX, R8 and R13 point at the scores, the sums, and the largest,
	// the total and the factor of the rows at a time, R14 at the scores of row R15, and CX
	// is a place in a row; R9, R10 and R11 are NScores, Row and NSums, BX the rows that are
	// left, and R12 those at a time.
	line("// func %s(w *cpu.Weights)", name)
	line("TEXT ·%s(SB), NOSPLIT, $0-8", name)
	op("MOVQ w+0(FP), AX")
	for _, f := range []struct{ register, name string }{{"SI", "Scores"}, {"R9", "NScores"}, {"R10", "Row"}, {"DI", "Sums"}, {"R11", "NSums"}, {"DX", "Largest"}, {"R8", "Total"}, {"R13", "Factor"}, {"BX", "Rows"}} {
		op("MOVQ %s, %s", field(f.name), f.register)
	}
	op("VBROADCASTSS %s, %s", field("Scale"), reg(scale))
	op("VMOVUPS %s, %s", number(1), reg(least))
	op("VMOVUPS %s, %s", number(2), reg(round))
	line("next:")
	op("MOVQ $%d, R12", weighRows)
	op("CMPQ BX, R12")
	op("CMOVQLT BX, R12")
	rows("most", func() {
		for i := range accumulators {
			op("VMOVUPS %d(R14), %s", i*vector, reg(sum+i))
		}
		i := 0
		loop("scores", "R14", "R9", 4*weighKeys, func(at string) {
			op("VMAXPS %s, %s, %[2]s", at, reg(sum+i))
			i++
		})
		fold("VMAXPS", sum)
		across("VMAXPS", sum, x)
		op("VMOVSS X%d, (R13)(R15*4)", sum)
	})
	for at := 0; at < 4*weighRows; at += vector {
		op("VMOVUPS %d(DX), %s", at, reg(x))
		op("VMULPS %d(R13), %s, %s", at, reg(scale), reg(largest))
		op("VMAXPS %s, %s, %[2]s", reg(x), reg(largest))
		op("VMOVUPS %s, %d(DX)", reg(largest), at)
		op("VSUBPS %s, %s, %[2]s", reg(largest), reg(x))
		exponential()
		op("VMOVUPS %s, %d(R13)", reg(p), at)
	}
	rows("weights", func() {
		op("VBROADCASTSS (DX)(R15*4), %s", reg(largest))
		op("VBROADCASTSS (R13)(R15*4), %s", reg(by))
		for i := range accumulators {
			op("%s %s, %[2]s, %[2]s", zero, reg(sum+i))
		}
		i := 0
		loop("keys", "R14", "R9", 4*weighKeys, func(at string) {
			op("VMOVUPS %s, %s", at, reg(x))
			op("VFMSUB213PS %s, %s, %s", reg(largest), reg(scale), reg(x))
			exponential()
			op("VMOVUPS %s, %s", reg(p), at)
			op("VADDPS %s, %s, %[2]s", reg(p), reg(sum+i))
			i++
		})
		fold("VADDPS", sum)
		across("VADDPS", sum, x)
		op("VFMADD231SS (R8)(R15*4), X%d, X%d", by, sum)
		op("VMOVSS X%d, (R8)(R15*4)", sum)
		loop("columns", "DI", "R11", 4*ir.PanelCols, func(at string) {
			op("VMULPS %s, %s, %s", at, reg(by), reg(x))
			op("VMOVUPS %s, %s", reg(x), at)
		})
		op("ADDQ R11, DI")
	})
	op("MOVQ R14, SI")
	op("ADDQ $%d, DX", 4*weighRows)
	op("ADDQ $%d, R8", 4*weighRows)
	op("ADDQ $%d, R13", 4*weighRows)
	op("SUBQ $%d, BX", weighRows)
	op("JGT next")
	op("VZEROUPPER")
	op("RET")
	line("")
	for i, n := range weighNumbers {
		for at := 0; at < 64; at += 4 {
			line("DATA %sNumbers<>+%d(SB)/4, $%#08x", name, 64*i+at, math.Float32bits(float32(n)))
		}
	}
	line("GLOBL %sNumbers<>(SB), RODATA|NOPTR, $%d", name, 64*len(weighNumbers))
	return b.String()
}
