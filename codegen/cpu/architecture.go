package cpu

import "github.com/mlxc/mlxc/ir"

// An Architecture is one that there is assembly for. All have routines for the same
// kernels, which the same Go calls.
type Architecture struct {
	Name        string    // Go's
	Micros      []Routine // for panels of a dtype
	Weighers    []Routine
	CopyRows    func(name string) string
	CopyColumns func(name string) string
	sets        []*vectorSet // that rows are written in, the widest first
}

// A Routine is one that a table of the runtime's has: its field there, what its name
// begins with, what it does, and its text, for panels of a dtype if it has to do with
// them.
type Routine struct {
	Field, Name, Doc string
	Text             func(name string, panels ir.DType) string
}

// Architectures are in the order of their names.
var Architectures = []*Architecture{
	{
		Name: "amd64",
		Micros: []Routine{
			{"Six", "micro6", sixDoc, shaped(microShape{rows: 6, panels: 1})},
			{"Four", "micro4", fourDoc, shaped(microShape{rows: 4, panels: 1})},
			{"Eight", "micro8", "computes sums of a panel for eight rows at a time, with AVX-512", shaped(microShape{rows: 8, panels: 1, avx512: true})},
			{"FourPairs", "microPairs4", "computes sums of two panels for four rows at a time, with AVX-512", shaped(microShape{rows: 4, panels: 2, avx512: true})},
			{"EightPairs", "microPairs8", "computes sums of two panels for eight rows at a time, with AVX-512", shaped(microShape{rows: 8, panels: 2, avx512: true})},
			{"NinePairs", "microPairs9", "computes sums of two panels for nine rows at a time, with AVX-512", shaped(microShape{rows: 9, panels: 2, avx512: true})},
			{"Half", "microHalf", "computes sums of half a panel for eight rows at a time, with AVX-512", shaped(microShape{rows: 8, panels: 1, avx512: true, half: true})},
		},
		Weighers: []Routine{
			{"Weigh", "weigh", weighDoc, func(name string, _ ir.DType) string { return weighAVX(name, false) }},
			{"WeighWide", "weighWide", weighDoc + ", with AVX-512", func(name string, _ ir.DType) string { return weighAVX(name, true) }},
		},
		CopyRows: copyRowsAVX2, CopyColumns: copyColumnsAVX2,
		sets: []*vectorSet{avx512, avx2},
	},
	{
		Name: "arm64",
		Micros: []Routine{
			{"Six", "micro6", sixDoc, func(name string, panels ir.DType) string { return microNEON(name, 6, panels) }},
			{"Four", "micro4", fourDoc, func(name string, panels ir.DType) string { return microNEON(name, 4, panels) }},
		},
		Weighers: []Routine{
			{"Weigh", "weigh", weighDoc, func(name string, _ ir.DType) string { return weighNEON(name) }},
		},
		CopyRows: copyRowsNEON, CopyColumns: copyColumnsNEON,
		sets: []*vectorSet{neon},
	},
}

const (
	sixDoc   = "computes sums of a panel for six rows at a time"
	fourDoc  = "computes sums of a panel for four rows at a time"
	weighDoc = "makes weights of scores"
)

func shaped(s microShape) func(name string, panels ir.DType) string {
	return func(name string, panels ir.DType) string { return microAVX(name, s, panels) }
}
