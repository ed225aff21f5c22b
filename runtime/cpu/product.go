package cpu

import (
	"sync"
	"unsafe"
)

// A Product is a contraction: tiles of sums of products in f32, computed by
// micro-kernels from the left factor, where it lies, and panels of the right one. A
// panel is PanelCols columns, and holds for each term of the sum in turn its elements
// of these columns. Sizes count elements, and arguments are those of the Call.
type Product struct {
	Micros
	TileM, TileN, TileK int    // rows, columns and terms that are computed at a time
	Batch               []Walk // outermost first
	Rows                []Walk // of the left factor and the result, outermost first
	Terms               []Walk // of the sum, outermost first, but the last
	K                   int    // extent of the last, whose terms lie next to each other in the left factor
	N                   int    // columns
	A, B, C             int    // left factor, panels, result
	SizeB               int    // bytes of an element of the panels
	FirstA, FirstB      int    // elements before the first
	FirstC              int

	// What micro-kernels do to the sums before they store them, unless there is an
	// Epilogue: in this order they add an element for each column, and one for each of
	// the result, and make what is below 0 zero.
	Bias, Rest *Operand // nil: none
	Relu       bool

	// Epilogue computes points [lo, hi) of the result, of the batch by rows by columns,
	// from sums: an argument after those of the Call, rows of TileN elements, of which
	// the first is at the row and column that are two more sizes. nil: the sums are the
	// result.
	Epilogue Kernel
}

// Micros are the micro-kernels for panels of a dtype.
type Micros struct {
	Six, Four                        func(t *Micro) // for so many rows at a time of a panel
	Eight, Half                      func(t *Micro) // for AVX-512: eight rows of a panel, and of half a panel
	FourPairs, EightPairs, NinePairs func(t *Micro) // for AVX-512: so many rows of two panels
}

// An Operand is an argument, and the elements before its first.
type Operand struct{ Arg, First int }

// A Walk is an axis: its extent, and the elements from one of its points to the next
// in the left factor, the panels, the result and the Rest.
type Walk struct{ N, A, B, C, D int }

// PanelCols is the columns of a panel.
const PanelCols = 16

// A Micro is the work of one call of a micro-kernel: for some rows at a time, the
// product with one panel, or with two. Assembly knows its layout.
type Micro struct {
	A     *unsafe.Pointer // of each row, the left factor
	Runs  *int            // bytes from there to each run of terms
	NRuns int
	K     int             // terms of a run, at least 0
	B     unsafe.Pointer  // the panel, from its first term on
	Step  int             // bytes from there to the next term
	Apart int             // and to the next panel
	From  *unsafe.Pointer // of each row, what is added to the sums; nil: nothing
	Bias  unsafe.Pointer  // what is added to each row then; nil: nothing
	Rest  *unsafe.Pointer // of each row, what is added then; nil: nothing
	Relu  int             // 1: what is below 0 becomes 0
	C     *unsafe.Pointer // of each row, where the result goes
	Col   int             // bytes from each From, Rest and C to the panel's columns
	Rows  int             // bytes of A that hold pointers: 8 for each row
}

// A frame is the memory of one who computes tiles.
type frame struct {
	micro Micro
	a, c  []unsafe.Pointer // of the tile's rows
	rest  []unsafe.Pointer
	part  []unsafe.Pointer // their sums
	runs  []int
	call  Call
	sums  []float32 // a row for each of the tile's, and one that takes what is not wanted
	rows  rowsCall  // of a Rows

	weights Weights          // the rest is of a Stream
	scores  []float32        // as sums
	seen    []int            // of each row, the keys that it sees
	keys    []unsafe.Pointer // of keys in place
	dots    []unsafe.Pointer // their scores
	turned  []float32        // a panel of queries, and then of each key the scores
	state   []float32        // of each row the largest score, then of each the sum of weights, and of each what sums are scaled by
}

// frames are those that nobody uses: at most two for each thread, one of a tile and one of
// rows in it, and none of them is ever collected, so that calls in steady state allocate nothing.
var frames struct {
	mu   sync.Mutex
	free []*frame
}

func takeFrame() *frame {
	frames.mu.Lock()
	defer frames.mu.Unlock()
	last := len(frames.free) - 1
	if last < 0 {
		return new(frame)
	}
	f := frames.free[last]
	frames.free = frames.free[:last]
	return f
}

// release gives the frame back, and forgets memory that is not the frame's.
func (f *frame) release() {
	clear(f.a)
	clear(f.c)
	clear(f.keys)
	clear(f.rows.at[:])
	clear(f.call.Args)
	f.micro, f.weights = Micro{}, Weights{}
	frames.mu.Lock()
	defer frames.mu.Unlock()
	frames.free = append(frames.free, f)
}

// Run computes the tiles [lo, hi): of the batch, by tiles of the rows, by tiles of the
// columns. The order in which products are added depends on the sizes alone.
func (p *Product) Run(call *Call, lo, hi int) {
	f := takeFrame()
	f.grow(p)
	m := points(p.Rows)
	down, across := ceilDiv(m, p.TileM), ceilDiv(p.N, p.TileN)
	for t := lo; t < hi; t++ {
		m0, n0 := t/across%down*p.TileM, t%across*p.TileN
		p.tile(f, call, t/across/down, m0, min(m, m0+p.TileM), n0, min(p.N, n0+p.TileN))
	}
	f.release()
}

// growTables makes room for the pointers of so many rows.
func (f *frame) growTables(rows int) {
	if rows += spare; cap(f.a) < rows {
		for _, table := range []*[]unsafe.Pointer{&f.a, &f.c, &f.rest, &f.part} {
			*table = make([]unsafe.Pointer, rows)
		}
	}
}

func (f *frame) grow(p *Product) {
	f.growTables(p.TileM)
	if n := (p.TileM + 1) * p.TileN; cap(f.sums) < n {
		f.sums = make([]float32, n)
	}
	if n := points(p.Terms); cap(f.runs) < n {
		f.runs = make([]int, n)
	}
}

// tile computes the rows [m0, m1) and columns [n0, n1) of an element of the batch.
func (p *Product) tile(f *frame, call *Call, batch, m0, m1, n0, n1 int) {
	at := Walk{A: p.FirstA, B: p.FirstB, C: p.FirstC}
	a, c := memory(call, p.A), memory(call, p.C)
	var bias, rest unsafe.Pointer
	if p.Bias != nil {
		bias = unsafe.Add(memory(call, p.Bias.Arg), 4*(p.Bias.First+n0))
	}
	if p.Rest != nil {
		rest, at.D = memory(call, p.Rest.Arg), p.Rest.First
	}
	at = at.along(p.Batch, batch)
	last := Walk{N: 1}
	if n := len(p.Rows); n > 0 {
		last = p.Rows[n-1]
	}
	for i, n := 0, 0; i < m1-m0; i += n {
		row := at.along(p.Rows, m0+i)
		n = min(m1-m0-i, last.N-(m0+i)%last.N)
		apart(f.a[i:i+n], unsafe.Add(a, 4*row.A), 4*last.A)
		if p.Epilogue == nil {
			apart(f.c[i:i+n], unsafe.Add(c, 4*(row.C+n0)), 4*last.C)
		}
		if p.Rest != nil {
			apart(f.rest[i:i+n], unsafe.Add(rest, 4*(row.D+n0)), 4*last.D)
		}
	}
	sums := unsafe.Pointer(unsafe.SliceData(f.sums[:cap(f.sums)]))
	apart(f.part[:m1-m0], sums, 4*p.TileN)
	unwanted := unsafe.Add(sums, 4*p.TileM*p.TileN)
	for i := m1 - m0; i < m1-m0+spare; i++ {
		f.a[i], f.c[i], f.rest[i], f.part[i] = f.a[0], unwanted, unwanted, unwanted
	}
	p.multiply(f, unsafe.Add(memory(call, p.B), p.SizeB*at.B), bias, m1-m0, n0, n1)
	if p.Epilogue != nil {
		p.compute(f, call, batch*points(p.Rows), m0, m1, n0, n1)
	} else if w := n1 % PanelCols; w > 0 && columns(w) > w {
		p.narrow(f, bias, m1-m0, n1-w-n0, n1-n0)
	}
}

func memory(call *Call, arg int) unsafe.Pointer {
	return unsafe.Pointer(unsafe.SliceData(call.Args[arg]))
}

// multiply computes sums of so many rows, some terms at a time: all of some runs, or a
// part of one. Those of the last panel, if micro-kernels compute more than it has, stay
// sums, and so do all if there is an Epilogue.
func (p *Product) multiply(f *frame, b, bias unsafe.Pointer, rows, n0, n1 int) {
	axes, length := p.Terms, p.K
	if points(axes)*length == 0 { // one run of no terms
		axes, length = nil, 0
	}
	runs := points(axes)
	group, part := min(runs, max(1, p.TileK/max(1, length))), max(1, length)
	if pieces := ceilDiv(length, p.TileK); pieces > 1 {
		part = ceilDiv(length, pieces)
	}
	t := &f.micro
	for run := 0; run < runs; run += group {
		f.runs = f.runs[:min(group, runs-run)]
		t.NRuns = len(f.runs)
		for k := 0; k < max(1, length); k += part {
			for i := range f.runs {
				f.runs[i] = 4 * (Walk{}.along(axes, run+i).A + k)
			}
			t.Runs, t.K = unsafe.SliceData(f.runs), min(part, length-k)
			first, last := run+k == 0, run+group >= runs && k+part >= length
			t.Step, t.Apart = p.SizeB*PanelCols, p.SizeB*PanelCols*runs*length
			for n, cols := n0, 0; n < n1; n += cols {
				cols = PanelCols
				if n+2*PanelCols <= n1 || p.Epilogue != nil || n+PanelCols/2 >= n1 {
					cols = columns(n1 - n)
				}
				t.B = unsafe.Add(b, p.SizeB*(n*runs*length+PanelCols*(run*length+k)))
				t.Col = 4 * (n - n0)
				sums, to := f.c, f.c
				stay := p.Epilogue != nil || n+cols > n1
				if stay || p.Rest != nil { // which may share memory with the result
					sums = f.part
				}
				t.Bias, t.Relu = nil, 0
				var rest []unsafe.Pointer
				switch {
				case stay || !last:
					to = sums
				default:
					if bias != nil {
						t.Bias = unsafe.Add(bias, t.Col)
					}
					if p.Rest != nil {
						rest = f.rest
					}
					if p.Relu {
						t.Relu = 1
					}
				}
				if first {
					sums = nil
				}
				p.micro(t, tables{f.a, sums, rest, to}, rows, cols)
			}
		}
	}
}

// tables are pointers for each row; From and Rest may be nil.
type tables struct{ a, from, rest, to []unsafe.Pointer }

// columns is how many micro-kernels compute at a time, of so many that are left: a panel,
// or two, or half of one.
func columns(left int) int {
	switch {
	case AVX512 && left > PanelCols:
		return 2 * PanelCols
	case AVX512 && left <= PanelCols/2:
		return PanelCols / 2
	}
	return PanelCols
}

// micro calls the micro-kernels for rows, of which the tables have pointers, and a panel
// or two, or half of one.
func (m *Micros) micro(t *Micro, of tables, rows, cols int) {
	done := 0
	if AVX512 && cols > PanelCols {
		fours, eights, nines := pairs(rows)
		of.call(t, m.EightPairs, 0, 8*eights)
		of.call(t, m.NinePairs, 8*eights, 9*nines)
		of.call(t, m.FourPairs, 8*eights+9*nines, 4*fours)
		return
	}
	switch {
	case AVX512 && cols < PanelCols: // of which there is no other
		of.call(t, m.Half, 0, ceilDiv(rows, 8)*8)
		return
	case AVX512:
		done = eights(rows)
		of.call(t, m.Eight, 0, done)
	}
	if done < rows {
		sixes, fours := split(rows - done)
		of.call(t, m.Six, done, 6*sixes)
		of.call(t, m.Four, done+6*sixes, 4*fours)
	}
}

// rowsPerCall bounds the time of a call of assembly, which nothing can interrupt. Fours,
// sixes and eights fill it; of nines there are fewer.
const rowsPerCall = 96

// call calls a micro-kernel for some rows, if there are any.
func (of *tables) call(t *Micro, kernel func(t *Micro), first, rows int) {
	for end := first + rows; first < end; first += rowsPerCall {
		t.A, t.C, t.Rows = &of.a[first], &of.to[first], 8*min(rowsPerCall, end-first)
		t.From, t.Rest = nil, nil
		if of.from != nil {
			t.From = &of.from[first]
		}
		if of.rest != nil {
			t.Rest = &of.rest[first]
		}
		kernel(t)
	}
}

// narrow does what micro-kernels do with sums, for the columns [lo, hi) of the tile.
func (p *Product) narrow(f *frame, bias unsafe.Pointer, rows, lo, hi int) {
	at := func(row unsafe.Pointer) []float32 { return unsafe.Slice((*float32)(row), hi)[lo:] }
	for i := range rows {
		sums := at(f.part[i])
		if bias != nil {
			addTo(sums, at(bias))
		}
		if p.Rest != nil {
			addTo(sums, at(f.rest[i]))
		}
		for j, x := range sums {
			if p.Relu {
				sums[j] = max(x, 0)
			}
		}
		copy(at(f.c[i]), sums)
	}
}

func addTo(x, y []float32) {
	for i := range x {
		x[i] += y[i]
	}
}

// spare is the rows that micro-kernels may compute beyond those that are wanted.
const spare = 7

// eights is the rows that are computed eight at a time. What is left is fewer than five.
func eights(rows int) int { return (rows + 3) / 8 * 8 }

// pairs covers rows of two panels with as little more as fours, eights and nines can, of
// which a four takes half the time of an eight.
func pairs(rows int) (fours, eights, nines int) {
	eights = rows / 8
	switch rest := rows % 8; {
	case rest <= eights:
		nines = rest
	case rest-4 <= eights:
		fours, nines = 1, max(0, rest-4)
	default:
		return 0, eights + 1, 0
	}
	return fours, eights - nines, nines
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

// compute makes the result from the sums of a tile: at once where it has all columns,
// else by row. first is the row that the element of the batch begins with.
func (p *Product) compute(f *frame, call *Call, first, m0, m1, n0, n1 int) {
	f.call.Args = append(append(f.call.Args[:0], call.Args...), bytesOf(f.sums[:p.TileM*p.TileN]))
	f.call.Sizes = append(append(f.call.Sizes[:0], call.Sizes...), int64(m0), int64(n0))
	if n1-n0 == p.N {
		p.Epilogue(&f.call, (first+m0)*p.N, (first+m1)*p.N)
		return
	}
	for m := first + m0; m < first+m1; m++ {
		p.Epilogue(&f.call, m*p.N+n0, m*p.N+n1)
	}
}

// apart makes pointers that are step bytes apart.
func apart(to []unsafe.Pointer, first unsafe.Pointer, step int) {
	for i := range to {
		to[i] = first
		first = unsafe.Add(first, step)
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
		w.A, w.B, w.C, w.D = w.A+at*a.A, w.B+at*a.B, w.C+at*a.C, w.D+at*a.D
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
