package source

import "testing"

// Numbers in which texts differ are said by names that have them in all.
func TestSaid(t *testing.T) {
	by := []column{{name: "in", values: []int64{16, 64, 96}}, {name: "H", values: []int64{56, 28, 7}, axis: "H"}, {name: "2 * n", operator: true, values: []int64{2, 4, 6}}}
	for _, c := range []struct {
		values   []int64
		text     string
		operator bool
	}{
		{[]int64{16, 64, 96}, "in", false},
		{[]int64{2, 4, 6}, "2 * n", true},
		{[]int64{48, 192, 288}, "3 * in", true},
		{[]int64{28, 14, 3}, "div(H, 2)", false},
		{[]int64{3136, 784, 49}, "H * H", true},
		{[]int64{64, 512, 1152}, "2 * in * (2 * n)", true},
		{[]int64{16, 64, 97}, "", false},
		{[]int64{0, 0, 1}, "", false},
	} {
		if text, operator, ok := said(c.values, by); text != c.text || operator != c.operator || ok != (c.text != "") {
			t.Errorf("%v is %q, want %q", c.values, text, c.text)
		}
	}
}

// What differs is found by words: digits of names, of dtypes and of fractions are none.
func TestPattern(t *testing.T) {
	texts := []string{"x2 = conv(x, 3, pad=1).reshape([8, 64]) * 0.5", "x2 = conv(x, 5, pad=1).reshape([8, 128]) * 0.5"}
	if skeleton(texts[0]) != skeleton(texts[1]) {
		t.Fatal(skeleton(texts[0]), skeleton(texts[1]))
	}
	for _, other := range []string{"x2 = conv(x, 3, pad=1).reshape([8, 64]) * 0.25", "x3 = conv(x, 3, pad=1).reshape([8, 64]) * 0.5", "x2 = conv(x, 3).reshape([8, 64]) * 0.5"} {
		if skeleton(other) == skeleton(texts[0]) {
			t.Errorf("%s is like %s", other, texts[0])
		}
	}
	p := patternOf(texts)
	places := p.places()
	for i := range p.tokens {
		if p.holes[i] == nil {
			continue
		}
		text, operator := "k", false
		if places[i].brackets {
			text, operator = "2 * n", true
		} else if places[i].callee != "conv" || places[i].n != 1 {
			t.Errorf("%s is at %+v", p.tokens[i], places[i])
		}
		p.fill(i, text, operator)
	}
	if got, want := p.text(), "x2 = conv(x, k, pad=1).reshape([8, 2 * n]) * 0.5"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
