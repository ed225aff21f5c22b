package bounds

import (
	"math"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

// What rounds once is one number, what may be off is an interval, and what is decided by such
// a number is either.
func TestApply(t *testing.T) {
	f := func(lo, hi float64) Value { return Value{Lo: lo, Hi: hi} }
	either := Value{ints: [4]int64{1, 0}, n: 2}
	tenth := float64(float32(0.1))
	for _, c := range []struct {
		fn   ir.Fn
		m    model
		x    []Value
		want Value
	}{
		{ir.Add, model{}, []Value{one(1), one(tenth)}, one(float64(float32(1 + tenth)))},
		{ir.Add, model{exactly: true}, []Value{one(1), one(tenth)}, f(1+tenth, float64(float32(1+tenth)))},
		{ir.Mul, model{}, []Value{f(-1, 2), f(3, 4)}, f(-4, 8)},
		{ir.Abs, model{}, []Value{f(-1, 2)}, f(0, 2)},
		{ir.Div, model{}, []Value{one(1), f(-1, 1)}, f(math.Inf(-1), math.Inf(1))},
		{ir.Sqrt, model{}, []Value{f(-1, 4)}, anyFloat},
		{ir.Floor, model{}, []Value{f(1.9, 2.1)}, f(1, 2)},
		{ir.Exp, model{}, []Value{one(0)}, f(1-4*0x1p-24, 1+2*0x1p-23)},
		{ir.Sin, model{}, []Value{one(1 << 20)}, anyFloat},
		{ir.Lt, model{}, []Value{f(1, 2), one(1.5)}, either},
		{ir.Lt, model{}, []Value{f(1, 2), one(2.5)}, integer(1)},
		{ir.Eq, model{}, []Value{f(1, 2), one(1.5)}, anyOf(ir.Bool)},
		{ir.Eq, model{}, []Value{f(1, 2), one(3)}, integer(0)},
		{ir.Max, model{}, []Value{f(1, 2), one(math.NaN())}, one(math.NaN())},
	} {
		if got := c.m.apply(c.fn, ir.F32, c.x); got != c.want {
			t.Errorf("%s of %v: %+v, want %+v", c.fn, c.x, got, c.want)
		}
	}
}

// Sums that every order gives are one number; others are off by a unit for each term.
func TestSum(t *testing.T) {
	total := func(terms ...float64) Value {
		s := newTotal(ir.F32)
		for _, x := range terms {
			s.add(one(x))
		}
		return s.sum(model{}, 0)
	}
	if v := total(1, 2.5, -8, 1<<20); v.Lo != 1<<20-4.5 || v.Hi != v.Lo {
		t.Errorf("an exact sum is %+v", v)
	}
	v := total(1, 0x1p-30, -1)
	if off := 3 * 0x1p-24 * 2; v.Lo > 0x1p-30-off || v.Hi < 0x1p-30+off || v.Hi > 1.01*(off+0x1p-30) {
		t.Errorf("a sum that cancels is %+v", v)
	}
	if v := total(math.Inf(1), 1, math.Inf(-1)); !v.NaN || v.Lo <= v.Hi {
		t.Errorf("a sum of infinities is %+v", v)
	}
	if v := total(3e38, 3e38, -3e38); v != anyFloat {
		t.Errorf("a sum that one order takes beyond all numbers is %+v", v)
	}
}

// The first of the largest wins, unless it is not known which that is.
func TestBest(t *testing.T) {
	for _, c := range []struct {
		terms []Value
		want  []int64
	}{
		{[]Value{one(1), one(2), one(2)}, []int64{1}},
		{[]Value{one(1), one(math.NaN()), one(math.NaN())}, []int64{1}},
		{[]Value{one(1), {Lo: 1.5, Hi: 2.5}, one(2), one(0)}, []int64{1, 2}},
	} {
		got := best(ir.ArgMax, ir.F32, c.terms)
		if len(c.want) != got.n || got.ints[0] != c.want[0] || got.ints[got.n-1] != c.want[len(c.want)-1] {
			t.Errorf("%v: %+v, want %v", c.terms, got, c.want)
		}
	}
}
