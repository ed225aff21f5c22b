package cpu

import (
	"fmt"
	"strings"
)

// copyRowsAVX2 is a routine in Plan 9 assembly for AVX2 that makes rows of panels of what
// lies in rows already. It fetches 16 rows ahead, which are too far apart for a processor
// to see that they follow one another.
func copyRowsAVX2(name string) string {
	return fmt.Sprintf(`// func %s(dst, src unsafe.Pointer, n, step int)
TEXT ·%[1]s(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	MOVQ step+24(FP), R8
	MOVQ R8, R9
	SHLQ $4, R9
row:
	PREFETCHT0 (SI)(R9*1)
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), Y1
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	ADDQ R8, SI
	ADDQ $64, DI
	DECQ CX
	JNE row
	VZEROUPPER
	RET
`, name)
}

// copyColumnsAVX2 is a routine in Plan 9 assembly for AVX2 that makes rows of panels of what
// lies in columns: step is from lane to lane, and rows are neighbours. It transposes 8
// lanes of 8 rows at a time in registers, by the usual three rounds of exchanges.
func copyColumnsAVX2(name string) string {
	var b strings.Builder
	op := func(format string, args ...any) { fmt.Fprintf(&b, "\t"+format+"\n", args...) }
	label := func(name string) { fmt.Fprintf(&b, "%s:\n", name) }
	fmt.Fprintf(&b, "// func %s(dst, src unsafe.Pointer, n, step int)\nTEXT ·%[1]s(SB), NOSPLIT, $0-32\n", name)
	op("MOVQ dst+0(FP), DI")
	op("MOVQ src+8(FP), SI")
	op("MOVQ n+16(FP), CX")
	op("MOVQ step+24(FP), R8")
	op("LEAQ (R8)(R8*2), R9 // three lanes")
	op("SUBQ $8, CX")
	op("JLT rest")
	label("block")
	op("MOVQ SI, BX")
	for half := range 2 {
		for lane := range 8 {
			op("VMOVUPS (BX)%s, Y%d", []string{"", "(R8*1)", "(R8*2)", "(R9*1)"}[lane%4], lane)
			if lane%4 == 3 {
				op("LEAQ (BX)(R8*4), BX")
			}
		}
		for i := 0; i < 8; i += 2 {
			op("VUNPCKLPS Y%d, Y%d, Y%d", i+1, i, 8+i)
			op("VUNPCKHPS Y%d, Y%d, Y%d", i+1, i, 9+i)
		}
		for i := 0; i < 8; i += 4 { // Y8, Y9 of lanes 0 and 1, Y10, Y11 of lanes 2 and 3
			op("VUNPCKLPD Y%d, Y%d, Y%d", 10+i, 8+i, i)
			op("VUNPCKHPD Y%d, Y%d, Y%d", 10+i, 8+i, i+1)
			op("VUNPCKLPD Y%d, Y%d, Y%d", 11+i, 9+i, i+2)
			op("VUNPCKHPD Y%d, Y%d, Y%d", 11+i, 9+i, i+3)
		}
		for i := range 4 {
			op("VPERM2F128 $0x20, Y%d, Y%d, Y%d", 4+i, i, 8+i)
			op("VPERM2F128 $0x31, Y%d, Y%d, Y%d", 4+i, i, 12+i)
		}
		for i := range 8 {
			op("VMOVUPS Y%d, %d(DI)", 8+i, 64*i+32*half)
		}
	}
	op("ADDQ $32, SI")
	op("ADDQ $512, DI")
	op("SUBQ $8, CX")
	op("JGE block")
	label("rest")
	op("ADDQ $8, CX")
	op("JEQ done")
	label("row")
	op("MOVQ SI, BX")
	op("MOVQ $16, DX")
	label("lane")
	op("MOVL (BX), AX")
	op("MOVL AX, (DI)")
	op("ADDQ R8, BX")
	op("ADDQ $4, DI")
	op("DECQ DX")
	op("JNE lane")
	op("ADDQ $4, SI")
	op("DECQ CX")
	op("JNE row")
	label("done")
	op("VZEROUPPER")
	op("RET")
	return b.String()
}
