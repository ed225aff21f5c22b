package main

import (
	"math"
	"math/rand/v2"
)

// habits are what people do to the printed form of a digit: which strokes they
// drop, add, straighten or leave open.
var habits = [10]func([]stroke, *rand.Rand) []stroke{
	zero, one, two, three, four, five, six, seven, asPrinted, nine,
}

func asPrinted(s []stroke, _ *rand.Rand) []stroke { return s }

// chance is true with probability p.
func chance(rng *rand.Rand, p float64) bool { return rng.Float64() < p }

// uniform is a number in [lo, hi).
func uniform(rng *rand.Rand, lo, hi float64) float64 { return lo + (hi-lo)*rng.Float64() }

// normal is a number near zero.
func normal(rng *rand.Rand, deviation float64) float64 { return deviation * rng.NormFloat64() }

// key is the point of all strokes that is farthest in the direction (dx, dy).
func key(strokes []stroke, dx, dy float64) point {
	var all stroke
	for _, s := range strokes {
		all = append(all, s...)
	}
	return all[all.extreme(dx, dy)]
}

// zero: the Go fonts slash theirs, and few people do.
func zero(strokes []stroke, rng *rand.Rand) []stroke {
	if chance(rng, 0.03) {
		return strokes
	}
	for _, s := range strokes {
		if s.closed() {
			return []stroke{s}
		}
	}
	return strokes
}

// one: most write the stem alone, some a flag, few a foot.
func one(strokes []stroke, rng *rand.Rand) []stroke {
	if chance(rng, 0.07) {
		return strokes
	}
	top, foot := key(strokes, 0.3, -1), key(strokes, 0, 1)
	foot.x = mix(key(strokes, -1, 1), key(strokes, 1, 1), 0.5).x
	s := line(top, foot)
	if chance(rng, 0.2) {
		flag := line(point{top.x - uniform(rng, 0.1, 0.3), top.y + uniform(rng, 0.05, 0.3)}, top)
		s = append(flag, s...)
	}
	return []stroke{s}
}

// two: some go from the neck to the base in a loop.
func two(strokes []stroke, rng *rand.Rand) []stroke {
	if !chance(rng, 0.35) {
		return strokes
	}
	var out []stroke
	for _, s := range strokes {
		at := s.extreme(-1, 1.2)
		if s[0].y > 0.5 {
			s, at = s.reversed(), len(s)-1-at
		}
		if at < 20 || at > len(s)-10 {
			out = append(out, s)
			continue
		}
		r := uniform(rng, 0.03, 0.13)
		from := at - int(r/step/2)
		neck := s[from-8]
		way := math.Atan2(s[from].y-neck.y, s[from].x-neck.x) // of the pen, y down
		cx, cy := s[from].x-r*math.Sin(way), s[from].y+r*math.Cos(way)
		flat := uniform(rng, 0.6, 1)
		loop := append(stroke{}, s[:from]...)
		for t := 0.0; t <= 2*math.Pi-way; t += step / r {
			a := way - math.Pi/2 + t
			loop = append(loop, point{cx + r*math.Cos(a), cy + flat*r*math.Sin(a)})
		}
		// The base goes on where the loop ends.
		end := loop[len(loop)-1]
		for _, p := range s[at:] {
			loop = append(loop, point{p.x - s[at].x + end.x, p.y - s[at].y + end.y})
		}
		out = append(out, loop)
	}
	return out
}

// three: the two bows seldom meet in a stroke of their own.
func three(strokes []stroke, rng *rand.Rand) []stroke {
	if len(strokes) != 2 || chance(rng, 0.3) {
		return strokes
	}
	upper, lower := strokes[0], strokes[1]
	if upper[upper.extreme(0, -1)].y > lower[lower.extreme(0, -1)].y {
		upper, lower = lower, upper
	}
	if lower[0].y > lower[len(lower)-1].y {
		lower = lower.reversed()
	}
	if upper[0].y > upper[len(upper)-1].y {
		upper = upper.reversed()
	}
	meet := 0
	for i, p := range upper {
		if dist(p, lower[0]) < dist(upper[meet], lower[0]) {
			meet = i
		}
	}
	meet = min(len(upper), meet+rng.IntN(12))
	back := append(stroke{}, upper[:meet]...)
	if chance(rng, 0.5) {
		return []stroke{append(back, lower...)}
	}
	return []stroke{back, lower}
}

// four: many write it in two strokes, open at the top.
func four(strokes []stroke, rng *rand.Rand) []stroke {
	if chance(rng, 0.3) {
		return strokes
	}
	top, corner, foot := key(strokes, 0, -1), key(strokes, -1, 0.1), key(strokes, 0, 1)
	bar := key(strokes, 1, 0.8)
	bar = point{max(bar.x, top.x) + uniform(rng, -0.05, 0.2), corner.y + normal(rng, 0.05)}
	if foot.y-corner.y < 0.1 {
		foot.y = 1
	}
	foot.x = mix(key(strokes, -0.2, 1), key(strokes, 0.2, 1), 0.5).x
	left := mix(top, point{corner.x + uniform(rng, -0.1, 0.2), top.y + uniform(rng, -0.1, 0.15)}, uniform(rng, 0.1, 1))
	top.y += uniform(rng, -0.15, 0.35)
	return []stroke{append(line(left, corner), line(corner, bar)...), line(top, foot)}
}

// five: some write the bar last, and not where it should be.
func five(strokes []stroke, rng *rand.Rand) []stroke {
	if len(strokes) != 1 || chance(rng, 0.4) {
		return strokes
	}
	s := strokes[0]
	if s[0].y > s[len(s)-1].y {
		s = s.reversed()
	}
	at := s.extreme(-1, -1)
	if at < 5 || at > len(s)/2 {
		return strokes
	}
	from, to := s[at], s[0]
	shift := point{normal(rng, 0.05), normal(rng, 0.05)}
	tilt, long := uniform(rng, -0.25, 0.1), uniform(rng, 0.6, 1.5)
	return []stroke{
		line(point{from.x + shift.x, from.y + shift.y}, point{from.x + shift.x + long*(to.x-from.x), from.y + shift.y + tilt}),
		s[at:],
	}
}

// seven: some cross the stem, some begin with a hook.
func seven(strokes []stroke, rng *rand.Rand) []stroke {
	out := append([]stroke{}, strokes...)
	if chance(rng, 0.2) {
		y := uniform(rng, 0.4, 0.65)
		x := mix(key(strokes, 1, -1), key(strokes, 0, 1), y).x + normal(rng, 0.04)
		half, tilt := uniform(rng, 0.1, 0.3), uniform(rng, -0.1, 0.05)
		out = append(out, line(point{x - half, y - tilt}, point{x + half, y + tilt}))
	}
	if chance(rng, 0.25) {
		from := key(strokes, -1, -1)
		out = append(out, line(point{from.x + normal(rng, 0.03), from.y + uniform(rng, 0.05, 0.25)}, from))
	}
	return out
}

// six is a nine turned by half a circle.
func six(strokes []stroke, rng *rand.Rand) []stroke {
	return turned(nine(turned(strokes), rng))
}

func turned(strokes []stroke) []stroke {
	var out []stroke
	for _, s := range strokes {
		t := make(stroke, len(s))
		for i, p := range s {
			t[i] = point{-p.x, 1 - p.y}
		}
		out = append(out, t)
	}
	return out
}

// nine: the tail is often a straight stroke, down from the side of the bowl.
func nine(strokes []stroke, rng *rand.Rand) []stroke {
	if chance(rng, 0.35) {
		return strokes
	}
	var out []stroke
	for _, s := range strokes {
		if s[0].y > s[len(s)-1].y {
			s = s.reversed()
		}
		cut, n := uniform(rng, 0.25, 0.6), len(s)
		for n > 0 && s[n-1].y > cut {
			n--
		}
		if s[len(s)-1].y < 0.7 || n < 20 {
			out = append(out, s)
			continue
		}
		from := s[n-1]
		foot := point{from.x + uniform(rng, -0.3, 0.08), 1 + uniform(rng, -0.1, 0.25)}
		out = append(out, append(append(stroke{}, s[:n]...), line(from, foot)...))
	}
	return out
}
