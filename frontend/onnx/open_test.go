package onnx_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mlxc/mlxc/frontend/onnx"
	"github.com/mlxc/mlxc/frontend/onnx/pb"
	"github.com/mlxc/mlxc/internal/onnxtest"
	"github.com/mlxc/mlxc/ir"
)

// TestOpenSizes runs recorded cases that gather, resize or sample with the sizes of the
// inputs that are 4 and more left open, up to 20, as far as the operators allow.
func TestOpenSizes(t *testing.T) {
	all, err := onnxtest.Unpack("testdata", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]onnxtest.Case{}
	for _, c := range all {
		byName[c.Name] = c
	}
	for _, name := range []string{
		"center_crop_pad", "compress", "cross_entropy_mean_True", "gather_-1", "gather_known", "gather_nd_batch", "gather_nd_rest", "gather_scalar",
		"grid_cubic_reflection_0", "grid_linear_border_1", "grid_nearest_zeros_0", "grid_volume_linear_reflection_1", "nll_none_True", "one_hot",
		"resize_10_nearest", "resize_ceil_asymmetric_0.5", "resize_cubic_align_corners_4_11", "resize_cubic_by_1.3_0.4", "resize_exclude_outside",
		"resize_floor_asymmetric_2", "resize_linear_half_pixel_1_1", "resize_linear_half_pixel_symmetric_9_4", "resize_linear_pytorch_half_pixel_1_1",
		"resize_nearest_half_pixel_9_4", "reverse_sequence", "scatter_add", "scatter_max", "scatter_mul", "scatter_nd_min", "scatter_nd_none", "scatter_none", "upsample_7",
	} {
		t.Run(name, func(t *testing.T) {
			c, ok := byName[name]
			if !ok {
				t.Fatal("it is not recorded")
			}
			evaluateOpen(t, c)
		})
	}
}

func evaluateOpen(t *testing.T, c onnxtest.Case) {
	read := func(path ...string) []byte {
		data, err := os.ReadFile(filepath.Join(append([]string{c.Dir}, path...)...))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	tensor := func(kind string, i int) *ir.Tensor {
		_, x, err := onnx.DecodeTensor(read("test_data_set_0", fmt.Sprintf("%s_%d.pb", kind, i)))
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	m, err := onnx.Decode(read("model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	inputs, dims, open := map[string]*ir.Tensor{}, map[string]onnx.Bounds{}, 0
	for i, in := range m.Graph.Input {
		x := tensor("input", i)
		inputs[in.Name] = x
		for a, d := range in.GetType().GetTensorType().GetShape().GetDim() {
			if x.Shape[a] >= 4 { // equal sizes are one dim
				name := fmt.Sprintf("d%d", x.Shape[a])
				dims[name] = onnx.Bounds{Min: 1, Max: 20}
				d.Value = &pb.Dim_DimParam{DimParam: name}
				open++
			}
		}
	}
	if open == 0 {
		t.Fatal("it has no size of 4 or more")
	}
	model, err := onnx.Build(m, "", onnx.Options{Dims: dims})
	if err != nil {
		t.Fatal(err)
	}
	var args []*ir.Tensor
	for _, p := range model.Inputs {
		args = append(args, inputs[p.ONNX])
	}
	params := map[string]*ir.Tensor{}
	for _, w := range model.Weights {
		for _, p := range model.Program.Module().Params {
			if p.Path == w.Path {
				params[p.Name] = w.Tensor()
			}
		}
	}
	got, err := model.Program.Eval(onnx.Forward, params, args...)
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range got {
		want := tensor("output", i)
		if !slices.Equal(g.Shape, want.Shape) {
			t.Fatalf("output %d is %v, want %v", i, g.Shape, want.Shape)
		}
		for k := range g.Len() {
			if off := math.Abs(g.Number(k) - want.Number(k)); !(off <= 1e-5+1e-3*math.Abs(want.Number(k))) {
				t.Fatalf("output %d: element %d is %v, want %v", i, k, g.Number(k), want.Number(k))
			}
		}
	}
}
