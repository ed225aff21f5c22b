package onnx

import (
	"regexp"
	"strings"

	"github.com/mlxc/mlxc/frontend/onnx/pb"
)

// The names of layers. Exporters call the weight and the bias of a layer by words of their own,
// or give them numbers where they have folded a norm into them; the layer is found in the name
// of one of them, or in that of the node.

var (
	weightWord = regexp.MustCompile(`^(.+)[._/](?:w|W|kernel|weights?)(?:_0|:0)?$`)
	depthwise  = regexp.MustCompile(`^(.+)/depthwise_kernel:0$`)                           // of Keras, which has a pointwise kernel behind it
	anonymous  = regexp.MustCompile(`^(?:onnx::\w+_\d+|val_\d+|\d+|[WB]\d*)$`)             // of PyTorch three times, and of Keras
	scopeName  = regexp.MustCompile(`^/(.+)/(?:Conv|ConvTranspose|MatMul|Gemm)(?:_\d+)?$`) // of PyTorch's modules
	inQuotes   = regexp.MustCompile(`'([^']*)'`)
)

// nameLayers finds what the initialisers that are weights and biases of layers are called:
// the layer's name, and weight or bias.
func (s *scope) nameLayers(g *pb.Graph) {
	uses, makes := map[string]int{}, map[string]string{} // the layer that makes a value
	for _, n := range g.Node {
		for _, in := range reads(n) {
			uses[in]++
		}
	}
	taken := map[string]bool{}
	initialiser := func(n *pb.Node, i int) bool {
		return i < len(n.Input) && s.values[n.Input[i]] != nil && uses[n.Input[i]] == 1
	}
	for _, n := range g.Node {
		switch n.OpType {
		case "Conv", "ConvTranspose", "Gemm", "MatMul":
		default:
			continue
		}
		if !initialiser(n, 1) {
			continue
		}
		layer := layerName(n, makes[n.Input[0]])
		if layer == "" || taken[layer] {
			continue
		}
		taken[layer], makes[n.Output[0]] = true, layer
		s.layers[n.Input[1]] = layer + "/weight"
		if initialiser(n, 2) {
			s.layers[n.Input[2]] = layer + "/bias"
		}
	}
}

// layerName is the name of the layer that a node with weights is, whose input another layer
// makes; empty: none is known.
func layerName(n *pb.Node, before string) string {
	weight := n.Input[1]
	if m := weightWord.FindStringSubmatch(weight); m != nil {
		return m[1]
	}
	if m := depthwise.FindStringSubmatch(weight); m != nil {
		return m[1] + "/depthwise"
	}
	if !anonymous.MatchString(weight) {
		return ""
	}
	if base, ok := strings.CutSuffix(before, "/depthwise"); ok && n.OpType == "Conv" {
		return base + "/pointwise"
	}
	for _, p := range n.MetadataProps {
		if p.Key == "pkg.torch.onnx.name_scopes" { // a list of Python, from the model to the operator
			if names := inQuotes.FindAllStringSubmatch(p.Value, -1); len(names) > 1 {
				return names[len(names)-2][1]
			}
		}
	}
	m := scopeName.FindStringSubmatch(n.Name)
	if m == nil {
		return ""
	}
	var steps []string
	for _, step := range strings.Split(m[1], "/") {
		if last := len(steps) - 1; last >= 0 && strings.HasPrefix(step, steps[last]+".") { // an element of a list
			steps = steps[:last]
		}
		steps = append(steps, step)
	}
	return strings.Join(steps, "/")
}
