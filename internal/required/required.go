// Package required lets tests skip for want of a tool, unless all of them must run.
package required

import (
	"os"
	"testing"
)

// Skip ends a test that lacks something, as err says. It fails it where the variable
// MLXC_METAL_REQUIRED is set, as in CI, where a test that skips would hide that
// nothing was checked.
func Skip(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("MLXC_METAL_REQUIRED") != "" {
		t.Fatal(err)
	}
	t.Skip(err)
}
