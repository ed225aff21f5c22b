package onnx_test

import (
	"slices"
	"testing"

	"github.com/mlxc/mlxc/frontend/onnx"
	"github.com/mlxc/mlxc/frontend/onnx/pb"
	"github.com/mlxc/mlxc/ir"
)

// Functions of a file have opsets of their own, attributes with defaults, and overloads.
func TestFunctions(t *testing.T) {
	const domain = "ours"
	call := func(f, overload, out string, attributes ...*pb.Attribute) *pb.Node {
		n := with(node(f, out, "x"), attributes...)
		n.Domain, n.Overload = domain, overload
		return n
	}
	float := func(name string, x float32) *pb.Attribute { return &pb.Attribute{Name: name, F: x} }
	m := model(call("Limit", "", "y"), call("Limit", "", "z", float("high", 2)), call("Limit", "negated", "w"), call("Twice", "", "v"))
	m.Graph.Output = nil
	for _, name := range []string{"y", "z", "w", "v"} {
		m.Graph.Output = append(m.Graph.Output, &pb.ValueInfo{Name: name})
	}
	ours := &pb.OperatorSet{Domain: domain, Version: 1}
	m.OpsetImport = append(m.OpsetImport, ours)
	refers := func(name, to string) *pb.Attribute { return &pb.Attribute{Name: name, RefAttrName: to} }
	m.Functions = []*pb.Function{{
		Name: "Limit", Domain: domain, OpsetImport: []*pb.OperatorSet{{Version: 6}}, Input: []string{"x"}, Output: []string{"y"},
		AttributeProto: []*pb.Attribute{float("high", 1)},
		Node:           []*pb.Node{with(node("Clip", "y", "x"), refers("max", "high"), refers("min", "low"))}, // inputs since opset 11
	}, {
		Name: "Limit", Domain: domain, Overload: "negated", OpsetImport: []*pb.OperatorSet{{Version: 17}}, Input: []string{"x"}, Output: []string{"y"},
		Node: []*pb.Node{node("Neg", "y", "x")},
	}, {
		Name: "Twice", Domain: domain, OpsetImport: []*pb.OperatorSet{{Version: 17}, ours}, Input: []string{"x"}, Output: []string{"y"},
		Node: []*pb.Node{call("Limit", "", "a", float("high", 3)), node("Add", "y", "a", "a")},
	}}
	imported, err := onnx.Build(m, "", onnx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x := ir.NewTensor(ir.F32, 2, 3)
	copy(x.F, []float64{-9, -1, 0, 1.5, 2.5, 9})
	got, err := imported.Program.Eval(onnx.Forward, nil, x)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]float64{
		{-9, -1, 0, 1, 1, 1},
		{-9, -1, 0, 1.5, 2, 2},
		{9, 1, 0, -1.5, -2.5, -9},
		{-18, -2, 0, 3, 5, 6},
	} {
		if !slices.Equal(got[i].F, want) {
			t.Errorf("%s is %v, want %v", m.Graph.Output[i].Name, got[i].F, want)
		}
	}
}
