// Package program makes the runtime's tables of a planned module in memory, as
// codegen writes them as Go, so that tests can run many programs, and change them,
// without building each. It is empty where there is no Metal.
package program
