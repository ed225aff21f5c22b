package onnx

import (
	"fmt"
	"maps"
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

// checkOptions refuses options that are not about the graph.
func (s *scope) checkOptions(g *pb.Graph) {
	dims := dimNames(g, func(string) bool { return false })
	for _, name := range slices.Sorted(maps.Keys(s.options.Dims)) {
		if !slices.Contains(dims, name) {
			fail("no input has a dim %q; the dims are %s", name, nameList(dims))
		}
	}
	inputs := map[string]*pb.ValueInfo{}
	for _, in := range g.Input {
		inputs[in.Name] = in
	}
	for _, name := range slices.Sorted(maps.Keys(s.options.Bind)) {
		in := inputs[name]
		if in == nil {
			fail("there is no input %q to bind; the inputs are %s", name, nameList(slices.Sorted(maps.Keys(inputs))))
		}
		t, want := s.options.Bind[name], inputType(in, unbounded)
		if t.DType != want.DType || in.GetType().GetTensorType().GetShape() != nil && len(t.Shape) != want.Rank() {
			fail("input %s is bound to %s%v, want %s", name, t.DType, t.Shape, want)
		}
	}
}

func nameList(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
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

// inputType is the type of an input of the graph, with the sizes of its dims by name.
func inputType(in *pb.ValueInfo, dim func(name string) ir.Size) ir.Type {
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
			out.Shape = append(out.Shape, dim(name))
		} else {
			out.Shape = append(out.Shape, ir.N(d.GetDimValue()))
		}
	}
	return out
}

// unbounded is the size of a dim of which only the name is known.
func unbounded(name string) ir.Size { return (&ir.Dim{Name: name}).Size() }

// InputTypes are the types of a file's inputs by their names, as far as they are tensors of
// known ranks.
func InputTypes(path string) (types map[string]ir.Type, err error) {
	defer caught(&err)
	m, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	types = map[string]ir.Type{}
	for _, in := range m.Graph.Input {
		if in.GetType().GetTensorType().GetShape() != nil {
			types[in.Name] = inputType(in, unbounded)
		}
	}
	return types, nil
}
