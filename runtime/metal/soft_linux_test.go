//go:build mlxc_metal

package metal

import (
	"os"
	"testing"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
)

func needMetal(t testing.TB) {
	if os.Getenv("MLXC_SWMETAL") == "" {
		t.Skip("needs MLXC_SWMETAL")
	}
}

func hook(t testing.TB, name string) uintptr {
	h, err := purego.Dlopen(os.Getenv("MLXC_SWMETAL"), purego.RTLD_NOW|purego.RTLD_GLOBAL)
	must(t, err)
	f, err := purego.Dlsym(h, name)
	if err != nil {
		f, err = purego.Dlsym(h, "swmtl_live")
	}
	must(t, err)
	return f
}

var classes = []string{
	"MTLBuffer", "MTLCommandBuffer", "MTLComputeCommandEncoder", "MTLCommandQueue", "MTLLibrary", "MTLFunction",
	"MTLComputePipelineState", "MTLCompileOptions", "NSString", "NSError",
}

// live counts objects by class.
func live(t testing.TB) map[string]int {
	f := hook(t, "swmetal_live")
	counts := map[string]int{}
	for _, c := range classes {
		name := append([]byte(c), 0)
		n, _, _ := purego.SyscallN(f, uintptr(unsafe.Pointer(&name[0])))
		counts[c] = int(n)
	}
	return counts
}

func checkLive(t testing.TB, before map[string]int) {
	t.Helper()
	time.Sleep(20 * time.Millisecond)
	now := live(t)
	for _, c := range classes {
		if now[c] != before[c] {
			t.Errorf("%d objects of %s leaked", now[c]-before[c], c)
		}
	}
}

func set(t testing.TB, name, value string) {
	h, err := purego.Dlopen(os.Getenv("MLXC_SWMETAL"), purego.RTLD_NOW|purego.RTLD_GLOBAL)
	must(t, err)
	f, err := purego.Dlsym(h, "swmetal_set")
	if err != nil {
		t.Skip("no swmetal_set")
	}
	_ = f
}
