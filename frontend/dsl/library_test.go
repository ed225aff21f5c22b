package dsl

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

// recorded is a tensor of testdata/library.json.
type recorded struct {
	Shape []int
	Data  []float64
}

func (r recorded) tensor(t ir.DType) *ir.Tensor {
	x := ir.NewTensor(t, r.Shape...)
	if t.IsFloat() {
		copy(x.F, r.Data)
		return x
	}
	for i, v := range r.Data {
		x.I[i] = int64(v)
	}
	return x
}

// TestLibrary compares layers, losses and functions of the library with what
// scripts/oracles/library.py recorded of PyTorch. The longest sum has 54 terms, of which each
// adds a rounding of 2^-24; no result is much smaller than the terms of its sum.
func TestLibrary(t *testing.T) {
	const tolerance = 54.0 / (1 << 24)
	text, err := os.ReadFile("testdata/library.json")
	if err != nil {
		t.Fatal(err)
	}
	var oracle struct {
		Weights map[string]recorded
		Cases   []struct {
			Entry       string
			Args, Wants []recorded
		}
	}
	if err := json.Unmarshal(text, &oracle); err != nil {
		t.Fatal(err)
	}
	opts := Options{}
	p, err := Load("testdata/library.mlx", opts)
	if err != nil {
		t.Fatal(err.(ir.Diagnostics).Render(opts.Source))
	}
	params := map[string]*ir.Tensor{}
	for _, w := range p.Module().Params {
		r, ok := oracle.Weights[w.Path]
		if !ok {
			t.Fatalf("PyTorch's layers have no %s", w.Path)
		}
		params[w.Name] = r.tensor(w.Type.DType)
	}
	if len(params) != len(oracle.Weights) {
		t.Errorf("%d params, PyTorch has %d", len(params), len(oracle.Weights))
	}
	for _, c := range oracle.Cases {
		var args []*ir.Tensor
		f := p.Module().Func(c.Entry)
		for i, a := range c.Args {
			args = append(args, a.tensor(f.Inputs[i].Type.DType))
		}
		got, err := p.Eval(c.Entry, params, args...)
		if err != nil {
			t.Fatalf("%s: %v", c.Entry, err)
		}
		if len(got) != len(c.Wants) {
			t.Fatalf("%s: %d results, %d recorded", c.Entry, len(got), len(c.Wants))
		}
		for i, want := range c.Wants {
			if !slices.Equal(got[i].Shape, want.Shape) {
				t.Errorf("%s, result %d: shape %v, want %v", c.Entry, i, got[i].Shape, want.Shape)
				continue
			}
			scale, worst := 1.0, 0.0
			for k, w := range want.Data {
				scale, worst = max(scale, math.Abs(w)), max(worst, math.Abs(got[i].F[k]-w))
			}
			t.Logf("%s, result %d: %.2g of %.2g", c.Entry, i, worst/scale, tolerance)
			if !(worst <= tolerance*scale) {
				t.Errorf("%s, result %d: off by %g, of %g", c.Entry, i, worst, scale)
			}
		}
	}
}

// Optimisers are made and step; what is wrong with them is that params are not assigned yet.
func TestOptimisers(t *testing.T) {
	_, err := Load("m.mlx", Options{ReadFile: file(`import optim
param w: f16[2, 3] = 0
a = optim.SGD(w, momentum=0.9)
b = optim.AdamW(w)
c = optim.Lion(w)
entry train(g: f16[2, 3], lr: f32, t: f32) -> (t: f32) {
  a.step(g, lr)
  b.step(g, lr, t)
  c.step(g, lr)
  return t
}
`)})
	wrong, _ := err.(ir.Diagnostics)
	if len(wrong) != 3 {
		t.Fatalf("%v, want an error for each optimiser", err)
	}
	for _, d := range wrong {
		if d.Pos.File != "optim.mlx" || !strings.Contains(d.Msg, "assigning a param") {
			t.Errorf("%s: %s", d.Pos, d.Msg)
		}
	}
}

// A param may be a transposition of the checkpoint's tensor.
func TestLoadTranspose(t *testing.T) {
	p, err := Load("m.mlx", Options{ReadFile: file(`param w: f32[2, 3, 4] load transpose(_, [1, 2, 0])
entry read(i: i32) -> (w: f32[2, 3, 4]) { return w }
`)})
	if err != nil {
		t.Fatal(err)
	}
	w := p.Module().Params[0]
	if got := w.Type.String(); got != "f32[4, 2, 3]" {
		t.Fatalf("the checkpoint's tensor is %s", got)
	}
	x := ir.NewTensor(ir.F32, 4, 2, 3)
	for i := range x.F {
		x.F[i] = float64(i)
	}
	got, err := p.Eval("read", map[string]*ir.Tensor{w.Name: x}, ir.NewTensor(ir.I32))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got[0].F {
		if want := x.F[i%4*6+i/4]; v != want {
			t.Errorf("element %d is %g, want %g", i, v, want)
		}
	}
	for _, perm := range []string{"[0, 2]", "[0, 0]", "3", "[-1, 0]"} {
		if _, err := Load("m.mlx", Options{ReadFile: file("param w: f32[2, 3] load transpose(_, " + perm + ")\nentry read(i: i32) -> (w: f32[2, 3]) { return w }\n")}); err == nil {
			t.Errorf("transpose(_, %s) loads", perm)
		}
	}
}
