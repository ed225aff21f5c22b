package passes

import (
	"math"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

// What stands for a function that a target lacks is computed in f32, each step
// rounded, and compared with Go's in float64, at the error that is stated.
func TestMissingFunctions(t *testing.T) {
	inf := math.Inf(1)
	tests := []struct {
		fn     ir.Fn
		want   func(float64) float64
		lo, hi float64 // where the result is a normal number
		ulps   float64
		ends   []float64
	}{
		{ir.Erf, math.Erf, -6, 6, 2, []float64{inf, -inf, 1e-30, 0.999, 1, 1.001}},
		{ir.Erfc, math.Erfc, -6, 9.1, 6, []float64{inf, -inf, 12, 30, 0}},
		{ir.Erfinv, math.Erfinv, -1, 1, 4, []float64{1, -1, 2, 1e-30, 1 - 0x1p-24, -0.9999}},
		{ir.Expm1, math.Expm1, -40, 89, 2, []float64{inf, -inf, 1e-30, -1e-8, 88.6, 88.73, 200, -200}},
		{ir.Log1p, math.Log1p, -1, 1e6, 3, []float64{inf, -1, -2, 1e-30, -1e-8, 1e38}},
	}
	for _, test := range tests {
		x := append(test.ends, math.NaN(), math.Copysign(0, -1), 0)
		const n = 10000
		for i := range n { // evenly, and evenly by magnitude
			x = append(x, test.lo+(test.hi-test.lo)*float64(i)/n)
			if small := math.Ldexp(1, -i%40) * (1 + float64(i)/n); small < test.hi {
				x = append(x, small)
				if -small > test.lo {
					x = append(x, -small)
				}
			}
		}
		for i := range x {
			x[i] = float64(float32(x[i]))
		}
		d := ir.NewDAG()
		load := d.Wrap(d.Add(ir.Scalar{Kind: ir.ScalarLoad, DType: ir.F32}))
		y := inSteps(t, d, dialects[ir.OnGPU].f32[test.fn](load).V, x)
		worst := 0.0
		for i, v := range x {
			got, want := y[i], test.want(v)
			if got == want || math.IsNaN(got) && math.IsNaN(want) || got == float64(float32(want)) {
				continue
			}
			_, exp := math.Frexp(want)
			err := math.Abs(got-want) / math.Ldexp(1, max(exp, -125)-24)
			if !(err <= test.ulps) {
				t.Errorf("%s(%g) = %g, want %g: %.2g ulp", test.fn, v, got, want, err)
				break
			}
			worst = max(worst, err)
		}
		t.Logf("%s: %.2f ulp at worst", test.fn, worst)
	}
}

// inSteps evaluates a scalar of one load at many points, by one kernel for each
// step, so that every step is rounded to f32.
func inSteps(t *testing.T, d *ir.DAG, root *ir.Scalar, x []float64) []float64 {
	t.Helper()
	n := ir.N(int64(len(x)))
	axis := &ir.Axis{Name: "i", Extent: n}
	memory := make([][]byte, len(d.Values))
	for _, v := range d.Values {
		if v.Kind == ir.ScalarLoad {
			memory[v.ID] = (&ir.Tensor{DType: ir.F32, Shape: []int{len(x)}, F: x}).Bytes()
			continue
		}
		k := &ir.Kernel{Name: "step", Par: []*ir.Axis{axis}}
		step := ir.NewDAG()
		w := *v
		w.Args = nil
		var args [][]byte
		for i, a := range v.Args {
			k.Args = append(k.Args, ir.KernelArg{Name: "x", DType: a.DType, Len: n})
			w.Args = append(w.Args, step.Add(ir.Scalar{Kind: ir.ScalarLoad, DType: a.DType, Arg: i, Index: axis.Index()}))
			args = append(args, memory[a.ID])
		}
		k.Stores = []ir.Store{{Arg: len(k.Args), Index: axis.Index(), Value: step.Add(w)}}
		k.Args = append(k.Args, ir.KernelArg{Name: "y", DType: v.DType, Len: n, Write: true})
		k.Values = step.Values
		memory[v.ID] = make([]byte, len(x)*v.DType.Size())
		if err := k.Eval(nil, append(args, memory[v.ID])); err != nil {
			t.Fatal(err)
		}
	}
	out, err := ir.TensorOf(ir.F32, []int{len(x)}, memory[root.ID])
	if err != nil {
		t.Fatal(err)
	}
	return out.F
}
