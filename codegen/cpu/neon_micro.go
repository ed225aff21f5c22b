package cpu

import (
	"fmt"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// microNEON is a micro-kernel for at most 6 rows of a panel, which is four vectors. A
// number of the left factor is loaded alone, and multiplies vectors as their lane 0: so
// that the units for vectors do nothing but that.
func microNEON(name string, rows int, panels ir.DType) string {
	const (
		unroll = 4
		ahead  = 2048 // bytes of the panel that are fetched before they are needed
		panel  = 24   // the first register of the panel's; sums are before it
		number = 28   // and of those for numbers of rows
	)
	size := panelCols * panels.Size() // of a term in a panel
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	op := func(format string, args ...any) { line("\t"+format, args...) }
	field := func(f string) string { return fmt.Sprintf("%d(R0)", microField[f]) }
	row := func(i int) string { return fmt.Sprint("R", 8+i) }
	move := func(load bool, base string, first int) { // four vectors
		for i := 0; i < 4; i += 2 {
			place, pair := fmt.Sprintf("%d(%s)", 16*i, base), fmt.Sprintf("(F%d, F%d)", first+i, first+i+1)
			if load {
				op("FLDPQ %s, %s", place, pair)
			} else {
				op("FSTPQ %s, %s", pair, place)
			}
		}
	}
	widen := func(low, high string) {
		for i := 0; i < 4; i += 2 {
			op("FMOVQ %d(R5), F%d", 8*i, panel+i)
			op("%s", neonWord(high, panel+i+1, panel+i))
			op("%s", neonWord(low, panel+i, panel+i))
		}
	}
	term := func(u int) {
		switch panels {
		case ir.F16:
			widen("fcvtl", "fcvtl2")
		case ir.BF16:
			widen("shll", "shll2")
		default:
			move(true, "R5", panel)
		}
		if size*u%64 == 0 {
			op("PRFM %d(R5), PLDL1KEEP", ahead)
		}
		op("ADD R6, R5")
		for i := range rows {
			x := number + i%4
			op("FMOVS %d(%s), F%d", 4*u, row(i), x)
			for v := range 4 {
				op("%s", neonWord("fmla", 4*i+v, panel+v, x))
			}
		}
	}
	// Of the registers, R0 is t, R1 the bytes of the tables of rows that are done, R2 walks
	// the runs, R3 counts them and R4 the terms of one, R5 is what is next of the panel, R6 the
	// bytes from term to term, R6 and R7 else for addresses, and those from R8 on point into
	// rows.
	line("// func %s(t *cpu.Micro)", name)
	line("TEXT ·%s(SB), NOSPLIT, $0-8", name)
	op("MOVD t+0(FP), R0")
	op("MOVD $0, R1")
	line("rows:")
	for i := range 4 * rows {
		op("VEOR V%d.B16, V%[1]d.B16, V%[1]d.B16", i)
	}
	op("MOVD %s, R2", field("Runs"))
	op("MOVD %s, R3", field("NRuns"))
	op("MOVD %s, R5", field("B"))
	line("run:")
	op("MOVD %s, R6", field("A"))
	op("ADD R1, R6")
	op("MOVD (R2), R7")
	for i := range rows {
		op("MOVD %d(R6), %s", 8*i, row(i))
		op("ADD R7, %s", row(i))
	}
	next := func(terms int) {
		for i := range rows {
			op("ADD $%d, %s", 4*terms, row(i))
		}
		op("SUBS $%d, R4", terms)
	}
	op("MOVD %s, R6", field("Step"))
	op("MOVD %s, R4", field("K"))
	op("SUBS $%d, R4", unroll)
	op("BLT few")
	op("PCALIGN $16")
	line("terms:")
	for u := range unroll {
		term(u)
	}
	next(unroll)
	op("BGE terms")
	line("few:")
	op("ADDS $%d, R4", unroll)
	op("BEQ next")
	line("one:")
	term(0)
	next(1)
	op("BNE one")
	line("next:")
	op("ADD $8, R2")
	op("SUBS $1, R3")
	op("BNE run")
	op("MOVD %s, R6", field("Col"))
	pointers := func(name, without string) {
		op("MOVD %s, R7", field(name))
		if without != "" {
			op("CBZ R7, %s", without)
		}
		op("ADD R1, R7")
		for i := range rows {
			op("MOVD %d(R7), %s", 8*i, row(i))
			op("ADD R6, %s", row(i))
		}
	}
	add := func(i int) {
		for v := range 4 {
			op("%s", neonWord("fadd", 4*i+v, 4*i+v, panel+v))
		}
	}
	addRows := func(name, without string) {
		pointers(name, without)
		for i := range rows {
			move(true, row(i), panel)
			add(i)
		}
		line("%s:", without)
	}
	addRows("From", "bias")
	op("MOVD %s, R7", field("Bias"))
	op("CBZ R7, rest")
	move(true, "R7", panel)
	for i := range rows {
		add(i)
	}
	line("rest:")
	addRows("Rest", "relu")
	op("MOVD %s, R7", field("Relu"))
	op("CBZ R7, store")
	op("VEOR V%d.B16, V%[1]d.B16, V%[1]d.B16", panel)
	for i := range 4 * rows {
		op("%s", neonWord("fmax", i, i, panel))
	}
	line("store:")
	pointers("C", "")
	for i := range rows {
		move(false, row(i), 4*i)
	}
	op("ADD $%d, R1", 8*rows)
	op("MOVD %s, R7", field("Rows"))
	op("CMP R7, R1")
	op("BLT rows")
	op("RET")
	return b.String()
}
