package arena

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// random makes a program of n kernels: each reads one to three earlier values and
// writes one or two; some may be computed over an operand.
func random(rng *rand.Rand, n int) (*Graph, []int64) {
	var values []Value
	var size []int64
	var kernels []Kernel
	value := func(s int64) V {
		values = append(values, Value{})
		size = append(size, s)
		return V(len(values) - 1)
	}
	some := func() int64 { return Align * int64(1+rng.IntN(20)) }
	values = append(values, Value{Input: true})
	size = append(size, some())
	for range n {
		var k Kernel
		for range 1 + rng.IntN(3) {
			v := V(len(values) - 1 - min(len(values)-1, rng.IntN(6)))
			if !slices.Contains(k.In, v) {
				k.In = append(k.In, v)
			}
		}
		if rng.IntN(3) == 0 {
			out := value(size[k.In[0]])
			k.Out, k.Over = []V{out}, [][2]V{{out, k.In[0]}}
		} else {
			for range 1 + rng.IntN(2) {
				k.Out = append(k.Out, value(some()))
			}
		}
		kernels = append(kernels, k)
	}
	values[len(values)-1].Output = true
	return NewGraph(values, kernels), size
}

// Align is that of the sizes in these tests; the planner itself asks for none.
const Align = 256

func checkOrder(t *testing.T, g *Graph, order []int) {
	t.Helper()
	at := make([]int, len(order))
	for i, k := range order {
		at[k] = i
	}
	sorted := slices.Clone(order)
	slices.Sort(sorted)
	for i, k := range sorted {
		if i != k {
			t.Fatalf("%v is no order", order)
		}
	}
	for k, preds := range g.pred {
		for _, p := range preds {
			if at[p] >= at[k] {
				t.Fatalf("kernel %d runs before %d, which it needs", k, p)
			}
		}
	}
}

// The schedule is an order of the dependences, no worse than the program's, and
// no better than the bound.
func TestSchedule(t *testing.T) {
	for seed := range uint64(40) {
		g, size := random(rand.New(rand.NewPCG(seed, 1)), 30)
		order, peak, _ := Schedule(g, size)
		checkOrder(t, g, order)
		if again := SerialPeak(g, size, order); again != peak {
			t.Errorf("seed %d: peak %d, the order has %d", seed, peak, again)
		}
		if program := SerialPeak(g, size, ProgramOrder(g)); peak > program {
			t.Errorf("seed %d: peak %d, program order %d", seed, peak, program)
		}
		if bound := ScheduleBound(g, size); peak < bound {
			t.Errorf("seed %d: peak %d below the bound %d", seed, peak, bound)
		}
	}
}

// On small programs no order at all is better than a schedule that claims so.
func TestScheduleAgainstAllOrders(t *testing.T) {
	for seed := range uint64(30) {
		g, size := random(rand.New(rand.NewPCG(seed, 2)), 7)
		_, peak, proven := Schedule(g, size)
		best := peak
		var visit func(done []int)
		visit = func(done []int) {
			if len(done) == len(g.Kernels) {
				best = min(best, SerialPeak(g, size, done))
				return
			}
			for k := range g.Kernels {
				ready := !slices.Contains(done, k)
				for _, p := range g.pred[k] {
					ready = ready && slices.Contains(done, p)
				}
				if ready {
					visit(append(slices.Clone(done), k))
				}
			}
		}
		visit(nil)
		if proven && best < peak {
			t.Errorf("seed %d: peak %d is claimed to be the least, but %d is possible", seed, peak, best)
		}
	}
}

// Epochs keep dependences apart and stay within the serial peak.
func TestPackEpochs(t *testing.T) {
	fewer := 0
	for seed := range uint64(40) {
		g, size := random(rand.New(rand.NewPCG(seed, 3)), 30)
		order, peak, _ := Schedule(g, size)
		at := PackEpochs(g, size, order, peak)
		for k, preds := range g.pred {
			for _, p := range preds {
				if at[p] >= at[k] {
					t.Fatalf("seed %d: kernels %d and %d share an epoch or are swapped", seed, p, k)
				}
			}
		}
		if live := Lifetimes(g, size, at).Live(); live > peak {
			t.Errorf("seed %d: %d bytes live in epochs, %d in a row", seed, live, peak)
		}
		if slices.Max(at) < len(order)-1 {
			fewer++
		}
	}
	if fewer == 0 {
		t.Error("no program has two kernels in one epoch")
	}
}

// At any dims no two blocks that live at once overlap. Random sizes are harder to
// pack than those of models, so only the mean over programs has to be near the
// live bytes, at the sizes that the schedule was made for.
func TestStacks(t *testing.T) {
	const programs = 40
	sum := 0.0
	for seed := range uint64(programs) {
		rng := rand.New(rand.NewPCG(seed, 4))
		g, size := random(rng, 25)
		order, peak, _ := Schedule(g, size)
		at := PackEpochs(g, size, order, peak)
		points := [][]int64{size}
		for range 4 { // sizes cross, as they do when some grow with a dim and some do not
			other := make([]int64, len(size))
			for i := range other {
				other[i] = Align * int64(rng.IntN(20))
			}
			for _, k := range g.Kernels {
				for _, o := range k.Over {
					other[o[0]] = other[o[1]]
				}
			}
			points = append(points, other)
		}
		stacks := Stacks(g, at, points, 1.02, 4, 20000)
		for i, size := range points {
			l := Lifetimes(g, size, at).Conflicts()
			best := int64(-1)
			for _, s := range stacks {
				p := Plan{Off: make([]int64, len(s.On))}
				p.Peak = s.Eval(size, p.Off)
				if a, b, bad := p.Check(l); bad {
					t.Fatalf("seed %d, point %d: blocks %d and %d overlap", seed, i, a, b)
				}
				if best < 0 || p.Peak < best {
					best = p.Peak
				}
			}
			if live := l.Live(); best < live {
				t.Errorf("seed %d, point %d: arena %d, live %d", seed, i, best, live)
			} else if i == 0 {
				sum += float64(best) / float64(live)
			}
		}
	}
	if mean := sum / programs; mean > 1.03 {
		t.Errorf("arenas are %.3f of the live bytes on average", mean)
	}
}

// A value is computed over its operand only where nothing reads that later.
func TestInPlace(t *testing.T) {
	values := []Value{{Input: true}, {}, {}, {Output: true}}
	over := []Kernel{{In: []V{0}, Out: []V{1}, Over: [][2]V{{1, 0}}}, {In: []V{1}, Out: []V{2}, Over: [][2]V{{2, 1}}}, {In: []V{2}, Out: []V{3}}}
	size := []int64{256, 256, 256, 256}
	l := Lifetimes(NewGraph(values, over), size, []int{0, 1, 2})
	if l.Of[0] != l.Of[1] || l.Of[1] != l.Of[2] || l.Of[3] == l.Of[2] {
		t.Errorf("a chain takes blocks %v", l.Of)
	}
	later := slices.Clone(over)
	later[2].In = []V{2, 1} // reads what the second kernel would overwrite
	l = Lifetimes(NewGraph(values, later), size, []int{0, 1, 2})
	if l.Of[1] == l.Of[2] {
		t.Error("an operand that is read later is overwritten")
	}
}

// Exact finds what greedy placing may miss, and proves what cannot be.
func TestExact(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 5))
		l := &Life{Steps: 6}
		for range 7 {
			first := rng.IntN(6)
			l.Blocks = append(l.Blocks, Block{Size: int64(1 + rng.IntN(4)), First: first, Last: first + rng.IntN(6-first)})
		}
		l.Conflicts()
		best := int64(1 << 30)
		perm := []int{0, 1, 2, 3, 4, 5, 6}
		var visit func(n int) // every order of first fit: one of them is the best plan
		visit = func(n int) {
			if n == len(perm) {
				best = min(best, Place(l, perm, false).Peak)
				return
			}
			for i := n; i < len(perm); i++ {
				perm[n], perm[i] = perm[i], perm[n]
				visit(n + 1)
				perm[n], perm[i] = perm[i], perm[n]
			}
		}
		visit(0)
		if p, ok, _ := Exact(l, best, 1<<20); !ok || p.Peak > best {
			t.Errorf("seed %d: no plan of %d found", seed, best)
		} else if i, j, bad := p.Check(l); bad {
			t.Errorf("seed %d: blocks %d and %d overlap", seed, i, j)
		}
		if _, ok, proven := Exact(l, best-1, 1<<20); ok || !proven {
			t.Errorf("seed %d: a plan below %d: %v, proven %v", seed, best, ok, proven)
		}
	}
}
