package onnx

import (
	"testing"

	"github.com/mlxc/mlxc/frontend/onnx/pb"
)

// The weight and the bias of a layer are found by what exporters call them, or call the node.
func TestLayerNames(t *testing.T) {
	scopes := []*pb.StringEntry{{Key: "pkg.torch.onnx.name_scopes", Value: "['', 'layers.0', 'layers.0.fc1', 'linear_2']"}}
	g := &pb.Graph{Node: []*pb.Node{
		{OpType: "Conv", Input: []string{"x", "fire2/squeeze_w_0", "fire2/squeeze_b_0"}, Output: []string{"a"}},
		{OpType: "Conv", Input: []string{"a", "conv_1/kernel:0", "conv_1/bias:0"}, Output: []string{"b"}},
		{OpType: "Conv", Input: []string{"b", "sep_1/depthwise_kernel:0"}, Output: []string{"c"}},
		{OpType: "Conv", Input: []string{"c", "W3", "B3"}, Output: []string{"d"}},
		{OpType: "Conv", Input: []string{"d", "W4", "B4"}, Output: []string{"e"}}, // of which nothing is known
		{OpType: "Conv", Name: "/stage2/stage2.0/proj/proj.3/Conv", Input: []string{"e", "onnx::Conv_81", "onnx::Conv_82"}, Output: []string{"f"}},
		{OpType: "MatMul", Input: []string{"f", "val_12"}, Output: []string{"g"}, MetadataProps: scopes},
		{OpType: "Gemm", Input: []string{"g", "head.weight", "shared"}, Output: []string{"h"}},
		{OpType: "Add", Input: []string{"h", "shared"}, Output: []string{"i"}},
		{OpType: "Conv", Input: []string{"i", "twin.weight"}, Output: []string{"j"}},
		{OpType: "Conv", Input: []string{"j", "twin.weight"}, Output: []string{"k"}},
		{OpType: "Mul", Input: []string{"k", "scale.weight"}, Output: []string{"y"}},
	}}
	want := map[string]string{
		"fire2/squeeze_w_0": "fire2.squeeze.weight", "fire2/squeeze_b_0": "fire2.squeeze.bias",
		"conv_1/kernel:0": "conv_1.weight", "conv_1/bias:0": "conv_1.bias",
		"sep_1/depthwise_kernel:0": "sep_1.depthwise.weight", "W3": "sep_1.pointwise.weight", "B3": "sep_1.pointwise.bias",
		"W4": "W4", "B4": "B4",
		"onnx::Conv_81": "stage2.0.proj.3.weight", "onnx::Conv_82": "stage2.0.proj.3.bias",
		"val_12": "layers.0.fc1.weight", "head.weight": "head.weight", "shared": "shared",
		"twin.weight": "twin.weight", "scale.weight": "scale.weight",
	}
	s := &scope{importer: newImporter("m", "", Options{}), values: map[string]*value{}}
	for name := range want {
		s.values[name] = constantValue(name, &Constant{})
	}
	s.nameLayers(g)
	for name, path := range want {
		if got := s.path(name); got != path {
			t.Errorf("%s is %s, want %s", name, got, path)
		}
	}
}
