package initial

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

// Columns, or rows where they are fewer, are orthonormal, and are multiplied by the gain. Each has
// of the vectors that were drawn none of those before it, and its own in the same direction.
func TestOrthogonal(t *testing.T) {
	for _, shape := range [][]int64{{1, 1}, {3, 5}, {5, 3}, {200, 100}, {64, 64}, {6, 3, 3, 2}, {20, 2, 2, 4}, {0, 3}, {3, 0}} {
		const gain = 2.0
		sizes, n := []ir.Size{}, 1
		for _, s := range shape {
			sizes, n = append(sizes, ir.N(s)), n*int(s)
		}
		fill, err := begin(context.Background(), ir.Init{Name: "orthogonal", Args: []float64{gain}}, keyOf(3, "w"), sizes)
		if err != nil {
			t.Fatal(err)
		}
		w, from := make([]float64, n), make([]float64, n)
		for i := range w { // one by one, as chunks are
			fill(i, w[i:i+1])
			from[i] = keyOf(3, "w").normal(i, n)
		}
		rows := int(shape[0])
		cols := n / max(rows, 1)
		count, length, at := cols, rows, func(v, i int) int { return i*cols + v }
		if rows < cols {
			count, length, at = rows, cols, func(v, i int) int { return v*cols + i }
		}
		for a := range count {
			for b := range count {
				sum, want, along := 0.0, 0.0, 0.0
				for i := range length {
					sum += w[at(a, i)] * w[at(b, i)]
					along += w[at(a, i)] * from[at(b, i)]
				}
				if a == b {
					want = gain * gain
				}
				if a > b && math.Abs(along) > 0x1p-27*gain*2*math.Sqrt(float64(length)) || a == b && along <= 0 {
					t.Errorf("%v: vector %d has %v of what was drawn as %d", shape, a, along, b)
				}
				if math.Abs(sum-want) > 0x1p-27*gain*gain { // what orthonormalise keeps to
					t.Errorf("%v: vectors %d and %d have the product %v", shape, a, b, sum)
				}
			}
		}
	}
}

// Q is PyTorch's, with its signs. The numbers are of float64, and so few that rounding is below
// 2^-53 times the condition, less than 2^8, and as many operations.
func TestOrthogonalIsPyTorchs(t *testing.T) {
	for _, c := range oracle(t).Orthogonal {
		vectors := make([][]float64, min(c.Rows, c.Cols))
		want := make([][]float64, len(vectors))
		for i, x := range c.From {
			v := i % c.Cols
			if c.Rows < c.Cols {
				v = i / c.Cols
			}
			vectors[v], want[v] = append(vectors[v], x), append(want[v], c.To[i])
		}
		if ok, err := orthonormalise(context.Background(), vectors); !ok || err != nil {
			t.Fatal(ok, err)
		}
		for v := range want {
			for i, w := range want[v] {
				if math.Abs(vectors[v][i]-w) > 0x1p-40 {
					t.Errorf("%d by %d, vector %d: %v, want %v", c.Rows, c.Cols, v, vectors[v], want[v])
					break
				}
			}
		}
	}
}

// Vectors that are not independent are found, and what takes long can be stopped.
func TestOrthonormaliseGivesUp(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	for _, vectors := range [][][]float64{{{0}}, {{1, 2, 3}, {2, 4, 6}}, {{0.1, 0.7}, {0.3, 2.1}}} {
		if ok, err := orthonormalise(ctx, slices.Clone(vectors)); ok || err != nil {
			t.Errorf("%v: %v, %v", vectors, ok, err)
		}
	}
	cancel()
	if _, err := orthogonal(ctx, key{}, 2, 2); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
