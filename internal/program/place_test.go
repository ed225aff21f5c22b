//go:build linux && mlxc_metal

package program_test

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/mlxc/mlxc/internal/program"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
	"github.com/mlxc/mlxc/runtime"
)

// A program that changes devices gives what the evaluator gives, call after call, where
// the GPU works as late as it may: what the CPU reads without a wait is another number.
func TestPlaces(t *testing.T) {
	hooks := openSoftMetal(t)
	for name, value := range map[string]string{"LAZY": "1", "SHUFFLE": "7", "ORDER": "random", "HOSTWRITES": "1"} {
		if err := hooks.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	const file = "../../testdata/places/mixed.mlxir"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	graph, err := ir.Parse(file, text)
	if err != nil {
		t.Fatal(err)
	}
	m, _ := ir.Parse(file, text)
	if err := passes.Run(m, ir.Metal, nil); err != nil {
		t.Fatal(err)
	}
	p, err := program.Metal(m)
	if err != nil {
		t.Fatal(err)
	}
	model, err := runtime.Load(p, "")
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	for _, n := range []int{1, 5, 64} {
		s, err := model.NewSession(n)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		params := map[string]*ir.Tensor{"s": ir.NewTensor(ir.F64, n)}
		for i := range params["s"].F {
			params["s"].F[i] = 1
		}
		x, d := integers(n, 8), integers(1, n)
		d.DType, d.Shape = ir.F64, []int{n}
		for range 3 {
			want, err := graph.Eval(graph.Funcs[0], params, []*ir.Tensor{x, d})
			if err != nil {
				t.Fatal(err)
			}
			for i, got := range callOf(t, s, []*ir.Tensor{x, d}) {
				if !bytes.Equal(got.Bytes(), want[i].Bytes()) {
					t.Errorf("result %d of %d rows is another than that of the evaluator", i, n)
				}
			}
			for _, found := range hooks.Errors() {
				t.Error(found)
			}
		}
		if s.DeviceTime() <= 0 {
			t.Error("the GPU did nothing")
		}
	}
}

// callOf calls the first entry of a session.
func callOf(t *testing.T, s *runtime.Session, inputs []*ir.Tensor) []*runtime.Array {
	t.Helper()
	var args []*runtime.Array
	for _, x := range inputs {
		a, err := runtime.NewArray(runtime.DType(x.DType), x.Shape...)
		if err != nil {
			t.Fatal(err)
		}
		copy(a.Bytes(), x.Bytes())
		args = append(args, a)
	}
	out, err := s.Call(context.Background(), 0, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
