package main

import (
	"math"
	"math/rand/v2"
)

// A pen says how ink is put on the paper.
type pen int

const (
	outline  pen = iota // the glyph's own ink, thicker or thinner
	ball                // a line of even width along the centre
	pressure            // a line whose width changes on the way
	chisel              // a broad nib: the width depends on the direction
	pens
)

// A style is what held-out pictures differ in from training ones.
type style struct {
	face int
	pen  pen
}

// trainStyles are all faces and pens but the held-out ones.
func trainStyles() []style {
	var s []style
	for f := range len(faces) - heldFaces {
		for p := range chisel {
			s = append(s, style{f, p})
		}
	}
	return s
}

// heldStyles have a face or a pen that no training style has.
func heldStyles() []style {
	var s []style
	for f := range faces {
		for p := range pens {
			if f >= len(faces)-heldFaces || p == chisel {
				s = append(s, style{f, p})
			}
		}
	}
	return s
}

// uniform is a number in [lo, hi).
func uniform(rng *rand.Rand, lo, hi float64) float64 { return lo + (hi-lo)*rng.Float64() }

// write imitates how people leave the shape of a printed digit: it drops or adds
// parts of the centre line.
func write(digit int, line []point, rng *rand.Rand) []point {
	switch digit {
	case 1: // most people write the stem alone, some keep the flag
		if r := rng.Float64(); r < 0.6 {
			line = stem(line, r < 0.15)
		}
	case 4: // open at the top
		if rng.Float64() < 0.5 {
			line = without(line, top(line), uniform(rng, 0.05, 0.2))
		}
	case 7: // with a bar
		if rng.Float64() < 0.25 {
			line = withBar(line, rng)
		}
	}
	if rng.Float64() < 0.15 { // a pen that did not write for a moment
		line = without(line, line[rng.IntN(len(line))], uniform(rng, 0.02, 0.05))
	}
	return line
}

// unslashed drops what lies within a zero: the Go fonts slash theirs, and few
// people do.
func unslashed(ps []point) []point {
	x0, x1 := math.Inf(1), math.Inf(-1)
	for _, p := range ps {
		x0, x1 = math.Min(x0, p.x), math.Max(x1, p.x)
	}
	y0, y1 := spanY(ps)
	var kept []point
	for _, p := range ps {
		u, v := (2*p.x-x0-x1)/(x1-x0), (2*p.y-y0-y1)/(y1-y0)
		if math.Hypot(u, v) > 0.62 {
			kept = append(kept, p)
		}
	}
	return kept
}

// stem keeps the longest vertical part, and what lies above its middle if flag.
func stem(line []point, flag bool) []point {
	count := map[int]int{}
	for _, p := range line {
		count[int(p.x*grid/3)]++
	}
	best := 0
	for c := range grid {
		if count[c] > count[best] {
			best = c
		}
	}
	at := (float64(best) + 0.5) * 3 / grid
	lo, hi := spanY(line)
	var kept []point
	for _, p := range line {
		slant := 0.25 * math.Abs(p.y-(lo+hi)/2) // italic stems lean
		if math.Abs(p.x-at) < 0.04+slant && (flag || p.y < hi-0.03 || math.Abs(p.x-at) < 0.03+slant) || flag && p.y < (lo+hi)/2 {
			kept = append(kept, p)
		}
	}
	return kept
}

func spanY(ps []point) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, p := range ps {
		lo, hi = math.Min(lo, p.y), math.Max(hi, p.y)
	}
	return lo, hi
}

func top(ps []point) point {
	best := ps[0]
	for _, p := range ps {
		if p.y < best.y {
			best = p
		}
	}
	return best
}

// without drops what is nearer than r to a point.
func without(ps []point, at point, r float64) []point {
	var kept []point
	for _, p := range ps {
		if math.Hypot(p.x-at.x, p.y-at.y) >= r {
			kept = append(kept, p)
		}
	}
	if len(kept) < len(ps)/2 {
		return ps
	}
	return kept
}

func withBar(line []point, rng *rand.Rand) []point {
	lo, hi := spanY(line)
	y := lo + (hi-lo)*uniform(rng, 0.4, 0.6)
	var x, n float64
	for _, p := range line {
		if math.Abs(p.y-y) < 0.02 {
			x, n = x+p.x, n+1
		}
	}
	if n == 0 {
		return line
	}
	half, tilt := uniform(rng, 0.1, 0.2), uniform(rng, -0.3, 0.3)
	for t := -1.0; t <= 1; t += 0.05 {
		line = append(line[:len(line):len(line)], point{x/n + t*half, y + t*half*tilt})
	}
	return line
}
