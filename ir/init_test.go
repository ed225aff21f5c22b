package ir

import (
	"strings"
	"testing"
)

// A first value fits the tensor that it is for, in a module that is read as in one that is built.
func TestInits(t *testing.T) {
	for text, want := range map[string]string{
		`param @w: f32[2, 3] = "w" init constant(0.5)`:          "",
		`param @w: i32[3] = "w" init constant(1, 2, 3)`:         "",
		`param @w: i32[3] = "w" init constant(1, 2)`:            "param @w: 2 numbers for i32[3]",
		`param @w: i32[3] = "w" init constant()`:                "param @w: 0 numbers for i32[3]",
		`param @w: i8[1] = "w" init constant(128)`:              "param @w: 128 is no i8",
		`param @w: f32[2] = "w" init normal(0.1)`:               "",
		`param @w: f32[2] = "w" init normal()`:                  "param @w: the distribution normal takes a std, got 0 numbers",
		`param @w: i32[2] = "w" init uniform(1)`:                "param @w: the distribution uniform is of floats, not i32",
		`param @w: f32[2, 2] = "w" init orthogonal(1)`:          "",
		`param @w: f32[2] = "w" init orthogonal(1)`:             "param @w: the distribution orthogonal is of weights with 2 axes or more, not f32[2]",
		`param @w: f32[2] = "w" init cauchy(1)`:                 "param @w: there is no distribution cauchy, but uniform, normal, trunc_normal, xavier, kaiming, orthogonal",
		`state @w: f32[2] = "w" init normal(1)`:                 "state @w begins with no numbers",
		`state @w: f32[2] = "w"`:                                "state @w begins with no numbers",
		`state @w: u32[2] = "w" init constant(0, 4294967295.0)`: "",
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
