package dsl

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mlxc/mlxc/ir"
)

// arrays are the files of the tests below.
func arrays(file string) (map[string]ir.Type, error) {
	switch file {
	case "a.npz":
		return map[string]ir.Type{
			"x": {DType: ir.F32, Shape: []ir.Size{ir.N(2), ir.N(3)}}, "h": {DType: ir.F16, Shape: []ir.Size{ir.N(3)}},
			"i": {DType: ir.I32, Shape: []ir.Size{ir.N(2)}},
		}, nil
	case "broken.npz":
		return nil, errors.New("broken.npz is no zip")
	}
	return nil, fs.ErrNotExist
}

func TestLoadTests(t *testing.T) {
	p, tests, err := LoadTests("m.mlx", Options{Dims: map[string]int64{"S": 3}, ReadFile: file(`
dim B <= 4, S <= 8
state last: f32[S] = 0
entry e(x: f32[B, S]) -> (y: f32[B, S], n: f32) {
  last = x[0]
  return x * 2, sum(x)
}
test "arrays" uses "a.npz" as g {
  y = e(g.x).y
  assert close(y, 2 * g.x, rtol=1e-2)
  assert all(y > 0), "positive"
  assert close(last, g.h)
  assert close(g.i, 1)
  assert any(g.i == 1)
  assert S == 3
}
test "gone" uses "gone.npz" as g { assert close(g.x, 0) }
test "known" { assert 1 < 2 }
`)}, arrays)
	if err != nil {
		t.Fatal(err)
	}
	want := []TestCase{
		{Name: "arrays", Uses: "a.npz", Entry: "test1", Inputs: []string{"x", "h", "i"}, Checks: []Check{
			{Text: "close(y, 2 * g.x, rtol=1e-2)", Got: 0, Want: 1, RTol: 1e-2, ATol: 1e-5},
			{Text: "all(y > 0)", Msg: "positive", Got: 2, Want: -1},
			{Text: "close(last, g.h)", Got: 3, Want: 4, RTol: 1e-3, ATol: 1e-5}, // of the coarser dtype
			{Text: "close(g.i, 1)", Got: 5, Want: 6},
			{Text: "any(g.i == 1)", Got: 7, Want: -1},
		}},
		{Name: "gone", Uses: "gone.npz", Entry: "test2", Missing: fs.ErrNotExist},
		{Name: "known", Entry: "test3"},
	}
	if d := cmp.Diff(want, tests, cmpopts.IgnoreTypes(&ir.Pos{}), cmpopts.EquateErrors()); d != "" {
		t.Error(d)
	}
	x, h, i := ir.NewTensor(ir.F32, 2, 3), ir.NewTensor(ir.F16, 3), ir.NewTensor(ir.I32, 2)
	copy(x.F, []float64{1, 2, 3, 4, 5, 6})
	out, err := p.Eval("test1", map[string]*ir.Tensor{"last": ir.NewTensor(ir.F32, 3)}, x, h, i)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]float64{2, 4, 6, 8, 10, 12}, out[0].F); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]float64{1, 2, 3}, out[3].F); d != "" { // what the call has written
		t.Error(d)
	}
	if d := cmp.Diff([]int64{1, 1}, out[6].I); d != "" { // a number is compared with each
		t.Error(d)
	}
	if d := cmp.Diff([]int64{1, 1, 1, 1, 1, 1}, out[2].I); d != "" { // each element, not all of them
		t.Error(d)
	}
}

func TestLoadTestsMistakes(t *testing.T) {
	for src, want := range map[string]string{
		`test "a" uses "a.npz" as g { assert close(g.y, 0) }`:           "m.mlx:2:45: error: a.npz has no array `y`\n     = hint: it has h, i, x",
		`test "a" uses "a.npz" as g { assert close(g.x, g.h) }`:         "`close` compares tensors of one shape: 2 axes, not 1",
		`test "a" uses "a.npz" as g { assert close(g.h, g.i) }`:         "`close` compares tensors of one shape: f16 is not i32",
		`test "a" uses "a.npz" as g { assert g.x }`:                     "compare it, or use `close`",
		`test "a" uses "a.npz" as g { assert close(g.x, "x") }`:         `the string "x" does not go with a f32 tensor`,
		`test "a" { assert close(1, 2) }`:                               "`close` compares tensors",
		`test "a" { assert 1 > 2, "wrong" }`:                            "error: wrong",
		`test "a" { return 1 }`:                                         "a test returns nothing",
		"test \"a\" {\n@precision(accum=f32) return 1\n}":               "m.mlx:3:30: error: a test returns nothing",
		`test "a" { _ = 1 }`:                                            "a test without an `assert` tests nothing",
		`test "a" { x = 1 }`:                                            "`x` is assigned and never read",
		`test "a" { assert y }`:                                         "`y` is not defined",
		`test "a" uses "broken.npz" as g { assert close(g.x, 0) }`:      "m.mlx:2:1: error: broken.npz is no zip",
		`entry f(x: f32[3]) -> (y: f32[3]) { assert x > 0 return x }`:   "one statement per line",
		"entry f(x: f32[3]) -> (y: f32[3]) {\nassert x > 0\nreturn x }": "what has been computed is compared in a `test` block",
	} {
		load := func() error {
			_, _, err := LoadTests("m.mlx", Options{ReadFile: file("\n" + src + "\n")}, arrays)
			return err
		}
		if strings.HasPrefix(src, "entry") {
			load = func() error {
				_, err := Load("m.mlx", Options{ReadFile: file(src + "\n")})
				return err
			}
		}
		if err := load(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", src, err, want)
		}
	}
	const cached = "dim B <= 8\nstate s: f32[B] = 0\nentry e(x: f32[B]) -> (y: f32[B]) {\n  s = s + x\n  return s\n}\ntest \"t\" { assert all(e(array([1, 2], f32)) > 0) }\n"
	if _, _, err := LoadTests("m.mlx", Options{ReadFile: file(cached)}, arrays); err == nil || !strings.Contains(err.Error(), "a test needs the size B of the state `s`\n     = hint: fix it with --dim, such as --dim B=1") {
		t.Error(err)
	}
	if _, _, err := LoadTests("m.mlx", Options{Dims: map[string]int64{"B": 2}, ReadFile: file(cached)}, arrays); err != nil {
		t.Error(err)
	}
	if _, _, err := LoadTests("m.mlx", Options{Dims: map[string]int64{"B": 9}, ReadFile: file("dim B <= 8\n")}, arrays); err == nil || !strings.Contains(err.Error(), "fixed at 9, outside its bounds") {
		t.Error(err)
	}
	if _, _, err := LoadTests("m.mlx", Options{Dims: map[string]int64{"C": 9}, ReadFile: file("dim B <= 8\n")}, arrays); err == nil || !strings.Contains(err.Error(), "no dim `C`") {
		t.Error(err)
	}
}
