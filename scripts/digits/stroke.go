package main

import "math"

// A stroke is the path of a pen. Those of a glyph have points at equal steps.
type stroke []point

// step is the distance of neighbouring points of a stroke.
const step = 0.01

func dist(a, b point) float64 { return math.Hypot(a.x-b.x, a.y-b.y) }

// mix is the point between a and b at t.
func mix(a, b point, t float64) point { return point{a.x + t*(b.x-a.x), a.y + t*(b.y-a.y)} }

// line is a straight stroke.
func line(a, b point) stroke { return stroke{a, b}.resample() }

// resample puts points at equal steps along the same path.
func (s stroke) resample() stroke {
	length := 0.0
	for i := 1; i < len(s); i++ {
		length += dist(s[i-1], s[i])
	}
	n := max(2, int(math.Round(length/step))+1)
	out := make(stroke, 0, n)
	at, i := 0.0, 1 // the distance of s[i-1] from the start
	for k := range n {
		want := length * float64(k) / float64(n-1)
		for i < len(s)-1 && at+dist(s[i-1], s[i]) < want {
			at += dist(s[i-1], s[i])
			i++
		}
		t := 0.0
		if d := dist(s[i-1], s[i]); d > 0 {
			t = min(1, (want-at)/d)
		}
		out = append(out, mix(s[i-1], s[i], t))
	}
	return out
}

// smooth rounds corners: each point becomes the mean of those nearer than reach
// along the stroke, of fewer near its ends, which stay. It is done twice.
func (s stroke) smooth(reach float64) stroke {
	for range 2 {
		out := make(stroke, len(s))
		for i := range s {
			r := min(int(reach/step), i, len(s)-1-i)
			var sum point
			for _, p := range s[i-r : i+r+1] {
				sum.x += p.x
				sum.y += p.y
			}
			n := float64(2*r + 1)
			out[i] = point{sum.x / n, sum.y / n}
		}
		s = out
	}
	return s
}

// closed says that the stroke ends where it starts.
func (s stroke) closed() bool { return len(s) > 40 && dist(s[0], s[len(s)-1]) < 3*step }

func (s stroke) reversed() stroke {
	out := make(stroke, len(s))
	for i, p := range s {
		out[len(s)-1-i] = p
	}
	return out
}

// extreme is the index of the point farthest in the direction (dx, dy).
func (s stroke) extreme(dx, dy float64) int {
	best := 0
	for i, p := range s {
		if p.x*dx+p.y*dy > s[best].x*dx+s[best].y*dy {
			best = i
		}
	}
	return best
}
