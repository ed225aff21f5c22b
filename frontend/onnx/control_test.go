package onnx_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/frontend/onnx"
	"github.com/mlxc/mlxc/frontend/onnx/pb"
)

// What loops and branches may not leave to data, and what else is refused of operators with
// graphs and states, each with its message.
func TestRefused(t *testing.T) {
	body := func(inputs, outputs []string, nodes ...*pb.Node) *pb.Attribute {
		g := &pb.Graph{Name: "body", Node: nodes}
		for _, name := range inputs {
			g.Input = append(g.Input, &pb.ValueInfo{Name: name})
		}
		for _, name := range outputs {
			g.Output = append(g.Output, &pb.ValueInfo{Name: name})
		}
		return &pb.Attribute{Name: "body", G: g}
	}
	branch := func(name string, n *pb.Node) *pb.Attribute {
		a := body(nil, n.Output, n)
		a.Name = name
		return a
	}
	text := func(name, s string) *pb.Attribute {
		return &pb.Attribute{Name: name, S: []byte(s), Strings: [][]byte{[]byte(s)}}
	}
	round := []string{"i", "going", "carried"}
	small := with(node("Less", "still", "most", "most"))
	largest := with(node("ReduceMax", "most", "carried"), &pb.Attribute{Name: "keepdims"})
	count := func(n int64) *pb.Tensor { return longs("m", n) }
	grows := []*pb.Node{with(node("Concat", "next", "carried", "carried"), &pb.Attribute{Name: "axis"}), node("Identity", "still", "going")}
	nested := node("Identity", "y", "x")
	for depth := range 9 {
		inner := nested
		inner.Output = []string{fmt.Sprint("inner", depth)}
		nested = with(node("Loop", "y", "m", "", "x"), body(round, []string{"going", inner.Output[0]}, inner))
	}
	for _, c := range []struct {
		name, want string
		m          *pb.Model
	}{
		{"no bound", "node n_y (Loop): data decide on the number of rounds, and it has no bound",
			model(with(node("Loop", "y", "", "", "x"), body(round, []string{"still", "next"}, largest, small, node("Abs", "next", "carried"))))},
		{"gathers", "node n_y (Loop): the number of rounds, which is a size of its results, has to be known when the model is compiled: give --bind x=VALUE",
			and(model(with(&pb.Node{OpType: "Loop", Name: "n_y", Input: []string{"m", "", "x"}, Output: []string{"y", "z"}}, body(round, []string{"still", "next", "most"}, largest, small, node("Abs", "next", "carried")))), count(500))},
		{"grows", "node n_y (Loop): carried value 0 is f32[2, 3] before a round, and f32[4, 3] after it",
			and(model(with(node("Loop", "y", "m", "", "x"), body(round, []string{"still", "next"}, grows...))), count(500))},
		{"grows without bound", "node n_y (Loop): what it carries changes its shape or decides on sizes, and there are more than 128 rounds",
			model(with(node("Loop", "y", "", "", "x"), body(round, []string{"still", "next"}, with(node("Concat", "next", "carried", "x"), &pb.Attribute{Name: "axis"}), node("Identity", "still", "going"))))},
		{"nested", "node n_y (Loop): more than 8 loops in one another", and(model(nested), count(2))},
		{"body", "node n_y (Loop): graph body takes 2 values, and the node has 3 for it", and(model(with(node("Loop", "y", "m", "", "x"), body(round[:2], round[1:2]))), count(2))},
		{"branches", "node n_y (If): which graph is taken, as they give f32[2, 3] and f32[3, 2], has to be known when the model is compiled: give --bind x=VALUE",
			model(node("ReduceMax", "most", "x"), node("Less", "c", "most", "most"), with(node("If", "y", "c"), branch("then_branch", node("Abs", "a", "x")), branch("else_branch", node("Transpose", "b", "x"))))},
		{"sequence", "y is a sequence where a tensor is wanted", model(node("SequenceConstruct", "y", "x", "x"))},
		{"position", "node n_y (SequenceAt): there is no position 2 in a sequence of 1", and(model(node("SequenceConstruct", "l", "x"), node("SequenceAt", "y", "l", "m")), count(2))},
		{"seed", "node n_y (RandomNormalLike): random numbers have a seed here", model(node("RandomNormalLike", "y", "x"))},
		{"ranks", "node n_y (LSTM): input 0 has 3 axes, got f32[2, 3]", model(node("LSTM", "y", "x", "x", "x"))},
		{"activation", `node n_y (RNN): there is no activation "Sine"`, and(model(node("Unsqueeze", "x3", "x", "m"), with(node("RNN", "y", "x3", "x3", "x3"), text("activations", "Sine"))), count(0))},
		{"scales", "node n_y (QuantizeLinear): ", model(node("QuantizeLinear", "y", "x", "x"))},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := onnx.Build(c.m, "", onnx.Options{})
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}
