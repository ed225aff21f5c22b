package main

import (
	"math"
	"math/rand/v2"
	"slices"
)

// write is a digit as a hand writes it once: its habits, then what happens to
// every stroke on the way.
func write(digit int, strokes []stroke, rng *rand.Rand) []stroke {
	round := min(0.12, math.Abs(normal(rng, 0.05)))
	slips := uniform(rng, 0, 0.04)
	var out []stroke
	for _, s := range habits[digit](strokes, rng) {
		s = s.resample().smooth(round)
		if s.closed() {
			s = unclosed(s, rng)
		}
		s = swayed(reaching(s, slips, rng), rng)
		dx, dy := normal(rng, slips), normal(rng, slips)
		for i := range s {
			s[i].x += dx
			s[i].y += dy
		}
		if n := len(s); n > 30 && chance(rng, 0.07) { // the pen did not write for a moment
			at := rng.IntN(n - 20)
			out = append(out, s[:at+5])
			s = s[at+5+rng.IntN(10):]
		}
		out = append(out, s)
	}
	return out
}

// unclosed starts a circle near its top and ends it before or after its start.
func unclosed(s stroke, rng *rand.Rand) stroke {
	a := uniform(rng, -1.2, 1.2)
	at := s.extreme(math.Sin(a), -math.Cos(a))
	s = append(slices.Clone(s[at:]), s[:at]...)
	if miss := int(normal(rng, 0.07) / step); miss < 0 {
		s = append(s, s[:min(-miss, len(s)/4)]...)
	} else {
		s = s[:len(s)-min(miss, len(s)/4)]
	}
	dx, dy := normal(rng, 0.04), normal(rng, 0.04)
	for i := range s {
		t := math.Pow(float64(i)/float64(len(s)), 3)
		s[i].x += dx * t
		s[i].y += dy * t
	}
	if chance(rng, 0.5) {
		s = s.reversed()
	}
	return s
}

// reaching makes both ends of a stroke too long or too short.
func reaching(s stroke, slips float64, rng *rand.Rand) stroke {
	for range 2 {
		s = s.reversed()
		by := int(normal(rng, 0.02+slips) / step)
		n := len(s)
		switch {
		case n < 15: // a dash
		case by < 0:
			s = s[:n-min(-by, n/5)]
		default:
			last, before := s[n-1], s[n-6]
			for i := range by {
				s = append(s, mix(before, last, 1+float64(i+1)/5))
			}
		}
	}
	return s
}

// swayed adds slow waves along a stroke, and sometimes a tremor.
func swayed(s stroke, rng *rand.Rand) stroke {
	type wave struct{ x, y, number, phase float64 }
	var waves []wave
	add := func(height, shortest, longest float64) {
		height = normal(rng, height)
		a := uniform(rng, 0, 2*math.Pi)
		number := 2 * math.Pi / uniform(rng, shortest, longest)
		waves = append(waves, wave{height * math.Cos(a), height * math.Sin(a), number, uniform(rng, 0, 2*math.Pi)})
	}
	for range 3 {
		add(0.025, 0.5, 2)
	}
	if chance(rng, 0.15) {
		add(0.01, 0.1, 0.3)
	}
	out := slices.Clone(s)
	for i := range out {
		for _, w := range waves {
			v := math.Sin(w.number*float64(i)*step + w.phase)
			out[i].x += w.x * v
			out[i].y += w.y * v
		}
	}
	return out
}
