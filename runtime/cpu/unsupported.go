//go:build !(linux && (amd64 || arm64)) && !(darwin && arm64)

package cpu

// The undefined name is the message that a build for another platform ends with.
var _ = mlxc_runs_on_linux_amd64_linux_arm64_and_darwin_arm64_only
