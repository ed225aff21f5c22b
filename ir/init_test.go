package ir

import (
	"fmt"
	"strings"
	"testing"
)

// A first value fits the tensor that it is for, in a module that is read as in one that is built.
func TestInits(t *testing.T) {
	for text, want := range map[string]string{
		`param @w: f32[2, 3] = "w" init constant(0.5)`:                        "",
		`param @w: i32[3] = "w" init constant(1, 2, 3)`:                       "",
		`param @w: i32[3] = "w" init constant(1, 2)`:                          "param @w: 2 numbers for i32[3]",
		`param @w: i32[3] = "w" init constant()`:                              "param @w: 0 numbers for i32[3]",
		`param @w: i8[1] = "w" init constant(128)`:                            "param @w: 128 is no i8",
		`param @w: f32[2] = "w" init normal(0.1)`:                             "",
		`param @w: f32[2] = "w" init normal()`:                                "param @w: the distribution normal takes a std, got 0 numbers",
		`param @w: i32[2] = "w" init uniform(1)`:                              "param @w: the distribution uniform is of floats, not i32",
		`param @w: f32[2] = "w" init normal(-1)`:                              "param @w: the std of normal is finite and not negative, got -1",
		`param @w: f32[2] = "w" init uniform(inf)`:                            "param @w: the bound of uniform is finite and not negative, got +Inf",
		`param @w: u8[2, 34] = "w" plane 0 of q8_0[2, 32] init normal(1)`:     "",
		`param @w: u8[2, 34] = "w" plane 0 of q8_0[2, 32] init constant(0.5)`: "param @w: 0.5 is no u8",
		`param @w: f32[2, 2] = "w" init orthogonal(1)`:                        "",
		`param @w: f32[2] = "w" init orthogonal(1)`:                           "param @w: the distribution orthogonal is of weights with 2 axes or more, not f32[2]",
		`param @w: f32[2] = "w" init cauchy(1)`:                               "param @w: there is no distribution cauchy, but uniform, normal, trunc_normal, xavier, kaiming, orthogonal",
		`state @w: f32[2] = "w" init normal(1)`:                               "state @w begins with no numbers",
		`state @w: f32[2] = "w"`:                                              "state @w begins with no numbers",
		`state @w: u32[2] = "w" init constant(0, 4294967295.0)`:               "",
	} {
		m, err := Parse("m", []byte("mlxir 1\nmodule \"m\" {\n"+text+"\n}\n"))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if err := Verify(m); want == "" && err != nil || want != "" && (err == nil || !strings.HasSuffix(err.Error(), want)) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// A distribution of fans is one of numbers, for axes [out, ..., in]; empty axes count as one.
func TestInitOf(t *testing.T) {
	for _, c := range []struct {
		init  Init
		shape []int64
		want  string
	}{
		{Init{"xavier", []float64{3}}, []int64{4, 2}, "{uniform [3]}"},
		{Init{"xavier", []float64{2}}, []int64{4, 5, 2}, "{uniform [0.8944271909999159]}"},
		{Init{"kaiming", []float64{3}}, []int64{7, 2, 2, 4}, "{normal [0.75]}"},
		{Init{"kaiming", []float64{3}}, []int64{7, 0}, "{normal [3]}"},
		{Init{"orthogonal", []float64{3}}, []int64{7, 2}, "{orthogonal [3]}"},
		{Constant(3), nil, "{constant [3]}"},
	} {
		var shape []Size
		for _, n := range c.shape {
			shape = append(shape, N(n))
		}
		if got := fmt.Sprint(c.init.Of(shape)); got != c.want {
			t.Errorf("%v of %v: %s, want %s", c.init, c.shape, got, c.want)
		}
	}
}
