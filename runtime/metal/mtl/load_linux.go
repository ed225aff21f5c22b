//go:build mlxc_metal

package mtl

import (
	"errors"
	"os"

	"github.com/ebitengine/purego"
)

// libraries opens the software Metal. Its symbols are global, because the kernels
// that it loads refer to them.
func libraries() ([]uintptr, error) {
	path := os.Getenv("MLXC_SWMETAL")
	if path == "" {
		return nil, errors.New("there is no Metal on Linux, and MLXC_SWMETAL names no software Metal")
	}
	h, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, err
	}
	return []uintptr{h}, nil
}
