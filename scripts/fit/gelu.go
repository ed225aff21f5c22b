package main

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// What gelu of passes/legalise_f32.go computes with: a base near log(4) of so few bits that
// a multiple of it is an f32, a number whose last bits count those multiples, and the
// power of two that the count begins at.
const (
	geluBase  = 0x1.62e4p0
	geluMagic = 3<<22 + 0x89b
	geluScale = geluMagic%512 - 127
)

// geluShift is the rounding error of geluMagic*geluBase, by which r is larger than it is
// meant to be.
var geluShift = geluMagic*geluBase - float64(float32(geluMagic*geluBase))

// geluLog is nearly 1/2: exp(geluBase*geluLog) is 2.
var geluLog = math.Ln2 / geluBase

var geluTail = quotient{"(1 - erf(x/sqrt(2)))/2*exp(x²/2), in x from 0 to 13.5", func(x float64) float64 {
	return math.Erfc(x/math.Sqrt2) / 2 * math.Exp(x*x*geluLog)
}, 13.5, 0.2, 4, 5}

var geluExp = fit{"minus the factor of that times exp(-r/2)/2^28, in r for |r| <= log(2)", func(r float64) float64 {
	_, _, factor := geluTail.rational()
	return math.Ldexp(-factor*math.Exp((geluShift-r)*geluLog), -geluScale)
}, -math.Ln2 * 1.005, math.Ln2 * 1.005, 6}

// A geluTrial is coefficients of gelu, the highest powers first: of the quotient's
// polynomials without the 1 at their beginning, and of the exponential's.
type geluTrial struct {
	above [4]float32
	below [5]float32
	exp   [7]float32
}

// all is the coefficients, which may be changed there.
func (c *geluTrial) all(i int) *float32 {
	switch n := len(c.above); {
	case i < n:
		return &c.above[i]
	case i < n+len(c.below):
		return &c.below[i-n]
	default:
		return &c.exp[i-n-len(c.below)]
	}
}

// of is gelu of -a, as f32 are rounded.
func (c *geluTrial) of(a float32) float32 {
	n := fma(a*a, float32(-1/geluBase), geluMagic)
	p := a * math.Float32frombits(math.Float32bits(n)<<23)
	r := fma(a, a, fma(n, geluBase, float32(-geluMagic*geluBase)))
	above, below, e := a+c.above[0], a+c.below[0], c.exp[0]
	for _, v := range c.above[1:] {
		above = fma(above, a, v)
	}
	for _, v := range c.below[1:] {
		below = fma(below, a, v)
	}
	for _, v := range c.exp[1:] {
		e = fma(e, r, v)
	}
	return p * (above / below * e)
}

func fma(x, y, z float32) float32 { return float32(float64(x)*float64(y) + float64(z)) }

// error is that of gelu of -a in units in the last place.
func (c *geluTrial) error(a float32) float64 {
	want := -float64(a) * math.Erfc(float64(a)/math.Sqrt2) / 2
	_, exp := math.Frexp(want)
	return math.Abs(float64(c.of(a))-want) / math.Ldexp(1, exp-24)
}

// A search makes so many tries, each of which goes through blocks of so many floats.
const (
	geluTries = 400_000
	geluBlock = 4096
)

// searchGelu moves the coefficients by units in the last place, at random, and keeps what
// makes the largest error less over all floats from 1/4 to 13.1: beyond these, errors are
// smaller.
func searchGelu() {
	above, below, _ := geluTail.rational()
	var best geluTrial
	for i := range best.above {
		best.above[i] = float32(above[len(above)-2-i])
	}
	for i := range best.below {
		best.below[i] = float32(below[len(below)-2-i])
	}
	for i, e := range geluExp.polynomial() {
		best.exp[len(best.exp)-1-i] = float32(e)
	}
	var blocks []uint32 // bits of their first floats, those of the hardest first
	for bits := math.Float32bits(0.25); bits < math.Float32bits(13.1); bits += geluBlock {
		blocks = append(blocks, bits)
	}
	worst := func(c *geluTrial, enough float64) float64 {
		most := 0.0
		for i, first := range blocks {
			for n := range uint32(geluBlock) {
				most = max(most, c.error(math.Float32frombits(first+n)))
			}
			if most >= enough {
				copy(blocks[i/2+1:i+1], blocks[i/2:i])
				blocks[i/2] = first
				break
			}
		}
		return most
	}
	least := worst(&best, math.Inf(1))
	random := rand.New(rand.NewPCG(1, 2))
	for range geluTries {
		c := best
		for range 1 + random.IntN(3) {
			v := c.all(random.IntN(len(c.above) + len(c.below) + len(c.exp)))
			far := 1 << random.IntN(6)
			*v = math.Float32frombits(uint32(int(math.Float32bits(*v)) + random.IntN(2*far+1) - far))
		}
		if w := worst(&c, least); w < least {
			best, least = c, w
			fmt.Printf("%.3f ulp\n%v\n", least, best)
		}
	}
}
