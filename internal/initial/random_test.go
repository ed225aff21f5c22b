package initial

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

// The vectors are those of Random123 (kat_vectors, threefry2x32 with 20 rounds).
func TestBlock(t *testing.T) {
	for _, c := range []struct{ counter, key, want key }{
		{key{0, 0}, key{0, 0}, key{0x6b200159, 0x99ba4efe}},
		{key{0xffffffff, 0xffffffff}, key{0xffffffff, 0xffffffff}, key{0x1cb996fc, 0xbb002be7}},
		{key{0x243f6a88, 0x85a308d3}, key{0x13198a2e, 0x03707344}, key{0xc4923a9c, 0x483df7a0}},
	} {
		if got := c.key.block(c.counter[0], c.counter[1]); got != c.want {
			t.Errorf("counter %#x, key %#x: %#x, want %#x", c.counter, c.key, got, c.want)
		}
	}
}

// Uniform and normal numbers are those that scripts/oracles/mlx_random.py recorded of MLX: to
// the last bit, but where MLX computes erfinv in f32.
func TestNumbersAreMLXs(t *testing.T) {
	text, err := os.ReadFile("../../testdata/random/mlx.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct{ Values map[string]string }
	if err := json.Unmarshal(text, &recorded); err != nil {
		t.Fatal(err)
	}
	numbers := func(name string) (xs []float64) {
		_, list, _ := strings.Cut(recorded.Values[name], ":")
		for _, f := range strings.Fields(list) {
			x, err := strconv.ParseFloat(f, 64)
			if err != nil {
				t.Fatal(err)
			}
			xs = append(xs, x)
		}
		if xs == nil {
			t.Fatalf("there is no %s", name)
		}
		return xs
	}
	keyOf := func(name string) key {
		words := numbers(name)
		return key{uint32(words[0]), uint32(words[1])}
	}
	// 4 and 4 units of the last place for two ways to compute erfinv, and a product.
	const rounding = 10 * 0x1p-23
	for _, c := range []struct {
		name, key string
		draw      func(k key, i, n int) float64
		error     float64 // part of a number
	}{
		{"uniform1", "key", key.uniform, 0},
		{"uniform2", "key", key.uniform, 0},
		{"uniform7", "key", key.uniform, 0},
		{"uniform16", "key", key.uniform, 0},
		{"uniform33", "key", key.uniform, 0},
		{"normal", "key", key.normal, rounding},
		{"normal_tail", "tail", key.normal, rounding},
	} {
		want := numbers(c.name)
		for i, w := range want {
			if got := c.draw(keyOf(c.key), i, len(want)); math.Abs(got-w) > c.error*math.Abs(w) {
				t.Errorf("%s, element %d: %v, MLX has %v", c.name, i, got, w)
			}
		}
	}
}

// Of each distribution the bounds, the mean, the standard deviation and the distribution
// function itself are those of its definition: as far as 2^16 numbers of a fixed seed tell, five
// deviations of the mean and of the variance, and 1.95/√n of Kolmogorov and Smirnov's
// statistic, which one of a thousand samples exceeds.
func TestDistributions(t *testing.T) {
	const n = 1 << 16
	phi := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	part := phi(2) - phi(-2)
	density := math.Exp(-2) / math.Sqrt(2*math.Pi) // of normal numbers, at 2
	for name, c := range map[string]struct {
		most, variance, fourth float64 // |x| at most; E[x^2], E[x^4]
		below                  func(x float64) float64
	}{
		"uniform":      {1, 1. / 3, 1. / 5, func(x float64) float64 { return (x + 1) / 2 }},
		"normal":       {math.Inf(1), 1, 3, phi},
		"trunc_normal": {2, 1 - 4*density/part, 3 - (3*4+16)*density/part, func(x float64) float64 { return (phi(x) - phi(-2)) / part }},
	} {
		const arg = 0.25
		fill, err := begin(context.Background(), ir.Init{Name: name, Args: []float64{arg}}, keyOf(1, name), []ir.Size{ir.N(n / 2), ir.N(2)})
		if err != nil {
			t.Fatal(err)
		}
		xs := make([]float64, n)
		fill(0, xs)
		mean, variance := 0.0, 0.0
		for i := range xs {
			xs[i] /= arg
			mean += xs[i] / n
			variance += xs[i] * xs[i] / n
		}
		slices.Sort(xs)
		apart := 0.0
		for i, x := range xs {
			p := c.below(x)
			apart = max(apart, p-float64(i)/n, float64(i+1)/n-p)
		}
		if lo, hi := xs[0], xs[n-1]; lo < -c.most || hi > c.most || c.most < 3 && (lo > -0.999*c.most || hi < 0.999*c.most) {
			t.Errorf("%s: from %v to %v", name, lo, hi)
		}
		if math.Abs(mean) > 5*math.Sqrt(c.variance/n) {
			t.Errorf("%s: the mean is %v", name, mean)
		}
		if math.Abs(variance-c.variance) > 5*math.Sqrt((c.fourth-c.variance*c.variance)/n) {
			t.Errorf("%s: the variance is %v, want %v", name, variance, c.variance)
		}
		if apart > 1.95/math.Sqrt(n) {
			t.Errorf("%s: the distribution function is off by %v", name, apart)
		}
	}
}

// A key is threefry's of the seed, at the first 64 bits of SHA-256 of the name, for good: it was
// computed apart. Names and seeds that are alike have keys that are not.
func TestKeys(t *testing.T) {
	if got, want := keyOf(1<<32+2, "layers.0.w"), (key{0x11776ed, 0x2d1f3c8e}); got != want {
		t.Errorf("%#x, want %#x", got, want)
	}
	seen := map[key]string{}
	for _, seed := range []uint64{0, 1, 2, 1 << 32, math.MaxUint64} {
		for _, name := range []string{"", "a", "b", "ab", "a.b", "layers.0.w", "layers.1.w"} {
			what := strconv.FormatUint(seed, 10) + " " + name
			if k := keyOf(seed, name); seen[k] != "" {
				t.Errorf("seed and name %q have the key of %q", what, seen[k])
			} else {
				seen[k] = what
			}
		}
	}
}
