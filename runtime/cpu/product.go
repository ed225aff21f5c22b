package cpu

import (
	"sync"
	"unsafe"
)

// A Product is a contraction: tiles of sums of products of f32, computed by
// micro-kernels from the left factor, where it lies, and panels of the right one. A
// panel is PanelCols columns, and holds for each term of the sum in turn its elements
// of these columns. Sizes count elements, and arguments are those of the Call.
type Product struct {
	Six, Four           func(t *Micro) // micro-kernels for so many rows at a time
	TileM, TileN, TileK int            // rows, columns and terms that are computed at a time
	Batch               []Walk         // outermost first
	Rows                []Walk         // of the left factor and the result, outermost first
	Terms               []Walk         // of the sum, outermost first, but the last
	K                   int            // extent of the last, whose terms lie next to each other in the left factor
	N                   int            // columns
	A, B, C             int            // left factor, panels, result
	FirstA, FirstB      int            // elements before the first
	FirstC              int

	// Epilogue computes points [lo, hi) of the result, of the batch by rows by columns,
	// from sums: an argument after those of the Call, rows of TileN elements, of which
	// the first is at the row and column that are two more sizes. nil: the sums are the
	// result.
	Epilogue Kernel
}

// A Walk is an axis: its extent, and the elements from one of its points to the next
// in the left factor, the panels and the result.
type Walk struct{ N, A, B, C int }

// PanelCols is the columns of a panel.
const PanelCols = 16

// A Micro is the work of one call of a micro-kernel: for some rows at a time, the
// product with one panel. Assembly knows its layout.
type Micro struct {
	A     *unsafe.Pointer // of each row, the left factor
	Runs  *int            // bytes from there to each run of terms
	NRuns int
	K     int             // terms of a run, at least 0
	B     unsafe.Pointer  // the panel, from its first term on
	C     *unsafe.Pointer // of each row, the result
	Col   int             // bytes from there to the panel's columns
	Rows  int             // bytes of A that hold pointers: 8 for each row
	Add   int             // 1: what is in C is added to
}

// A frame is the memory of one who computes tiles.
type frame struct {
	micro Micro
	a, c  []unsafe.Pointer // of the tile's rows
	edge  []unsafe.Pointer // of rows of sums for the last, narrower panel
	runs  []int
	call  Call
	sums  []float32 // a row for each of the tile's, and one that takes what is not wanted
}

var frames = sync.Pool{New: func() any { return new(frame) }}

// Run computes the tiles [lo, hi): of the batch, by tiles of the rows, by tiles of the
// columns. The order in which products are added depends on the sizes alone.
func (p *Product) Run(call *Call, lo, hi int) {
	f := frames.Get().(*frame)
	f.grow(p)
	m := points(p.Rows)
	down, across := ceilDiv(m, p.TileM), ceilDiv(p.N, p.TileN)
	for t := lo; t < hi; t++ {
		m0, n0 := t/across%down*p.TileM, t%across*p.TileN
		p.tile(f, call, t/across/down, m0, min(m, m0+p.TileM), n0, min(p.N, n0+p.TileN))
	}
	f.release()
	frames.Put(f)
}

func (f *frame) grow(p *Product) {
	rows := p.TileM + 5 // some more, see split
	if cap(f.a) < rows {
		f.a, f.c, f.edge = make([]unsafe.Pointer, rows), make([]unsafe.Pointer, rows), make([]unsafe.Pointer, rows)
	}
	f.a, f.c, f.edge = f.a[:rows], f.c[:rows], f.edge[:rows]
	if n := (p.TileM + 1) * p.TileN; cap(f.sums) < n {
		f.sums = make([]float32, n)
	}
	if n := points(p.Terms); cap(f.runs) < n {
		f.runs = make([]int, n)
	}
}

// release forgets memory that is not the frame's.
func (f *frame) release() {
	clear(f.a)
	clear(f.c)
	clear(f.call.Args)
	f.micro = Micro{}
}

// tile computes the rows [m0, m1) and columns [n0, n1) of an element of the batch.
func (p *Product) tile(f *frame, call *Call, batch, m0, m1, n0, n1 int) {
	at := Walk{A: p.FirstA, B: p.FirstB, C: p.FirstC}.along(p.Batch, batch)
	a := unsafe.Pointer(unsafe.SliceData(call.Args[p.A]))
	b := unsafe.Pointer(unsafe.SliceData(call.Args[p.B]))
	c := unsafe.Pointer(unsafe.SliceData(call.Args[p.C]))
	sums := unsafe.Pointer(unsafe.SliceData(f.sums[:cap(f.sums)]))
	rest := unsafe.Add(sums, 4*p.TileM*p.TileN)
	sixes, fours := split(m1 - m0)
	for i := range 6*sixes + 4*fours {
		if m0+i >= m1 { // micro-kernels compute a whole number of their rows
			f.a[i], f.c[i], f.edge[i] = f.a[0], rest, rest
			continue
		}
		row := at.along(p.Rows, m0+i)
		f.a[i] = unsafe.Add(a, 4*row.A)
		f.edge[i] = unsafe.Add(sums, 4*i*p.TileN)
		f.c[i] = f.edge[i]
		if p.Epilogue == nil {
			f.c[i] = unsafe.Add(c, 4*(row.C+n0))
		}
	}
	p.multiply(f, unsafe.Add(b, 4*at.B), m1-m0, n0, n1)
	if p.Epilogue != nil {
		p.finish(f, call, batch*points(p.Rows), m0, m1, n0, n1)
	} else if w := n1 % PanelCols; w > 0 {
		for i := range m1 - m0 {
			to := unsafe.Add(f.c[i], 4*(n1-w-n0))
			copy(unsafe.Slice((*float32)(to), w), unsafe.Slice((*float32)(f.edge[i]), w))
		}
	}
}

// multiply computes sums of so many rows, some terms at a time: all of some runs, or a
// part of one.
func (p *Product) multiply(f *frame, b unsafe.Pointer, rows, n0, n1 int) {
	axes, length := p.Terms, p.K
	if points(axes)*length == 0 { // one run of no terms
		axes, length = nil, 0
	}
	runs := points(axes)
	group, part := min(runs, max(1, p.TileK/max(1, length))), max(1, length)
	if pieces := ceilDiv(length, p.TileK); pieces > 1 {
		part = ceilDiv(length, pieces)
	}
	sixes, fours := split(rows)
	t := &f.micro
	t.Add = 0
	for run := 0; run < runs; run += group {
		f.runs = f.runs[:min(group, runs-run)]
		t.NRuns = len(f.runs)
		for k := 0; k < max(1, length); k += part {
			for i := range f.runs {
				f.runs[i] = 4 * (Walk{}.along(axes, run+i).A + k)
			}
			t.Runs, t.K = unsafe.SliceData(f.runs), min(part, length-k)
			for n := n0; n < n1; n += PanelCols {
				t.B = unsafe.Add(b, 4*(n*runs*length+PanelCols*(run*length+k)))
				c := f.c
				t.Col = 4 * (n - n0)
				if p.Epilogue == nil && n+PanelCols > n1 {
					c, t.Col = f.edge, 0
				}
				if sixes > 0 {
					t.A, t.C, t.Rows = &f.a[0], &c[0], 8*6*sixes
					p.Six(t)
				}
				if fours > 0 {
					t.A, t.C, t.Rows = &f.a[6*sixes], &c[6*sixes], 8*4*fours
					p.Four(t)
				}
			}
			t.Add = 1
		}
	}
}

// split covers rows with as little more as sixes and fours can.
func split(rows int) (sixes, fours int) {
	sixes = rows / 6
	switch rest := rows % 6; {
	case rest == 5:
		sixes++
	case rest > 2, rest > 0 && sixes == 0:
		fours = 1
	case rest > 0:
		sixes, fours = sixes-1, 2
	}
	return sixes, fours
}

// finish computes the result from the sums of a tile: at once where it has all columns,
// else by row. first is the row that the element of the batch begins with.
func (p *Product) finish(f *frame, call *Call, first, m0, m1, n0, n1 int) {
	f.call.Args = append(append(f.call.Args[:0], call.Args...), unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(f.sums[:cap(f.sums)]))), 4*p.TileM*p.TileN))
	f.call.Sizes = append(append(f.call.Sizes[:0], call.Sizes...), int64(m0), int64(n0))
	if n1-n0 == p.N {
		p.Epilogue(&f.call, (first+m0)*p.N, (first+m1)*p.N)
		return
	}
	for m := first + m0; m < first+m1; m++ {
		p.Epilogue(&f.call, m*p.N+n0, m*p.N+n1)
	}
}

// along goes from w to the point i of axes.
func (w Walk) along(axes []Walk, i int) Walk {
	for j := len(axes) - 1; j >= 0; j-- {
		a := axes[j]
		at := i
		if j > 0 {
			at, i = i%a.N, i/a.N
		}
		w.A, w.B, w.C = w.A+at*a.A, w.B+at*a.B, w.C+at*a.C
	}
	return w
}

// points is the number of points of axes.
func points(axes []Walk) int {
	n := 1
	for _, a := range axes {
		n *= a.N
	}
	return n
}

func ceilDiv(n, d int) int { return (n + d - 1) / d }
