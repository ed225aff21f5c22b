package msl

import "embed"

// Executor is the executor's sources in C, for libraries that run kernels
// themselves: all files of native, to be compiled together.
//
//go:embed native
var Executor embed.FS
