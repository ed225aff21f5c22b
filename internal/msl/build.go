package msl

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// Build compiles the command mslc for this machine, once per process, and returns its
// path in the cache. It needs the go command and to run inside this module.
var Build = sync.OnceValues(func() (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(cache, "make-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "mslc")
	cmd := exec.Command("go", "build", "-o", path, "github.com/mlxc/mlxc/internal/msl/mslc")
	// A test of another architecture under an emulator still compiles on this one.
	cmd.Env = append(os.Environ(), "GOOS=", "GOARCH=", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build mslc: %w\n%s", err, out)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return cached(".mslc", []string{string(data)}, func(to string) (string, error) {
		return "mslc", os.Rename(path, filepath.Join(to, "mslc"))
	})
})
