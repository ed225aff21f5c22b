//go:build !((linux && (amd64 || arm64)) || (darwin && arm64))

package runtime

// mlxc runs on Linux (amd64, arm64) and on macOS with Apple silicon; elsewhere
// building stops here.
var _ = thisPlatformIsNotSupportedByMlxc
