// Package quant has the codecs of quantised formats: floats to the bytes of a format's
// planes, and back. What they encode is, bit by bit, what the formats' own tools do.
package quant

import (
	"fmt"
	"math"

	"github.com/mlxc/mlxc/ir"
)

// A Codec encodes tensors of a format, group by group; its Format decodes them.
type Codec struct {
	*ir.Format
	GGUF string // what GGUF calls it; empty: a format of MLX
	// encode writes a group of finite numbers to its bytes in each plane. It reports whether
	// its scale is a finite f16. nil where the format is only decoded.
	encode func(x []float32, planes [][]byte) bool
}

var codecs = map[ir.DType]Codec{
	ir.Q4G32:  affine(4),
	ir.Q4G64:  affine(4),
	ir.Q4G128: affine(4),
	ir.Q8G32:  affine(8),
	ir.Q8G64:  affine(8),
	ir.Q8G128: affine(8),
	ir.Q4_0:   {GGUF: "Q4_0", encode: encodeQ4_0},
	ir.Q8_0:   {GGUF: "Q8_0", encode: encodeQ8_0},
	ir.Q4_K:   {GGUF: "Q4_K"},
	ir.Q6_K:   {GGUF: "Q6_K"},
}

// Of is the codec of a quantised dtype; nil of others.
func Of(d ir.DType) *Codec {
	c, ok := codecs[d]
	if !ok {
		return nil
	}
	c.Format = d.Format()
	return &c
}

// OfGGUF is the codec that GGUF calls so; nil where there is none.
func OfGGUF(name string) *Codec {
	for d, c := range codecs {
		if c.GGUF == name && name != "" {
			return Of(d)
		}
	}
	return nil
}

// Encodes reports whether the codec has Encode; all have Decode.
func (c *Codec) Encodes() bool { return c.encode != nil }

// An ElementError is a number that a format cannot hold.
type ElementError struct {
	Index int // of the number, or of the first of its group
	What  string
}

func (e *ElementError) Error() string { return fmt.Sprintf("element %d %s", e.Index, e.What) }

// Encode writes x, which is whole groups, to planes of Bytes each. An error is an
// *ElementError.
func (c *Codec) Encode(x []float32, planes [][]byte) error {
	out := make([][]byte, len(planes))
	for i := 0; i*c.Group < len(x); i++ {
		group := x[i*c.Group : (i+1)*c.Group]
		for j, v := range group {
			if v-v != 0 {
				return &ElementError{i*c.Group + j, fmt.Sprintf("is %g, which %s does not hold", v, c.DType)}
			}
		}
		if !c.encode(group, c.GroupOf(planes, out, i)) {
			return &ElementError{i * c.Group, fmt.Sprintf("begins a group of %d whose scale is too large for f16", c.Group)}
		}
	}
	return nil
}

// nearest rounds to an integer, ties to even.
func nearest(x float32) float32 { return float32(math.RoundToEven(float64(x))) }

func abs(x float32) float32 { return float32(math.Abs(float64(x))) }
