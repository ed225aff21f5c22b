package cpu

import "github.com/mlxc/mlxc/ir"

// A vectorSet is a set of vector instructions that rows are written in. A bool is a lane
// of ones or of zeros in a vector, or a bit where the set has registers for masks.
type vectorSet struct {
	*machine
	name   string
	unless func(e *emitter, label string) // goes there if the processor lacks the set
	lanes  int                            // numbers of 32 bits in a vector
	files  [2]file                        // registers for vectors, and for masks; no masks: bools are in vectors
	memory bool                           // an operand that is a vector may lie in memory, but for the first
	one    bool                           // and be one number there, for all lanes
	rest   operand                        // the register with the lanes that the rest of a row has, as a bool
	toRest func(e *emitter)               // fills it, once the loop knows how many there are

	pairs    map[ir.Fn][classes]instruction       // of two operands, by the class of the second
	singles  map[ir.Fn]instruction                // of one f32
	shifts   map[ir.Fn]func(n uint32) instruction // by 1 to 31
	unsigned func(n uint32) instruction           // Shr of what has no sign
	toFloat  instruction                          // from i32
	ofBool   instruction                          // the second where the first, a bool, holds, and 0 elsewhere
	choose   instruction                          // select
	exchange []instruction                        // one after the other they bring every lane to all others

	move     instruction // to and from memory, and between registers of a file
	movePast instruction // to memory, past the caches; nil: there is none
	in       map[ir.DType]access
	// loadApart and storeApart are of lanes that are so many bytes apart.
	loadApart  func(b *body, d operand, at place, bytes int)
	storeApart func(b *body, at place, x operand, bytes int)
	// roundBF16 rounds to the upper half of the bits; what is in the other half is of no use.
	roundBF16 func(b *body, x operand)

	// fma gives args[0]*args[1] + args[2].
	fma func(b *body, args []operand) operand
	// extremes are the greater and the less of a number and what may be NaN, and extreme
	// is d where it is NaN, and else that of d and y; unless there are pairs for them.
	extremes map[ir.Fn]instruction
	extreme  func(b *body, fn ir.Fn, d, y operand)
}

// A machine is what the vector sets of an architecture have in common.
type machine struct {
	// place is how instructions name a place in memory.
	place func(e *emitter, p place) string
	// begin is the text before the first row, and nextRow ends each: it goes to the label,
	// but returns after the last.
	begin   func(name string, frame, streams int) string
	nextRow func(e *emitter, row string)
	// loop goes along a row: as many vectors at a time as unroll says, then one, then the
	// lanes that are left; where align is a place, first the lanes up to where a vector
	// is aligned there.
	loop func(e *emitter, unroll int, align *place, body func(u int, rest bool))
	// terms does the body for all terms: lanes.walk says how streams move. nil: it cannot.
	terms func(e *emitter, body func())
	// fetch asks for what a place in a stream holds.
	fetch func(e *emitter, p place)
	// unlessPast goes to the label unless the call says that results go past the caches.
	unlessPast func(e *emitter, label string)
	// postpone goes to next, and has ifLate go to its label from then on; but to now for
	// the last row, or if results, the first of which is at a place, do not go past the
	// caches in whole vectors.
	postpone func(e *emitter, at place, now, next string)
	ifLate   func(e *emitter, label string)
	// toFrame makes the stream maxStreams point at a line of the caches in the frame.
	toFrame func(e *emitter, bytes int)
}

// A file is registers of one kind.
type file struct {
	prefix     string // of their names
	first, end int    // those from first on and before end are for values
}

// The files of a vectorSet.
const (
	vectorFile = iota
	maskFile
)

// A register is one of a file.
type register struct{ file, n int }

// A place is one in memory.
type place struct {
	kind  placeKind
	n     int  // of a stream
	bytes int  // from there on
	one   bool // what all lanes have in common is there once
}

type placeKind int

const (
	inRow     placeKind = iota // a stream at the element that the loop is at
	atStream                   // where the stream points
	inFrame                    // a vector that was put away
	inTable                    // constants
	atAddress                  // the register for addresses
)

// An operand is a register or a place in memory.
type operand struct {
	register
	at   *place // nil: it is the register
	dies bool   // the register is free afterwards
}

// An instruction computes d of others.
type instruction func(e *emitter, d operand, args ...operand)

// access is how lanes of 32 bits are loaded and stored that are of a dtype in memory. What
// is stored may be written over, unless the dtype has 32 bits.
type access struct {
	load, store         instruction
	loadRest, storeRest instruction // of the lanes in rest
	broadcast, storeOne instruction // a load of one number for all lanes, and a store of the first lane
}

// fileOf is where values of a dtype are.
func (s *vectorSet) fileOf(t ir.DType) int {
	if t == ir.Bool && s.files[maskFile].end > 0 {
		return maskFile
	}
	return vectorFile
}
