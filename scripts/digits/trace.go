package main

import (
	"math"
	"slices"
)

// A graph is a skeleton as edges between nodes: the ends of lines and the places
// where they meet.
type graph struct {
	at    []point // of each node
	edges []edge
}

// An edge runs from node ends[0] to node ends[1].
type edge struct {
	ends [2]int
	path stroke
}

// trace turns a skeleton into strokes, as one would write it: a stroke that
// reaches a crossing goes on in the straightest way. Units are pixels.
func trace(m *bitmap) []stroke {
	g := newGraph(m)
	g.clean(grid/9, grid/6)
	return g.strokes()
}

// newGraph walks the pixels of a skeleton.
func newGraph(m *bitmap) *graph {
	type pixel struct{ x, y int }
	near := func(p pixel) []pixel {
		var ps []pixel
		on := func(dx, dy int) bool { return m[p.y+dy][p.x+dx] }
		for _, d := range [4]pixel{{0, -1}, {1, 0}, {0, 1}, {-1, 0}} {
			if on(d.x, d.y) {
				ps = append(ps, pixel{p.x + d.x, p.y + d.y})
			}
		}
		for _, d := range [4]pixel{{1, -1}, {1, 1}, {-1, 1}, {-1, -1}} {
			// A diagonal step that two straight ones make too is none.
			if on(d.x, d.y) && !on(d.x, 0) && !on(0, d.y) {
				ps = append(ps, pixel{p.x + d.x, p.y + d.y})
			}
		}
		return ps
	}
	g := &graph{}
	nodes := map[pixel]int{}
	var order []pixel
	node := func(p pixel) {
		nodes[p] = len(order)
		order = append(order, p)
		g.at = append(g.at, point{float64(p.x), float64(p.y)})
	}
	seen := map[pixel]bool{}
	walk := func(from, to pixel) {
		path := stroke{g.at[nodes[from]]}
		last := from
		for {
			path = append(path, point{float64(to.x), float64(to.y)})
			seen[to] = true
			if n, ok := nodes[to]; ok {
				g.edges = append(g.edges, edge{[2]int{nodes[from], n}, path})
				return
			}
			for _, p := range near(to) {
				if p != last {
					last, to = to, p
					break
				}
			}
		}
	}
	each := func(f func(pixel)) {
		for y := 1; y <= grid; y++ {
			for x := 1; x <= grid; x++ {
				if m[y][x] {
					f(pixel{x, y})
				}
			}
		}
	}
	each(func(p pixel) {
		if len(near(p)) != 2 {
			node(p)
			seen[p] = true
		}
	})
	for _, from := range order {
		for _, to := range near(from) {
			if n, ok := nodes[to]; ok && n > nodes[from] || !ok && !seen[to] {
				walk(from, to)
			}
		}
	}
	each(func(p pixel) {
		if !seen[p] { // a circle
			node(p)
			walk(p, near(p)[0])
		}
	})
	return g
}

// clean drops short edges, the shortest first: spurs, which stick out of a line, and
// bridges, which separate two crossings that are one.
func (g *graph) clean(spur, bridge int) {
	for {
		degree := g.degrees()
		best, length := -1, max(spur, bridge)
		for i, e := range g.edges {
			a, b := degree[e.ends[0]], degree[e.ends[1]]
			limit := bridge
			if min(a, b) == 1 {
				limit = spur
			}
			if n := len(e.path); n < min(limit, length) && max(a, b) > 2 {
				best, length = i, n
			}
		}
		if best < 0 {
			return
		}
		e := g.edges[best]
		g.edges = slices.Delete(g.edges, best, best+1)
		a, b := e.ends[0], e.ends[1]
		if degree[a] == 1 || degree[b] == 1 || a == b {
			continue
		}
		g.at[a] = mix(g.at[a], g.at[b], 0.5)
		for i := range g.edges {
			for k, n := range g.edges[i].ends {
				if n == b {
					g.edges[i].ends[k] = a
				}
			}
		}
	}
}

func (g *graph) degrees() []int {
	degree := make([]int, len(g.at))
	for _, e := range g.edges {
		degree[e.ends[0]]++
		degree[e.ends[1]]++
	}
	return degree
}

// An end is one of the two of an edge.
type end struct{ edge, side int }

// strokes joins edges at their nodes.
func (g *graph) strokes() []stroke {
	partner := map[end]end{}
	for n := range g.at {
		var here []end
		for i, e := range g.edges {
			for k, m := range e.ends {
				if m == n {
					here = append(here, end{i, k})
				}
			}
		}
		// Two ends are a line in any case; of more, those that go straight on.
		turn := 2.0
		if len(here) > 2 {
			turn = -0.5
		}
		for {
			best, cos := [2]end{}, turn
			for i, a := range here {
				for _, b := range here[:i] {
					_, aTaken := partner[a]
					_, bTaken := partner[b]
					if c := g.cos(n, a, b); !aTaken && !bTaken && c < cos {
						best, cos = [2]end{a, b}, c
					}
				}
			}
			if cos == turn {
				break
			}
			partner[best[0]], partner[best[1]] = best[1], best[0]
		}
	}
	var out []stroke
	done := make([]bool, len(g.edges))
	follow := func(from end) {
		var s stroke
		for {
			done[from.edge] = true
			e := g.edges[from.edge]
			path := slices.Clone(e.path)
			path[0], path[len(path)-1] = g.at[e.ends[0]], g.at[e.ends[1]]
			if from.side == 1 {
				slices.Reverse(path)
			}
			s = append(s, path...)
			next, ok := partner[end{from.edge, 1 - from.side}]
			if !ok || done[next.edge] {
				out = append(out, s)
				return
			}
			from = next
		}
	}
	for i := range g.edges { // those that start at an end
		for side := range 2 {
			if _, ok := partner[end{i, side}]; !ok && !done[i] {
				follow(end{i, side})
			}
		}
	}
	for i := range g.edges { // circles
		if !done[i] {
			follow(end{i, 0})
		}
	}
	return out
}

// cos is that of the angle between two ends at a node: -1 when one continues the
// other.
func (g *graph) cos(n int, a, b end) float64 {
	away := func(e end) point {
		path := g.edges[e.edge].path
		i := min(len(path)-1, grid/10)
		if e.side == 1 {
			i = len(path) - 1 - i
		}
		d := point{path[i].x - g.at[n].x, path[i].y - g.at[n].y}
		l := math.Hypot(d.x, d.y)
		return point{d.x / max(l, 1e-9), d.y / max(l, 1e-9)}
	}
	p, q := away(a), away(b)
	return p.x*q.x + p.y*q.y
}
