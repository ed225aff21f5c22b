package passes

import (
	"flag"
	"math"
	"runtime"
	"sync"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

var exhaustive = flag.Bool("exhaustive", false, "test functions of f32 at every float: an hour")

// block is how many arguments are computed at a time.
const block = 4096

// functions are those of one f32 on the CPU, with the largest error in units in the
// last place: that of the result, and no less than a subnormal number.
var functions = []struct {
	fn    ir.Fn
	want  func(float64) float64
	ulps  float64
	below float64 // the bound holds for |x| below; 0: for all
}{
	{ir.Rsqrt, func(x float64) float64 { return 1 / math.Sqrt(x) }, 1.5, 0},
	{ir.Exp, math.Exp, 1, 0},
	{ir.Exp2, math.Exp2, 1, 0},
	{ir.Expm1, math.Expm1, 2, 0},
	{ir.Log, math.Log, 1, 0},
	{ir.Log2, math.Log2, 2, 0},
	{ir.Log1p, math.Log1p, 2, 0},
	{ir.Sin, math.Sin, 2, 1 << 18},
	{ir.Cos, math.Cos, 2, 1 << 18},
	{ir.Tan, math.Tan, 3, 1 << 18},
	{ir.Asin, math.Asin, 2, 0},
	{ir.Acos, math.Acos, 2, 0},
	{ir.Atan, math.Atan, 2, 0},
	{ir.Sinh, math.Sinh, 2, 0},
	{ir.Cosh, math.Cosh, 2, 0},
	{ir.Tanh, math.Tanh, 2, 0},
	{ir.Asinh, math.Asinh, 2, 0},
	{ir.Acosh, math.Acosh, 2, 0},
	{ir.Atanh, math.Atanh, 3, 0},
	{ir.Erf, math.Erf, 2, 0},
	{ir.Erfc, math.Erfc, 6, 0},
	{ir.Erfinv, math.Erfinv, 4, 0},
}

// Every float, or one in 2^12 and some around every power of two, against float64.
func TestFunctions(t *testing.T) {
	for _, f := range functions {
		t.Run(f.fn.String(), func(t *testing.T) {
			var mu sync.Mutex
			worst, at := 0.0, float32(0)
			eachBlock(func() *vectors { return legalised(ir.OnCPU, f.fn, block) }, func(p *vectors, x []float32) {
				e, a := 0.0, float32(0)
				for i, y := range p.run(t, x).f {
					v := float64(x[i])
					if f.below > 0 && math.Abs(v) >= f.below {
						continue
					}
					if u := ulps(y, f.want(v)); u > e {
						e, a = u, x[i]
					}
				}
				mu.Lock()
				if e > worst {
					worst, at = e, a
				}
				mu.Unlock()
			})
			t.Logf("%.3f ulp at %g", worst, at)
			if worst > f.ulps {
				t.Errorf("%s(%g) is off by %.3g ulp, not %g", f.fn, at, worst, f.ulps)
			}
		})
	}
}

// ulps is how far got is from want; infinite where one is NaN or infinite and the
// other is not, or where zeros have two signs.
func ulps(got float32, want float64) float64 {
	near := float32(want)
	switch g := float64(got); {
	case math.IsNaN(want) || math.IsNaN(g):
		if math.IsNaN(want) && math.IsNaN(g) {
			return 0
		}
		return math.Inf(1)
	case want == 0 && got == 0 && math.Signbit(want) != math.Signbit(g):
		return math.Inf(1)
	case got == near:
		return math.Abs(g-want) / unit(want) * float64(btoi(!math.IsInf(g, 0)))
	case math.IsInf(g, 0) != math.IsInf(float64(near), 0):
		return math.Inf(1)
	default:
		return math.Abs(g-want) / unit(want)
	}
}

func unit(x float64) float64 {
	_, exp := math.Frexp(x)
	return math.Ldexp(1, max(exp, -125)-24)
}

// eachBlock calls f with blocks of floats by their bits, in parallel, and with what
// each worker makes for itself.
func eachBlock(own func() *vectors, f func(p *vectors, x []float32)) {
	blocks := make(chan int)
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			p, x := own(), make([]float32, block)
			for n := range blocks {
				for i := range x {
					x[i] = float32At(n*block + i)
				}
				f(p, x)
			}
		})
	}
	last := 1 << 32 / block
	if !*exhaustive {
		last = 1 << 20 / block
	}
	for n := range last {
		blocks <- n
	}
	close(blocks)
	wait.Wait()
}

// float32At is float n of all, or of 2^20: for each sign and exponent, and so for zero,
// infinity and NaN as well, 8 at each end and others between at random.
func float32At(n int) float32 {
	if *exhaustive {
		return math.Float32frombits(uint32(n))
	}
	const each = 1 << 20 >> 9
	bits := uint32(n/each) << 23
	switch i := n % each; {
	case i < 8:
		bits += uint32(i)
	case i < 16:
		bits += 1<<23 - uint32(i-7)
	default:
		bits += uint32(n) * 2654435769 >> 9
	}
	return math.Float32frombits(bits)
}
