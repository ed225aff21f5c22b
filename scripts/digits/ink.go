package main

import (
	"math"
	"math/rand/v2"
)

// ink puts a pen down at each point. The paper is field x field, 0 to 1.
func ink(ps []point, with pen, radius float64, rng *rand.Rand) []float64 {
	paper := make([]float64, field*field)
	fx, fy, phase := uniform(rng, -5, 5), uniform(rng, -5, 5), uniform(rng, 0, 2*math.Pi)
	nib := uniform(rng, 0, math.Pi)
	for _, p := range ps {
		rx, ry, turn := radius, radius, 0.0
		switch with {
		case pressure:
			rx *= 1 + 0.5*math.Sin((fx*p.x+fy*p.y)/field+phase)
			ry = rx
		case chisel:
			rx, ry, turn = radius*1.3, radius*0.45, nib
		}
		stamp(paper, p, max(rx, 0.7), max(ry, 0.7), turn)
	}
	return paper
}

// stamp inks an ellipse with a soft edge of one subpixel.
func stamp(paper []float64, at point, rx, ry, turn float64) {
	sin, cos := math.Sincos(turn)
	reach := int(max(rx, ry)) + 2
	cx, cy := int(at.x), int(at.y)
	for y := max(0, cy-reach); y < min(field, cy+reach+1); y++ {
		for x := max(0, cx-reach); x < min(field, cx+reach+1); x++ {
			dx, dy := float64(x)+0.5-at.x, float64(y)+0.5-at.y
			u, v := (cos*dx+sin*dy)/rx, (cos*dy-sin*dx)/ry
			edge := (1-math.Sqrt(u*u+v*v))*min(rx, ry) + 0.5
			if edge > 0 {
				i := y*field + x
				paper[i] = max(paper[i], min(1, edge))
			}
		}
	}
}

// develop moves the ink's centre of mass to about the middle, averages subpixels
// to pixels and gives them contrast, blur and noise.
func develop(paper []float64, rng *rand.Rand) []byte {
	var mass, mx, my float64
	for i, v := range paper {
		mass += v
		mx += v * (float64(i%field) + 0.5)
		my += v * (float64(i/field) + 0.5)
	}
	dx := int(math.Round(field/2 - mx/mass + uniform(rng, -fine/2, fine/2)))
	dy := int(math.Round(field/2 - my/mass + uniform(rng, -fine/2, fine/2)))
	pixels := make([]float64, side*side)
	for i, v := range paper {
		x, y := i%field+dx, i/field+dy
		if v > 0 && x >= 0 && x < field && y >= 0 && y < field {
			pixels[y/fine*side+x/fine] += v / (fine * fine)
		}
	}
	if chance(rng, 0.5) {
		pixels = blur(pixels, uniform(rng, 0, 0.7))
	}
	gain, gamma, noise := uniform(rng, 0.85, 1.8), uniform(rng, 0.6, 1.4), 0.0
	if chance(rng, 0.25) {
		noise = uniform(rng, 0, 0.08)
	}
	out := make([]byte, len(pixels))
	for i, v := range pixels {
		v = math.Pow(min(1, v*gain), gamma) + normal(rng, noise)
		out[i] = byte(math.Round(255 * max(0, min(1, v))))
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
