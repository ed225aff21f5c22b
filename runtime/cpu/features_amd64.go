package cpu

// Vectors reports that the processor has AVX2, FMA and F16C, and that the system keeps
// their registers; unless MLXC_CPU is go.
var Vectors = allowed("avx2") && hasAVX2()

// AVX512 reports that it has AVX-512F besides, and so the system; unless MLXC_CPU is go
// or avx2.
var AVX512 = Vectors && allowed("avx512") && hasAVX512()

func hasAVX512() bool {
	const (
		avx512f   = 1 << 16                          // leaf 7, EBX
		registers = 1<<1 | 1<<2 | 1<<5 | 1<<6 | 1<<7 // XCR0: masks and ZMM too
	)
	_, b, _, _ := cpuid(7, 0)
	return b&avx512f != 0 && xgetbv()&registers == registers
}

func hasAVX2() bool {
	// Of the Intel manual, volume 1, chapter 14: what to ask for before using AVX2.
	const (
		fma, osxsave, avx, f16c = 1 << 12, 1 << 27, 1 << 28, 1 << 29 // leaf 1, ECX
		avx2                    = 1 << 5                             // leaf 7, EBX
		registers               = 1<<1 | 1<<2                        // XCR0: XMM and YMM
	)
	most, _, _, _ := cpuid(0, 0)
	if most < 7 {
		return false
	}
	_, _, c, _ := cpuid(1, 0)
	_, b, _, _ := cpuid(7, 0)
	const want = fma | osxsave | avx | f16c
	return c&want == want && b&avx2 != 0 && xgetbv()&registers == registers
}

func cpuid(leaf, part uint32) (a, b, c, d uint32)

func xgetbv() uint32
