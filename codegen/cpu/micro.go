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
	for i, name := range []string{"A", "Runs", "NRuns", "K", "B", "Step", "Apart", "From", "Bias", "Rest", "Relu", "C", "Col", "Rows"} {
		at[name] = 8 * i
	}
	return at
}()

// A microShape is what a micro-kernel for amd64 computes at a time: some rows of some
// panels, which follow one another. A panel is two vectors of AVX2, or one of AVX-512.
type microShape struct {
	rows, panels int // at most 6 and 1, or 9 and 2 with AVX-512
	avx512       bool
	half         bool // of a panel it computes the first half: a vector of AVX-512 has two terms
}

// microAVX is a micro-kernel in Plan 9 assembly for amd64. Of each term a panel gives a vector for
// each of the sums of a row, and each row a number for all lanes of another, straight
// from where the factor lies: nothing is packed for it. With 4 rows or more, sums enough
// are under way to keep both units of a core busy. Panels of f16 or bf16 are converted on
// the way.
func microAVX(name string, shape microShape, panels ir.DType) string {
	const (
		unroll = 4
		ahead  = 2048 // bytes of the panel that are fetched before they are needed
	)
	rows := []string{"R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15", "BX"}[:shape.rows]
	class, vector, zero := "Y", 32, "VXORPS"
	if shape.avx512 {
		class, vector, zero = "Z", 64, "VPXORD" // the other one is none of AVX-512F
	}
	size := panelCols * panels.Size() // of a term in a panel
	vectors := 2
	if shape.avx512 {
		vectors = shape.panels
	}
	sums := vectors * len(rows) // registers; after them those of the panel, and two of rows
	reg := func(n int) string { return fmt.Sprint(class, n) }
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	op := func(format string, args ...any) { line("\t"+format, args...) }
	field := func(f string) string { return fmt.Sprintf("%d(AX)", microField[f]) }
	load := func(place, r string) { // from a panel
		switch panels {
		case ir.F16:
			op("VCVTPH2PS %s, %s", place, r)
		case ir.BF16:
			op("VPMOVZXWD %s, %s", place, r)
			op("VPSLLD $16, %s, %[1]s", r)
		default:
			op("VMOVUPS %s, %s", place, r)
		}
	}
	place := func(vector, at int) string { // in the panels
		switch {
		case vector == 0:
			return fmt.Sprintf("%d(DI)", at)
		case shape.panels == 2:
			return fmt.Sprintf("%d(DI)(DX*1)", at)
		}
		return fmt.Sprintf("%d(DI)", at+size/2)
	}
	step := func() { op("ADDQ %s, DI", field("Step")) }
	term := func(u int) {
		for v := range vectors {
			load(place(v, 0), reg(sums+v))
		}
		if size*u%64 == 0 {
			for p := range shape.panels {
				op("PREFETCHT0 %s", place(p, ahead))
			}
		}
		step()
		for i, r := range rows {
			x := reg(sums + vectors + i%2)
			op("VBROADCASTSS %d(%s)(SI*1), %s", 4*u, r, x)
			for v := range vectors {
				op("VFMADD231PS %s, %s, %s", reg(sums+v), x, reg(vectors*i+v))
			}
		}
	}
	// halves takes one term of half a panel, or two: the lanes of a column are neighbours.
	halves := func(u, terms int) {
		wide, low := reg(sums), fmt.Sprint("Y", sums+1)
		for t := range terms {
			load(place(0, 0), low)
			step()
			op("VPMOVZXDQ %s, Z%d", low, sums+t)
			if t > 0 {
				op("VPSLLQ $32, Z%d, Z%[1]d", sums+t)
				op("VPORQ Z%d, %s, %[2]s", sums+t, wide)
			}
		}
		for i, r := range rows {
			at, x := fmt.Sprintf("%d(%s)(SI*1)", 4*u, r), sums+2+i%2
			if terms == 1 {
				op("VMOVSS %s, X%d", at, x)
				at = fmt.Sprint("X", x)
			}
			op("VBROADCASTSD %s, Z%d", at, x)
			op("VFMADD231PS %s, Z%d, %s", wide, x, reg(i))
		}
	}
	// Of the registers, AX is t, BX a table of pointers until it is the last of nine, CX the
	// terms left of a run or the bytes to the columns, DX the bytes from panel to panel, DI
	// what is next of the panel, SI the bytes from the pointers of rows on.
	line("// func %s(t *cpu.Micro)", name)
	line("TEXT ·%s(SB), NOSPLIT, $24-8", name)
	op("MOVQ t+0(FP), AX")
	op("MOVQ $0, rows-8(SP) // bytes of the tables of rows")
	line("rows:")
	op("MOVQ rows-8(SP), CX")
	op("MOVQ %s, SI", field("Runs"))
	op("MOVQ SI, run-24(SP)")
	op("MOVQ %s, SI", field("NRuns"))
	op("MOVQ SI, runs-16(SP)")
	op("MOVQ %s, BX", field("A"))
	for i, r := range rows {
		op("MOVQ %d(BX)(CX*1), %s", 8*i, r)
	}
	for i := range sums {
		op("%s %s, %[2]s, %[2]s", zero, reg(i))
	}
	op("MOVQ %s, DI", field("B"))
	if shape.panels == 2 {
		op("MOVQ %s, DX", field("Apart"))
	}
	line("run:")
	op("MOVQ run-24(SP), SI")
	op("MOVQ (SI), SI")
	op("MOVQ %s, CX", field("K"))
	op("SUBQ $%d, CX", unroll)
	op("JLT few")
	op("PCALIGN $32")
	line("terms:")
	for u := range unroll {
		switch {
		case !shape.half:
			term(u)
		case u%2 == 0:
			halves(u, 2)
		}
	}
	op("ADDQ $%d, SI", 4*unroll)
	op("SUBQ $%d, CX", unroll)
	op("JGE terms")
	line("few:")
	op("ADDQ $%d, CX", unroll)
	op("JEQ next")
	line("one:")
	if shape.half {
		halves(0, 1)
	} else {
		term(0)
	}
	op("ADDQ $4, SI")
	op("DECQ CX")
	op("JNE one")
	line("next:")
	op("ADDQ $8, run-24(SP)")
	op("DECQ runs-16(SP)")
	op("JNE run")
	if shape.half {
		for i := range rows {
			op("VPERMILPS $0xb1, %s, %s", reg(i), reg(sums))
			op("VADDPS %s, %s, %[2]s", reg(sums), reg(i))
			op("VPMOVQD %s, Y%d", reg(i), i)
		}
		class, vector, zero = "Y", 32, "VXORPS"
	}
	op("MOVQ %s, CX", field("Col"))
	pointers := func(name, without string) {
		op("MOVQ %s, BX", field(name))
		if without != "" {
			op("TESTQ BX, BX")
			op("JEQ %s", without)
		}
		op("ADDQ rows-8(SP), BX")
		for i, r := range rows {
			op("MOVQ %d(BX), %s", 8*i, r)
		}
	}
	addRows := func(name, without string) {
		pointers(name, without)
		for i, r := range rows {
			for v := range vectors {
				op("VADDPS %d(%s)(CX*1), %s, %[3]s", v*vector, r, reg(vectors*i+v))
			}
		}
		line("%s:", without)
	}
	addRows("From", "bias")
	op("MOVQ %s, BX", field("Bias"))
	op("TESTQ BX, BX")
	op("JEQ rest")
	for v := range vectors {
		op("VMOVUPS %d(BX), %s", v*vector, reg(sums+v))
	}
	for i := range sums {
		op("VADDPS %s, %s, %[2]s", reg(sums+i%vectors), reg(i))
	}
	line("rest:")
	addRows("Rest", "relu")
	op("CMPQ %s, $0", field("Relu"))
	op("JEQ store")
	op("%s %s, %[2]s, %[2]s", zero, reg(sums))
	for i := range sums {
		op("VMAXPS %s, %s, %[1]s // the sum, where it is NaN", reg(i), reg(sums))
		op("VADDPS %s, %s, %[2]s // -0 is 0", reg(sums), reg(i))
	}
	line("store:")
	pointers("C", "")
	for i, r := range rows {
		for v := range vectors {
			op("VMOVUPS %s, %d(%s)(CX*1)", reg(vectors*i+v), v*vector, r)
		}
	}
	op("MOVQ rows-8(SP), CX")
	op("ADDQ $%d, CX", 8*len(rows))
	op("MOVQ CX, rows-8(SP)")
	op("CMPQ CX, %s", field("Rows"))
	op("JLT rows")
	op("VZEROUPPER")
	op("RET")
	return b.String()
}
