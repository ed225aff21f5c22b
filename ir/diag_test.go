package ir

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRender(t *testing.T) {
	main := &Pos{File: "m.mlx", Line: 3, Col: 10}
	ds := Diagnostics{
		{
			Pos:   &Pos{File: "n.mlx", Line: 2, Col: 9, End: 14, In: "net.fc1", From: main},
			Msg:   "`@` needs equal inner sizes: 4 and 5",
			Notes: []Note{{"left", "f32[B, 4]"}, {"right", "f32[5, 8]"}},
			Hint:  "transpose it",
		},
		{Pos: &Pos{File: "m.mlx", Line: 2, Col: 2, End: 3}, Msg: "first", Warning: true},
		{Msg: "no place"},
	}
	source := func(file string) ([]byte, bool) {
		text, ok := map[string]string{"n.mlx": "fn f() {\n\treturn x @ w\r\n}", "m.mlx": "a\nbé\n"}[file]
		return []byte(text), ok
	}
	want := "error: no place\n" +
		"m.mlx:2:2: warning: first\n" +
		"   2 | bé\n" +
		"     |  ^\n" +
		"n.mlx:2:9: error: `@` needs equal inner sizes: 4 and 5\n" +
		"   2 | \treturn x @ w\n" +
		"     | \t       ^^^^^\n" +
		"     | left  f32[B, 4]\n" +
		"     | right f32[5, 8]\n" +
		"     = hint: transpose it\n" +
		"     = in net.fc1, called from m.mlx:3:10\n"
	if d := cmp.Diff(want, ds.Render(source)); d != "" {
		t.Error(d)
	}
}

func TestRenderAtMostTen(t *testing.T) {
	ds := make(Diagnostics, 13)
	for i := range ds {
		ds[i] = Diagnostic{Pos: &Pos{File: "m", Line: 1 + i}, Msg: "x"}
	}
	text := ds.Error()
	if n := strings.Count(text, "error: x"); n != 10 {
		t.Errorf("%d shown", n)
	}
	if !strings.HasSuffix(text, "and 3 more") {
		t.Error(text)
	}
}
