//go:build darwin || (linux && mlxc_metal)

package metal

import (
	"errors"
	"testing"
)

func TestKernelOfAMessage(t *testing.T) {
	for _, c := range []struct{ message, want string }{
		{"program_source:12:5: error: no", "metal: kernel scale (m.mlx:1:1): program_source:12:5: error: no"},
		{"warm\nprogram_source:16:1: warning: hm\nprogram_source:24:1: error: no", "metal: kernel add (m.mlx:2:1): warm"},
		{"program_source:15:1: error: no", "metal: kernel add (m.mlx:2:1): "},
		{"program_source:2:1: fatal error: no", "metal: program_source:2:1"},
		{"Compilation failed:\n\n24:1: error: no", "metal: kernel add (m.mlx:2:1): "},
		{"program_source:9999:1: error: no", "metal: kernel bump (m.mlx:3:1): "},
		{"the compiler is out of order", "metal: the compiler is out of order"},
	} {
		checkError(t, compileError(source, kernels, errors.New(c.message)), c.want)
	}
}
