//go:build !amd64

package cpu

// AVX512 is false: no such processor has it.
const AVX512 = false
