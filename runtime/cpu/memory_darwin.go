package cpu

// adviseHuge does nothing: macOS chooses page sizes itself.
func adviseHuge([]byte) {}

// Forget does nothing: macOS takes pages of files back as it needs them.
func Forget([]byte, int, int) {}
