package main

import (
	"math"
	"math/rand/v2"
)

const (
	side  = 28 // of a picture
	fine  = 4  // subpixels along a side of a pixel
	field = side * fine
)

// draw is one picture of a digit: written or printed, distorted, inked, and
// framed as MNIST frames its digits: the ink within about 20x20 pixels, its centre
// of mass in the middle.
func draw(g glyphs, digit int, s style, rng *rand.Rand) []byte {
	from := g[s.face][digit]
	var ps []point
	if s.pen == outline {
		ps = from.ink
		if digit == 0 && chance(rng, 0.9) {
			ps = unslashed(ps)
		}
	} else {
		for _, line := range write(digit, from.strokes, rng) {
			ps = append(ps, line...)
		}
	}
	ps = warp(ps, rng)

	lo, hi := bounds(ps)
	size := max(hi.x-lo.x, hi.y-lo.y)
	box := uniform(rng, 18.5, 20.5) * fine
	radius := uniform(rng, 2, 6) // half the width of a line, in subpixels
	if s.pen == outline {
		radius = uniform(rng, 0.55, 2.5) * from.pixel * box / size
	}
	scale := (box - 2*radius) / size
	for i, p := range ps {
		ps[i] = point{(p.x-(lo.x+hi.x)/2)*scale + field/2, (p.y-(lo.y+hi.y)/2)*scale + field/2}
	}
	return develop(ink(ps, s.pen, radius, rng), rng)
}

// unslashed drops what lies within a zero.
func unslashed(ps []point) []point {
	lo, hi := bounds(ps)
	var kept []point
	for _, p := range ps {
		u, v := (2*p.x-lo.x-hi.x)/(hi.x-lo.x), (2*p.y-lo.y-hi.y)/(hi.y-lo.y)
		if math.Hypot(u, v) > 0.62 {
			kept = append(kept, p)
		}
	}
	return kept
}

// warp is what the whole picture suffers: other proportions, smooth waves in random
// directions, perspective, slant and rotation.
func warp(ps []point, rng *rand.Rand) []point {
	angle := normal(rng, 0.17)
	slant := uniform(rng, -0.6, 0.3) // negative leans to the right, as most hands do
	wide := math.Exp(normal(rng, 0.28))
	taper := uniform(rng, -0.4, 0.4)
	waist := uniform(rng, -0.15, 0.15) // moves the middle up or down
	sin, cos := math.Sincos(angle)
	type wave struct{ ax, ay, fx, fy, phase float64 }
	waves := make([]wave, 5)
	for i := range waves {
		amp := math.Abs(normal(rng, 0.03))
		dir := uniform(rng, 0, 2*math.Pi)
		number, at := uniform(rng, 2, 8), uniform(rng, 0, 2*math.Pi)
		waves[i] = wave{amp * math.Cos(dir), amp * math.Sin(dir), number * math.Cos(at), number * math.Sin(at), uniform(rng, 0, 2*math.Pi)}
	}
	out := make([]point, len(ps))
	for i, p := range ps {
		x, y := p.x, p.y-0.5+waist*math.Sin(math.Pi*p.y)
		for _, w := range waves {
			v := math.Sin(w.fx*p.x + w.fy*p.y + w.phase)
			x, y = x+w.ax*v, y+w.ay*v
		}
		x = x*wide*(1+taper*y) + slant*y
		out[i] = point{cos*x - sin*y, sin*x + cos*y}
	}
	return out
}
