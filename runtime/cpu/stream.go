package cpu

import (
	"math"
	"slices"
	"unsafe"
)

// A Stream is attention, a tile of rows at a time: of some keys after others it computes
// scores by micro-kernels from the queries, where they lie, and panels of the keys, makes
// them weights below the largest score so far, and adds products with panels of the values
// to the sums, which are scaled where there is a larger score. Sizes count elements, and
// arguments are those of the Call.
//
// For few queries keys and values are read in place, as copying them would take longer than
// all else: micro-kernels take the keys as rows, and a panel that is made of the queries, so
// that scores come out with rows and columns exchanged.
type Stream struct {
	Micros
	Weighers
	TileM, TileK   int    // rows, and keys at a time, a multiple of WeighKeys
	Batch, Rows    []Walk // outermost first: A of the queries, B of the keys, C of the values
	Head           int    // terms of a score, which lie next to each other in the queries
	Keys, N        int    // keys, and columns
	Q, K, V        int    // queries, keys and values
	SizeB          int    // bytes of an element of keys and values
	FirstQ         int    // elements before the first
	FirstK, FirstV int

	// InPlace says that keys and values are no panels but rows of f32, so many elements
	// apart, and that there are at most PanelCols Rows.
	InPlace      bool
	StepK, StepV int

	// Masked says that a row sees the keys before one: Seen, and what the walks say as D.
	Masked bool
	Seen   int

	// Score computes points [lo, hi) of the scores but for Scale, of the batch by rows by
	// keys. It finds the sums, and leaves the scores, in an argument after those of the
	// Call: rows of TileK elements, of which the first is at the row and the key that are
	// two more sizes. nil: they are the sums.
	Score Kernel
	Scale float32

	// Epilogue computes points [lo, hi) of the result, of the batch by rows by columns, from
	// two more arguments: the weighted sums, rows of N elements and so many more that
	// they are whole panels, and the sums of the weights, an element each. The row that
	// they begin with is one more size.
	Epilogue Kernel
}

// Weighers make weights of scores, see Weights.
type Weighers struct {
	Weigh     func(w *Weights)
	WeighWide func(w *Weights) // with AVX-512
}

// Weights are the work of one call that makes weights of scores: for each row it takes the
// largest of so far and of the scores times Scale, makes exponentials of what those are
// below it, adds them to the sum of so far, and scales that before, and the weighted sums,
// by the exponential of what the largest of so far was below it. Assembly knows its layout.
type Weights struct {
	Scores  unsafe.Pointer // of the first row; then the weights
	NScores int            // bytes of the scores of a row: of a multiple of WeighKeys
	Row     int            // bytes from row to row
	Sums    unsafe.Pointer // weighted sums
	NSums   int            // bytes of a row of them: of a multiple of PanelCols
	Largest *float32       // of each row
	Total   *float32       // of each row, the sum of the weights
	Factor  *float32       // of each row, room for what its sums are scaled by
	Rows    int
	Scale   float32
	_       float32
}

// WeighKeys is what the keys are a multiple of that are weighed.
const WeighKeys = 32

// Run computes the tiles [lo, hi): of the batch, by tiles of the rows. The order in which
// products are added depends on the sizes alone.
func (s *Stream) Run(call *Call, lo, hi int) {
	if s.N == 0 {
		return
	}
	f := takeFrame()
	f.growStream(s)
	m := points(s.Rows)
	down := ceilDiv(m, s.TileM)
	for t := lo; t < hi; t++ {
		m0 := t % down * s.TileM
		s.tile(f, call, t/down, m0, min(m, m0+s.TileM))
	}
	f.release()
}

// states is the elements that there are for each row, and some more: they are computed 16
// at a time.
func (s *Stream) states() int { return ceilDiv(s.TileM, 16) * 16 }

// width is the elements of a row of sums.
func (s *Stream) width() int { return ceilDiv(s.N, PanelCols) * PanelCols }

func (f *frame) growStream(s *Stream) {
	f.growTables(s.TileM)
	if n := (s.TileM + 1) * s.width(); cap(f.sums) < n {
		f.sums = make([]float32, n)
	}
	if n := (s.TileM + 1) * s.TileK; cap(f.scores) < n {
		f.scores = make([]float32, n)
	}
	if n := 3 * s.states(); cap(f.state) < n {
		f.state = make([]float32, n)
	}
	if cap(f.seen) < s.TileM {
		f.seen = make([]int, s.TileM)
	}
	if cap(f.runs) < 1 {
		f.runs = make([]int, 1)
	}
	if !s.InPlace {
		return
	}
	if n := s.TileK + spare; cap(f.keys) < n {
		f.keys, f.dots = make([]unsafe.Pointer, n), make([]unsafe.Pointer, n)
	}
	if n := PanelCols * (s.Head + s.TileK + 1); cap(f.turned) < n {
		f.turned = make([]float32, n)
	}
}

// tile computes the rows [m0, m1) of an element of the batch.
func (s *Stream) tile(f *frame, call *Call, batch, m0, m1 int) {
	at := Walk{A: s.FirstQ, B: s.FirstK, C: s.FirstV, D: s.Seen}.along(s.Batch, batch)
	keys, values := unsafe.Add(memory(call, s.K), s.SizeB*at.B), unsafe.Add(memory(call, s.V), s.SizeB*at.C)
	rows, first := m1-m0, batch*points(s.Rows)+m0
	seen := s.start(f, memory(call, s.Q), at, m0, rows)
	dots, stepK, stepV := s.dots, s.Head, PanelCols
	if s.InPlace {
		dots, stepK, stepV = s.turnedDots, s.StepK, s.StepV
		s.turn(f, rows)
	}
	for k := 0; k < seen; k += s.TileK {
		n := min(s.TileK, seen-k)
		dots(f, unsafe.Add(keys, s.SizeB*k*stepK), rows, n)
		if s.Score != nil {
			s.score(f, call, first, m0, rows, k, n)
		}
		s.weigh(f, rows, k, n)
		s.add(f, unsafe.Add(values, s.SizeB*k*stepV), rows, n)
	}
	f.call.Args = append(append(f.call.Args[:0], call.Args...), bytesOf(f.sums), bytesOf(f.state[s.states():2*s.states()]))
	f.call.Sizes = append(append(f.call.Sizes[:0], call.Sizes...), int64(m0))
	s.Epilogue(&f.call, first*s.N, (first+rows)*s.N)
}

// start prepares so many rows, from m0 on, of an element of the batch, and returns how many
// keys they see at most.
func (s *Stream) start(f *frame, queries unsafe.Pointer, at Walk, m0, rows int) (seen int) {
	width, states := s.width(), s.states()
	f.sums, f.scores = f.sums[:(s.TileM+1)*width], f.scores[:(s.TileM+1)*s.TileK]
	f.seen, f.state, f.runs = f.seen[:rows], f.state[:3*states], f.runs[:1]
	for i := range rows + spare {
		row := min(i, s.TileM) // the last takes what is not wanted
		f.part[i], f.c[i] = unsafe.Pointer(&f.scores[row*s.TileK]), unsafe.Pointer(&f.sums[row*width])
		if i >= rows {
			f.a[i] = f.a[0]
			continue
		}
		query := at.along(s.Rows, m0+i)
		f.a[i], f.seen[i] = unsafe.Add(queries, 4*query.A), s.Keys
		if s.Masked {
			f.seen[i] = max(0, min(query.D, s.Keys))
		}
	}
	clear(f.sums)
	clear(f.state)
	for i := range states { // -inf would leave NaN where it is the largest still
		f.state[i] = -math.MaxFloat32
	}
	f.runs[0] = 0
	f.micro.Runs, f.micro.NRuns = &f.runs[0], 1
	return slices.Max(f.seen)
}

// weigh makes weights of the scores of so many rows and n keys from k on.
func (s *Stream) weigh(f *frame, rows, k, n int) {
	wide := ceilDiv(n, WeighKeys) * WeighKeys
	for i := range rows {
		row := f.scores[i*s.TileK:][:wide]
		for j := max(0, min(n, f.seen[i]-k)); j < wide; j++ {
			row[j] = float32(math.Inf(-1))
		}
	}
	states := s.states()
	f.weights = Weights{
		Scores: f.part[0], NScores: 4 * wide, Row: 4 * s.TileK, Sums: f.c[0], NSums: 4 * s.width(),
		Largest: &f.state[0], Total: &f.state[states], Factor: &f.state[2*states], Rows: rows, Scale: s.Scale,
	}
	if AVX512 {
		s.WeighWide(&f.weights)
	} else {
		s.Weigh(&f.weights)
	}
}

// dots computes sums of so many rows with the panels of n keys.
func (s *Stream) dots(f *frame, keys unsafe.Pointer, rows, n int) {
	t := &f.micro
	t.K, t.Step, t.Apart = s.Head, s.SizeB*PanelCols, s.SizeB*PanelCols*s.Head
	s.panels(t, tables{f.a, nil, nil, f.part}, keys, rows, n)
}

// turn makes a panel of so many queries.
func (s *Stream) turn(f *frame, rows int) {
	f.turned = f.turned[:PanelCols*(s.Head+s.TileK+1)]
	panel := f.turned[:PanelCols*s.Head]
	clear(panel)
	for i := range rows {
		for j, x := range unsafe.Slice((*float32)(f.a[i]), s.Head) {
			panel[PanelCols*j+i] = x
		}
	}
}

// turnedDots is dots for keys in place.
func (s *Stream) turnedDots(f *frame, keys unsafe.Pointer, rows, n int) {
	sums := f.turned[PanelCols*s.Head:]
	f.keys, f.dots = f.keys[:n+spare], f.dots[:n+spare]
	for i := range f.keys {
		f.keys[i], f.dots[i] = unsafe.Add(keys, 4*s.StepK*min(i, n-1)), unsafe.Pointer(&sums[PanelCols*min(i, s.TileK)])
	}
	t := &f.micro
	t.K, t.B, t.Step, t.Col = s.Head, unsafe.Pointer(&f.turned[0]), 4*PanelCols, 0
	s.micro(t, tables{f.keys, nil, nil, f.dots}, n, columns(rows))
	for i := range rows {
		scores := f.scores[i*s.TileK:][:n]
		for j := range scores {
			scores[j] = sums[PanelCols*j+i]
		}
	}
}

// add adds products of the weights of so many rows and the values.
func (s *Stream) add(f *frame, values unsafe.Pointer, rows, n int) {
	t := &f.micro
	t.K, t.Step, t.Apart = n, s.SizeB*PanelCols, s.SizeB*PanelCols*s.Keys
	if s.InPlace {
		t.Step, t.Apart = 4*s.StepV, 4*PanelCols
	}
	s.panels(t, tables{f.part, f.c, nil, f.c}, values, rows, s.N)
}

// panels calls the micro-kernels for rows, and panels that have n columns, one or two
// after the other.
func (m *Micros) panels(t *Micro, of tables, b unsafe.Pointer, rows, n int) {
	for col, cols := 0, 0; col < n; col += cols {
		cols = columns(n - col)
		t.B, t.Col = unsafe.Add(b, t.Apart*(col/PanelCols)), 4*col
		m.micro(t, of, rows, cols)
	}
}

// score makes scores of the sums of so many rows with n keys from k on. first is the row
// among those of the batch.
func (s *Stream) score(f *frame, call *Call, first, m0, rows, k, n int) {
	f.call.Args = append(append(f.call.Args[:0], call.Args...), bytesOf(f.scores))
	f.call.Sizes = append(append(f.call.Sizes[:0], call.Sizes...), int64(m0), int64(k))
	for m := first; m < first+rows; m++ {
		s.Score(&f.call, m*s.Keys+k, m*s.Keys+k+n)
	}
}

func bytesOf(x []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
}
