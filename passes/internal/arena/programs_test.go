package arena

import (
	"math/rand/v2"
	"slices"
)

// A program under construction. Sizes are functions of two dims.
type program struct {
	sizes   []func(p, q int64) int64
	like    []int // per value: the first one that has its size
	writer  []int // per value, -1: none
	kernels []Kernel
}

// value adds a value that nothing writes yet.
func (p *program) value(size func(p, q int64) int64) int {
	v := len(p.sizes)
	p.sizes, p.like, p.writer = append(p.sizes, size), append(p.like, v), append(p.writer, -1)
	return v
}

// kernel adds a launch with one result.
func (p *program) kernel(size func(p, q int64) int64, in ...int) int {
	out, k := p.value(size), Kernel{}
	for _, v := range in {
		if !slices.Contains(k.Values, v) {
			k.Values = append(k.Values, v)
		}
		if w := p.writer[v]; w >= 0 && !slices.Contains(k.After, w) {
			k.After = append(k.After, w)
		}
	}
	k.Values = append(k.Values, out)
	p.writer[out] = len(p.kernels)
	p.kernels = append(p.kernels, k)
	return out
}

// over adds a launch whose result may be computed over its first operand, or over
// others of its size.
func (p *program) over(in ...int) int {
	out := p.kernel(p.sizes[in[0]], in...)
	p.like[out] = p.like[in[0]]
	p.overwrites(out)
	return out
}

// twins is over with a second result, which nothing reads.
func (p *program) twins(in ...int) int {
	out := p.over(in...)
	twin := p.value(p.sizes[out])
	p.like[twin], p.writer[twin] = p.like[out], p.writer[out]
	k := &p.kernels[len(p.kernels)-1]
	k.Values = append(k.Values, twin)
	p.overwrites(twin)
	return out
}

func (p *program) overwrites(result int) {
	k := &p.kernels[len(p.kernels)-1]
	for _, v := range k.Values {
		if v < result && p.like[v] == p.like[result] && p.writer[v] != p.writer[result] {
			k.Over = append(k.Over, [2]int{result, v})
		}
	}
}

func (p *program) graph() *Graph { return NewGraph(len(p.sizes), p.kernels) }

// at is the sizes at some dims, in units of 256 bytes.
func (p *program) at(x, y int64) []int64 {
	var s []int64
	for _, f := range p.sizes {
		s = append(s, (f(x, y)+255)/256*256)
	}
	return s
}

// random is n kernels that read one to three recent values; a third may be computed
// in place. Sizes are constant, or grow with one dim or with both.
func random(seed uint64, n int) *program {
	rng := rand.New(rand.NewPCG(seed, 1))
	p := &program{}
	size := func() func(p, q int64) int64 {
		c := int64(1 + rng.IntN(20))
		switch rng.IntN(4) {
		case 0:
			return func(_, _ int64) int64 { return 20000 * c }
		case 1:
			return func(x, _ int64) int64 { return 300 * c * x }
		case 2:
			return func(_, y int64) int64 { return 300 * c * y }
		}
		return func(x, y int64) int64 { return 10 * c * x * y }
	}
	p.value(size())
	for range n {
		var in []int
		for range 1 + rng.IntN(3) {
			in = append(in, len(p.sizes)-1-min(len(p.sizes)-1, rng.IntN(8)))
		}
		switch rng.IntN(6) {
		case 0:
			p.over(in...)
		case 1:
			p.twins(in...)
		default:
			p.kernel(size(), in...)
		}
	}
	return p
}

// unet goes down through levels and up again, each level with a skip.
func unet(levels int) *program {
	p := &program{}
	act := func(level int) func(x, y int64) int64 {
		return func(x, y int64) int64 { return 64 * x * y * 4096 >> level }
	}
	block := func(x int, level int) int {
		h := p.over(p.kernel(act(level), x), x)
		return p.over(p.kernel(act(level), h), h)
	}
	x := p.kernel(act(0), p.value(act(4)))
	var skips []int
	for l := range levels {
		x = block(block(x, l), l)
		skips = append(skips, x)
		x = p.kernel(act(l+1), x)
	}
	for l := levels - 1; l >= 0; l-- {
		up := p.kernel(act(l), x)
		x = block(p.kernel(act(l), up, skips[l]), l)
	}
	return p
}

// training is the forward and backward pass of layers of a transformer: what the
// forward pass made is read again in reverse. Logits grow with the batch x alone,
// attention with x*y*y.
func training(layers int) *program {
	p := &program{}
	act := func(x, y int64) int64 { return 2048 * x * y }
	att := func(x, y int64) int64 { return 16 * x * y * y }
	h := p.kernel(act, p.value(act))
	var saved [][3]int
	for range layers {
		n := p.kernel(act, h)
		a := p.over(p.kernel(att, n))
		saved = append(saved, [3]int{h, n, a})
		h = p.over(h, p.kernel(act, a, n))
	}
	g := p.kernel(act, p.over(p.kernel(func(x, _ int64) int64 { return 200000 * x }, h)))
	for l := layers - 1; l >= 0; l-- {
		s := saved[l]
		da := p.over(p.kernel(att, g, s[2]), s[2])
		dn := p.kernel(act, da, s[1])
		p.kernel(func(_, _ int64) int64 { return 1 << 20 }, dn, s[0]) // the gradient of a weight
		g = p.over(g, dn, s[0])
	}
	return p
}

// cells is a graph of many branches, as architecture search finds them.
func cells(n int) *program {
	p := &program{}
	act := func(c int64) func(x, y int64) int64 { return func(x, y int64) int64 { return c * x * y } }
	a := p.kernel(act(64), p.value(act(3)))
	b := p.kernel(act(64), a)
	for range n {
		var parts []int
		for _, from := range []int{a, b, a, b, b} {
			parts = append(parts, p.kernel(act(16), p.kernel(act(32), from)))
		}
		a, b = b, p.kernel(act(64), parts...)
	}
	return p
}

// programs are those that the tests go through.
func programs() map[string]*program {
	return map[string]*program{
		"unet": unet(4), "training": training(6), "cells": cells(4),
		"random-20": random(1, 20), "random-40": random(2, 40), "random-60": random(3, 60),
	}
}
