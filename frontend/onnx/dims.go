package onnx

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/frontend/onnx/pb"
	"github.com/mlxc/mlxc/ir"
)

// dimName is the name of a dynamic axis of an input: its own, or one made of the input's.
func dimName(in *pb.ValueInfo, axis int) (name string, dynamic bool) {
	d := in.GetType().GetTensorType().GetShape().GetDim()[axis]
	switch v := d.Value.(type) {
	case *pb.Dim_DimValue:
		if v.DimValue < 0 { // as some exporters write what they do not know
			break
		}
		return "", false
	case *pb.Dim_DimParam:
		if v.DimParam != "" {
			return v.DimParam, true
		}
	}
	return fmt.Sprintf("%s_%d", in.Name, axis), true
}

// DimNames are the names of an input's dims by its axes; empty where the file has a size.
func DimNames(in *pb.ValueInfo) []string {
	names := make([]string, len(in.GetType().GetTensorType().GetShape().GetDim()))
	for axis := range names {
		names[axis], _ = dimName(in, axis)
	}
	return names
}

// dimNames are the names of the dynamic axes of a model's inputs, in order.
func dimNames(g *pb.Graph, known func(input string) bool) (names []string) {
	for _, in := range g.Input {
		if known(in.Name) {
			continue
		}
		for axis := range in.GetType().GetTensorType().GetShape().GetDim() {
			if name, dynamic := dimName(in, axis); dynamic && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// boundDims declares the dims of a graph's inputs.
func (s *scope) boundDims(g *pb.Graph) {
	names := dimNames(g, func(in string) bool { return s.values[in] != nil || s.options.Bind[in] != nil })
	var missing []string
	for _, name := range names {
		if _, ok := s.options.Dims[name]; !ok {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		var flags []string
		for _, name := range missing {
			flags = append(flags, fmt.Sprintf("--dim '%s<=64'", name))
		}
		fail("sizes of the inputs have no bound: give %s, with the largest that you need", strings.Join(flags, " "))
	}
	for _, name := range names {
		bounds := s.options.Dims[name]
		switch {
		case bounds.Min < 0 || bounds.Max < bounds.Min:
			fail("dim %s: bounds %d and %d", name, bounds.Min, bounds.Max)
		case bounds.Min == bounds.Max:
			s.dims[name] = ir.N(bounds.Min)
		default:
			s.dims[name] = s.b.DimRange(s.fresh(name), bounds.Min, bounds.Max)
		}
	}
	s.check("dims")
}

// inputType is the type of an input of the graph.
func (s *scope) inputType(in *pb.ValueInfo) ir.Type {
	t := in.GetType().GetTensorType()
	if t == nil {
		unsupported("input %s is no tensor", in.Name)
	}
	if t.Shape == nil {
		fail("input %s has no shape", in.Name)
	}
	out := ir.Type{DType: dtypeOf(t.ElemType, "input "+in.Name), Shape: []ir.Size{}}
	for axis, d := range t.Shape.Dim {
		if name, dynamic := dimName(in, axis); dynamic {
			out.Shape = append(out.Shape, s.dims[name])
		} else {
			out.Shape = append(out.Shape, ir.N(d.GetDimValue()))
		}
	}
	return out
}
