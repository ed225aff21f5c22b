package bench

import (
	"unsafe"

	"github.com/mlxc/mlxc/runtime/cpu"
)

// loops are those of the widest vectors that the processor and the system have.
var loops = func() loopSet {
	if !cpu.Vectors {
		return portable
	}
	s := loopSet{"vectors of 256 bits", func(n int) float64 { fma256(n); return float64(n) * 12 * 8 * 2 }, readVectors, copyVectors}
	if cpu.AVX512 {
		s.name = "vectors of 512 bits"
		s.fma = func(n int) float64 { fma512(n); return float64(n) * 12 * 16 * 2 }
	}
	return s
}()

func readVectors(b []byte) {
	if n := len(b) &^ 255; n > 0 {
		read256(&b[0], n)
	}
}

// copyVectors copies past the caches, which needs addresses of vectors.
func copyVectors(to, from []byte) {
	n := min(len(to), len(from)) &^ 255
	if n > 0 && uintptr(unsafe.Pointer(&to[0]))%32 == 0 {
		copy256(&to[0], &from[0], n)
	} else {
		n = 0
	}
	copy(to[n:], from[n:])
}

// fma256 and fma512 do n rounds of 12 multiply-adds of vectors.
func fma256(n int)
func fma512(n int)

// read256 reads n bytes, a multiple of 256.
func read256(p *byte, n int)

// copy256 copies n bytes, a multiple of 256, by stores that leave the caches alone.
// to divides by 32.
func copy256(to, from *byte, n int)

// portable is for processors without multiply-adds of vectors.
var portable = loopSet{
	name: "portable Go, which is far from the limit of the processor",
	fma: func(n int) float64 {
		var a, b, c, d float32
		for range n {
			a, b, c, d = a*0.5+1, b*0.5+1, c*0.5+1, d*0.5+1
		}
		keep(a + b + c + d)
		return float64(n) * 8
	},
	read: func(b []byte) {
		var sum byte
		for _, x := range b {
			sum += x
		}
		keep(float32(sum))
	},
	copy: func(to, from []byte) { copy(to, from) },
}

// keep keeps the compiler from leaving out what computes x.
//
//go:noinline
func keep(float32) {}
