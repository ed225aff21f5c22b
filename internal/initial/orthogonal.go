package initial

import (
	"context"
	"math"
	"runtime"
	"sync"
)

// orthogonal is a matrix whose columns are orthonormal, or whose rows are where they are fewer:
// Q of the decomposition QR of normal numbers, or of their transpose, with a positive diagonal
// in R, so that all such matrices are equally likely.
func orthogonal(ctx context.Context, k key, rows, cols int) ([]float64, error) {
	count, length := min(rows, cols), max(rows, cols)
	at := func(vector, i int) int {
		if rows < cols {
			return vector*cols + i
		}
		return i*cols + vector
	}
	vectors := make([][]float64, count)
	for {
		for v := range vectors {
			vectors[v] = make([]float64, length)
			for i := range vectors[v] {
				vectors[v][i] = k.normal(at(v, i), rows*cols)
			}
		}
		independent, err := orthonormalise(ctx, vectors)
		if err != nil {
			return nil, err
		}
		if independent {
			break
		}
		k = k.block(0, 0)
	}
	matrix := make([]float64, rows*cols)
	for v, x := range vectors {
		for i := range x {
			matrix[at(v, i)] = x[i]
		}
	}
	return matrix, nil
}

// orthonormalise is the modified method of Gram and Schmidt. It reports whether the vectors are
// independent.
func orthonormalise(ctx context.Context, vectors [][]float64) (bool, error) {
	const least = 0x1p-26 // part of a vector that must be left: the roundings before are 2^-27 of that
	lengths := make([]float64, len(vectors))
	for v, x := range vectors {
		lengths[v] = math.Sqrt(dot(x, x))
	}
	for v, x := range vectors {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		length := math.Sqrt(dot(x, x))
		if length <= least*lengths[v] {
			return false, nil
		}
		for i := range x {
			x[i] /= length
		}
		each(vectors[v+1:], func(y []float64) {
			along := dot(x, y)
			for i := range y {
				y[i] -= float64(along * x[i])
			}
		})
	}
	return true, nil
}

// dot is a sum in this order, of products that are rounded: the same on every machine.
func dot(x, y []float64) (sum float64) {
	y = y[:len(x)]
	for i := range x {
		sum += float64(x[i] * y[i])
	}
	return sum
}

// each does something with each vector, some at a time.
func each(vectors [][]float64, do func(x []float64)) {
	const few = 1 << 14 // elements, which are not worth a goroutine
	if len(vectors) == 0 || len(vectors)*len(vectors[0]) < few {
		for _, x := range vectors {
			do(x)
		}
		return
	}
	var wg sync.WaitGroup
	n := runtime.GOMAXPROCS(0)
	for t := range n {
		wg.Go(func() {
			for v := t; v < len(vectors); v += n {
				do(vectors[v])
			}
		})
	}
	wg.Wait()
}
