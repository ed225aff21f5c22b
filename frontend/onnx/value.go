package onnx

import (
	"math"
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// A value is a tensor of the graph, in one of three forms: a constant, integers that are
// sizes, or a value of the program, which the others become where one is needed.
type value struct {
	name   string // in the file
	data   *Constant
	sizes  *sizeList
	t      mlx.Value // not Ok while the value is of another form
	inputs []string  // of the graph that it depends on, each once, in order

	isList bool // it is a sequence, of these, and none of the above
	list   []*value
}

// A sizeList is an i64 tensor of rank 0 or 1 whose elements are sizes.
type sizeList struct {
	scalar bool
	of     []ir.Size
}

func constantValue(name string, c *Constant) *value { return &value{name: name, data: c} }

// typ is the type of the value.
func (v *value) typ() ir.Type {
	switch {
	case v.data != nil:
		t := ir.Type{DType: v.data.DType, Shape: []ir.Size{}}
		for _, n := range v.data.Shape {
			t.Shape = append(t.Shape, ir.N(int64(n)))
		}
		return t
	case v.sizes != nil && v.sizes.scalar:
		return ir.Type{DType: ir.I64, Shape: []ir.Size{}}
	case v.sizes != nil:
		return ir.Type{DType: ir.I64, Shape: []ir.Size{ir.N(int64(len(v.sizes.of)))}}
	}
	return v.t.Type()
}

// asSizes is the value as sizes, nil if it is none.
func (v *value) asSizes() *sizeList {
	switch {
	case v.sizes != nil:
		return v.sizes
	case v.data == nil || !v.data.DType.IsInt() || len(v.data.Shape) > 1 || v.data.Len() > maxSizes:
		return nil
	}
	l := &sizeList{scalar: len(v.data.Shape) == 0}
	for _, n := range v.data.Tensor().I {
		l.of = append(l.of, ir.N(n))
	}
	return l
}

// maxSizes is how many elements a list of sizes may have.
const maxSizes = 1 << 12

// literal is how many elements a constant may have that stands in the program, and few how many
// floats; larger ones are in the checkpoint, and so are those of layers.
const literal, few = 8, 4

// tensor is the value in the program.
func (s *scope) tensor(v *value) mlx.Value {
	switch {
	case v.isList:
		unsupported("%s is a sequence where a tensor is wanted", v.name)
	case v.sizes != nil:
		return s.sizeTensor(v.sizes)
	case v.data == nil:
		return v.t
	case v.data.Len() > literal || s.layers[v.name] != "" || v.data.DType.IsFloat() && v.data.Len() > few || !exact(v.data):
		return s.weight(v)
	}
	return s.number(v.data)
}

// exact reports whether every element is a float64.
func exact(c *Constant) bool {
	if c.DType != ir.I64 && c.DType != ir.U64 {
		return true
	}
	return !slices.ContainsFunc(c.Tensor().I, func(n int64) bool { return n > 1<<53 || n < -1<<53 })
}

// number is a constant that stands in the program.
func (s *scope) number(c *Constant) mlx.Value {
	t := c.Tensor()
	xs := make([]float64, t.Len())
	for i := range xs {
		xs[i] = t.Number(i)
	}
	switch {
	case len(xs) == 0:
		return s.b.Zeros(c.DType, sizesOf(c.Shape)...)
	case len(c.Shape) == 0:
		return s.b.Number(c.DType, xs[0])
	case !slices.ContainsFunc(xs, func(x float64) bool { return math.Float64bits(x) != math.Float64bits(xs[0]) }):
		return s.b.Full(c.DType, xs[0], sizesOf(c.Shape)...)
	case len(c.Shape) == 1:
		return s.b.Array(c.DType, xs...)
	}
	return s.b.Array(c.DType, xs...).Reshape(sizesOf(c.Shape)...)
}

func sizesOf(shape []int) []ir.Size {
	out := make([]ir.Size, len(shape))
	for i, n := range shape {
		out[i] = ir.N(int64(n))
	}
	return out
}

// weight is a constant that the checkpoint has. It is declared once.
func (s *scope) weight(v *value) mlx.Value {
	if !v.t.Ok() {
		path := s.path(v.name)
		v.t = s.b.ParamOf(path, v.typ())
		s.weights = append(s.weights, Weight{path, v.data})
	}
	return v.t
}

// sizeTensor computes sizes at run time.
func (s *scope) sizeTensor(l *sizeList) mlx.Value {
	if len(l.of) == 0 {
		return s.b.Zeros(ir.I64, ir.N(0))
	}
	parts := make([]mlx.Value, len(l.of))
	for i, n := range l.of {
		parts[i] = s.sizeNumber(n)
		if !l.scalar {
			parts[i] = parts[i].Reshape(ir.N(1))
		}
	}
	if l.scalar || len(parts) == 1 {
		return parts[0]
	}
	return mlx.Concat(0, parts...)
}

// sizeNumber is a size as an i64; unlike those of tensors, one in arithmetic may be negative.
func (s *scope) sizeNumber(n ir.Size) mlx.Value {
	below, ok := ir.N(0).Sub(n).Max()
	if !ok || below <= 0 {
		return s.b.Size(n).To(ir.I64)
	}
	return s.b.Size(n.Add(ir.N(below))).To(ir.I64).SubN(float64(below))
}
