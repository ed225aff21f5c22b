package stats

import "testing"

// Quartiles as NumPy's percentile has them, which interpolates linearly.
func TestOf(t *testing.T) {
	for _, c := range []struct {
		xs   []float64
		want Spread
	}{
		{[]float64{3}, Spread{3, 0}},
		{[]float64{9, 1, 2}, Spread{2, (5.5 - 1.5) / 2 / 2}},
		{[]float64{4, 1, 3, 2}, Spread{2.5, (3.25 - 1.75) / 2 / 2.5}},
		{[]float64{5, 5, 5, 5, 100}, Spread{5, 0}},
	} {
		if got := Of(c.xs); got != c.want {
			t.Errorf("%v: %v, want %v", c.xs, got, c.want)
		}
	}
	if p := (Spread{1, 0.126}).Percent(); p != "±13%" {
		t.Error(p)
	}
}
