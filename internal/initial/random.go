package initial

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/bits"
)

// A key chooses among streams of random numbers, as u32[2] does in the language.
type key [2]uint32

// keyOf is the key of a name, of those that a seed gives: another name's does not depend on it.
func keyOf(seed uint64, name string) key {
	hash := sha256.Sum256([]byte(name))
	return key{uint32(seed >> 32), uint32(seed)}.block(binary.BigEndian.Uint32(hash[:]), binary.BigEndian.Uint32(hash[4:]))
}

var rotations = [2][4]int{{13, 15, 26, 6}, {17, 29, 16, 24}}

// block is threefry2x32-20 of a counter, the op threefry's block function.
func (k key) block(x, y uint32) key {
	keys := [3]uint32{k[0], k[1], k[0] ^ k[1] ^ 0x1bd11bda}
	x, y = x+keys[0], y+keys[1]
	for i := range 5 {
		for _, by := range rotations[i%2] {
			x += y
			y = bits.RotateLeft32(y, by) ^ x
		}
		x += keys[(i+1)%3]
		y += keys[(i+2)%3] + uint32(i+1)
	}
	return key{x, y}
}

// bits are element i of n that the op threefry has.
func (k key) bits(i, n int) uint32 {
	half := (n + 1) / 2
	word := i / half
	low := i - word*half
	high := low + half
	if high == n {
		high = 0
	}
	return k.block(uint32(low), uint32(high))[word]
}

// uniform is element i of n of the language's uniform, f32: from 0, and less than 1.
func (k key) uniform(i, n int) float64 {
	return min(float64(float32(k.bits(i, n)))*0x1p-32, 1-0x1p-24)
}

// normal is element i of n of the language's normal, not rounded to f32.
func (k key) normal(i, n int) float64 {
	u := k.uniform(i, n)*0x1p25 + 1 - 0x1p24
	if u < -0x1p23 {
		u = math.RoundToEven(u)
	}
	return math.Erfinv(u*0x1p-24) * math.Sqrt2
}

// truncated is element i of n of normal numbers that lie from -2 to 2. It is a uniform number
// of the part of their distribution that these have.
func (k key) truncated(i, n int) float64 {
	x := math.Erfinv(math.Erf(math.Sqrt2)*(2*k.uniform(i, n)-1)) * math.Sqrt2
	return min(max(x, -2), 2)
}
