package ir

// A Schedule says how one target runs a kernel, and what the planner must know.
type Schedule struct {
	Grain   int64    // cpu: least number of points that are worth a worker of their own
	Form    Form     // how the work is dealt out; empty: to the workers of the CPU by points
	Threads int      // metal: of a threadgroup
	Vec     int      // points of the grid's last axis that are computed together; 1: scalar
	Tile    Tile     // of FormTile, FormPanels and FormStream
	Align   int64    // bytes that the address of each argument must divide by; cpu: of each written one
	Over    [][2]int // {written argument, read argument}: may share memory if the read one dies here
	Scratch Size     // bytes of arena that live only during the kernel
}

// A Form is how a kernel's work is dealt to the threads of a GPU, or to the workers of
// the CPU.
type Form string

const (
	FormPoints Form = "points" // a thread computes Vec neighbouring points of the grid
	FormSimd   Form = "simd"   // a simdgroup computes a point: its lanes share what is reduced or varies along Inner
	FormGroup  Form = "group"  // a threadgroup computes a point, as a simdgroup does
	FormTile   Form = "tile"   // a threadgroup computes a tile of a contraction
	FormPanels Form = "panels" // cpu: a worker computes a tile of a contraction, see Panels
	FormStream Form = "stream" // a threadgroup or a worker computes rows of a stream
	FormText   Form = "text"   // as the model has written it by hand
)

// SimdWidth is the number of lanes of a simdgroup.
const SimdWidth = 32

// A Tile is the part of a contraction that a threadgroup or a worker computes: M by N
// of the result, from K of the sum at a time. Of a stream it is M rows with all columns,
// of which there are N at most, from K keys at a time.
type Tile struct{ M, N, K int }

// TileThreads are the threads of a tile: four simdgroups, each of which computes a
// quarter of it, two by two.
const TileThreads = 4 * SimdWidth

// RowPad is what follows each row of a tile in threadgroup memory, in bytes, so that
// rows do not start in the same bank.
const RowPad = 16

// Fits reports that a threadgroup has room for what the tile of a contraction takes at
// most: the left factor, and of each right one itself and 16 rows of sums, all f32.
func (t Tile) Fits(rights int) bool {
	const size, pad = 4, RowPad / 4
	return size*(t.M*(t.K+pad)+rights*(t.K+16)*(t.N+pad)) <= maxGroupBytes
}

// OnGPU reports that a kernel's schedule is one of a GPU.
func (k *Kernel) OnGPU() bool { return k.Schedule.Threads > 0 }

// Groups is how many threadgroups a metal schedule launches, of Schedule.Threads
// threads each, over the kernel's dims. The launch has one dimension. Of FormPanels it
// and FormStream it is the tiles.
func (k *Kernel) Groups() Size {
	s := k.Schedule
	if k.Written != nil {
		return k.Written.Groups()
	}
	points := Product(extents(k.Grid()))
	switch s.Form {
	case FormSimd:
		return points.CeilDiv(int64(s.Threads / SimdWidth))
	case FormGroup:
		return points
	case FormTile, FormPanels, FormStream:
		n := N(1)
		for _, a := range k.TileAxes() {
			n = n.Mul(a.Extent)
		}
		return n
	}
	if grid := k.Grid(); s.Vec > 1 {
		last := len(grid) - 1
		points = Product(extents(grid[:last])).Mul(grid[last].Extent.CeilDiv(int64(s.Vec)))
	}
	return points.CeilDiv(int64(s.Threads))
}

// TileAxes are what the threadgroups or workers of a tiled form run over, outermost first: the
// axes of the batch, then the tiles of M, then, but for a stream, those of N.
func (k *Kernel) TileAxes() []*Axis {
	tiles := func(name string, axes []*Axis, size int) *Axis {
		return &Axis{Name: name, Extent: Product(extents(axes)).CeilDiv(int64(size))}
	}
	t := k.Schedule.Tile
	if s := k.Stream; s != nil {
		return append(s.Batch(k), tiles("tileM", s.M, t.M))
	}
	c := k.Contract
	return append(c.Batch(k), tiles("tileM", c.M, t.M), tiles("tileN", c.N, t.N))
}

// Tiled reports that a schedule of the form has a tile.
func (f Form) Tiled() bool { return f == FormTile || f == FormPanels || f == FormStream }

// Batch are the axes of the grid that are neither M nor N.
func (c *Contract) Batch(k *Kernel) []*Axis { return without(k.Grid(), c.M, c.N) }

func extents(axes []*Axis) []Size {
	sizes := make([]Size, len(axes))
	for i, a := range axes {
		sizes[i] = a.Extent
	}
	return sizes
}
