package mlxc

import "embed"

// runtimeSource is what generated packages import, so that a model can be built
// without a network: `mlxc run` lays it beside the generated code.
//
//go:embed runtime/*.go runtime/cpu/*.go
var runtimeSource embed.FS
