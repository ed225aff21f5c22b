package mlxc_test

import (
	"bytes"
	"context"
	"math"
	"os"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// Transforms of real signals are those of NumPy and PyTorch, from the evaluator and from
// compiled code.
func TestFourierTransforms(t *testing.T) {
	m, err := mlxc.Load("testdata/fft/fft.mlx", mlxc.Source{})
	if err != nil {
		t.Fatal(err)
	}
	runner, err := mlxc.BuildRunner(context.Background(), m, "fft.mlx", ir.CPU, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := m.Funcs[0]
	var in, out bytes.Buffer
	var inputs []*ir.Tensor
	for _, v := range f.Inputs {
		var a *runtime.Array
		if file := "testdata/fft/" + v.Name + ".npy"; exists(file) {
			a = readNPY(t, file)
		} else {
			a = signal(t, v.Type)
		}
		if err := runtime.WriteNPY(&in, a); err != nil {
			t.Fatal(err)
		}
		x, err := ir.TensorOf(ir.F32, a.Shape(), a.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, x)
	}
	evaluated, err := m.Eval(f, nil, inputs)
	if err != nil {
		t.Fatal(err)
	}
	if err := runner.Run(context.Background(), f.Name, "", 1, &in, &out); err != nil {
		t.Fatal(err)
	}
	for i, r := range f.Results {
		want := floats(t, readNPY(t, "testdata/fft/"+r.Name+".npy"))
		compiled, err := runtime.ReadNPY(&out, math.MaxInt64)
		if err != nil {
			t.Fatal(err)
		}
		got := floats(t, compiled)
		if len(got) != len(want) || evaluated[i].Len() != len(want) {
			t.Fatalf("%s: %d and %d numbers, want %d", r.Name, len(got), evaluated[i].Len(), len(want))
		}
		size := 0.0
		for _, w := range want {
			size += float64(w) * float64(w)
		}
		size = math.Sqrt(size / float64(len(want)))
		worst := 0.0 // in what is allowed
		for n, w := range want {
			off := max(math.Abs(float64(got[n]-w)), math.Abs(evaluated[i].F[n]-float64(w)))
			worst = max(worst, off/(fourierError*(size+math.Abs(float64(w)))))
		}
		t.Logf("%s: errors up to %.2f of what is allowed", r.Name, worst)
		if !(worst <= 1) {
			t.Errorf("%s: errors up to %.2f of what is allowed", r.Name, worst)
		}
	}
}

// fourierError is for results of size 1, in quadrature over all of a signal, and for the
// result itself: that of 4096 = 64*64 numbers and 64 = 8*8 is four products of 16 terms,
// each with matrices within 2 units 2^-24 and a sum that is rounded 16 times as it grows,
// 2 + 2 units, and three products that turn with 2: sqrt(4*8 + 3*4) < 7 units, of which the
// largest of thousands is some four times that.
const fourierError = 28 * 0x1p-24

// signal is that of scripts/oracles/fft.py.
func signal(t *testing.T, typ ir.Type) *runtime.Array {
	t.Helper()
	shape := make([]int, typ.Rank())
	for i, s := range typ.Shape {
		n, ok := s.Int()
		if !ok {
			n = 1000
		}
		shape[i] = int(n)
	}
	a, err := runtime.NewArray(runtime.F32, shape...)
	if err != nil {
		t.Fatal(err)
	}
	x := data[float32](t, a)
	for j := range x {
		x[j] = float32((j*j*7+j*13)%101-50) / 64
	}
	return a
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
