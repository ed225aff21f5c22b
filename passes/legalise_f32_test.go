package passes

import (
	"math"
	"runtime"
	"sync"
	"testing"

	"github.com/mlxc/mlxc/internal/ulp"
	"github.com/mlxc/mlxc/ir"
)

// A function has an error, in units in the last place of the result.
type function struct {
	fn   ir.Fn
	want func(float64) float64
	ulps float64
	upTo float64 // the largest |x| that the bound holds for; 0: all
}

// The functions that the CPU has instead of package math, with the errors that
// docs/functions.md states.
var functions = []function{
	{ir.Exp, math.Exp, 1, 0},
	{ir.Exp2, math.Exp2, 1, 0},
	{ir.Expm1, math.Expm1, 2, 0},
	{ir.Log, math.Log, 1, 0},
	{ir.Log2, math.Log2, 2, 0},
	{ir.Log1p, math.Log1p, 2, 0},
	{ir.Sin, math.Sin, 2, 0x1p17},
	{ir.Cos, math.Cos, 2, 0x1p17},
	{ir.Tan, math.Tan, 3, 0x1p15},
	{ir.Asin, math.Asin, 2, 0},
	{ir.Acos, math.Acos, 2, 0},
	{ir.Atan, math.Atan, 2, 0},
	{ir.Sinh, math.Sinh, 2, 0},
	{ir.Cosh, math.Cosh, 2, 0},
	{ir.Tanh, math.Tanh, 2, 0},
	{ir.Asinh, math.Asinh, 3, 0},
	{ir.Acosh, math.Acosh, 3, 0},
	{ir.Atanh, math.Atanh, 3, 0},
	{ir.Erf, math.Erf, 2, 0},
	{ir.Erfc, math.Erfc, 6, 0},
	{ir.Erfinv, math.Erfinv, 4, 0},
	{ir.Gelu, gelu64, 6, 0},
	{ir.Rsqrt, func(x float64) float64 { return 1 / math.Sqrt(x) }, 1.5, 0},
	{ir.Sign, func(x float64) float64 {
		switch {
		case x > 0:
			return 1
		case x < 0:
			return -1
		}
		return x
	}, 0, 0},
}

// Over the bits of f32, in steps that reach all exponents, and at what is special, the
// functions are right to the stated errors; scripts/ulps tries all arguments. Results
// are subnormal, infinite and NaN, and zeros have signs, where those of float64 are.
func TestFunctionsOfF32(t *testing.T) {
	for _, f := range functions {
		f.test(t, ir.OnCPU)
	}
}

// That of the GPU is made of its exp, which is rounded once here.
func TestGeluOfErfc(t *testing.T) {
	function{ir.Gelu, gelu64, 6, 0}.test(t, ir.OnGPU)
}

func gelu64(x float64) float64 { return max(x, -64) * math.Erfc(-x/math.Sqrt2) / 2 }

// test tries a function as a device computes it.
func (f function) test(t *testing.T, on ir.Device) {
	step := uint64(9973)
	if testing.Short() {
		step *= 10
	}
	t.Run(f.fn.String(), func(t *testing.T) {
		t.Parallel()
		load, root := legalised(f.fn, on)
		var mu sync.Mutex
		var worst, at float64
		check := func(x []float32) {
			y := load.run(root, x)
			w, a := 0.0, 0.0
			for i, v := range x {
				if f.upTo > 0 && math.Abs(float64(v)) > f.upTo {
					if y[i] > 2 || y[i] < -2 {
						if f.fn != ir.Tan {
							t.Errorf("%s(%g) = %g", f.fn, v, y[i])
						}
					}
					continue
				}
				if e := ulp.Apart(y[i], f.want(float64(v))); e > w || e != e {
					w, a = e, float64(v)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if w > worst || w != w {
				worst, at = w, a
			}
		}
		check([]float32{0, float32(math.Copysign(0, -1)), 1, -1, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
			math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 0x1p-126, -0x1p-126, math.MaxFloat32, -math.MaxFloat32})
		var wait sync.WaitGroup
		parts := uint64(runtime.GOMAXPROCS(0))
		for p := range parts {
			wait.Go(func() {
				x := make([]float32, 0, 1<<12)
				for bits := p * step; bits < 1<<32; bits += step * parts {
					if x = append(x, math.Float32frombits(uint32(bits))); len(x) == cap(x) {
						check(x)
						x = x[:0]
					}
				}
				check(x)
			})
		}
		wait.Wait()
		t.Logf("%.3f ulp at %g", worst, at)
		if !(worst <= f.ulps) {
			y := load.run(root, []float32{float32(at)})[0]
			t.Errorf("%s(%g) = %g, want %g: %.3f ulp, more than %g", f.fn, at, y, f.want(at), worst, f.ulps)
		}
	})
}

// steps is a function of one f32 as a device computes it, each step rounded.
type steps struct{ values []*ir.Scalar }

func legalised(fn ir.Fn, on ir.Device) (steps, *ir.Scalar) {
	d := ir.NewDAG()
	load := d.Add(ir.Scalar{Kind: ir.ScalarLoad, DType: ir.F32, Index: ir.Size{}})
	k := &ir.Kernel{
		Args:   []ir.KernelArg{{DType: ir.F32, Len: ir.N(1)}, {DType: ir.F32, Len: ir.N(1), Write: true}},
		Stores: []ir.Store{{Arg: 1, Value: d.Apply(fn, load)}},
	}
	k.Values = d.Values
	dialects[on].rewrite(k)
	return steps{k.Values}, k.Stores[0].Value
}

// A lane is the value of a scalar at many points: floats, or integers and bools.
type lane struct {
	f []float32
	i []int32
}

// run computes root for many arguments.
func (s steps) run(root *ir.Scalar, x []float32) []float32 {
	lanes := make([]lane, len(s.values))
	for _, v := range s.values {
		out := lane{make([]float32, len(x)), make([]int32, len(x))}
		var a [3]lane
		for i, arg := range v.Args {
			a[i] = lanes[arg.ID]
		}
		switch {
		case v.Kind == ir.ScalarLoad:
			copy(out.f, x)
		case v.Kind == ir.ScalarConst:
			for i := range x {
				out.f[i], out.i[i] = float32(v.Float), int32(v.Int)
			}
		case v.Kind == ir.ScalarCast: // of an integer
			for i := range x {
				out.f[i] = float32(a[0].i[i])
			}
		case v.Fn == ir.Select:
			for i := range x {
				n := 2
				if a[0].i[i] != 0 {
					n = 1
				}
				out.f[i], out.i[i] = a[n].f[i], a[n].i[i]
			}
		case v.Args[0].DType == ir.F32:
			step := floatSteps[v.Fn]
			for i := range x {
				out.f[i], out.i[i] = step(at(a[0].f, i), at(a[1].f, i), at(a[2].f, i))
			}
		default:
			step := intSteps[v.Fn]
			for i := range x {
				out.f[i], out.i[i] = step(a[0].i[i], at(a[1].i, i))
			}
		}
		lanes[v.ID] = out
	}
	return lanes[root.ID].f
}

func at[T float32 | int32](x []T, i int) T {
	if x == nil {
		return 0
	}
	return x[i]
}

func truth(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

// floatSteps are the instructions on floats that are left; the second result is that
// of comparisons and of bits.
var floatSteps = map[ir.Fn]func(x, y, z float32) (float32, int32){
	ir.Add:   func(x, y, _ float32) (float32, int32) { return x + y, 0 },
	ir.Sub:   func(x, y, _ float32) (float32, int32) { return x - y, 0 },
	ir.Mul:   func(x, y, _ float32) (float32, int32) { return float32(x * y), 0 },
	ir.Div:   func(x, y, _ float32) (float32, int32) { return x / y, 0 },
	ir.Max:   func(x, y, _ float32) (float32, int32) { return max(x, y), 0 },
	ir.Min:   func(x, y, _ float32) (float32, int32) { return min(x, y), 0 },
	ir.Neg:   func(x, _, _ float32) (float32, int32) { return -x, 0 },
	ir.Abs:   func(x, _, _ float32) (float32, int32) { return float32(math.Abs(float64(x))), 0 },
	ir.Sqrt:  func(x, _, _ float32) (float32, int32) { return float32(math.Sqrt(float64(x))), 0 },
	ir.Exp:   func(x, _, _ float32) (float32, int32) { return float32(math.Exp(float64(x))), 0 },
	ir.Round: func(x, _, _ float32) (float32, int32) { return float32(math.RoundToEven(float64(x))), 0 },
	ir.Ldexp: func(x, n, _ float32) (float32, int32) { return float32(math.Ldexp(float64(x), int(n))), 0 },
	ir.FMA:   func(x, y, z float32) (float32, int32) { return float32(float64(x)*float64(y) + float64(z)), 0 },
	ir.Eq:    func(x, y, _ float32) (float32, int32) { return 0, truth(x == y) },
	ir.Ne:    func(x, y, _ float32) (float32, int32) { return 0, truth(x != y) },
	ir.Lt:    func(x, y, _ float32) (float32, int32) { return 0, truth(x < y) },
	ir.Le:    func(x, y, _ float32) (float32, int32) { return 0, truth(x <= y) },
	ir.Bits:  func(x, _, _ float32) (float32, int32) { return 0, int32(math.Float32bits(x)) },
}

// intSteps are those on integers.
var intSteps = map[ir.Fn]func(x, y int32) (float32, int32){
	ir.Add:      func(x, y int32) (float32, int32) { return 0, x + y },
	ir.Sub:      func(x, y int32) (float32, int32) { return 0, x - y },
	ir.And:      func(x, y int32) (float32, int32) { return 0, x & y },
	ir.Or:       func(x, y int32) (float32, int32) { return 0, x | y },
	ir.Xor:      func(x, y int32) (float32, int32) { return 0, x ^ y },
	ir.Shl:      func(x, y int32) (float32, int32) { return 0, x << y },
	ir.Shr:      func(x, y int32) (float32, int32) { return 0, x >> y },
	ir.Eq:       func(x, y int32) (float32, int32) { return 0, truth(x == y) },
	ir.FromBits: func(x, _ int32) (float32, int32) { return math.Float32frombits(uint32(x)), 0 },
}
