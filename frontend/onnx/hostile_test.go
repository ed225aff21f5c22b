package onnx_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mlxc/mlxc/frontend/onnx"
	"github.com/mlxc/mlxc/frontend/onnx/pb"
)

// model is a file with the nodes, an input x f32[2, 3] and an output y.
func model(nodes ...*pb.Node) *pb.Model {
	return &pb.Model{
		IrVersion: 8, OpsetImport: []*pb.OperatorSet{{Version: 17}},
		Graph: &pb.Graph{Name: "g", Node: nodes, Input: []*pb.ValueInfo{input("x", 2, 3)}, Output: []*pb.ValueInfo{{Name: "y"}}},
	}
}

func input(name string, shape ...int64) *pb.ValueInfo {
	s := &pb.Shape{}
	for _, n := range shape {
		s.Dim = append(s.Dim, &pb.Dim{Value: &pb.Dim_DimValue{DimValue: n}})
	}
	return &pb.ValueInfo{Name: name, Type: &pb.Type{Value: &pb.Type_TensorType{TensorType: &pb.TensorType{ElemType: 1, Shape: s}}}}
}

// node is an operator from inputs to one output.
func node(op, output string, inputs ...string) *pb.Node {
	return &pb.Node{OpType: op, Name: "n_" + output, Input: inputs, Output: []string{output}}
}

func with(n *pb.Node, attributes ...*pb.Attribute) *pb.Node {
	n.Attribute = attributes
	return n
}

// and adds initialisers.
func and(m *pb.Model, ts ...*pb.Tensor) *pb.Model {
	m.Graph.Initializer = ts
	return m
}

func longs(name string, xs ...int64) *pb.Tensor {
	return &pb.Tensor{Name: name, DataType: 7, Dims: []int64{int64(len(xs))}, Int64Data: xs}
}

// deep is a function that calls itself.
func deep() *pb.Model {
	call := func(out, in string) *pb.Node {
		n := node("Again", out, in)
		n.Domain = "ours"
		return n
	}
	m := model(call("y", "x"))
	m.OpsetImport = append(m.OpsetImport, &pb.OperatorSet{Domain: "ours", Version: 1})
	m.Functions = []*pb.Function{{Name: "Again", Domain: "ours", Input: []string{"a"}, Output: []string{"b"}, OpsetImport: m.OpsetImport, Node: []*pb.Node{call("b", "a")}}}
	return m
}

// TestHostile has files that are wrong, each with its one message.
func TestHostile(t *testing.T) {
	outside := func(location string) *pb.Tensor {
		return &pb.Tensor{Name: "w", DataType: 1, Dims: []int64{2}, DataLocation: 1, ExternalData: []*pb.Pair{{Key: "location", Value: location}, {Key: "length", Value: "8"}}}
	}
	for _, c := range []struct {
		name, want string
		m          *pb.Model
	}{
		{"cycle", "node n_b (Neg): its input a depends on its own output", model(node("Abs", "a", "b"), node("Neg", "b", "a"), node("Add", "y", "x", "a"))},
		{"missing", "node n_y (Add): nothing computes its input w", model(node("Add", "y", "x", "w"))},
		{"no output", "no node computes the output y", model(node("Abs", "z", "x"))},
		{"twice", "node n_y (Neg): y is computed twice", model(node("Abs", "y", "x"), node("Neg", "y", "x"))},
		{"unknown operators", "operators that are not covered: Conjure (n_y); other.Abs (n_z)", model(node("Conjure", "y", "x"), &pb.Node{OpType: "Abs", Domain: "other", Name: "n_z", Input: []string{"x"}, Output: []string{"z"}})},
		{"no opset", "the file names no opset, so that its operators have no meaning; it is of IR version 1, from before opsets", &pb.Model{IrVersion: 1, Graph: &pb.Graph{}}},
		{"length", "tensor w: 4 bytes do not make the shape [2] of f32", and(model(node("Add", "y", "x", "w")), &pb.Tensor{Name: "w", DataType: 1, Dims: []int64{2}, RawData: make([]byte, 4)})},
		{"gigantic", "tensor w: shape [9223372036854775807 9223372036854775807] is not possible", and(model(node("Add", "y", "x", "w")), &pb.Tensor{Name: "w", DataType: 1, Dims: []int64{1<<63 - 1, 1<<63 - 1}})},
		{"negative", "tensor w: shape [-2] is not possible", and(model(node("Add", "y", "x", "w")), &pb.Tensor{Name: "w", DataType: 1, Dims: []int64{-2}})},
		{"above", `tensor w: its data are in "../secret", which is not below the model's folder`, and(model(node("Add", "y", "x", "w")), outside("../secret"))},
		{"absolute", `tensor w: its data are in "/etc/passwd", which is not below the model's folder`, and(model(node("Add", "y", "x", "w")), outside("/etc/passwd"))},
		{"link", "tensor w: its data are in link: ", and(model(node("Add", "y", "x", "w")), outside("link"))},
		{"short", "tensor w: short does not have its 8 bytes from 0 on", and(model(node("Add", "y", "x", "w")), outside("short"))},
		{"recursion", "functions and subgraphs are nested deeper than 64, or without end", deep()},
		{"rank", "node n_y (Transpose): ", model(with(node("Transpose", "y", "x"), &pb.Attribute{Name: "perm", Ints: []int64{0, 7, 9}}))},
		{"axis", "node n_y (Softmax): axis 5 is out of range for rank 2", model(with(node("Softmax", "y", "x"), &pb.Attribute{Name: "axis", I: 5}))},
		{"sizes", "node n_y (Add): add: sizes differ: 3 and 2", and(model(node("Add", "y", "x", "w")), &pb.Tensor{Name: "w", DataType: 1, Dims: []int64{2}, FloatData: []float32{1, 2}})},
		{"reshape", "node n_y (Reshape): ", and(model(node("Reshape", "y", "x", "s")), longs("s", 4, -1))},
		{"huge shape", "node n_y (Expand): ", and(model(node("Expand", "y", "x", "s")), longs("s", 1<<40, 1<<40, 2, 3))},
		{"huge tile", "node n_y (Tile): ", and(model(node("Tile", "y", "x", "s")), longs("s", 1<<62, 1<<62))},
		{"huge pad", "node n_y (Pad): ", and(model(with(node("Pad", "y", "x", "s"), &pb.Attribute{Name: "mode", S: []byte("reflect")})), longs("s", 1<<40, 0, 0, 0))},
		{"refused within", "node n_y (Attention): matmul: ", and(model(node("Reshape", "q", "x", "s"), node("Reshape", "k", "x", "t"), with(node("Attention", "y", "q", "k", "k"), &pb.Attribute{Name: "softcap", F: 2})), longs("s", 1, 1, 2, 3), longs("t", 1, 1, 3, 2))},
		{"inputs", "node n_y (Add): input 1 is missing", model(node("Add", "y", "x"))},
		{"subgraph", "node n_y (Add): nothing computes its input inner", model(node("Add", "y", "x", "inner"))},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			b, err := proto.Marshal(c.m)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "model.onnx")
			for name, content := range map[string][]byte{"model.onnx": b, "short": make([]byte, 7)} {
				if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
				t.Fatal(err)
			}
			_, err = onnx.Import(file, onnx.Options{})
			if err == nil || !strings.HasPrefix(err.Error(), file+": "+c.want) {
				t.Errorf("got  %v\nwant %s: %s", err, file, c.want)
			}
		})
	}
}

func TestNoFile(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{"none.onnx": "no such file", "text.onnx": "this is no ONNX model", ".": "this is no file"} {
		if name == "text.onnx" {
			if err := os.WriteFile(filepath.Join(dir, name), []byte("hello"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := onnx.Import(filepath.Join(dir, name), onnx.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

// FuzzImport imports what may be no model. The seeds are those of the suite that are short.
func FuzzImport(f *testing.F) {
	for _, m := range []*pb.Model{model(node("Abs", "y", "x")), and(model(node("Reshape", "y", "x", "s")), longs("s", 3, -1)), deep()} {
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	if _, err := os.Stat(suite); err == nil {
		for _, c := range cases(f) {
			b, err := os.ReadFile(filepath.Join(c.Dir, "model.onnx"))
			if err != nil {
				f.Fatal(err)
			}
			if len(b) < 1<<10 {
				f.Add(b)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := onnx.Decode(b)
		if err != nil {
			return
		}
		dims := map[string]onnx.Bounds{}
		for _, in := range m.Graph.Input {
			for a, name := range onnx.DimNames(in) {
				if name != "" {
					dims[name] = onnx.Bounds{Min: 0, Max: int64(a + 1)}
				}
			}
		}
		_, err = onnx.Build(m, "", onnx.Options{Dims: dims})
		if err != nil && (len(err.Error()) > 1<<16 || bytes.Contains([]byte(err.Error()), []byte("internal error"))) {
			t.Error(err)
		}
	})
}
