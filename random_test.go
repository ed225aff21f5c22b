package mlxc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// Random numbers are those of MLX, from the evaluator and from compiled code: to the
// last bit, but where functions and sums round.
func TestRandomNumbersAreMLXs(t *testing.T) {
	text, err := os.ReadFile("testdata/random/mlx.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct{ Values map[string]string }
	if err := json.Unmarshal(text, &recorded); err != nil {
		t.Fatal(err)
	}
	m, err := mlxc.Load("testdata/random/random.mlx", mlxc.Source{})
	if err != nil {
		t.Fatal(err)
	}
	runner, err := mlxc.BuildRunner(context.Background(), m, "random.mlx", ir.CPU, nil)
	if err != nil {
		t.Fatal(err)
	}
	var in, out bytes.Buffer
	var inputs []*ir.Tensor
	f := m.Funcs[0]
	for _, v := range f.Inputs {
		typ, x, _ := array(t, recorded.Values[v.Name])
		if err := runtime.WriteNPY(&in, x); err != nil {
			t.Fatal(err)
		}
		tensor, err := ir.TensorOf(typ.DType, x.Shape(), x.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, tensor)
	}
	evaluated, err := m.Eval(f, nil, inputs)
	if err != nil {
		t.Fatal(err)
	}
	if err := runner.Run(context.Background(), f.Name, "", 1, &in, &out); err != nil {
		t.Fatal(err)
	}
	for i, r := range f.Results {
		typ, _, want := array(t, recorded.Values[r.Name])
		a, err := runtime.ReadNPY(&out, math.MaxInt64)
		if err != nil {
			t.Fatal(err)
		}
		compiled, err := ir.TensorOf(typ.DType, a.Shape(), a.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		for n, w := range want {
			for by, x := range map[string]*ir.Tensor{"evaluator": evaluated[i], "compiled code": compiled} {
				if got := x.Number(n); math.Abs(got-w) > randomError(r.Name, w) {
					t.Errorf("%s, %s: element %d is %v, MLX has %v", r.Name, by, n, got, w)
				}
			}
		}
	}
}

// randomError is what results may be apart from MLX's: of a range, the roundings of a
// product up to 7 and a sum up to 5, here in one or two; of normal numbers, those of two
// ways to compute erfinv, 4 and at most 4 units, and of the product with sqrt(2), here
// and there; in f16 one of the last place, for those may be on both sides of a tie.
func randomError(name string, want float64) float64 {
	switch name {
	case "uniform_range":
		return 7*0x1p-23 + 5*0x1p-23
	case "normal", "normal_tail":
		return 10 * 0x1p-23 * math.Abs(want)
	case "normal_f16":
		return 0x1p-10 * math.Abs(want)
	case "dropout":
		return 2 * 0x1p-23 * math.Abs(want)
	}
	return 0
}
