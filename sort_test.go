package mlxc_test

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	goruntime "runtime"
	"slices"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// A row as long as a vocabulary is sorted as package slices sorts it, with equal elements
// and NaN, and its sums are those of f64.
func TestLongRows(t *testing.T) {
	const n, k = 128256, 40
	m, err := mlxc.ParseIR("long.mlxir", []byte(`mlxir 1
module "long" {
func @run(%x: f32[128256]) -> (order: i32[128256], top: i32[40], sums: f32[128256]) {
%order = argsort(%x, axis=0, descending=false) : i32[128256]
%top = argtopk(%x, axis=0, k=40) : i32[40]
%zero = const(value=0, dtype=f32, shape=[128256]) : f32[128256]
%nan = isnan(%x) : bool[128256]
%numbers = where(%nan, %zero, %x) : f32[128256]
%sums = cumsum(%numbers, axis=0, exclusive=false, reverse=false) : f32[128256]
ret(%order, %top, %sums)
}
}
`))
	if err != nil {
		t.Fatal(err)
	}
	emptyCache(t)
	runner, err := mlxc.BuildRunner(context.Background(), m, "long.mlxir", ir.CPU, nil)
	if err != nil {
		t.Fatal(err)
	}
	x, err := runtime.NewArray(runtime.F32, n)
	if err != nil {
		t.Fatal(err)
	}
	tensor, r := ir.NewTensor(ir.F32, n), rand.New(rand.NewPCG(1, 1))
	for i := range tensor.F {
		if tensor.F[i] = math.Round(r.NormFloat64()*4096) / 1024; r.IntN(20000) == 0 {
			tensor.F[i] = math.NaN()
		}
	}
	copy(x.Bytes(), tensor.Bytes())
	var in, out bytes.Buffer
	if err := runtime.WriteNPY(&in, x); err != nil {
		t.Fatal(err)
	}
	if err := runner.Run(context.Background(), "run", "", 1, &in, &out); err != nil {
		t.Fatal(err)
	}
	result := func(d ir.DType) *ir.Tensor {
		a, err := runtime.ReadNPY(&out, int64(out.Len()))
		if err != nil {
			t.Fatal(err)
		}
		got, err := ir.TensorOf(d, a.Shape(), a.Bytes())
		goruntime.KeepAlive(a) // the memory is its own
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	rank := func(i int64) float64 { // package cmp has NaN first
		if v := tensor.F[i]; !math.IsNaN(v) {
			return v
		}
		return math.Inf(1)
	}
	want := make([]int64, n)
	for i := range want {
		want[i] = int64(i)
	}
	slices.SortStableFunc(want, func(a, b int64) int { return cmp.Compare(rank(a), rank(b)) })
	if !slices.Equal(result(ir.I32).I, want) {
		t.Error("argsort differs from a stable sort")
	}
	slices.SortFunc(want, func(a, b int64) int { return cmp.Or(cmp.Compare(rank(b), rank(a)), cmp.Compare(a, b)) })
	if got := result(ir.I32).I; !slices.Equal(got, want[:k]) {
		t.Errorf("argtopk is %v, want %v", got, want[:k])
	}
	sum, worst := 0.0, 0.0
	for i, got := range result(ir.F32).F {
		if !math.IsNaN(tensor.F[i]) {
			sum += tensor.F[i]
		}
		worst = max(worst, math.Abs(got-sum))
	}
	// The numbers are multiples of 1/1024 and the sums below 2^13, where f32 has them exactly.
	t.Logf("sums are off by %v at most", worst)
	if worst != 0 {
		t.Error("sums of exact numbers are not exact")
	}
}
