package arena

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// points are dims at which sizes cross in several ways, the largest first.
var points = [][2]int64{{64, 64}, {64, 8}, {8, 64}, {8, 8}, {1, 64}, {64, 1}, {1, 1}}

func checkOrder(t *testing.T, g *Graph, order []int) {
	t.Helper()
	sorted := slices.Sorted(slices.Values(order))
	for i, k := range sorted {
		if i != k || len(sorted) != len(g.kernels) {
			t.Fatalf("%v is no order of %d kernels", order, len(g.kernels))
		}
	}
	if !respects(InTurn(order), g.before) {
		t.Fatalf("%v runs a kernel before one that it needs", order)
	}
}

// respects reports whether every kernel is in a later epoch than those before it.
func respects(at []int, before [][]int) bool {
	for k := range at {
		if slices.ContainsFunc(before[k], func(p int) bool { return at[p] >= at[k] }) {
			return false
		}
	}
	return true
}

// The walk of the search, in both directions, agrees with the lifetimes of the plan
// on every order that is tried.
func TestWalkAgreesWithLifetimes(t *testing.T) {
	for name, p := range programs() {
		g, size := p.graph(), p.at(64, 64)
		for i, o := range [][]int{programOrder(g), postorder(g), greedy(g, size, false), greedy(g, size, true)} {
			checkOrder(t, g, o)
			peak := serialPeak(g, size, o)
			for _, backwards := range []bool{false, true} {
				w := newWalk(g, size, backwards)
				st := w.start()
				if backwards {
					slices.Reverse(o)
				}
				for _, k := range o {
					w.run(st, k)
				}
				if st.peak != peak || st.live != 0 {
					t.Errorf("%s, order %d, backwards %v: the walk has a peak of %d and leaves %d, lifetimes have %d", name, i, backwards, st.peak, st.live, peak)
				}
			}
		}
	}
}

func TestSchedule(t *testing.T) {
	better := 0
	for name, p := range programs() {
		g, size := p.graph(), p.at(64, 64)
		order, peak := Schedule(g, size)
		checkOrder(t, g, order)
		if again := serialPeak(g, size, order); again != peak {
			t.Errorf("%s: peak %d, the order has %d", name, peak, again)
		}
		program := serialPeak(g, size, programOrder(g))
		if bound := Bound(g, size); peak > program || peak < bound {
			t.Errorf("%s: peak %d, that of the program %d, bound %d", name, peak, program, bound)
		}
		if peak < program {
			better++
		}
		if again, _ := Schedule(g, size); !slices.Equal(order, again) {
			t.Errorf("%s: scheduled in two ways", name)
		}
	}
	if better == 0 {
		t.Error("no program runs in less memory than in its own order")
	}
}

// allOrders calls f with every order of a program.
func allOrders(g *Graph, f func(order []int)) {
	var visit func(done []int)
	visit = func(done []int) {
		if len(done) == len(g.kernels) {
			f(done)
		}
		for k, kernel := range g.kernels {
			waits := func(p int) bool { return !slices.Contains(done, p) }
			if !slices.Contains(done, k) && !slices.ContainsFunc(kernel.After, waits) {
				visit(append(slices.Clone(done), k))
			}
		}
	}
	visit(nil)
}

// On small programs a schedule is the best of all orders, the bound is below all,
// and so is what a beam proves.
func TestScheduleAgainstAllOrders(t *testing.T) {
	for seed := range uint64(30) {
		p := random(seed, 8)
		g, size := p.graph(), p.at(64, 64)
		best := int64(math.MaxInt64)
		allOrders(g, func(o []int) { best = min(best, serialPeak(g, size, o)) })
		if _, peak := Schedule(g, size); peak != best {
			t.Errorf("seed %d: peak %d, of all orders %d", seed, peak, best)
		}
		if bound := Bound(g, size); bound > best {
			t.Errorf("seed %d: bound %d is above an order's peak %d", seed, bound, best)
		}
		for _, backwards := range []bool{false, true} {
			if o, exact := beam(g, size, backwards, 1<<20, best+1); !exact || serialPeak(g, size, o) != best {
				t.Errorf("seed %d: a beam without limit finds %v, proven %v", seed, o, exact)
			}
			if o, exact := beam(g, size, backwards, 1<<20, best); !exact || o != nil {
				t.Errorf("seed %d: a beam finds %v below the best, proven %v", seed, o, exact)
			}
		}
	}
}

// A beam that was too narrow does not claim a proof.
func TestNarrowBeam(t *testing.T) {
	for seed := range uint64(40) {
		p := random(seed, 12)
		g, size := p.graph(), p.at(64, 64)
		wide, _ := beam(g, size, false, 1<<20, math.MaxInt64)
		o, exact := beam(g, size, false, 1, math.MaxInt64)
		if a, b := serialPeak(g, size, o), serialPeak(g, size, wide); a < b || exact && a > b {
			t.Errorf("seed %d: width 1 gives %d, proven %v, all widths %d", seed, a, exact, b)
		}
	}
}

// Epochs keep dependences apart, stay within the serial peak at each given size, and
// no two neighbours could be one.
func TestPackEpochs(t *testing.T) {
	for name, p := range programs() {
		g := p.graph()
		sizes := [][]int64{p.at(64, 64), p.at(1, 1)}
		order, _ := Schedule(g, sizes[0])
		at := PackEpochs(g, order, sizes)
		fits := func(at []int) bool {
			for _, size := range sizes {
				if Lifetimes(g, at).Sized(size).Live() > serialPeak(g, size, order) {
					return false
				}
			}
			return respects(at, g.before)
		}
		if !fits(at) {
			t.Errorf("%s: epochs %v break a dependence or need more memory", name, at)
		}
		last := slices.Max(at)
		if name == "cells" && last > len(order)*2/3 {
			t.Errorf("%s: %d barriers for %d kernels", name, last, len(order))
		}
		for e := 1; e <= last; e++ {
			joined := slices.Clone(at)
			for k := range joined {
				if joined[k] >= e {
					joined[k]--
				}
			}
			if fits(joined) {
				t.Errorf("%s: epochs %d and %d need no barrier", name, e-1, e)
			}
		}
	}
}

// allEpochs calls f with every way to give kernels epochs that respects dependences.
func allEpochs(g *Graph, f func(at []int)) {
	at := make([]int, len(g.kernels))
	var visit func(k int)
	visit = func(k int) {
		if k == len(at) {
			f(at)
			return
		}
		low := 0
		for _, p := range g.kernels[k].After {
			low = max(low, at[p]+1)
		}
		for e := low; e < len(at); e++ {
			at[k] = e
			visit(k + 1)
		}
	}
	visit(0)
}

// On small programs packing needs hardly more barriers than the fewest at its peak.
func TestPackEpochsAgainstAll(t *testing.T) {
	packed, fewest := 0, 0
	for seed := range uint64(30) {
		p := random(seed, 7)
		g, size := p.graph(), p.at(64, 64)
		order, peak := Schedule(g, size)
		best := len(order)
		allEpochs(g, func(at []int) {
			if last := slices.Max(at); last < best && Lifetimes(g, at).Sized(size).Live() <= peak {
				best = last
			}
		})
		last := slices.Max(PackEpochs(g, order, [][]int64{size}))
		if last < best {
			t.Errorf("seed %d: %d barriers are too few", seed, last)
		}
		packed, fewest = packed+last, fewest+best
	}
	t.Logf("%d barriers, %d at least", packed, fewest)
	if packed*25 > fewest*26 {
		t.Errorf("%d barriers, %d at least", packed, fewest)
	}
}

// A result takes the place of its operand only where nothing reads that later, and
// whatever the order in which values are numbered.
func TestInPlace(t *testing.T) {
	chain := []Kernel{
		{Values: []int{3, 2}, Over: [][2]int{{2, 3}}},
		{Values: []int{2, 1}, Over: [][2]int{{1, 2}}, After: []int{0}},
		{Values: []int{1, 0}, After: []int{1}},
	}
	blocks := func(at ...int) (values [][]int) {
		l := Lifetimes(NewGraph(4, chain), at)
		for _, b := range l.Blocks {
			values = append(values, l.Values(b))
		}
		return values
	}
	same := func(a, b []int) bool { return slices.Equal(a, b) }
	if got := blocks(0, 1, 2); !slices.EqualFunc(got, [][]int{{0}, {3, 2, 1}}, same) {
		t.Errorf("a chain in place has blocks %v", got)
	}
	chain[2].Values = []int{1, 2, 0} // reads what the second kernel would overwrite
	if got := blocks(0, 1, 2); !slices.EqualFunc(got, [][]int{{0}, {1}, {3, 2}}, same) {
		t.Errorf("an operand that is read later is in blocks %v", got)
	}
	chain[2] = Kernel{Values: []int{2, 0}, After: []int{0}}
	if got := blocks(0, 1, 1); !slices.EqualFunc(got, [][]int{{0}, {1}, {3, 2}}, same) {
		t.Errorf("an operand that is read in the same epoch is in blocks %v", got)
	}
	if got := blocks(0, 2, 1); !slices.EqualFunc(got, [][]int{{0}, {3, 2, 1}}, same) {
		t.Errorf("an operand that was read before is in blocks %v", got)
	}
}

// Of two results only one takes the place of an operand, and a result takes only one.
func TestInPlaceOnce(t *testing.T) {
	for _, over := range [][][2]int{{{2, 0}, {3, 0}}, {{2, 0}, {2, 1}}, {{2, 0}, {3, 1}}} {
		kernels := []Kernel{{Values: []int{0, 1}}, {Values: []int{0, 1, 2, 3}, Over: over, After: []int{0}}}
		want := 3
		if over[0][0] != over[1][0] && over[0][1] != over[1][1] {
			want = 2
		}
		g, ones := NewGraph(4, kernels), []int64{1, 1, 1, 1}
		if got := len(Lifetimes(g, []int{0, 1}).Blocks); got != want {
			t.Errorf("%v: %d blocks, want %d", over, got, want)
		}
		if peak, bound := serialPeak(g, ones, []int{0, 1}), Bound(g, ones); bound != peak || peak != int64(want) {
			t.Errorf("%v: peak %d, bound %d, want %d", over, peak, bound, want)
		}
	}
}

// overlap finds two blocks that are alive at once and share bytes, by comparing all.
func overlap(l *Life, offset []int64) error {
	for i, a := range l.Blocks {
		for j, b := range l.Blocks[:i] {
			together := a.First <= b.Last && b.First <= a.Last
			if together && offset[i] < offset[j]+b.Size && offset[j] < offset[i]+a.Size {
				return fmt.Errorf("blocks %d and %d overlap", j, i)
			}
		}
	}
	return nil
}

// No block is dropped, none overlaps, and the peak is what the blocks reach.
func checkPlacement(t *testing.T, l *Life, p placement) {
	t.Helper()
	if err := overlap(l, p.offset); err != nil {
		t.Fatal(err)
	}
	top := int64(0)
	for i, b := range l.Blocks {
		if p.offset[i] < 0 {
			t.Fatalf("block %d has no place", i)
		}
		top = max(top, p.offset[i]+b.Size)
	}
	if top != p.peak || top < l.Live() {
		t.Fatalf("peak %d, blocks reach %d, live %d", p.peak, top, l.Live())
	}
}

// On small lives the exact search agrees with first fit in every order of the
// blocks: one of those is the best placement.
func TestExactAgainstAllPlacements(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 5))
		l := &Life{Steps: 6}
		for range 7 {
			first := rng.IntN(6)
			l.Blocks = append(l.Blocks, Block{Size: int64(rng.IntN(5)), First: first, Last: first + rng.IntN(6-first)})
		}
		l.Conflicts()
		best := int64(math.MaxInt64)
		order := []int{0, 1, 2, 3, 4, 5, 6}
		var visit func(n int)
		visit = func(n int) {
			if n == len(order) {
				best = min(best, place(l, order, false, math.MaxInt64).peak)
			}
			for i := n; i < len(order); i++ {
				order[n], order[i] = order[i], order[n]
				visit(n + 1)
				order[n], order[i] = order[i], order[n]
			}
		}
		visit(0)
		p, ok := exact(l, best, 1<<30)
		if !ok || p.peak > best {
			t.Fatalf("seed %d: no placement of %d found", seed, best)
		}
		checkPlacement(t, l, p)
		if _, ok := exact(l, best-1, 1<<30); ok {
			t.Errorf("seed %d: a placement below %d", seed, best)
		}
		if p, _ := assign(l, 5000); p.peak > best+1 {
			t.Errorf("seed %d: assigned %d, best %d", seed, p.peak, best)
		}
	}
}

// Every placement is valid; improving helps where greedy placing fails.
func TestAssign(t *testing.T) {
	improved := 0
	for name, p := range programs() {
		g := p.graph()
		order, _ := Schedule(g, p.at(64, 64))
		for _, d := range points {
			size := p.at(d[0], d[1])
			l := Lifetimes(g, InTurn(order)).Conflicts().Sized(size)
			for _, preference := range preferences {
				checkPlacement(t, l, place(l, l.order(preference), false, math.MaxInt64))
				checkPlacement(t, l, place(l, l.order(preference), true, math.MaxInt64))
			}
			start := greedyPlacement(l, 0)
			better, used := improve(l, start, l.Live(), 1000000)
			if used >= 1000000+len(l.Blocks)*len(l.Blocks)/2 {
				t.Errorf("%s at %v: compared %d pairs", name, d, used)
			}
			checkPlacement(t, l, better)
			if better.peak > start.peak {
				t.Errorf("%s at %v: improved from %d to %d", name, d, start.peak, better.peak)
			} else if better.peak < start.peak {
				improved++
			}
			p, _ := assign(l, 1000000)
			checkPlacement(t, l, p)
		}
	}
	if improved == 0 {
		t.Error("no placement was improved")
	}
}

// offsets places the blocks of a stack, as the runtime does.
func offsets(s Stack, l *Life) placement {
	p := placement{offset: make([]int64, len(l.Blocks))}
	for _, i := range s.Order {
		for _, j := range s.On[i] {
			p.offset[i] = max(p.offset[i], p.offset[j]+l.Blocks[j].Size)
		}
		p.peak = max(p.peak, p.offset[i]+l.Blocks[i].Size)
	}
	return p
}

// Few stacks are within 1.05 of the live bytes at the points that they were made
// for, and none lets blocks overlap at any dims, zero included.
func TestStacks(t *testing.T) {
	several := 0
	for name, p := range programs() {
		g := p.graph()
		order, _ := Schedule(g, p.at(64, 64))
		at := PackEpochs(g, order, [][]int64{p.at(64, 64)})
		var sizes [][]int64
		for _, d := range points {
			sizes = append(sizes, p.at(d[0], d[1]))
		}
		stacks := Stacks(g, at, sizes, 1.02, 4, 50000000)
		several += len(stacks) - 1
		life := Lifetimes(g, at).Conflicts()
		lowest := func(size []int64) int64 {
			best := int64(math.MaxInt64)
			for _, s := range stacks {
				l := life.Sized(size)
				p := offsets(s, l)
				checkPlacement(t, l, p)
				if p.peak != s.peak(l.Blocks) {
					t.Fatalf("%s: a stack has peaks %d and %d", name, p.peak, s.peak(l.Blocks))
				}
				best = min(best, p.peak)
			}
			return best
		}
		for i, size := range sizes {
			live := life.Sized(size).Live()
			ratio := float64(lowest(size)) / float64(live)
			t.Logf("%s at %v: %d stacks, %.4f of the live bytes", name, points[i], len(stacks), ratio)
			if ratio > 1.05 {
				t.Errorf("%s at %v: %.3f of the live bytes", name, points[i], ratio)
			}
		}
		rng := rand.New(rand.NewPCG(7, 7))
		for range 50 {
			lowest(p.at(rng.Int64N(100), rng.Int64N(100)))
		}
	}
	if several == 0 {
		t.Error("one stack serves every program: sizes do not cross in these tests")
	}
}

// A program without kernels has a plan too.
func TestEmpty(t *testing.T) {
	g := NewGraph(0, nil)
	order, peak := Schedule(g, nil)
	at := PackEpochs(g, order, [][]int64{nil})
	if len(order) != 0 || peak != 0 || len(at) != 0 || Bound(g, nil) != 0 {
		t.Errorf("order %v, peak %d, epochs %v", order, peak, at)
	}
	if s := Stacks(g, at, [][]int64{nil}, 1.02, 4, 100); len(s) != 1 || len(s[0].Order) != 0 {
		t.Errorf("stacks %v", s)
	}
}
