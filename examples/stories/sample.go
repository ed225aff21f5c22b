package main

import (
	"math"
	"math/rand/v2"
	"slices"
)

// sample chooses a token: at temperature 0 the likeliest, of equal ones the first, else one
// of the likeliest that together have the probability topP (Holtzman et al. 2019,
// arXiv:1904.09751), each as often as its probability among them says.
func sample(logits []float32, temperature, topP float64, r *rand.Rand) int {
	best := slices.Index(logits, slices.Max(logits))
	if temperature <= 0 {
		return best
	}
	p, total := make([]float64, len(logits)), 0.0
	order := make([]int, len(logits))
	for i, z := range logits {
		p[i] = math.Exp(float64(z-logits[best]) / temperature)
		total += p[i]
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case p[a] > p[b]:
			return -1
		case p[a] < p[b]:
			return 1
		}
		return 0
	})
	kept, sum := 0, 0.0
	for kept < len(order) && (kept == 0 || sum < topP*total) {
		sum += p[order[kept]]
		kept++
	}
	at := r.Float64() * sum
	for _, i := range order[:kept] {
		if at -= p[i]; at < 0 {
			return i
		}
	}
	return order[kept-1]
}
