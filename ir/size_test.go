package ir

import (
	"testing"
	"time"
)

func TestAtLeast(t *testing.T) {
	a, b := &Dim{Name: "A", Min: 2, Max: 8}, &Dim{Name: "B", Min: 0, Max: 4}
	for _, c := range []struct {
		s    Size
		n    int64
		want bool
	}{
		{a.Size(), 2, true},
		{a.Size(), 3, false},
		{a.Size().Sub(N(1)), 1, true},
		{b.Size().Sub(N(1)), 0, false},
		{a.Size().Mul(b.Size()), 0, true},
		{a.Size().Sub(b.Size()), -2, true},
		{a.Size().Sub(b.Size()), -1, false},
		{N(3), 3, true},
		{a.Size().Add(N(1)).Div(N(2)), 0, true},
		{a.Size().Add(N(2)).Sub(a.Size().Add(N(1)).Div(N(2)).Mul(N(2))), 1, true},
		{a.Size().Add(N(2)).Sub(a.Size().Add(N(1)).Div(N(2)).Mul(N(2))), 2, false},
		{a.Size().Div(N(3)).Mul(N(6)).Sub(a.Size().Mul(N(2))), -4, true},
		{a.Size().Div(N(3)).Mul(N(6)).Sub(a.Size().Mul(N(2))), -3, false},
		{a.Size().Div(N(3)).Mul(N(5)).Sub(a.Size()), -2, false},
	} {
		if got := c.s.AtLeast(c.n); got != c.want {
			t.Errorf("%s >= %d: %v", c.s, c.n, got)
		}
	}
}

// A reshape there and back is no reshape: the quotients and remainders of its
// index join to what they were taken from, whatever the sizes are.
func TestQuotientsRejoin(t *testing.T) {
	b := &Dim{Name: "B", Max: 9}
	i, j, k := &Axis{Name: "i", Extent: b.Size()}, &Axis{Name: "j", Extent: N(28)}, &Axis{Name: "k", Extent: N(3)}
	at := []Size{i.Index(), j.Index().Add(k.Index()).Sub(N(1))} // may lie outside of 28, as under a guard
	n := Linear(at, []Size{b.Size(), N(28)})
	for _, shape := range [][]Size{{b.Size(), N(28)}, {b.Size(), N(4), N(7)}, {b.Size().Mul(N(4)), N(7)}, {N(7), b.Size().Mul(N(4))}, {N(5), N(5), N(5)}} {
		if back := Linear(Unravel(n, shape), shape); !back.Equal(n) {
			t.Errorf("%s through %v is %s", n, shape, back)
		}
	}
	x := i.Index().Mul(N(10)).Mod(N(28))
	if s := x.Add(i.Index().Mul(N(10)).Div(N(28)).Mul(N(27))).String(); s != "27*div(10*i, 28) + mod(10*i, 28)" {
		t.Errorf("27 times the quotient joins with the remainder: %s", s)
	}
}

func TestMax(t *testing.T) {
	n, b := &Dim{Name: "N", Min: 1, Max: 7}, &Dim{Name: "B", Min: 2, Max: 4}
	i := &Axis{Name: "i", Extent: n.Size()}
	for _, c := range []struct {
		s    Size
		want int64
	}{
		{n.Size().Mul(N(3)).Sub(b.Size()), 19},
		{n.Size().Div(N(2)), 3},
		{n.Size().Div(N(2)).Mul(b.Size()), 12},
		{n.Size().Div(b.Size()), 7}, // not tight: the divisor counts as 1
		{n.Size().Sub(N(9)).Div(N(4)), -1},
		{i.Index().Mul(N(5)).Div(N(3)), 10},
		{i.Index().Mod(b.Size()), 3},
		{n.Size().Sub(i.Index()), 7},
		{n.Size().Sub(i.Index().Sub(N(5)).Div(N(3))), 9},
		{n.Size().Sub(b.Size()).Div(N(2)).Mul(n.Size().Sub(b.Size()).Div(N(2))), 4}, // of -2 to 2
	} {
		if got, ok := c.s.Max(); !ok || got != c.want {
			t.Errorf("max of %s is %d, %v, want %d", c.s, got, ok, c.want)
		}
	}
	if _, ok := n.Size().Mul(N(1 << 62)).Max(); ok {
		t.Error("a maximum beyond 64 bits is known")
	}
}

// The most that an axis reaches is where what is taken from its extent is least.
func TestMaxOfShrinkingExtent(t *testing.T) {
	n := &Dim{Name: "N", Max: 8}
	i := &Axis{Name: "i", Extent: N(8).Sub(n.Size().Div(N(2)))}
	if most, ok := i.Index().Max(); !ok || most < 7 {
		t.Errorf("i < 8 - div(N, 2) is at most %d, and where N is 0 it is 7", most)
	}
}

// A round of a loop may be the first, and something may start at 0: a dim need not be at
// least 1 for the loop to have a point.
func TestLessOfWhatStartsAtADim(t *testing.T) {
	i := &Axis{Name: "i", Extent: N(2)}
	for _, d := range []*Dim{{Name: "t", Max: 1, Counter: true}, {Name: "B", Max: 1}} {
		if i.Index().Sub(d.Size()).Less(N(1)) {
			t.Errorf("i - %s < 1 is not so for i = 1 where %s is 0", d.Name, d.Name)
		}
	}
	if n := (&Dim{Name: "N", Min: 1, Max: 2}); !i.Index().Sub(n.Size()).Less(N(1)) {
		t.Error("i - N < 1 is so where N is at least 1")
	}
}

// What holds of one size of a dim only is not proven: 0..6 makes 0 to 10 groups of 2, and
// an odd number of them makes half a group of 4 more.
func TestLessOfGroupsOfGroups(t *testing.T) {
	b := &Dim{Name: "B", Max: 6}
	groups := b.Size().Mul(N(3)).CeilDiv(2)
	i := &Axis{Name: "i", Extent: groups.CeilDiv(2)}
	j := &Axis{Name: "j", Extent: N(4)}
	if index := i.Index().Mul(N(4)).Add(j.Index()); index.Less(groups.Mul(N(2))) {
		t.Errorf("%s < %s is not so for B = 2", index, groups.Mul(N(2)))
	}
	k := &Axis{Name: "k", Extent: b.Size()}
	if !k.Index().Less(N(6)) || k.Index().Less(N(5)) {
		t.Errorf("%s < 6 is so by the bounds of B, < 5 is not", k.Index())
	}
}

// What is proven of a dim that was halved ten times takes milliseconds: each quotient in
// another doubles it. Once it was six times, which made half a minute.
func TestDeepQuotients(t *testing.T) {
	start := time.Now()
	s := (&Dim{Name: "B", Max: 1 << 20}).Size()
	for range 10 {
		s = s.Add(N(1)).Div(N(2))
	}
	if n, ok := s.Max(); !ok || n != 1<<10 {
		t.Errorf("%d, %v", n, ok)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
}
