package mlxc

import (
	"bytes"
	"context"
	"math"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// A batch runs each of its models, and one that Go does not compile is left out alone.
func TestBatch(t *testing.T) {
	if testing.Short() {
		t.Skip("builds models")
	}
	b, err := NewBatch(ir.CPU)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, op := range []string{"add", "mul", "sub", "mul"} {
		m, err := ParseIR("m.mlxir", []byte("mlxir 1\nmodule \"m\" {\nfunc @f(%x: f32[2]) -> (y: f32[2]) {\n%y = "+op+"(%x, %x) : f32[2]\nret(%y)\n}\n}\n"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Add(m, "m.mlxir"); err != nil {
			t.Fatal(err)
		}
	}
	wrong := &b.models[2].files[0]
	wrong.Data = append(wrong.Data, "\nvar wrong int = \"no number\"\n"...)
	runners, errs, err := b.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{6, 9, 0, 9} {
		if i == 2 {
			if runners[i] != nil || errs[i] == nil || !strings.Contains(errs[i].Error(), "no number") {
				t.Errorf("%v", errs[i])
			}
			continue
		}
		x, err := runtime.NewArray(runtime.F32, 2)
		if err != nil {
			t.Fatal(err)
		}
		runtime.PutFloats(runtime.F32, x.Bytes(), []float64{3, 0})
		var in, out bytes.Buffer
		if err := runtime.WriteNPY(&in, x); err != nil {
			t.Fatal(err)
		}
		if err := runners[i].Run(context.Background(), "f", "", 1, &in, &out); err != nil {
			t.Fatal(err)
		}
		y, err := runtime.ReadNPY(&out, math.MaxInt64)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float64, 2)
		runtime.Floats(runtime.F32, y.Bytes(), got)
		if got[0] != want {
			t.Errorf("model %d: %v, want %v", i, got[0], want)
		}
	}
}
