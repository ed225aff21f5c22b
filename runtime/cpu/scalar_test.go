package cpu

import (
	"math"
	"testing"
)

func TestIntegerRules(t *testing.T) {
	eq := func(name string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
	eq("Div(-7, 2)", Div(-7, 2), -4)
	eq("Div(7, -2)", Div(7, -2), -4)
	eq("Div(7, 0)", Div(7, 0), 0)
	eq("Div(min, -1)", Div(int8(-128), -1), int8(-128))
	eq("Mod(-7, 3)", Mod(-7, 3), 2)
	eq("Mod(7, -3)", Mod(7, -3), -2)
	eq("Mod(7, 0)", Mod(7, 0), 0)
	eq("ModF(-7.5, 2)", ModF(-7.5, 2.0), 0.5)
	eq("Abs(min)", Abs(int8(-128)), int8(-128))
	eq("Sign(-5)", Sign(int32(-5)), int32(-1))
	eq("Sign(u8 5)", Sign(uint8(5)), uint8(1))
	eq("Pow(3, 4)", Pow(3, 4), 81)
	eq("Pow(2, -1)", Pow(2, -1), 0)
	eq("Pow(-1, -3)", Pow(-1, -3), -1)
	eq("Pow(u8 255, 2)", Pow(uint8(255), 2), uint8(1))
	eq("Shl(1, 8) u8", Shl(uint8(1), 8), uint8(0))
	eq("Shr(-1, 99) i8", Shr(int8(-1), 99), int8(-1))
	eq("Shl(1, -1) i32", Shl(int32(1), -1), int32(0))
	eq("Popcount(-1) i8", Popcount(int8(-1)), int8(8))
	eq("Popcount(-1) i32", Popcount(int32(-1)), int32(32))
	eq("Popcount u64", Popcount(uint64(math.MaxUint64)), uint64(64))
}

func TestToIntSaturates(t *testing.T) {
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e30, -1e30, 2.9, -2.9, 128, -129} {
		if got, want := ToInt[int8](x), clampTo(x, -128, 127); float64(got) != want {
			t.Errorf("int8(%v) = %d, want %v", x, got, want)
		}
		if got, want := ToInt[uint16](x), clampTo(x, 0, 65535); float64(got) != want {
			t.Errorf("uint16(%v) = %d, want %v", x, got, want)
		}
	}
	if got := ToInt[int64](1e30); got != math.MaxInt64 {
		t.Errorf("int64(1e30) = %d", got)
	}
	if got := ToInt[uint64](math.Inf(1)); got != math.MaxUint64 {
		t.Errorf("uint64(inf) = %d", got)
	}
}

func clampTo(x, lo, hi float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return math.Max(lo, math.Min(hi, math.Trunc(x)))
}
