package onnx_test

import (
	"math"
	"slices"
	"testing"

	"github.com/mlxc/mlxc/frontend/onnx"
	"github.com/mlxc/mlxc/frontend/onnx/pb"
	"github.com/mlxc/mlxc/ir"
)

// TestRandom compares means and variances with those of the distributions: of 2000 numbers,
// they are within 5 standard errors, and those of another seed are others.
func TestRandom(t *testing.T) {
	const count = 2000
	x := ir.NewTensor(ir.F32, 1, 4)
	probabilities := []float64{0.1, 0.2, 0.3, 0.4}
	for i, p := range probabilities {
		x.F[i] = math.Log(p) + 3 // not normalised
	}
	dims := &pb.Attribute{Name: "shape", Ints: []int64{count}}
	float := func(name string, x float32) *pb.Attribute { return &pb.Attribute{Name: name, F: x} }
	for _, c := range []struct {
		op             string
		inputs         []string
		attributes     []*pb.Attribute
		mean, variance float64
	}{
		{"RandomNormal", nil, []*pb.Attribute{dims, float("mean", 2), float("scale", 3)}, 2, 9},
		{"RandomUniform", nil, []*pb.Attribute{dims, float("low", -1), float("high", 5)}, 2, 3},
		{"Multinomial", []string{"x"}, []*pb.Attribute{{Name: "sample_size", I: count}}, 2, 1},
	} {
		t.Run(c.op, func(t *testing.T) {
			draw := func(seed float32) *ir.Tensor {
				m := model(with(node(c.op, "y", c.inputs...), append(c.attributes, float("seed", seed))...))
				m.Graph.Input = []*pb.ValueInfo{input("x", 1, 4)}
				imported, err := onnx.Build(m, "", onnx.Options{})
				if err != nil {
					t.Fatal(err)
				}
				params := map[string]*ir.Tensor{} // what was drawn while importing
				for i, w := range imported.Weights {
					params[imported.Program.Module().Params[i].Name] = w.Tensor()
				}
				got, err := imported.Program.Eval(onnx.Forward, params, x)
				if err != nil {
					t.Fatal(err)
				}
				return got[0]
			}
			y, again, other := draw(7), draw(7), draw(8)
			var numbers, others []float64
			sum, squares := 0.0, 0.0
			for i := range y.Len() {
				numbers, others = append(numbers, y.Number(i)), append(others, other.Number(i))
				sum += y.Number(i)
				squares += (y.Number(i) - c.mean) * (y.Number(i) - c.mean)
				if y.Number(i) != again.Number(i) {
					t.Fatalf("number %d is %v, and then %v", i, y.Number(i), again.Number(i))
				}
			}
			if len(numbers) != count || slices.Equal(numbers, others) {
				t.Errorf("%d numbers, the same for two seeds: %v", len(numbers), slices.Equal(numbers, others))
			}
			if mean := sum / count; math.Abs(mean-c.mean) > 5*math.Sqrt(c.variance/count) {
				t.Errorf("mean %v, want %v", mean, c.mean)
			}
			// The variance of (y - mean)² is at most 2 variance² for these.
			if variance := squares / count; math.Abs(variance-c.variance) > 5*c.variance*math.Sqrt(2.0/count) {
				t.Errorf("variance %v, want %v", variance, c.variance)
			}
		})
	}
}
