package main

// thin reduces ink to lines one pixel wide, after Zhang and Suen (1984).
func thin(m *bitmap) *bitmap {
	out := *m
	for changed := true; changed; {
		changed = false
		for pass := range 2 {
			var gone [][2]int
			for y := 1; y <= grid; y++ {
				for x := 1; x <= grid; x++ {
					if out[y][x] && removable(&out, x, y, pass) {
						gone = append(gone, [2]int{x, y})
					}
				}
			}
			for _, g := range gone {
				out[g[1]][g[0]] = false
				changed = true
			}
		}
	}
	return &out
}

// removable: the pixel has two to six neighbours in one run, and lies on the side
// that the pass removes.
func removable(m *bitmap, x, y, pass int) bool {
	ring := [8]bool{m[y-1][x], m[y-1][x+1], m[y][x+1], m[y+1][x+1], m[y+1][x], m[y+1][x-1], m[y][x-1], m[y-1][x-1]}
	count, runs := 0, 0
	for i, on := range ring {
		if on {
			count++
		} else if ring[(i+1)%8] {
			runs++
		}
	}
	if count < 2 || count > 6 || runs != 1 {
		return false
	}
	n, e, s, w := ring[0], ring[2], ring[4], ring[6]
	if pass == 0 {
		return !(n && e && s) && !(e && s && w)
	}
	return !(n && e && w) && !(n && s && w)
}
