package cpu

import (
	"os"
	"slices"
)

// allowed reports whether instructions may be used. The variable MLXC_CPU leaves out what
// is beyond its value: "go", which is all of assembly, "avx2" or "neon".
func allowed(instructions string) bool {
	order := []string{"go", "neon", "avx2", "avx512"}
	limit := slices.Index(order, os.Getenv("MLXC_CPU"))
	return limit < 0 || slices.Index(order, instructions) <= limit
}
