// Package msl executes Metal Shading Language on Linux, strictly.
//
// A text in the restricted language that codegen/metal prints is held to that language
// by a lint, compiled by clang-19 over a shim of Metal's library, and its kernels run
// as fibers in a child process. Three passes find what is wrong with it:
//
//   - strict: address spaces are kept apart and nothing converts silently; no code;
//   - flat: optimised, for values, in three orders of threads;
//   - checked: each access to memory is instrumented, for races, bounds,
//     uninitialised threadgroup memory and what Metal leaves undefined; or quick, the same
//     without optimisation and without lines, for texts that run once.
//
// What the library offers is functions.tsv: the functions seen in kernels that ship
// for Apple's compiler, with the types seen.
package msl

import "fmt"

// A Problem is something at a place of a Metal text that is not as it must be.
// Columns count bytes from 1.
type Problem struct {
	Line, Col int
	Text      string
}

func (p Problem) String() string { return fmt.Sprintf("%d:%d: error: %s", p.Line, p.Col, p.Text) }
