package metal

import "testing"

// needMetal skips where there is no GPU, as on most virtual machines.
func needMetal(t testing.TB) {
	t.Helper()
	if err := Available(); err != nil {
		lacks(t, err)
	}
}
