package cpu

import (
	"fmt"
	"strings"
)

// copyRowsNEON is copyRowsAVX2 for NEON.
func copyRowsNEON(name string) string {
	return fmt.Sprintf(`// func %s(dst, src unsafe.Pointer, n, step int)
TEXT ·%[1]s(SB), NOSPLIT, $0-32
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD n+16(FP), R2
	MOVD step+24(FP), R3
row:
	ADD R3<<4, R1, R4
	PRFM (R4), PLDL1KEEP
	FLDPQ (R1), (F0, F1)
	FLDPQ 32(R1), (F2, F3)
	FSTPQ (F0, F1), (R0)
	FSTPQ (F2, F3), 32(R0)
	ADD R3, R1
	ADD $64, R0
	SUBS $1, R2
	BNE row
	RET
`, name)
}

// copyColumnsNEON is copyColumnsAVX2 for NEON. It transposes 4 lanes of 4 rows at a time, by
// two rounds of exchanges.
func copyColumnsNEON(name string) string {
	var b strings.Builder
	op := func(format string, args ...any) { fmt.Fprintf(&b, "\t"+format+"\n", args...) }
	label := func(name string) { fmt.Fprintf(&b, "%s:\n", name) }
	exchange := func(size string, first, second, even, odd int) {
		op("VTRN1 V%d.%s, V%d.%[2]s, V%[4]d.%[2]s", second, size, first, even)
		op("VTRN2 V%d.%s, V%d.%[2]s, V%[4]d.%[2]s", second, size, first, odd)
	}
	fmt.Fprintf(&b, "// func %s(dst, src unsafe.Pointer, n, step int)\nTEXT ·%[1]s(SB), NOSPLIT, $0-32\n", name)
	op("MOVD dst+0(FP), R0")
	op("MOVD src+8(FP), R1")
	op("MOVD n+16(FP), R2")
	op("MOVD step+24(FP), R3")
	op("SUBS $4, R2")
	op("BLT rest")
	label("block")
	op("MOVD R1, R4")
	for quarter := range 4 {
		for lane := range 4 {
			op("FMOVQ (R4), F%d", lane)
			op("ADD R3, R4")
		}
		exchange("S4", 0, 1, 4, 5)
		exchange("S4", 2, 3, 6, 7)
		exchange("D2", 4, 6, 0, 2)
		exchange("D2", 5, 7, 1, 3)
		for row := range 4 {
			op("FMOVQ F%d, %d(R0)", row, 64*row+16*quarter)
		}
	}
	op("ADD $16, R1")
	op("ADD $256, R0")
	op("SUBS $4, R2")
	op("BGE block")
	label("rest")
	op("ADDS $4, R2")
	op("BEQ done")
	label("row")
	op("MOVD R1, R4")
	op("MOVD $16, R5")
	label("lane")
	op("MOVWU (R4), R6")
	op("MOVW R6, (R0)")
	op("ADD R3, R4")
	op("ADD $4, R0")
	op("SUBS $1, R5")
	op("BNE lane")
	op("ADD $4, R1")
	op("SUBS $1, R2")
	op("BNE row")
	label("done")
	op("RET")
	return b.String()
}
