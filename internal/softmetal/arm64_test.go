//go:build linux

package softmetal

import (
	"runtime"
	"testing"
)

// The tests of this package pass on arm64, under an emulator.
func TestARM64(t *testing.T) {
	if runtime.GOARCH == "arm64" || testing.Short() {
		t.Skip("on arm64 all tests are of arm64")
	}
	need(t)
	EmulateARM64(t, ".", "-test.skip=EndsTheProcess|BadSetting")
}
