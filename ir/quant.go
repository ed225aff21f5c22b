package ir

import (
	"fmt"
	"slices"
	"strings"
)

// A Format says how a quantised tensor is kept: each row, the elements along its last axis,
// in groups of Group elements that share a scale, and the whole as planes, which are params
// of their own. The formats q4g32 to q8g128 are those of MLX, q4_0 to q6_k those of GGUF.
type Format struct {
	DType  DType
	Bits   int // of an element, without its part of the scale
	Group  int // the size of a row is a multiple of it
	Planes []PlaneFormat

	pull   func(e *element) S                 // computes an element in a kernel, as f32
	decode func(planes [][]byte, x []float32) // a group, of its bytes in each plane
}

// A PlaneFormat is how one plane of a format is kept: Elems elements of a row are Units
// elements of the plane's.
type PlaneFormat struct {
	Suffix       string // of its path; empty: it has that of the quantised tensor
	DType        DType
	Elems, Units int
}

// A Plane says what a param is to a quantised tensor. The params of one tensor follow each
// other in the module, in the order of its format.
type Plane struct {
	Type  Type // of the tensor
	Index int  // among the planes of its format
}

// formats has an entry for each quantised dtype, in their order.
var formats = []*Format{
	affine(Q4G32, 4, 32), affine(Q4G64, 4, 64), affine(Q4G128, 4, 128),
	affine(Q8G32, 8, 32), affine(Q8G64, 8, 64), affine(Q8G128, 8, 128),
	blocks(Q4_0, 4, 32, 18, pullQ4_0, decodeQ4_0), blocks(Q8_0, 8, 32, 34, pullQ8_0, decodeQ8_0),
	blocks(Q4_K, 4, 256, 144, pullQ4_K, decodeQ4_K), blocks(Q6_K, 6, 256, 210, pullQ6_K, decodeQ6_K),
}

// affine is the layout of mlx.core.quantize: element i of a row is scale*q + bias, where q is
// the number of so many bits at bit (i mod n)*bits of word div(i, n), n of which are in 32 bits.
func affine(d DType, bits, group int) *Format {
	planes := []PlaneFormat{{"", U32, 32 / bits, 1}, {"scales", F16, group, 1}, {"biases", F16, group, 1}}
	return &Format{d, bits, group, planes, pullAffine(int64(bits), int64(group)), decodeAffine(bits)}
}

// affine reports that a format is one of MLX.
func (f *Format) affine() bool { return f != nil && len(f.Planes) == 3 }

// blocks is a layout of GGUF: blocks of so many bytes, which hold the scale too.
func blocks(d DType, bits, group, bytes int, pull func(b *block) S, decode func(planes [][]byte, x []float32)) *Format {
	return &Format{d, bits, group, []PlaneFormat{{"", U8, group, bytes}}, pullBlock(int64(group), int64(bytes), pull), decode}
}

// Format is that of a quantised dtype; nil of others.
func (d DType) Format() *Format {
	if i := slices.IndexFunc(formats, func(f *Format) bool { return f.DType == d }); i >= 0 {
		return formats[i]
	}
	return nil
}

// Check reports a shape that no tensor of the format has.
func (f *Format) Check(shape []Size) error {
	if len(shape) < 2 {
		return fmt.Errorf("%s is a matrix, or several: it has at least 2 axes", f.DType)
	}
	if last := shape[len(shape)-1]; !last.Mod(N(int64(f.Group))).Is(0) {
		return fmt.Errorf("%s has groups of %d elements along the last axis, of which %s is no multiple", f.DType, f.Group, last)
	}
	return nil
}

// Types are those of the planes of a tensor, whose shape the format can have.
func (f *Format) Types(shape []Size) []Type {
	types := make([]Type, len(f.Planes))
	for i, p := range f.Planes {
		types[i] = Type{p.DType, slices.Clone(shape)}
		last := &types[i].Shape[len(shape)-1]
		*last = last.Mul(N(int64(p.Units))).Div(N(int64(p.Elems)))
	}
	return types
}

// String is plane 1 of q4g64[2048, 2048].
func (p Plane) String() string { return fmt.Sprintf("plane %d of %s", p.Index, p.Type) }

// check reports a param of another type than a plane has. What is no plane is fine.
func (p *Plane) check(t Type) error {
	if p == nil {
		return nil
	}
	f := p.Type.DType.Format()
	if f == nil || p.Index < 0 || p.Index >= len(f.Planes) {
		return fmt.Errorf("there is no %s", p)
	}
	if err := f.Check(p.Type.Shape); err != nil {
		return err
	}
	if want := f.Types(p.Type.Shape)[p.Index]; !t.Equal(want) {
		return fmt.Errorf("%s is %s, not %s", p, want, t)
	}
	return nil
}

// Path is that of the plane of a tensor: as in mlx-lm, layers.0.wq.scales stands beside
// layers.0.wq.weight. Where a path has no step weight at its end, the suffix follows on it.
func (p PlaneFormat) Path(tensor string) string {
	if p.Suffix == "" {
		return tensor
	}
	if tensor == "weight" {
		return p.Suffix
	}
	if of, ok := strings.CutSuffix(tensor, ".weight"); ok {
		return of + "." + p.Suffix
	}
	return tensor + "_" + p.Suffix
}
