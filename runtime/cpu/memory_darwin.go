package cpu

// adviseHuge does nothing: macOS chooses page sizes itself.
func adviseHuge([]byte) {}
