package mlxc_test

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// What an entry decides by its sizes is decided at the call, by the evaluator and by
// compiled code.
func TestCasesOfAnEntry(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cases.mlx")
	err := os.WriteFile(path, []byte(`
dim B <= 64
dim T <= 16
fn bonus(x: f32[N, 4]) -> f32[N, 4] { return x + (8 if N <= 8 and T < 10 else 0) }
entry f(x: f32[B, T, 4]) -> (y: f32[B, 4]) {
  if T == 1 {
    return reshape(x, [B, 4]) * 2
  }
  return bonus(sum(x, axis=1))
}
`), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mlxc.Load(path, mlxc.Source{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(m.Funcs); n != 4 || len(m.Entries()) != 1 {
		t.Errorf("%d functions of %d entries, want 4 of 1", n, len(m.Entries()))
	}
	runner, err := mlxc.BuildRunner(context.Background(), m, "cases.mlx", ir.CPU, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		b, t int
		want float32
	}{{1, 1, 2}, {9, 1, 2}, {8, 3, 11}, {9, 3, 3}, {8, 9, 17}, {8, 10, 10}} {
		x := ir.NewTensor(ir.F32, c.b, c.t, 4)
		for i := range x.F {
			x.F[i] = 1
		}
		f, _, err := m.Serving("f", nil, []*ir.Tensor{x})
		if err != nil {
			t.Fatal(err)
		}
		y, err := m.Eval(f, nil, []*ir.Tensor{x})
		if err != nil {
			t.Fatal(err)
		}
		a, err := runtime.NewArray(runtime.F32, c.b, c.t, 4)
		if err != nil {
			t.Fatal(err)
		}
		copy(a.Bytes(), x.Bytes())
		var in, out bytes.Buffer
		if err := runtime.WriteNPY(&in, a); err != nil {
			t.Fatal(err)
		}
		if err := runner.Run(context.Background(), "f", "", 0, &in, &out); err != nil {
			t.Fatal(err)
		}
		got, err := runtime.ReadNPY(&out, math.MaxInt64)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range floats(t, got) {
			if v != c.want || y[0].F[i] != float64(c.want) {
				t.Fatalf("B = %d, T = %d: element %d is %v, the evaluator's %v, want %v", c.b, c.t, i, v, y[0].F[i], c.want)
			}
		}
	}
}
