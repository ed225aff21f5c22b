//go:build mlxc_metal

package metal

import (
	"maps"
	"sync"
	"testing"

	"github.com/mlxc/mlxc/internal/required"
	"github.com/mlxc/mlxc/internal/softmetal"
)

// needMetal builds the software Metal, or skips and says what it lacks.
func needMetal(t testing.TB) { needHooks(t) }

// needHooks gives what tests may ask of the software Metal.
func needHooks(t testing.TB) *softmetal.Hooks {
	t.Helper()
	h, err := hooks()
	if err != nil {
		required.Skip(t, err)
	}
	return h
}

var hooks = sync.OnceValues(func() (*softmetal.Hooks, error) {
	if err := softmetal.Setup(); err != nil {
		return nil, err
	}
	return softmetal.Open()
})

// set changes a setting of the software Metal until the test ends.
func set(t testing.TB, h *softmetal.Hooks, name, value, usual string) {
	t.Helper()
	must(t, h.Set(name, value))
	t.Cleanup(func() { must(t, h.Set(name, usual)) })
}

// objects counts the live objects of each class that the package makes. There is
// one device, which the library keeps.
func objects(h *softmetal.Hooks) map[string]int {
	counts := map[string]int{}
	for _, class := range []string{
		"MTLCommandQueue", "MTLBuffer", "MTLCommandBuffer", "MTLComputeCommandEncoder", "MTLLibrary",
		"MTLFunction", "MTLComputePipelineState", "MTLCompileOptions", "MTLSharedEvent", "NSString", "NSError",
	} {
		counts[class] = h.Live(class)
	}
	return counts
}

func checkObjects(t testing.TB, h *softmetal.Hooks, before map[string]int) {
	t.Helper()
	if now := objects(h); !maps.Equal(now, before) {
		t.Errorf("live objects were %v, and are %v", before, now)
	}
}
