package ir

import "testing"

// A reshape divides no index of an axis that stays, whatever its size.
func TestReshapeDividesWhatItMust(t *testing.T) {
	pos := &Dim{Name: "pos", Max: 100}
	long := pos.Size().Add(N(128))
	i, j, k, one := &Axis{Name: "i", Extent: N(8)}, &Axis{Name: "j", Extent: long}, &Axis{Name: "k", Extent: N(64)}, N(1)
	for _, c := range []struct {
		shape, other []Size
		at           []Size
		want         string
	}{
		{[]Size{N(8), one, long, N(64)}, []Size{N(8), long, N(64)}, []Size{i.Index(), {}, j.Index(), k.Index()}, "i, j, k"},
		{[]Size{N(8), long, N(64)}, []Size{one, N(8), long, N(64), one}, []Size{i.Index(), j.Index(), k.Index()}, "0, i, j, k, 0"},
		{[]Size{N(8), long, N(64)}, []Size{N(2), N(4), long, N(64)}, []Size{i.Index(), j.Index(), k.Index()}, "div(i, 4), mod(i, 4), j, k"},
		{[]Size{N(8), long, N(64)}, []Size{N(8), N(64).Mul(long)}, []Size{i.Index(), j.Index(), k.Index()}, "i, 64*j + k"},
		{[]Size{long, N(0)}, []Size{N(0), N(3)}, []Size{j.Index(), k.Index()}, "k, 0"},
	} {
		if got := joinText(reshaped(c.at, c.shape, c.other), Size.String); got != c.want {
			t.Errorf("%v of %v as %v: %s, want %s", c.at, c.shape, c.other, got, c.want)
		}
	}
}
