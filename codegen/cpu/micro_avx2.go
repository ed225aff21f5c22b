package cpu

import (
	"fmt"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// panelCols is the columns of a panel.
const panelCols = ir.PanelCols

// microField is the byte offset of a field of the runtime's Micro, of 8 bytes each.
var microField = func() map[string]int {
	at := map[string]int{}
	for i, name := range []string{"A", "Runs", "NRuns", "K", "B", "From", "Bias", "Rest", "Relu", "C", "Col", "Rows"} {
		at[name] = 8 * i
	}
	return at
}()

// Micro is the micro-kernel for so many rows at a time, at most 6, in Plan 9 assembly for
// AVX2 and FMA. The sums are in Y0 to Y11, two vectors to a row; of each term the panel
// gives two vectors, and each row a number for all lanes of another, straight from where
// the factor lies: nothing is packed for it. With 4 rows or more, sums enough are under
// way to keep both units of a core busy. Panels of f16 or bf16 are converted on the way.
func Micro(name string, rowsAtATime int, panels ir.DType) string {
	const (
		unroll = 4
		ahead  = 2048 // bytes of the panel that are fetched before they are needed
	)
	rows := []string{"R8", "R9", "R10", "R11", "R12", "R13"}[:rowsAtATime]
	size := panelCols * panels.Size() // of a term in a panel
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	op := func(format string, args ...any) { line("\t"+format, args...) }
	field := func(f string) string { return fmt.Sprintf("%d(AX)", microField[f]) }
	term := func(u int) {
		for half := range 2 {
			at, y := size*u+size/2*half, 12+half
			switch panels {
			case ir.F16:
				op("VCVTPH2PS %d(DI), Y%d", at, y)
			case ir.BF16:
				op("VPMOVZXWD %d(DI), Y%d", at, y)
				op("VPSLLD $16, Y%d, Y%[1]d", y)
			default:
				op("VMOVUPS %d(DI), Y%d", at, y)
			}
		}
		if size*u%64 == 0 {
			op("PREFETCHT0 %d(DI)", size*u+ahead)
		}
		for i, r := range rows {
			x := 14 + i%2
			op("VBROADCASTSS %d(%s)(SI*1), Y%d", 4*u, r, x)
			op("VFMADD231PS Y12, Y%d, Y%d", x, 2*i)
			op("VFMADD231PS Y13, Y%d, Y%d", x, 2*i+1)
		}
	}
	line("// func %s(t *cpu.Micro)", name)
	line("TEXT ·%s(SB), NOSPLIT, $0-8", name)
	op("MOVQ t+0(FP), AX")
	op("XORQ DX, DX // bytes of the tables of rows")
	line("rows:")
	op("MOVQ %s, BX", field("A"))
	for i, r := range rows {
		op("MOVQ %d(BX)(DX*1), %s", 8*i, r)
	}
	for i := range 2 * len(rows) {
		op("VXORPS Y%d, Y%d, Y%d", i, i, i)
	}
	op("MOVQ %s, BX", field("Runs"))
	op("MOVQ %s, R15", field("NRuns"))
	op("MOVQ %s, DI", field("B"))
	line("run:")
	op("MOVQ (BX), SI")
	op("MOVQ %s, CX", field("K"))
	op("SUBQ $%d, CX", unroll)
	op("JLT few")
	op("PCALIGN $32")
	line("terms:")
	for u := range unroll {
		term(u)
	}
	op("ADDQ $%d, SI", 4*unroll)
	op("ADDQ $%d, DI", size*unroll)
	op("SUBQ $%d, CX", unroll)
	op("JGE terms")
	line("few:")
	op("ADDQ $%d, CX", unroll)
	op("JEQ next")
	line("one:")
	term(0)
	op("ADDQ $4, SI")
	op("ADDQ $%d, DI", size)
	op("DECQ CX")
	op("JNE one")
	line("next:")
	op("ADDQ $8, BX")
	op("DECQ R15")
	op("JNE run")
	op("MOVQ %s, CX", field("Col"))
	pointers := func(name, without string) {
		op("MOVQ %s, BX", field(name))
		if without != "" {
			op("TESTQ BX, BX")
			op("JEQ %s", without)
		}
		for i, r := range rows {
			op("MOVQ %d(BX)(DX*1), %s", 8*i, r)
		}
	}
	addRows := func(name, without string) {
		pointers(name, without)
		for i, r := range rows {
			op("VADDPS (%s)(CX*1), Y%d, Y%d", r, 2*i, 2*i)
			op("VADDPS 32(%s)(CX*1), Y%d, Y%d", r, 2*i+1, 2*i+1)
		}
		line("%s:", without)
	}
	addRows("From", "bias")
	op("MOVQ %s, BX", field("Bias"))
	op("TESTQ BX, BX")
	op("JEQ rest")
	op("VMOVUPS (BX), Y12")
	op("VMOVUPS 32(BX), Y13")
	for i := range 2 * len(rows) {
		op("VADDPS Y%d, Y%d, Y%d", 12+i%2, i, i)
	}
	line("rest:")
	addRows("Rest", "relu")
	op("CMPQ %s, $0", field("Relu"))
	op("JEQ store")
	op("VXORPS Y12, Y12, Y12")
	for i := range 2 * len(rows) {
		op("VMAXPS Y%d, Y12, Y%d // the sum, where it is NaN", i, i)
		op("VADDPS Y12, Y%d, Y%d // -0 is 0", i, i)
	}
	line("store:")
	pointers("C", "")
	for i, r := range rows {
		op("VMOVUPS Y%d, (%s)(CX*1)", 2*i, r)
		op("VMOVUPS Y%d, 32(%s)(CX*1)", 2*i+1, r)
	}
	op("ADDQ $%d, DX", 8*len(rows))
	op("CMPQ DX, %s", field("Rows"))
	op("JLT rows")
	op("VZEROUPPER")
	op("RET")
	return b.String()
}
