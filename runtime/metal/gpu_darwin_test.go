package metal

import (
	"testing"

	"github.com/mlxc/mlxc/runtime/metal/mtl"
)

// needMetal skips where there is no GPU, as on most virtual machines.
func needMetal(t testing.TB) {
	d, err := mtl.OpenDevice()
	if err != nil {
		t.Skip(err)
	}
	d.Close()
}
