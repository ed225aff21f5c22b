package cpu

import (
	"math"
	"testing"
)

// A format is a half-precision format by its definition: 1 sign bit, exp bits of
// exponent, frac bits of fraction.
type format struct {
	name      string
	exp, frac int
	widen     func(uint16) float32
	narrow    func(float32) uint16
}

var formats = []format{
	{"f16", 5, 10, F16ToF32, F32ToF16},
	{"bf16", 8, 7, BF16ToF32, F32ToBF16},
}

func (f format) bias() int { return 1<<(f.exp-1) - 1 }

// value is the meaning of h by the definition of IEEE formats, in float64.
func (f format) value(h uint16) float64 {
	exp, frac := int(h)>>f.frac&(1<<f.exp-1), float64(int(h)&(1<<f.frac-1))
	var x float64
	switch {
	case exp == 1<<f.exp-1 && frac != 0:
		return math.NaN()
	case exp == 1<<f.exp-1:
		x = math.Inf(1)
	case exp == 0:
		x = math.Ldexp(frac, 1-f.bias()-f.frac)
	default:
		x = math.Ldexp(1+math.Ldexp(frac, -f.frac), exp-f.bias())
	}
	if h>>15 != 0 {
		return -x
	}
	return x
}

func TestHalfWiden(t *testing.T) {
	for _, f := range formats {
		for i := range 1 << 16 {
			h := uint16(i)
			got, want := float64(f.widen(h)), f.value(h)
			if got != want && !(got != got && want != want) || math.Signbit(got) != (h>>15 != 0) {
				t.Fatalf("%s %#04x: %v, want %v", f.name, h, got, want)
			}
		}
	}
}

// Narrowing is checked at every number of the format, at every midpoint between
// two, and at the float32 on each side of the midpoint: it can change nowhere else.
func TestHalfNarrow(t *testing.T) {
	for _, f := range formats {
		inf := uint16(1<<f.exp-1) << f.frac
		for i := range 1 << 16 {
			h := uint16(i)
			x := f.widen(h)
			if x != x {
				quiet := h | 1<<(f.frac-1)
				if got := f.narrow(x); got != quiet {
					t.Fatalf("%s: NaN %#04x became %#04x, want %#04x", f.name, h, got, quiet)
				}
				continue
			}
			if got := f.narrow(x); got != h {
				t.Fatalf("%s: %#04x -> %v -> %#04x", f.name, h, x, got)
			}
			if h&0x7fff >= inf {
				continue
			}
			next := f.value(h + 1) // away from zero
			if h&0x7fff == inf-1 {
				next = math.Copysign(math.Ldexp(1, f.bias()+1), float64(x)) // where infinity would stand
			}
			mid := float32((float64(x) + next) / 2) // exact: one more bit than the format has
			even := h + h&1
			away := float32(math.Inf(1))
			if h>>15 != 0 {
				away = -away
			}
			for _, c := range []struct {
				x    float32
				want uint16
			}{{mid, even}, {math.Nextafter32(mid, 0), h}, {math.Nextafter32(mid, away), h + 1}} {
				if got := f.narrow(c.x); got != c.want {
					t.Fatalf("%s: %v became %#04x, want %#04x", f.name, c.x, got, c.want)
				}
			}
		}
		if got := f.narrow(math.MaxFloat32); got != inf {
			t.Errorf("%s: the largest float32 became %#04x, want infinity", f.name, got)
		}
	}
}

// A signalling NaN whose payload lies in the bits that are cut must not become
// infinite.
func TestHalfNaNPayload(t *testing.T) {
	x := math.Float32frombits(0x7f800001)
	for _, f := range formats {
		if y := f.widen(f.narrow(x)); y == y {
			t.Errorf("%s: NaN became %v", f.name, y)
		}
	}
}
