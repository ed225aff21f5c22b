package passes

import (
	"math"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// Threads of a threadgroup: enough to hide latency, and any device allows them.
const (
	pointThreads = 256
	simdThreads  = 128 // four simdgroups, a point each
	groupThreads = 256
)

const (
	minRow      = ir.SimdWidth // elements that a simdgroup is worth waking for
	maxSimdRow  = 1024         // elements of one simdgroup: 32 of each lane
	minProduct  = 8            // rows, columns or terms that a tile is worth filling for
	smallMatrix = 16           // rows or columns up to which a tile has 16 of them
	largeMatrix = 128          // from which on it has 64
	fewPoints   = 2048         // that keep a GPU busy only with threads to each
	longColumn  = 256          // elements that are worth reading in a worse order then
	groupRows   = 32           // of a stream, of which a simdgroup has 8
	simdRows    = 8            // up to which all simdgroups have the same, and keys of their own
	blockKeys   = 32           // keys at a time
)

// metalSchedule chooses the form of a kernel by its sizes at the bounds of the dims.
func metalSchedule(k *ir.Kernel) *ir.Schedule {
	if w := k.Written; w != nil {
		s := &ir.Schedule{Form: ir.FormText, Threads: w.Threads(), Vec: 1}
		for _, a := range k.Args {
			s.Align = max(s.Align, int64(a.DType.Size()))
		}
		return s
	}
	s := &ir.Schedule{Form: ir.FormPoints, Threads: pointThreads, Vec: 1}
	switch row := rowLength(k); {
	case isProduct(k):
		s.Form, s.Threads, s.Tile = ir.FormTile, ir.TileThreads, tileOf(k.Contract)
	case k.Stream != nil:
		s.Form, s.Threads = ir.FormStream, ir.TileThreads
		s.Tile = ir.Tile{M: groupRows, N: int(most(k.Stream.N)), K: blockKeys}
		if most(k.Stream.M) <= simdRows {
			s.Tile.M = simdRows
		}
	case row >= minRow && alongRows(k, row):
		s.Form, s.Threads = ir.FormSimd, simdThreads
		if row > maxSimdRow {
			s.Form, s.Threads = ir.FormGroup, groupThreads
		}
	case inVectors(k):
		s.Vec = vecWidth
	}
	for _, a := range k.Args {
		s.Align = max(s.Align, int64(s.Vec*a.DType.Size()))
	}
	s.Over = overwrites(k)
	if s.Form == ir.FormSimd || s.Form == ir.FormGroup {
		s.Over = slices.DeleteFunc(s.Over, func(pair [2]int) bool { return !sameLane(k, pair) })
	}
	return s
}

// most is the largest number of points of axes, at the bounds of the dims.
func most(axes []*ir.Axis) int64 {
	n := ir.N(1)
	for _, a := range axes {
		n = n.Mul(a.Extent)
	}
	if most, ok := n.Max(); ok {
		return most
	}
	return math.MaxInt64
}

// isProduct reports that a kernel is a product of matrices worth tiling, or several of one
// left factor, with what depends on it and what its factors are computed from, but no other
// reduction.
func isProduct(k *ir.Kernel) bool {
	c := k.Contract
	if c == nil || c.Rights[0].Sum.DType != ir.F32 || min(most(c.M), most(c.N), most(c.Terms())) < minProduct || !tileOf(c).Fits(len(c.Rights)) {
		return false
	}
	sums := c.Sums()
	return !slices.ContainsFunc(k.Values, func(v *ir.Scalar) bool { return v.Kind == ir.ScalarReduce && !slices.Contains(sums, v) })
}

// tileOf is the tile of a contraction. Several right factors share the columns that one
// would have, as far as each has 16: then a tile has as many sums, and loads as much for
// each of them.
func tileOf(c *ir.Contract) ir.Tile {
	t := ir.Tile{M: tileSide(c.M), N: tileSide(c.N), K: 16}
	for n := 1; n < len(c.Rights) && t.N > 16; n *= 2 {
		t.N /= 2
	}
	return t
}

func tileSide(axes []*ir.Axis) int {
	switch n := most(axes); {
	case n <= smallMatrix:
		return 16
	case n >= largeMatrix:
		return 64
	}
	return 32
}

// rows are the reductions at a point of the grid, which its threads can share.
func rows(k *ir.Kernel) []*ir.Scalar {
	grid := k.Grid()
	var top []*ir.Scalar
	for _, v := range k.Values {
		if v.Kind == ir.ScalarReduce && !slices.ContainsFunc(v.Free, func(a *ir.Axis) bool { return !contains(grid, a) }) {
			top = append(top, v)
		}
	}
	return top
}

// rowLength is the most elements that are reduced to one; 0: none are.
func rowLength(k *ir.Kernel) int64 {
	n := int64(0)
	for _, v := range rows(k) {
		n = max(n, most(v.Over))
	}
	return n
}

// alongRows reports that the threads of one point read neighbouring elements better
// than threads of neighbouring points do, or that there are too few points to do
// without.
func alongRows(k *ir.Kernel, row int64) bool {
	grid := k.Grid()
	if len(grid) == 0 || most(grid) < fewPoints && row >= longColumn {
		return true
	}
	column := grid[len(grid)-1]
	across := false
	for _, w := range rows(k) {
		last := w.Over[len(w.Over)-1]
		for _, v := range k.Values {
			if v.Kind != ir.ScalarLoad || !v.Varies(last) || !slices.ContainsFunc(grid, v.Varies) {
				continue // read by all alike
			}
			if strideOne(v.Index, last) {
				return true
			}
			across = across || strideOne(v.Index, column)
		}
	}
	return !across
}

// strideOne reports that neighbours along the axis are neighbours in memory.
func strideOne(s ir.Size, a *ir.Axis) bool {
	c, _, ok := s.Coef(a)
	return ok && c.Is(1)
}
