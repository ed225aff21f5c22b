package passes

import (
	"math"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

// A lanes holds the elements of one scalar: of f32, or of i32 and bool.
type lanes struct {
	f []float32
	i []int32
}

// A vectors computes a legalised function of f32 over many arguments, each step
// rounded to f32 as the CPU does it.
type vectors struct {
	kernel *ir.Kernel
	at     []lanes // by scalar
}

// legalised is fn of its operands, as the device has it.
func legalised(device ir.Device, fn ir.Fn, n int) *vectors {
	d := ir.NewDAG()
	args := make([]*ir.Scalar, fn.Arity())
	for i := range args {
		args[i] = d.Add(ir.Scalar{Kind: ir.ScalarLoad, DType: ir.F32, Arg: i})
	}
	k := &ir.Kernel{Stores: []ir.Store{{Value: d.Apply(fn, args...)}}, Values: d.Values}
	dialects[device].rewrite(k)
	p := &vectors{kernel: k, at: make([]lanes, len(k.Values))}
	for i, v := range k.Values {
		if v.DType == ir.F32 {
			p.at[i].f = make([]float32, n)
		} else {
			p.at[i].i = make([]int32, n)
		}
		switch {
		case v.Kind == ir.ScalarConst && v.DType == ir.F32:
			fill(p.at[i].f, float32(v.Float))
		case v.Kind == ir.ScalarConst:
			fill(p.at[i].i, int32(v.Int))
		}
	}
	return p
}

func fill[T any](x []T, v T) {
	for i := range x {
		x[i] = v
	}
}

// vectorFns are the functions of vectors, by their operands. What is not here and not
// in the switch of run is no function of vectors.
var (
	vectorF1 = map[ir.Fn]func(a float32) float32{
		ir.Neg:   func(a float32) float32 { return -a },
		ir.Abs:   func(a float32) float32 { return float32(math.Abs(float64(a))) },
		ir.Sqrt:  func(a float32) float32 { return float32(math.Sqrt(float64(a))) },
		ir.Round: func(a float32) float32 { return float32(math.RoundToEven(float64(a))) },

		// What a GPU has beyond.
		ir.Exp: func(a float32) float32 { return float32(math.Exp(float64(a))) },
		ir.Log: func(a float32) float32 { return float32(math.Log(float64(a))) },
	}
	vectorF2 = map[ir.Fn]func(a, b float32) float32{
		ir.Add: func(a, b float32) float32 { return a + b },
		ir.Sub: func(a, b float32) float32 { return a - b },
		ir.Mul: func(a, b float32) float32 { return a * b },
		ir.Div: func(a, b float32) float32 { return a / b },
		ir.Max: func(a, b float32) float32 { return max(a, b) },
		ir.Min: func(a, b float32) float32 { return min(a, b) },

		ir.CopySign: func(a, b float32) float32 { return float32(math.Copysign(float64(a), float64(b))) },
		ir.Ldexp:    func(a, b float32) float32 { return float32(math.Ldexp(float64(a), int(b))) },
	}
	vectorTest = map[ir.Fn]func(a, b float32) bool{
		ir.Lt: func(a, b float32) bool { return a < b },
		ir.Eq: func(a, b float32) bool { return a == b },
		ir.Ne: func(a, b float32) bool { return a != b },
	}
	vectorI2 = map[ir.Fn]func(a, b int32) int32{
		ir.Add: func(a, b int32) int32 { return a + b },
		ir.Sub: func(a, b int32) int32 { return a - b },
		ir.And: func(a, b int32) int32 { return a & b },
		ir.Or:  func(a, b int32) int32 { return a | b },
		ir.Xor: func(a, b int32) int32 { return a ^ b },
		ir.Shl: func(a, b int32) int32 { return a << uint32(b) },
		ir.Shr: func(a, b int32) int32 { return a >> uint32(b) },
		ir.Eq:  func(a, b int32) int32 { return int32(btoi(a == b)) },
	}
)

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// run computes the function of x, as bits where it is of i32 or bool.
func (p *vectors) run(t *testing.T, x ...[]float32) lanes {
	for _, v := range p.kernel.Values {
		y := p.at[v.ID]
		arg := func(n int) lanes { return p.at[v.Args[n].ID] }
		switch {
		case v.Kind == ir.ScalarConst:
		case v.Kind == ir.ScalarLoad:
			p.at[v.ID].f = x[v.Arg]
		case v.Kind == ir.ScalarCast && v.DType == ir.F32 && v.Args[0].DType == ir.I32:
			for i, a := range arg(0).i {
				y.f[i] = float32(a)
			}
		case v.Fn == ir.Bits:
			for i, a := range arg(0).f {
				y.i[i] = int32(math.Float32bits(a))
			}
		case v.Fn == ir.FromBits:
			for i, a := range arg(0).i {
				y.f[i] = math.Float32frombits(uint32(a))
			}
		case v.Fn == ir.FMA:
			a, b := arg(1).f, arg(2).f
			for i, c := range arg(0).f {
				y.f[i] = float32(float64(c)*float64(a[i]) + float64(b[i]))
			}
		case v.Fn == ir.Select && v.DType == ir.F32:
			a, b := arg(1).f, arg(2).f
			for i, c := range arg(0).i {
				y.f[i] = b[i]
				if c != 0 {
					y.f[i] = a[i]
				}
			}
		case v.DType == ir.F32 && vectorF1[v.Fn] != nil:
			f := vectorF1[v.Fn]
			for i, a := range arg(0).f {
				y.f[i] = f(a)
			}
		case v.DType == ir.F32 && vectorF2[v.Fn] != nil:
			f, b := vectorF2[v.Fn], arg(1).f
			for i, a := range arg(0).f {
				y.f[i] = f(a, b[i])
			}
		case v.DType == ir.Bool && v.Args[0].DType == ir.F32 && vectorTest[v.Fn] != nil:
			f, b := vectorTest[v.Fn], arg(1).f
			for i, a := range arg(0).f {
				y.i[i] = int32(btoi(f(a, b[i])))
			}
		case v.Args[0].DType == ir.I32 && vectorI2[v.Fn] != nil:
			f, b := vectorI2[v.Fn], arg(1).i
			for i, a := range arg(0).i {
				y.i[i] = f(a, b[i])
			}
		default:
			t.Fatalf("%s of %s is no function of vectors", v.Fn, v.Args[0].DType)
		}
	}
	return p.at[p.kernel.Stores[0].Value.ID]
}
