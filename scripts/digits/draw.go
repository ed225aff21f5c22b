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

// draw is one picture: the digit's points are distorted, fitted into about 20x20
// pixels, centred by mass as in MNIST, and inked.
func draw(g glyphs, digit int, s style, rng *rand.Rand) []byte {
	src := g[s.face][digit]
	ps := src.ink
	if s.pen != outline {
		ps = src.line
	}
	if digit == 0 && rng.Float64() < 0.85 {
		ps = unslashed(ps)
	}
	if s.pen != outline {
		ps = write(digit, ps, rng)
	}
	ps = warp(ps, rng)
	box := uniform(rng, 17.5, 21)
	ps, scale := fit(ps, box*fine)
	paper := ink(ps, s, scale, rng)
	return develop(paper, rng)
}

// warp is an affine map and two smooth waves, in random directions.
func warp(ps []point, rng *rand.Rand) []point {
	angle := rng.NormFloat64() * 0.2
	shear := uniform(rng, -0.55, 0.35) // a positive x at the top: people lean right
	wide := math.Exp(rng.NormFloat64() * 0.3)
	taper := uniform(rng, -0.5, 0.5) // perspective: the top wider or narrower
	sin, cos := math.Sincos(angle)
	type wave struct{ ax, ay, fx, fy, phase float64 }
	waves := make([]wave, 6)
	for i := range waves {
		amp := math.Abs(rng.NormFloat64()) * 0.04
		dir := uniform(rng, 0, 2*math.Pi)
		freq, at := uniform(rng, 2, 10), uniform(rng, 0, 2*math.Pi)
		waves[i] = wave{amp * math.Cos(dir), amp * math.Sin(dir), freq * math.Cos(at), freq * math.Sin(at), uniform(rng, 0, 2*math.Pi)}
	}
	out := make([]point, len(ps))
	for i, p := range ps {
		x, y := p.x-0.45, p.y-0.5
		for _, w := range waves {
			v := math.Sin(w.fx*p.x + w.fy*p.y + w.phase)
			x, y = x+w.ax*v, y+w.ay*v
		}
		x = x*wide*(1+taper*y) + shear*y
		out[i] = point{cos*x - sin*y, sin*x + cos*y}
	}
	return out
}

// fit scales points so that the larger side of their box is size, and moves
// their mean to the centre of the field. It returns the scale.
func fit(ps []point, size float64) ([]point, float64) {
	lo, hi := point{math.Inf(1), math.Inf(1)}, point{math.Inf(-1), math.Inf(-1)}
	var mean point
	for _, p := range ps {
		lo = point{math.Min(lo.x, p.x), math.Min(lo.y, p.y)}
		hi = point{math.Max(hi.x, p.x), math.Max(hi.y, p.y)}
		mean.x += p.x / float64(len(ps))
		mean.y += p.y / float64(len(ps))
	}
	scale := size / math.Max(hi.x-lo.x, math.Max(hi.y-lo.y, 1e-3))
	out := make([]point, len(ps))
	for i, p := range ps {
		out[i] = point{(p.x-mean.x)*scale + field/2, (p.y-mean.y)*scale + field/2}
	}
	return out, scale
}

// ink puts a nib down at each point; the paper is field x field.
func ink(ps []point, s style, scale float64, rng *rand.Rand) []float64 {
	paper := make([]float64, field*field)
	radius := uniform(rng, 2, 6.5) // half a line, in subpixels
	if s.pen == outline {
		radius = uniform(rng, 0.55, 1.2) * scale / grid // pixels of the glyph, grown or shrunk
	}
	fx, fy, phase := uniform(rng, -4, 4), uniform(rng, -4, 4), uniform(rng, 0, 2*math.Pi)
	nib := uniform(rng, 0, math.Pi)
	for _, p := range ps {
		rx, ry, turn := radius, radius, 0.0
		switch s.pen {
		case pressure:
			rx *= 1 + 0.5*math.Sin(fx*p.x/field+fy*p.y/field+phase)
			ry = rx
		case chisel:
			rx, ry, turn = radius*1.3, radius*0.45, nib
		}
		stamp(paper, p, math.Max(rx, 0.7), math.Max(ry, 0.7), turn)
	}
	return paper
}

// stamp inks an ellipse with a soft edge of one subpixel.
func stamp(paper []float64, at point, rx, ry, turn float64) {
	sin, cos := math.Sincos(turn)
	reach := int(math.Max(rx, ry)) + 2
	cx, cy := int(at.x), int(at.y)
	for y := max(0, cy-reach); y < min(field, cy+reach+1); y++ {
		for x := max(0, cx-reach); x < min(field, cx+reach+1); x++ {
			dx, dy := float64(x)+0.5-at.x, float64(y)+0.5-at.y
			u, v := (cos*dx+sin*dy)/rx, (cos*dy-sin*dx)/ry
			edge := (1-math.Hypot(u, v))*math.Min(rx, ry) + 0.5
			if edge > 0 {
				i := y*field + x
				paper[i] = math.Max(paper[i], math.Min(1, edge))
			}
		}
	}
}

// develop averages subpixels to pixels and gives them contrast, blur and noise.
func develop(paper []float64, rng *rand.Rand) []byte {
	pixels := make([]float64, side*side)
	for y := range field {
		for x := range field {
			pixels[y/fine*side+x/fine] += paper[y*field+x] / (fine * fine)
		}
	}
	if rng.Float64() < 0.5 {
		pixels = blur(pixels, uniform(rng, 0, 0.6))
	}
	gain, gamma := uniform(rng, 0.85, 1.6), uniform(rng, 0.6, 1.4)
	noise := 0.0
	if rng.Float64() < 0.3 {
		noise = uniform(rng, 0, 0.08)
	}
	out := make([]byte, len(pixels))
	for i, v := range pixels {
		v = math.Pow(math.Min(1, v*gain), gamma) + noise*rng.NormFloat64()
		out[i] = byte(math.Round(255 * math.Max(0, math.Min(1, v))))
	}
	return out
}

// blur mixes each pixel with its four neighbours.
func blur(p []float64, amount float64) []float64 {
	out := make([]float64, len(p))
	at := func(x, y int) float64 {
		if x < 0 || y < 0 || x >= side || y >= side {
			return 0
		}
		return p[y*side+x]
	}
	for y := range side {
		for x := range side {
			around := (at(x-1, y) + at(x+1, y) + at(x, y-1) + at(x, y+1)) / 4
			out[y*side+x] = (1-amount)*at(x, y) + amount*around
		}
	}
	return out
}
