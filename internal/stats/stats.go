// Package stats sums up measurements.
package stats

import (
	"fmt"
	"slices"
)

// A Spread is the median of some measurements, and half of what their middle half
// covers as a part of it.
type Spread struct{ Median, Half float64 }

// Of sums up measurements, of which there is one at least, in any order.
func Of(xs []float64) Spread {
	sorted := slices.Sorted(slices.Values(xs))
	median := quantile(sorted, 0.5)
	return Spread{median, (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 2 / median}
}

// Percent is how far the middle half spreads: ±3%.
func (s Spread) Percent() string { return fmt.Sprintf("±%.0f%%", 100*s.Half) }

// quantile interpolates between sorted numbers.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
