package cpu

import (
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// drawn are axes, and something that is affine in them, which stays small.
func drawn(r *rand.Rand) (axes []int, affine func() (first int, steps []int)) {
	axes = make([]int, 1+r.IntN(4))
	for a := range axes {
		axes[a] = 1 + r.IntN(6)
	}
	return axes, func() (int, []int) {
		steps := make([]int, len(axes))
		for a := range steps {
			steps[a] = (r.IntN(7) - 3) * r.IntN(2)
		}
		return r.IntN(9) - 4, steps
	}
}

// at is the value of something affine at a point of axes.
func at(first int, steps, axes []int, point int) int {
	for a, n := range slices.Backward(axes) {
		first += steps[a] * (point % n)
		point /= n
	}
	return first
}

func holds(bounds []Bound, axes []int, point int) bool {
	return !slices.ContainsFunc(bounds, func(g Bound) bool {
		x := at(g.First, g.Steps, axes, point)
		return x < 0 || x >= g.N
	})
}

func product(axes []int) int {
	n := 1
	for _, a := range axes {
		n *= a
	}
	return n
}

// A copy of boxes is what a copy of points is, of every part of the grid, and nothing beside
// the part is written.
func TestMoves(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		axes, affine := drawn(r)
		points := product(axes)
		bounds := func(n int) []Bound {
			var list []Bound
			for range r.IntN(n) {
				first, steps := affine()
				list = append(list, Bound{first, steps, 1 + r.IntN(8)})
			}
			return list
		}
		// The result has the axes in any order, with gaps.
		steps, gap := make([]int, len(axes)), 1+r.IntN(2)
		for _, a := range r.Perm(len(axes)) {
			steps[a] = gap
			gap *= axes[a]
		}
		m := Moves{Axes: axes, Elem: []int{1, 2, 4, 8}[r.IntN(4)], To: 1, First: r.IntN(3), Steps: steps, Within: bounds(2)}
		for range r.IntN(3) {
			first, steps := affine()
			m.From = append(m.From, Source{If: bounds(3), First: 64 + first, Steps: steps})
		}
		m.From = append(m.From, Source{Arg: -1, Bits: 77})
		in, out := make([]byte, 128*m.Elem), make([]byte, (gap+3)*m.Elem)
		for i := range in {
			in[i] = byte(r.IntN(256))
		}
		want := slices.Clone(out)
		lo := r.IntN(points)
		hi := lo + 1 + r.IntN(points-lo)
		for p := lo; p < hi; p++ {
			if !holds(m.Within, axes, p) {
				continue
			}
			i := slices.IndexFunc(m.From, func(s Source) bool { return holds(s.If, axes, p) })
			to := want[at(m.First, m.Steps, axes, p)*m.Elem:][:m.Elem]
			if s := m.From[i]; s.Arg < 0 {
				clear(to)
				to[0] = 77
			} else {
				copy(to, in[at(s.First, s.Steps, axes, p)*m.Elem:])
			}
		}
		m.Run(&Call{Args: [][]byte{in, out}}, lo, hi)
		if !slices.Equal(out, want) {
			t.Fatalf("%+v from %d to %d: %v, want %v", m, lo, hi, out, want)
		}
	}
}

// Rows are called for every point once, with what their guards say of it.
func TestRows(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		axes, affine := drawn(r)
		points := product(axes)
		var guards [][]Bound
		for range 1 + r.IntN(3) {
			first, steps := affine()
			guards = append(guards, []Bound{{first, steps, 1 + r.IntN(8)}})
		}
		steps, n := make([]int, len(axes)), 1
		for a := len(axes) - 1; a >= 0; a-- {
			steps[a] = n
			n *= axes[a]
		}
		in, out := make([]uint32, points), make([]uint32, points)
		for i := range in {
			in[i] = uint32(i) + 1
		}
		behind := len(guards)
		rows := Rows{Axes: axes, Guards: guards, Streams: []Lanes{
			{Arg: 1, Elem: 4, Steps: steps}, {Arg: 0, Elem: 4, Steps: steps, If: behind}, {Arg: -1},
		}, Compute: func(at *unsafe.Pointer, step *int, rows, n int, _ bool) {
			p, steps := unsafe.Slice(at, 3), unsafe.Slice(step, 3)
			true := unsafe.Slice((*uint32)(p[2]), behind)
			for row := range rows {
				for lane := range n {
					add := func(s int) *uint32 { return (*uint32)(unsafe.Add(p[s], row*steps[s]+4*lane)) }
					*add(0) += *add(1) + 1000*(1+true[0]&1)
				}
			}
		}}
		lo := r.IntN(points)
		hi := lo + 1 + r.IntN(points-lo)
		want := make([]uint32, points)
		for p := lo; p < hi; p++ {
			want[p] = 1000
			if holds(guards[0], axes, p) {
				want[p] = 2000
			}
			if holds(guards[behind-1], axes, p) {
				want[p] += in[p]
			}
		}
		bytes := func(x []uint32) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), 4*len(x)) }
		rows.Run(&Call{Args: [][]byte{bytes(in), bytes(out)}}, lo, hi)
		if !slices.Equal(out, want) {
			t.Fatalf("%+v from %d to %d: %v, want %v", rows, lo, hi, out, want)
		}
	}
}

// Neither allocates.
func TestBoxesAllocateNothing(t *testing.T) {
	call := Call{Args: [][]byte{make([]byte, 400), make([]byte, 400)}}
	run := func() {
		m := Moves{Axes: []int{10, 10}, Elem: 4, To: 1, Steps: []int{10, 1}, Within: []Bound{{Steps: []int{1, 1}, N: 15}}, From: []Source{
			{If: []Bound{{First: -1, Steps: []int{1, 0}, N: 8}}, First: -10, Steps: []int{10, 1}}, {Arg: -1},
		}}
		m.Run(&call, 0, 100)
		r := Rows{Axes: []int{10, 10}, Guards: [][]Bound{{{First: -1, Steps: []int{1, 0}, N: 8}}}, Streams: []Lanes{{Arg: 1, Elem: 4, Steps: []int{10, 1}}},
			Compute: nothing}
		r.Run(&call, 0, 100)
	}
	if n := testing.AllocsPerRun(100, run); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func nothing(*unsafe.Pointer, *int, int, int, bool) {}
