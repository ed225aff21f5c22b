package onnx_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mlxc/mlxc/frontend/onnx"
	"github.com/mlxc/mlxc/frontend/onnx/pb"
	"github.com/mlxc/mlxc/internal/onnxtest"
	"github.com/mlxc/mlxc/ir"
)

// dynamic are axes of recorded cases that may be dynamic: those of inputs, by their numbers,
// with names.
var dynamic = map[string]map[[2]int]string{
	"rnn_reverse_lens":        {{0, 0}: "steps", {0, 1}: "batch", {3, 0}: "batch"},
	"gru_bidirectional_lens":  {{0, 0}: "steps", {0, 1}: "batch", {4, 0}: "batch", {5, 1}: "batch"},
	"lstm_bidirectional_lens": {{0, 0}: "steps", {0, 1}: "batch", {4, 0}: "batch", {5, 1}: "batch", {6, 1}: "batch"},
	"loop_ends":               {{0, 0}: "rows"},
	"loop_over_rows":          {{0, 0}: "rows"},
	"scan_directions":         {{1, 1}: "steps", {2, 0}: "steps"},
	"if_selects":              {{1, 0}: "rows"},
}

// TestDynamic makes axes dynamic, which changes no result, by the evaluator and compiled.
func TestDynamic(t *testing.T) {
	dir := t.TempDir()
	all, err := onnxtest.Unpack("testdata", dir)
	if err != nil {
		t.Fatal(err)
	}
	var cases []onnxtest.Case
	for _, c := range all {
		if dynamic[c.Name] == nil {
			continue
		}
		c.Room = 5
		cases = append(cases, c)
		file := filepath.Join(c.Dir, "model.onnx")
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := onnx.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		for at, name := range dynamic[c.Name] {
			m.Graph.Input[at[0]].GetType().GetTensorType().Shape.Dim[at[1]] = &pb.Dim{Value: &pb.Dim_DimParam{DimParam: name}}
		}
		if data, err = proto.Marshal(m); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if len(cases) != len(dynamic) {
		t.Fatalf("%d of %d cases are there", len(cases), len(dynamic))
	}
	for _, target := range []ir.Target{"", ir.CPU} {
		if target != "" && testing.Short() {
			t.Skip("builds programs")
		}
		o := onnxtest.Options{Target: target, Tolerance: onnxtest.Standard, Limit: time.Minute}
		err := onnxtest.Run(t.Context(), cases, o, func(r onnxtest.Result) {
			if r.Verdict != onnxtest.Passed {
				t.Errorf("%s %s: %s", target, r.Case, r.Reason)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
