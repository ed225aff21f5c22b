package mlxc

import "embed"

// runtimeSource is what generated packages import, so that a model can be built
// without a network: `mlxc run` lays it beside the generated code.
//
//go:embed runtime/*.go runtime/cpu/*.go runtime/cpu/*.s
var runtimeSource embed.FS

// metalSource is the runtime's part for Metal, which needs a module of others:
// purego, in the version and with the sums of our own go.mod and go.sum.
//
//go:embed runtime/metal/*
var metalSource embed.FS

//go:embed go.mod
var goMod string

//go:embed go.sum
var goSum string
