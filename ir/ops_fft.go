package ir

import (
	"fmt"
	"math"
)

// FFTAttrs: the inverse is divided by the length. Acc is as for NormAttrs.
type FFTAttrs struct {
	Inverse bool
	Acc     DType
}

const (
	maxFFT     = 1 << 15 // that products of two indices, and 8 times an index, are i32
	maxProduct = 32      // the longest composite length that is transformed by one product
)

// fft of length n = p*q is, for each of q, p numbers that are q apart transformed, turned
// by what their places lack, and transformed across (Cooley and Tukey): some n*(p + q)
// products of complex numbers. That of a prime has n*n.
//
// In units u = 2^-24, for numbers of magnitude 1: an element of the matrices has an error
// of at most 2u, and so each product of 2p terms one of some p*u + 2*sqrt(2p)*u, which the
// next grows by sqrt(2q) beside its own q*u of numbers of sqrt(2p). At n = 400, where
// p = q = 20, that is 208u + 90u + 80u at worst; Abs is most of it and Term, that of a
// single sum, far more.
var fft = &Op{
	Name: "fft", Kind: KindComposite, Operands: []string{"x"}, Attrs: FFTAttrs{},
	Doc: "the discrete Fourier transform of complex numbers [..., N, 2] along N: sum(x[j]*exp(-2*pi*i*j*k/N)); inverse is with exp(+...) and divided by N",
	Rules: []Rule{operands("fft", 1), dtypeOf("fft", 0, floats),
		{"fft/shape", "the last axis is 2, and the one before a constant from 1 to 32768", func(in *Instr) error {
			x := in.Args[0].Type
			if x.Rank() < 2 || !x.Shape[x.Rank()-1].Is(2) {
				return fmt.Errorf("%s is not [..., N, 2]", x)
			}
			if n, ok := x.Shape[x.Rank()-2].Int(); !ok || n < 1 || n > maxFFT {
				return fmt.Errorf("the length %s is not a constant from 1 to %d", x.Shape[x.Rank()-2], maxFFT)
			}
			return nil
		}},
		accRule("fft", func(in *Instr) DType { return in.Attrs.(FFTAttrs).Acc })},
	Type: likeArg(0),
	Expand: expand(func(c *calc, in *Instr, x []*Value) *Value {
		a, t := in.Attrs.(FFTAttrs), x[0].Type
		n, _ := t.Shape[t.Rank()-2].Int()
		y := c.reshape(c.wide(a.Acc, x[0]), Product(t.Shape[:t.Rank()-2]), N(n), N(2))
		y = c.fft(y, n, a.Inverse)
		if a.Inverse {
			y = c.op("mul", nil, y, c.like(y, 1/float64(n)))
		}
		return c.cast(t.DType, c.op("reshape", ShapeAttrs{t.Shape}, y))
	}),
	Grad: GradExpand, Tolerance: Tolerance{Rel: 1.0 / (1 << 23), Abs: 256.0 / (1 << 24), Term: 4.0 / (1 << 24)},
}

func (c *calc) reshape(x *Value, shape ...Size) *Value {
	return c.op("reshape", ShapeAttrs{shape}, x)
}

// fft transforms x [rows, n, 2].
func (c *calc) fft(x *Value, n int64, inverse bool) *Value {
	p := factor(n)
	rows, q := x.Type.Shape[0], n/p
	if p == 1 || n <= maxProduct {
		matrix := c.reshape(c.turns(x, n, n, n, inverse), N(2*n), N(2*n))
		return c.reshape(c.append(x, "matmul", MatmulAttrs{}, c.reshape(x, rows, N(2*n)), matrix), rows, N(n), N(2))
	}
	swap := func(x *Value) *Value { return c.op("transpose", PermAttrs{[]int{0, 2, 1, 3}}, x) }
	x = swap(c.reshape(x, rows, N(p), N(q), N(2)))
	x = c.fft(c.reshape(x, rows.Mul(N(q)), N(p), N(2)), p, inverse)
	// As a row times a matrix of two, each number is turned.
	x = c.op("mul", nil, c.op("broadcast", ShapeAttrs{[]Size{rows, N(q), N(p), N(2), N(2)}}, c.reshape(x, rows, N(q), N(p), N(2), N(1))),
		c.op("transpose", PermAttrs{[]int{0, 2, 1, 3}}, c.turns(x, q, p, n, inverse)))
	x = swap(c.op("sum", ReduceAttrs{Axes: []int{3}}, x))
	x = c.fft(c.reshape(x, rows.Mul(N(p)), N(q), N(2)), q, inverse)
	return c.reshape(swap(c.reshape(x, rows, N(p), N(q), N(2))), rows, N(n), N(2))
}

// factor is the largest factor of n up to its root.
func factor(n int64) int64 {
	p := int64(math.Sqrt(float64(n)))
	for n%p != 0 {
		p--
	}
	return p
}

// turns [j, 2, k, 2] are, for each j and k, the matrix by which the row (re, im) is turned
// by j*k of n parts of a circle, clockwise or, in the inverse, the other way. They are
// cosines of quarters and a rest of at most one eighth of a circle, which integers find
// exactly: element [1, 0] is a quarter before [0, 0], and [0, 1] a quarter behind.
func (c *calc) turns(like *Value, j, k, n int64, inverse bool) *Value {
	index := func(axis int) *Value {
		return c.append(like, "iota", IotaAttrs{DType: I32, Shape: []Size{N(j), N(2), N(k), N(2)}, Axis: axis})
	}
	op := func(name string, x *Value, y any) *Value {
		if number, ok := y.(int64); ok {
			y = c.like(x, float64(number))
		}
		return c.op(name, nil, x, y.(*Value))
	}
	part := op("mod", op("mul", index(0), index(2)), n)
	quarter := op("div", op("add", op("mul", part, int64(8)), n), 2*n)
	rest := c.cast(like.Type.DType, op("sub", op("mul", part, int64(4)), op("mul", quarter, n)))
	angle := c.op("mul", nil, rest, c.like(rest, math.Pi/2/float64(n)))
	behind := op("sub", index(3), index(1))
	if inverse {
		behind = c.op("neg", nil, behind)
	}
	quarter = op("and", op("add", quarter, behind), int64(3))
	cos := c.op("where", nil, op("eq", op("and", quarter, int64(1)), int64(0)), c.op("cos", nil, angle), c.op("sin", nil, angle))
	negative := op("eq", op("and", op("add", quarter, int64(1)), int64(2)), int64(2))
	return c.op("where", nil, negative, c.op("neg", nil, cos), cos)
}

// Accumulate makes FFTAttrs an Accumulates.
func (a FFTAttrs) Accumulate(t DType) any { a.Acc = chosen(a.Acc, t); return a }
