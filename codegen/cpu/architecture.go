package cpu

import "github.com/mlxc/mlxc/ir"

// An Architecture is one that there is assembly for. All have routines for the same
// kernels, which the same Go calls.
type Architecture struct {
	Name        string // Go's
	Micros      []MicroKernel
	CopyRows    func(name string) string
	CopyColumns func(name string) string
	sets        []*vectorSet // that rows are written in, the widest first
}

// A MicroKernel is one of those in the runtime's Micros: its field there, what its name
// begins with, what it does, and its text for panels of a dtype.
type MicroKernel struct {
	Field, Name, Doc string
	Text             func(name string, panels ir.DType) string
}

// Architectures are in the order of their names.
var Architectures = []*Architecture{
	{
		Name: "amd64",
		Micros: []MicroKernel{
			{"Six", "micro6", sixDoc, avxShape(6, 1, false)},
			{"Four", "micro4", fourDoc, avxShape(4, 1, false)},
			{"Eight", "micro8", "computes sums of a panel for eight rows at a time, with AVX-512", avxShape(8, 1, true)},
			{"EightPairs", "microPairs", "computes sums of two panels for eight rows at a time, with AVX-512", avxShape(8, 2, true)},
		},
		CopyRows: copyRowsAVX2, CopyColumns: copyColumnsAVX2,
		sets: []*vectorSet{avx512, avx2},
	},
	{
		Name: "arm64",
		Micros: []MicroKernel{
			{"Six", "micro6", sixDoc, neonRows(6)},
			{"Four", "micro4", fourDoc, neonRows(4)},
		},
		CopyRows: copyRowsNEON, CopyColumns: copyColumnsNEON,
		sets: []*vectorSet{neon},
	},
}

const (
	sixDoc  = "computes sums of a panel for six rows at a time"
	fourDoc = "computes sums of a panel for four rows at a time"
)

func avxShape(rows, panels int, avx512 bool) func(name string, panels ir.DType) string {
	return func(name string, dtype ir.DType) string {
		return microAVX(name, microShape{rows, panels, avx512}, dtype)
	}
}

func neonRows(rows int) func(name string, panels ir.DType) string {
	return func(name string, panels ir.DType) string { return microNEON(name, rows, panels) }
}
