package runtime

import (
	"math"
	"math/big"
	"slices"
	"testing"
)

func TestConvert(t *testing.T) {
	inf := math.Inf(1)
	xs := []float64{1, -0.1, 1e300, -inf, 65519.99, 65520, 1 + 0x1p-11 + 0x1p-40, 0x1p-25, 0x1p-25 + 0x1p-60}
	a := must(From(xs))(t)
	for _, c := range []struct {
		to   DType
		want []float64
	}{
		{F64, xs},
		{F32, []float64{1, float64(float32(-0.1)), inf, -inf, float64(float32(65519.99)), 65520, 1 + 0x1p-11, 0x1p-25, 0x1p-25}},
		// The sum is just over half way to the next f16; rounded to f32 first it would be a tie.
		{F16, []float64{1, -0.0999755859375, inf, -inf, 65504, inf, 1 + 0x1p-10, 0, 0x1p-24}},
		{BF16, []float64{1, -0.10009765625, inf, -inf, 65536, 65536, 1, 0x1p-25, 0x1p-25}},
	} {
		b := must(convert(a, c.to))(t)
		back := must(convert(b, F64))(t)
		for i, x := range must(Data[float64](back))(t) {
			if x != c.want[i] {
				t.Errorf("%v as %s is %v, want %v", xs[i], c.to, x, c.want[i])
			}
		}
	}
}

// toOdd against its definition in exact arithmetic.
func TestToOdd(t *testing.T) {
	for _, x := range []float64{0, 1, -1, 1 + 0x1p-30, 1 - 0x1p-30, -1 - 0x1p-30, 1e-60, -1e-60, 1e60, -1e60, 0.1, math.MaxFloat32, math.Inf(1)} {
		y := toOdd(x)
		if float64(y) == x {
			continue
		}
		toward := float32(math.Inf(1))
		if float64(y) > x {
			toward = -toward
		}
		other := math.Nextafter32(y, toward)
		exact := big.NewFloat(x)
		if math.Float32bits(y)&1 == 0 || exact.Cmp(big.NewFloat(float64(min(y, other)))) < 0 || !math.IsInf(float64(other), 0) && exact.Cmp(big.NewFloat(float64(max(y, other)))) > 0 {
			t.Errorf("%v became %v (%#x)", x, y, math.Float32bits(y))
		}
	}
	if x := toOdd(math.NaN()); x == x {
		t.Errorf("NaN became %v", x)
	}
}

func TestFilled(t *testing.T) {
	for d := F64; d.valid(); d++ {
		a := must(filled(d, []int{3}, []float64{1}))(t)
		want := map[DType]byte{F64: 0xf0, F32: 0x80, F16: 0, BF16: 0x80}
		b := a.Bytes()
		if d.isFloat() {
			if b[d.Size()-2] != want[d] || b[len(b)-1] == 0 {
				t.Errorf("%s of 1 is %v", a, b)
			}
			continue
		}
		for i, x := range b {
			if (x == 1) != (i%d.Size() == 0) {
				t.Fatalf("%s of 1 is %v", a, b)
			}
		}
	}
	if a := must(filled(I8, nil, []float64{-3}))(t); must(Data[int8](a))(t)[0] != -3 {
		t.Errorf("-3 became %v", a.Bytes())
	}
	if a := must(filled(I16, []int{2, 2}, []float64{1, -2, 3, 4}))(t); !slices.Equal(must(Data[int16](a))(t), []int16{1, -2, 3, 4}) {
		t.Errorf("four numbers became %v", a.Bytes())
	}
	if a := must(filled(F32, []int{0, 2}, []float64{1}))(t); len(a.Bytes()) != 0 {
		t.Errorf("no elements became %v", a.Bytes())
	}
}

// More floats than are converted at a time.
func TestConvertMany(t *testing.T) {
	x := make([]float32, 1300)
	for i := range x {
		x[i] = float32(i)
	}
	for _, d := range []DType{F16, BF16, F32, F64} {
		y := must(convert(must(convert(must(From(x))(t), d))(t), F64))(t)
		for i, v := range must(Data[float64](y))(t) {
			if math.Abs(v-float64(i)) > float64(i)/256 {
				t.Fatalf("%s: element %d is %g", d, i, v)
			}
		}
	}
}
