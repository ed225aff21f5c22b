// Package cpu runs kernels on the processor: the worker pool that all models of
// a process share, memory outside the Go heap, the small functions that
// generated kernels need beyond Go's own operators, and the loops around routines
// in assembly. It holds no kernels of its own; those are generated.
package cpu
