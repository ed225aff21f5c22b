package runtime

import (
	"fmt"
	"slices"
	"strings"
)

// A quantised tensor is a param for each of its planes. Those of MLX's formats are tensors
// of the checkpoint; the one of a format of GGUF is the blocks of a tensor of that type.

// Fits says why the tensor cannot be a param, as far as that is known without reading it;
// nil if it can. Floats are converted to one another.
func (t *Tensor) Fits(p *Param) error {
	want := p.String()
	switch {
	case t.areBlocks(p):
		return nil
	case t.isUnquantised(p):
		file := "FILE.safetensors"
		if p.DType == U8 {
			file = "FILE.gguf"
		}
		return fmt.Errorf("%s, want %s: `mlxc pack CHECKPOINT --for MODEL -o %s` quantises it", t, p.Format, file)
	case t.problem != nil && p.Format != "":
		return fmt.Errorf("%s, want %s", t, want)
	case t.problem != nil:
		return t.problem
	case !slices.Equal(t.Shape, p.Shape) || t.DType != p.DType && !(t.DType.isFloat() && p.DType.isFloat()):
		if format := t.affine(p); format != "" {
			want += ": it is quantised, as a param of " + format
		}
		return fmt.Errorf("%s, want %s", t, want)
	}
	return nil
}

// blockFormats are the formats of GGUF that params have.
var blockFormats = []string{"q4_0", "q8_0", "q4_k", "q6_k"}

// affine is the format of MLX's in which the tensor, with scales beside it, is the first plane
// of what has the shape of a param; empty: there is none.
func (t *Tensor) affine(p *Param) string {
	of, isWeight := strings.CutSuffix(t.Name, "weight")
	scales := t.weights.Tensor(of + "scales")
	last := len(p.Shape) - 1
	if t.DType != U32 || !isWeight || scales == nil || last < 0 || len(t.Shape) != len(p.Shape) || len(scales.Shape) != len(p.Shape) {
		return ""
	}
	row, words, groups := p.Shape[last], t.Shape[last], scales.Shape[last]
	for _, bits := range []int{4, 8} {
		if groups > 0 && row%groups == 0 && words == row/(32/bits) {
			return fmt.Sprintf("q%dg%d", bits, row/groups)
		}
	}
	return ""
}

// isUnquantised reports that the tensor is of floats, and may be what the param is the first
// plane of.
func (t *Tensor) isUnquantised(p *Param) bool {
	last := len(p.Shape) - 1
	return p.Format != "" && !p.isScales() && t.DType.isFloat() && len(t.Shape) == len(p.Shape) && slices.Equal(t.Shape[:last], p.Shape[:last])
}

// isScales reports that a param is a plane of scales or biases: one that follows the first of
// its tensor.
func (p *Param) isScales() bool { return p.Format != "" && p.DType.isFloat() }

// As is the tensor as a param which it fits, but for the conversion of floats: as Array is,
// or the bytes of its blocks.
func (t *Tensor) As(p *Param) (*Array, error) {
	if err := t.Fits(p); err != nil {
		return nil, err
	}
	if !t.areBlocks(p) {
		return t.array()
	}
	if t.weights.mem.freed.Load() {
		return nil, ErrClosed
	}
	return &Array{dtype: U8, shape: p.Shape, bytes: t.data, mem: t.weights.mem}, nil
}

// areBlocks reports that the tensor is of the blocks of a param's format, and of its sizes.
func (t *Tensor) areBlocks(p *Param) bool {
	last := len(p.Shape) - 1
	if p.Format == "" || !strings.EqualFold(t.stored, p.Format) || len(t.Shape) != len(p.Shape) {
		return false
	}
	n, err := byteSize(U8, p.Shape)
	return err == nil && n == len(t.data) && slices.Equal(t.Shape[:last], p.Shape[:last])
}

// String is the type of a param, and what it is a plane of.
func (p *Param) String() string {
	if p.Format == "" {
		return typeString(p.DType, p.Shape)
	}
	return fmt.Sprintf("that of %s, %s", p.Format, typeString(p.DType, p.Shape))
}
