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
		if r := rng.Float64(); r < 0.75 {
			line = stem(line, r < 0.2)
		}
	case 4: // open at the top, the left stroke upright
		if rng.Float64() < 0.6 {
			line = opened(line, uniform(rng, 0.1, 0.35))
		}
	case 6, 9: // the tail a straight stroke
		if rng.Float64() < 0.5 {
			line = straightTail(line, digit == 9, rng)
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

// opened leans the diagonal of a four to the left, so that it leaves the stem.
func opened(line []point, lean float64) []point {
	lo, hi := spanY(line)
	right := math.Inf(-1)
	for _, p := range line {
		if p.y < lo+(hi-lo)*0.15 {
			right = math.Max(right, p.x)
		}
	}
	bar := lo + (hi-lo)*0.65
	out := make([]point, 0, len(line))
	for _, p := range line {
		if d := right - p.x; p.y < bar && d > 0.02 {
			p.x -= lean * (bar - p.y) / (bar - lo)
		}
		out = append(out, p)
	}
	return out
}

// straightTail replaces the curved tail of a nine, or of a six turned round, by a
// stroke from the side of its bowl.
func straightTail(line []point, nine bool, rng *rand.Rand) []point {
	lo, hi := spanY(line)
	x0, x1 := math.Inf(1), math.Inf(-1)
	for _, p := range line {
		x0, x1 = math.Min(x0, p.x), math.Max(x1, p.x)
	}
	turn := func(p point) point { // a six is a nine turned by half a circle
		if nine {
			return p
		}
		return point{x0 + x1 - p.x, lo + hi - p.y}
	}
	cut := lo + (hi-lo)*uniform(rng, 0.5, 0.62)
	var kept []point
	start := point{x: math.Inf(-1)}
	for _, p := range line {
		if p = turn(p); p.y >= cut {
			continue
		}
		kept = append(kept, turn(p))
		if p.x > start.x || p.x > x1-0.02 && p.y > start.y {
			start = p
		}
	}
	end := point{start.x + uniform(rng, -0.15, 0.03), hi + uniform(rng, 0, 0.15)}
	for t := 0.0; t <= 1; t += 0.02 {
		kept = append(kept, turn(point{start.x + t*(end.x-start.x), start.y + t*(end.y-start.y)}))
	}
	return kept
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
