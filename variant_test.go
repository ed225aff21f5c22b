package mlxc_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/codegen"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
)

// A model's kernels, interpreted in the memory of its plan, against the evaluator.
// The interpreter finds accesses out of bounds and points of a kernel that depend
// on one another.
func TestLoweredModelAgainstTheEvaluator(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	draw := func(typ ir.Type) *ir.Tensor {
		shape := make([]int, typ.Rank())
		for i, s := range typ.Shape {
			n, _ := s.Eval(func(string) (int64, bool) { return 2, true })
			shape[i] = int(n)
		}
		x := ir.NewTensor(typ.DType, shape...)
		ir.SamplePositive.Fill(r, x) // variances among them
		return x
	}
	m := load(t, "digits")
	read := m.Funcs[0]
	params := map[string]*ir.Tensor{}
	for _, p := range m.Params {
		params[p.Name] = draw(p.Type)
		for i, w := range params[p.Name].F {
			params[p.Name].F[i] = float64(float32(w / 16)) // or the softmax would saturate
		}
	}
	var inputs []*ir.Tensor
	for _, v := range read.Inputs {
		inputs = append(inputs, draw(v.Type))
	}
	want, err := m.Eval(read, params, inputs)
	if err != nil {
		t.Fatal(err)
	}

	compare := func(pass string, m *ir.Module) {
		if pass != "plan" {
			return
		}
		f, v, err := m.Serving(m.Funcs[0].Name, params, inputs)
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.EvalVariant(f, v, params, inputs)
		if err != nil {
			t.Fatalf("%v", err)
		}
		for i := range want {
			tol := ir.Tolerance{Rel: 1e-5, Abs: 1e-6} // each kernel rounds what it stores
			for j, w := range want[i].F {
				if !tol.Allows(got[i].F[j], w, want[i].DType, 1) {
					t.Errorf("result %d, element %d is %v, want %v", i, j, got[i].F[j], w)
				}
			}
			if !slices.Equal(got[i].I, want[i].I) {
				t.Errorf("result %d is %v, want %v", i, got[i].I, want[i].I)
			}
		}
	}
	if err := passes.Run(m, ir.CPU, compare); err != nil {
		t.Fatal(err)
	}
}

// The variants of a compiled program take turns in one session, and give what integers
// give.
func TestVariantsTakeTurns(t *testing.T) {
	text, err := os.ReadFile("testdata/variants/mlp.mlxir")
	if err != nil {
		t.Fatal(err)
	}
	m, err := mlxc.ParseIR("mlp.mlxir", text)
	if err != nil {
		t.Fatal(err)
	}
	p, err := mlxc.Compile(m, mlxc.Options{Package: "main", Tables: true, Source: "mlp.mlxir", Targets: []ir.Target{ir.CPU}})
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("testdata", "turns-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	main, err := os.ReadFile("testdata/variants/main.go.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(p.Files, codegen.File{Name: "main.go", Data: main}) {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(f.Data, []byte("Guard:")); f.Name == "model.go" && n != 2 {
			t.Errorf("%d variants have a guard, want 2", n)
		}
	}
	if out, err := exec.Command("go", "run", "./"+dir).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}
