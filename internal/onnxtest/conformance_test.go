package onnxtest_test

import (
	"os"
	"testing"
	"time"

	"github.com/mlxc/mlxc/internal/onnxtest"
	"github.com/mlxc/mlxc/ir"
)

// TestConformance compiles ONNX's conformance suite for the CPU and runs it, but for what is
// listed with a reason. MLXC_UPDATE=1 writes the list anew.
func TestConformance(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a thousand models")
	}
	cases, err := onnxtest.Unpack("../../../shared/data/onnx-conformance", t.TempDir())
	if err != nil {
		t.Skipf("ONNX's conformance suite is not beside the checkout: %v", err)
	}
	exceptions, err := onnxtest.ReadExceptions("testdata/exceptions.txt")
	if err != nil {
		t.Fatal(err)
	}
	var results []onnxtest.Result
	o := onnxtest.Options{Target: ir.CPU, Tolerance: onnxtest.Standard, Limit: time.Minute}
	counts := map[onnxtest.Verdict]int{}
	err = onnxtest.Run(t.Context(), cases, o, func(r onnxtest.Result) {
		results = append(results, r)
		counts[r.Verdict]++
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%v", counts)
	if os.Getenv("MLXC_UPDATE") != "" {
		if err := exceptions.Update(results); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, w := range exceptions.Wrong(results) {
		t.Error(w)
	}
}
