package metal

import (
	"testing"

	"github.com/mlxc/mlxc/internal/required"
)

// needMetal skips where there is no GPU, as on most virtual machines.
func needMetal(t testing.TB) {
	t.Helper()
	if err := Available(); err != nil {
		required.Skip(t, err)
	}
}
