package onnx_test

import (
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mlxc/mlxc/frontend/onnx"
	"github.com/mlxc/mlxc/frontend/onnx/pb"
	"github.com/mlxc/mlxc/ir"
)

// TestNormOfImages: a norm over channels and places leaves the channels where the convolutions
// around it have them.
func TestNormOfImages(t *testing.T) {
	m := model(node("Conv", "a", "x", "w"), with(node("LayerNormalization", "b", "a", "scale", "bias"), &pb.Attribute{Name: "axis", I: 1}), node("Conv", "c", "b", "v"), node("ReduceMean", "y", "c"))
	m.Graph.Input = []*pb.ValueInfo{input("x", 2, 3, 8, 8)}
	zeros := func(name string, shape ...int64) *pb.Tensor {
		n := int64(1)
		for _, e := range shape {
			n *= e
		}
		return &pb.Tensor{Name: name, DataType: 1, Dims: shape, FloatData: make([]float32, n)}
	}
	and(m, zeros("w", 6, 3, 1, 1), zeros("scale", 6, 8, 8), zeros("bias", 6, 8, 8), zeros("v", 2, 6, 1, 1))
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "model.onnx")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	model, err := onnx.Import(file, onnx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var inMemory func(v *ir.Value) bool
	inMemory = func(v *ir.Value) bool {
		return v.Instr == nil || v.Instr.InMemory() || v.Instr.Op.Name == "reshape" && inMemory(v.Instr.Args[0])
	}
	made := model.Program.Module()
	turns := 0
	for _, in := range made.Funcs[0].Body {
		if in.Op.Name != "transpose" {
			continue
		}
		turns++
		if !inMemory(in.Args[0]) {
			t.Errorf("%s of %s is turned", in.Args[0].Instr.Op.Name, in.Args[0].Type)
		}
	}
	if turns != 5 {
		t.Errorf("%d turns, want those of the input and of four weights\n%s", turns, ir.Print(made))
	}
}
