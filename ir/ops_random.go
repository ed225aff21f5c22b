package ir

import (
	"fmt"
	"math"
)

// RandomAttrs is the shape of the numbers.
type RandomAttrs struct{ Shape []Size }

// threefry numbers elements as MLX does: the words of block i of half = ceil(n/2) are
// elements i and half + i of n, in row-major order, and its counter is that pair. Where
// n is odd, the last block has the counter (half - 1, 0) and gives one word.
var threefry = &Op{
	Name: "threefry", Kind: KindComposite, Operands: []string{"key"}, Attrs: RandomAttrs{},
	Doc: "random bits by the counter-based generator threefry2x32-20: the same for the same key, u32[2], and number of elements, and those of mlx.core.random; at most 2^32 - 1 elements",
	Rules: []Rule{operands("threefry", 1),
		{"threefry/key", "the key is u32[2]", func(in *Instr) error {
			if k := in.Args[0].Type; k.DType != U32 || k.Rank() != 1 || !k.Shape[0].Is(2) {
				return fmt.Errorf("a key is u32[2], not %s", k)
			}
			return nil
		}},
		{"threefry/count", "there are at most 2^32 - 1 elements", func(in *Instr) error {
			shape := in.Attrs.(RandomAttrs).Shape
			if n, ok := Product(shape).Max(); !ok || n > math.MaxUint32 {
				return fmt.Errorf("%s can have more elements than one key has counters, 2^32 - 1; make parts of it, each with a key of its own", Type{U32, shape})
			}
			return nil
		}},
	},
	Type: func(in *Instr) ([]Type, error) { return typed(U32, in.Attrs.(RandomAttrs).Shape) },
	Expand: expand(func(c *calc, in *Instr, x []*Value) *Value {
		shape := in.Attrs.(RandomAttrs).Shape
		n := Product(shape)
		index := c.append(x[0], "iota", IotaAttrs{DType: U32, Shape: []Size{n}})
		half, count := c.word(x[0], n.CeilDiv(2)), c.word(x[0], n)
		first := c.op("lt", nil, index, half)
		low := c.op("where", nil, first, index, c.op("sub", nil, index, half))
		high := c.op("add", nil, low, half)
		high = c.op("where", nil, c.op("lt", nil, high, count), high, c.like(high, 0))
		u, v := c.threefry(c.element(x[0], N(0)), c.element(x[0], N(1)), low, high)
		return c.op("reshape", ShapeAttrs{shape}, c.op("where", nil, first, u, v))
	}),
}

// word is the number of a size, as a u32[1]: the last of 0, 1 ... size.
func (c *calc) word(key *Value, size Size) *Value {
	ramp := c.append(key, "iota", IotaAttrs{DType: U32, Shape: []Size{size.Add(N(1))}})
	return c.element(ramp, size)
}

func (c *calc) element(x *Value, i Size) *Value {
	return c.part(x, []Size{i}, []int{1}, []Size{N(1)})
}

// threefry is the block function of Salmon et al., Parallel random numbers: as easy as
// 1, 2, 3 (2011), with two words and 20 rounds. Keys are u32[1], counters vectors.
func (c *calc) threefry(k0, k1, x, y *Value) (u, v *Value) {
	add := func(a, b *Value) *Value { return c.op("add", nil, a, b) }
	xor := func(a, b *Value) *Value { return c.op("xor", nil, a, b) }
	rotate := func(a *Value, by float64) *Value {
		return c.op("or", nil, c.op("shl", nil, a, c.like(a, by)), c.op("shr", nil, a, c.like(a, 32-by)))
	}
	keys := [3]*Value{k0, k1, xor(xor(k0, k1), c.like(k0, 0x1bd11bda))}
	rotations := [2][4]float64{{13, 15, 26, 6}, {17, 29, 16, 24}}
	x, y = add(x, keys[0]), add(y, keys[1])
	for i := range 5 {
		for _, by := range rotations[i%2] {
			x = add(x, y)
			y = xor(rotate(y, by), x)
		}
		x = add(x, keys[(i+1)%3])
		y = add(y, add(keys[(i+2)%3], c.like(k0, float64(i+1))))
	}
	return x, y
}
