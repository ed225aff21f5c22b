package onnx

import (
	"slices"
	"testing"

	programs "github.com/mlxc/mlxc/internal/random"
	"github.com/mlxc/mlxc/ir"
)

// Two convolutions with what stands between them, as operators of ONNX are imported: each turns
// its operand and its result round.
const images = `mlxir 1
module "images" {
  param @w: f32[6, 3, 3, 3] = "w"
  param @b: f32[6] = "b"
  param @v: f32[2, 12, 1, 1] = "v"
  func @f(%x: f32[2, 3, 8, 8]) -> (y: f32[2, 2]) {
    %w = weight(param=@w) : f32[6, 3, 3, 3]
    %b = weight(param=@b) : f32[6]
    %v = weight(param=@v) : f32[2, 12, 1, 1]
    %0 = transpose(%x, perm=[0, 2, 3, 1]) : f32[2, 8, 8, 3]
    %1 = transpose(%w, perm=[0, 2, 3, 1]) : f32[6, 3, 3, 3]
    %2 = conv(%0, %1, stride=[1, 1], pad=[1, 1], dilation=[1, 1], groups=1, acc=invalid) : f32[2, 8, 8, 6]
    %3 = transpose(%2, perm=[0, 3, 1, 2]) : f32[2, 6, 8, 8]
    %4 = reshape(%b, shape=[6, 1, 1]) : f32[6, 1, 1]
    %5 = broadcast(%4, shape=[2, 6, 8, 8]) : f32[2, 6, 8, 8]
    %6 = add(%3, %5) : f32[2, 6, 8, 8]
    %7 = relu(%6) : f32[2, 6, 8, 8]
    %8 = concat(%7, %6, axis=1) : f32[2, 12, 8, 8]
    %9 = pad(%8, lo=[0, 0, 1, 0], hi=[0, 0, 0, 1], value=0) : f32[2, 12, 9, 9]
    %10 = slice(%9, start=[0, 0, 1, 0], step=[1, 1, 2, 1], size=[2, 12, 4, 9]) : f32[2, 12, 4, 9]
    %11 = softmax(%10, axis=1, acc=invalid) : f32[2, 12, 4, 9]
    %12 = reshape(%11, shape=[2, 12, 4, 9]) : f32[2, 12, 4, 9]
    %13 = transpose(%12, perm=[0, 2, 3, 1]) : f32[2, 4, 9, 12]
    %14 = transpose(%v, perm=[0, 2, 3, 1]) : f32[2, 1, 1, 12]
    %15 = conv(%13, %14, stride=[1, 1], pad=[0, 0], dilation=[1, 1], groups=1, acc=invalid) : f32[2, 4, 9, 2]
    %16 = transpose(%15, perm=[0, 3, 1, 2]) : f32[2, 2, 4, 9]
    %17 = mean(%16, axes=[2, 3], keep=true) : f32[2, 2, 1, 1]
    %18 = reshape(%17, shape=[2, 2]) : f32[2, 2]
    ret(%18)
  }
}
`

func TestTurnsMeet(t *testing.T) {
	m := parsed(t, images)
	params, inputs, _ := programs.Inputs(m, 1, false)
	want, err := m.Eval(m.Funcs[0], params, inputs)
	if err != nil {
		t.Fatal(err)
	}
	if err := turnLate(m); err != nil {
		t.Fatal(err)
	}
	got, err := m.Eval(m.Funcs[0], params, inputs)
	if err != nil {
		t.Fatal(err)
	}
	// Sums of at most 36 elements in f64 differ in their order alone.
	for i, x := range want[0].F {
		if d := got[0].F[i] - x; d > 1e-12 || d < -1e-12 {
			t.Errorf("element %d is %v, want %v", i, got[0].F[i], x)
		}
	}
	turns := map[string]int{} // by what they are of
	for _, in := range m.Funcs[0].Body {
		switch in.Op.Name {
		case "transpose":
			turns[in.Args[0].Name]++
		case "reshape":
			if in.Args[0].Instr.Op.Name != "mean" {
				t.Errorf("%s is reshaped", in.Args[0].Instr.Op.Name)
			}
		}
	}
	if len(turns) != 3 || turns["x"] != 1 || turns["w"] != 1 || turns["v"] != 1 {
		t.Errorf("the turns that are left are of %v, want one of the input and of each kernel\n%s", turns, ir.Print(m))
	}
}

// The bias of one channel is added as that of several is.
func TestTurnOfOneChannel(t *testing.T) {
	m := parsed(t, `mlxir 1
module "one" {
  param @b: f32[1] = "b"
  func @f(%x: f32[2, 8, 8, 1]) -> (y: f32[2, 8, 8, 1]) {
    %b = weight(param=@b) : f32[1]
    %0 = transpose(%x, perm=[0, 3, 1, 2]) : f32[2, 1, 8, 8]
    %1 = reshape(%b, shape=[1, 1, 1]) : f32[1, 1, 1]
    %2 = broadcast(%1, shape=[2, 1, 8, 8]) : f32[2, 1, 8, 8]
    %3 = add(%0, %2) : f32[2, 1, 8, 8]
    %y = transpose(%3, perm=[0, 2, 3, 1]) : f32[2, 8, 8, 1]
    ret(%y)
  }
}
`)
	if err := turnLate(m); err != nil {
		t.Fatal(err)
	}
	for _, in := range m.Funcs[0].Body {
		if in.Op.Name == "reshape" || in.Op.Name == "transpose" {
			t.Errorf("there is a %s\n%s", in.Op.Name, ir.Print(m))
		}
	}
}

// Elements are what they were, bit by bit: these programs add nothing up.
func TestTurnsOfRandomPrograms(t *testing.T) {
	moved := 0
	for seed := range uint64(600) {
		m := programs.Module(seed, append(slices.Clone(programs.ByElement), ir.KindView, ir.KindView))
		before := ir.Print(m)
		params, inputs, ok := programs.Inputs(m, seed, false)
		if !ok {
			continue
		}
		want, err := m.Eval(m.Funcs[0], params, inputs)
		if err != nil {
			continue
		}
		if err := turnLate(m); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, before)
		}
		if ir.Print(m) != before {
			moved++
		}
		got, err := m.Eval(m.Funcs[0], params, inputs)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s\n%s", seed, err, before, ir.Print(m))
		}
		for i := range want {
			if string(got[i].Bytes()) != string(want[i].Bytes()) {
				t.Fatalf("seed %d: result %d differs\n%s\n%s", seed, i, before, ir.Print(m))
			}
		}
	}
	if moved < 100 {
		t.Errorf("only %d programs have changed", moved)
	}
}

func parsed(t *testing.T, text string) *ir.Module {
	t.Helper()
	m, err := ir.Parse("m.mlxir", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}
