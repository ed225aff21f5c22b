package bench

var loops = loopSet{"vectors of 128 bits", func(n int) float64 { fma128(n); return float64(n) * 24 * 4 * 2 }, readVectors, copyVectors}

func readVectors(b []byte) {
	if n := len(b) &^ 255; n > 0 {
		read128(&b[0], n)
	}
}

// copyVectors copies by ordinary stores: these processors find out by themselves that
// whole lines are written.
func copyVectors(to, from []byte) {
	n := min(len(to), len(from)) &^ 255
	if n > 0 {
		copy128(&to[0], &from[0], n)
	}
	copy(to[n:], from[n:])
}

// fma128 does n rounds of 24 multiply-adds of vectors.
func fma128(n int)

// read128 reads n bytes, a multiple of 256.
func read128(p *byte, n int)

// copy128 copies n bytes, a multiple of 256.
func copy128(to, from *byte, n int)
