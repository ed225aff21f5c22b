package ir

import "testing"

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
	} {
		if got := c.s.AtLeast(c.n); got != c.want {
			t.Errorf("%s >= %d: %v", c.s, c.n, got)
		}
	}
}
